"""A clone fills a gap: what cannot follow is taken back, and every answered scan counts once."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud.cli import app as cloud_command
from cloud.cli.ledger import app as ledger_command
from deploy.demo.verdict import judge
from edge.simulator.floor import Planned
from tests.faults.forger import Forger
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]
SKU = "COF-500"
CLONES = 5


def ask(*words: str) -> Any:
    """Run a command as an operator does."""
    command = ledger_command if words[0] == "rebuild" else cloud_command
    done = CliRunner().invoke(command, [*words, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout.splitlines()[-1])


def told(floor: Floor, epoch: int = 1) -> dict[str, Any]:
    """What the cloud says of one of the gateway's epochs."""
    rows = floor.cloud.get("/v1/sites/AMS1/completeness")["gateways"]
    return next(row for row in rows if row["epoch"] == epoch)


def head(floor: Floor) -> tuple[int, bytes]:
    """Where the gateway's sealed chain ends."""
    with sqlite3.connect(floor.stack.sites["AMS1"].folder / "gateway.db") as connection:
        seq, digest = connection.execute("SELECT seq, hash FROM head").fetchone()
    connection.close()
    return int(seq), bytes(digest)


@pytest.fixture
def broken(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> tuple[Floor, Planned]:
    """The clone's scan came first under a number for which the gateway has another one.

    The gateway had sealed three segments that did not arrive yet; the first is a fork of the
    clone's, the others do not link to it.
    """
    for name, value in floor.stack.cloud_variables().items():
        monkeypatch.setenv(name, value)
    site, arrival = floor.stack.sites["AMS1"], received(floor.stack)
    floor.scan(arrival)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="the first scan is there")
    eventually(lambda: floor.status()["unacknowledged"] == 0, says="all that was sent is covered")
    seq, digest = head(floor)
    floor.stack.services["ingest"].stop()
    for number in range(1, 4):
        floor.scan(arrival)
        eventually(lambda: head(floor)[0] >= seq + number, says="each is sealed alone")  # noqa: B023
    site.process.kill()
    floor.stack.services["ingest"].start()
    clone = Forger(floor.stack, "AMS1")  # type: ignore[arg-type]
    clone.seq, clone.last_hash = seq, digest
    strange = clone.segment([clone.good(CLONES, SKU)], first_seq=seq + 1, prev_hash=digest)

    def counts() -> bool:
        clone.send([strange])
        return told(floor)["contiguous_seq"] == seq + 1

    eventually(counts, says="the clone's scan counts")
    floor.stack.start_gateway("AMS1")
    eventually(lambda: told(floor)["frozen"], says="the broken link is seen")
    # The last of the three may come with the one that does not link, or find the epoch frozen.
    eventually(lambda: told(floor)["reversed"] >= 1, says="what stood above it is taken back")
    eventually(lambda: floor.on_hand(SKU) == arrival.units + CLONES, says="all of it")
    return floor, arrival


def test_the_gateway_goes_on_in_a_new_epoch_and_its_scans_count_once(
    broken: tuple[Floor, Planned],
) -> None:
    floor, arrival = broken
    assert floor.on_hand(SKU) == arrival.units + CLONES
    floor.scan(arrival)
    (case,) = ask("exceptions", "list", "--code", "segment.link")
    assert "starts from" in case["detail"]
    eventually(lambda: floor.status()["frozen"] != "", says="the gateway stopped")
    ask("gateways", "epoch", "gw-amsterdam", "--reason", "the clone is off")
    eventually(
        lambda: floor.on_hand(SKU) == 5 * arrival.units + CLONES, says="all five scans are there"
    )
    eventually(lambda: told(floor, 2)["complete"], says="the new epoch is complete")
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled) == (0, 1), "the clone's scan, which nobody here made"
    waiting = [
        line["waiting"] for line in ask("gateways", "histories", "gw-amsterdam")["histories"]
    ]
    assert waiting == [0], "the gateway has sent all of it again itself"
    (closed,) = ask("exceptions", "close", str(case["id"]), "--reason", "the clone is off")
    assert closed["closed_at"] is not None
    for options in ((), ("--from-segments",)):
        assert ask("rebuild", "--verify", *options)["differing"] == 0


def test_scans_of_a_gateway_that_is_gone_are_taken_over_by_a_persons_decision(
    broken: tuple[Floor, Planned],
) -> None:
    floor, arrival = broken

    def histories() -> list[dict[str, Any]]:
        return ask("gateways", "histories", "gw-amsterdam")["histories"]

    eventually(
        lambda: [line["waiting"] for line in histories()] == [3],
        says="all three segments are set aside",
    )
    assert told(floor)["reasons"].keys() == {"segment.fork", "segment.link"}
    floor.stack.sites["AMS1"].process.kill()
    before, (line,) = floor.on_hand(SKU), histories()
    assert line["after"] == "verified"
    decide = ("gateways", "rehome", "gw-amsterdam", "--history", line["name"])
    tried = ask(*decide, "--reason", "the machine was crushed by a truck", "--dry-run")
    assert (tried["epochs"][0]["taken"], floor.on_hand(SKU)) == (3, before)
    done = ask(*decide, "--reason", "the machine was crushed by a truck")
    assert done["epochs"][0]["taken"] == 3
    assert floor.on_hand(SKU) == 4 * arrival.units + CLONES
    assert ask(*decide, "--reason", "once more")["epochs"][0]["taken"] == 0
    found = judge(floor.cloud, floor.oracle)
    assert (found.lost, found.doubled) == (0, 1)
    assert (told(floor)["rehomed"], told(floor)["quarantined"]) == (3, 0)
    for options in ((), ("--from-segments",)):
        assert ask("rebuild", "--verify", *options)["differing"] == 0
