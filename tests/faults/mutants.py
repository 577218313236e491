"""Known bugs built into real processes: faults that must be found, or the search is blind.

Each comes with the fault under which it shows. A bug that cannot be built in any more, or whose
fault could not be injected, counts as one that lives.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared.segment import GENESIS
from tests.faults.fault import Fault
from tests.faults.forger import Forger

if TYPE_CHECKING:
    from cloud.ingest.model import Applied, Examined
    from cloud.ingest.settlement import Settlement
    from edge.link.uplink import Uplink
    from edge.outbox import Acknowledged, Outbox
    from shared.downlink import Watermark
    from tests.faults.trial import Trial

_SLOW_COMMIT_S = 2.0


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
    from edge.db import Database
    from edge.db.work import settle

    together = Database._together

    def early(self: Database, group: list[Any]) -> bool:
        end = self._end

        def settle_and_end() -> None:
            settle(group)
            end()

        self._end = settle_and_end  # type: ignore[method-assign]
        try:
            return together(self, group)
        finally:
            del self._end

    Database._together = early  # type: ignore[method-assign]


def floor_off_by_one() -> None:
    """Frees one event more than the watermark covers."""
    from edge.outbox.outbox import Outbox

    acknowledge = Outbox.acknowledge

    def acknowledge_more(
        self: Outbox, connection: sqlite3.Connection, watermark: Watermark, *rest: Any, **more: Any
    ) -> Acknowledged:
        done = acknowledge(self, connection, watermark, *rest, **more)
        connection.execute(
            "UPDATE watermark SET contiguous_seq = ?, mark = NULL WHERE epoch = ?",
            (watermark.contiguous_seq + 1, watermark.epoch),
        )
        return done

    Outbox.acknowledge = acknowledge_more  # type: ignore[method-assign]


def acknowledges_before_commit() -> None:
    """Sends the watermark inside the transaction; the disk of its COMMIT is slow."""
    from cloud.db import unit_of_work
    from cloud.ingest import service
    from cloud.ingest.settlement import Settlement

    def early(self: Settlement, batch: Sequence[Examined]) -> Applied:
        with unit_of_work(self._pool) as connection:
            at = self._clock.now()
            applied = service.apply(
                connection, batch, routes=self._rooms.routes, lookup=self._rooms.lookup,
                worker=self._worker, at=at,
            )  # fmt: skip
            for _, gateway, watermark in service.advance(
                connection, applied.due, generation=self._generation, at=at
            ):
                self._publish(gateway, watermark)
            time.sleep(_SLOW_COMMIT_S)
            return applied

    Settlement._apply = early  # type: ignore[method-assign]


PATCHES: dict[str, Callable[[], None]] = {
    "puback-is-delivery": puback_is_delivery,
    "answers-before-commit": answers_before_commit,
    "floor-off-by-one": floor_off_by_one,
    "acknowledges-before-commit": acknowledges_before_commit,
}


# In the trial


def _run_mutant(trial: Trial, site: str, mutant: str, **faults: str) -> None:
    trial.house.gateway(site).stop()
    trial.house.run_gateway(site, FAULT_MUTANT=mutant, **faults)
    trial.house.wait_ready(site)


def _with_broker_lost(trial: Trial, site: str) -> int:
    """Ingest stands still while the broker takes segments, and loses them."""
    house = trial.house
    _run_mutant(trial, site, "puback-is-delivery")
    house.ingest.stop()
    trial.scan(site, 20)
    house.broker.kill()
    house.broker.start()
    house.ingest.start_with()
    return 1


def _with_power_cut(trial: Trial, site: str) -> int:
    """The power goes between the answer and the commit."""
    pause, point = "commit.before:0.1", "answer.after:12"
    _run_mutant(trial, site, "answers-before-commit", FAULT_PAUSE=pause, FAULT_POINT=point)
    with trial.work(site):
        trial.dies(trial.house.gateway(site))
        trial.house.run_gateway(site)
    return 1


def _with_scans(trial: Trial, site: str) -> int:
    """Nothing but work."""
    _run_mutant(trial, site, "floor-off-by-one")
    trial.scan(site, 20)
    return 1


def _with_slow_commits(trial: Trial, site: str) -> int:
    """The database takes its time to commit."""
    house = trial.house
    house.ingest.stop()
    house.ingest.start_with(FAULT_MUTANT="acknowledges-before-commit")
    goal = trial.head(site) + 40
    try:
        with trial.work(site):
            trial.wait(lambda: trial.head(site) >= goal, says="commits")
    finally:
        house.ingest.stop()
        house.ingest.start_with()
    return 1


_BY_HASH_ONLY = """
ALTER TABLE segment DROP CONSTRAINT segment_overlap;
ALTER TABLE segment DROP CONSTRAINT segment_pkey;
CREATE UNIQUE INDEX segment_by_hash ON segment (sha256);
"""


def _with_fork(trial: Trial, site: str) -> int:
    """The gateway's own key signs other events over sequence numbers that stand already."""
    with trial.house.database() as connection:
        connection.execute(_BY_HASH_ONLY)
    trial.scan(site, 20)
    trial.settled(site)
    forger = Forger(trial.house, site)
    forger.send([forger.segment([forger.good()], first_seq=1, prev_hash=GENESIS)])
    trial.wait(
        lambda: trial.quarantine(site).total() > 0 or trial.stand(set(forger.made)),
        says="the fork has been judged",
    )
    return 1


MUTANTS: list[Fault] = [
    Fault("puback-is-delivery", "F3", "house", _with_broker_lost),
    Fault("answers-before-commit", "F1", "cell", _with_power_cut),
    Fault("floor-off-by-one", "F1", "cell", _with_scans),
    Fault("acknowledges-before-commit", "F5", "house", _with_slow_commits),
    # The last: the schema is no longer the product's.
    Fault("dedupe-by-hash-only", "F13", "house", _with_fork),
]
