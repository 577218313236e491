"""Known bugs built into real processes: faults that must be found, or the search is blind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault
from tests.faults.invariants import Findings
from tests.faults.trial import Trial

# In the child process


def puback_is_delivery() -> None:
    """Takes the broker's PUBACK for the cloud's watermark."""
    from edge.link.uplink import Uplink

    publishing = Uplink._publishing

    async def publish_and_free(self: Uplink, body: bytes) -> None:
        await publishing(self, body)

        def free(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE watermark SET contiguous_seq = (SELECT max(last_seq) FROM segment"
                " WHERE segment.epoch = watermark.epoch), mark = NULL"
            )

        await self._database.run(free)

    Uplink._publishing = publish_and_free  # type: ignore[method-assign]


def answers_before_commit() -> None:
    """Tells the scanner before the transaction is durable."""
    from edge.db import database

    def early(self: database.Database, group: list[Any]) -> bool:
        self._begin()
        for work in group:
            work.result = work.unit(self._connection)
        database._settle(group)
        self._end()
        return True

    database.Database._together = early  # type: ignore[method-assign]


PATCHES: dict[str, Callable[[], None]] = {
    "puback-is-delivery": puback_is_delivery,
    "answers-before-commit": answers_before_commit,
}


# In the trial


def _with_broker_lost(trial: Trial, site: str) -> int:
    """Ingest stands still while the broker takes segments, and loses them."""
    house = trial.house
    house.gateway(site).stop()
    house.run_gateway(site, FAULT_MUTANT="puback-is-delivery")
    house.wait_ready(site)
    house.ingest.stop()
    trial.scan(site, 20)
    house.broker.kill()
    house.broker.start()
    house.ingest.start_with()
    return 1


def _with_power_cut(trial: Trial, site: str) -> int:
    """The power goes between the answer and the commit."""
    house = trial.house
    house.gateway(site).stop()
    house.run_gateway(
        site,
        FAULT_MUTANT="answers-before-commit",
        FAULT_PAUSE="commit.before:0.1",
        FAULT_POINT="answer.after:12",
    )
    with trial.work(site):
        house.gateway(site).ended(30.0)
        house.run_gateway(site)
    return 1


MUTANTS: list[Fault] = [
    Fault("puback-is-delivery", "F3", "cell", _with_broker_lost),
    Fault("answers-before-commit", "F1", "cell", _with_power_cut),
]


def how_caught(findings: Findings) -> str:
    """By which invariant; empty when it lives."""
    return "; ".join(findings.lines()[:1])
