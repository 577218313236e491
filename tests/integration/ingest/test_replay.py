"""What was set aside is applied once its cause is gone: exactly once, whole, and on record."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.catalog import import_csv
from cloud.db import unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import service
from cloud.ingest.replay import Bench, Replayed, history, replay, waiting
from shared.errors import QuartermasterError
from shared.events import Counted, GatewayHealth, Line, Moved, Received
from shared.units import Micros
from tests.integration.ingest.test_apply import AT, Cloud, received
from tests.integration.ingest.test_command import COMMAND, environment
from tests.support import free_port
from tests.support.uplink import TRUST_DOMAIN, Hand, scan_id, stage

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
LATER = Micros(AT + 3_600_000_000)


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], hand: Hand) -> Cloud:
    return Cloud(pool, hand)


def tried(cloud: Cloud, *, at: Micros = LATER, **which: Any) -> list[Replayed]:
    """Replay what waits, one transaction each."""
    bench = Bench(cloud.routes, lookup, TRUST_DOMAIN)
    with unit_of_work(cloud.pool) as connection:
        due = waiting(connection, **which)
    done: list[Replayed] = []
    for quarantine_id in due:
        with unit_of_work(cloud.pool) as connection:
            found = replay(connection, quarantine_id, bench, by="ada", at=at)
        assert found is not None
        done.append(found)
    return done


def outcomes(done: list[Replayed]) -> list[tuple[int | None, str, str]]:
    return [(item.first_seq, item.outcome, item.code) for item in done]


def import_items(cloud: Cloud, *skus: str) -> None:
    rows = "".join(f"{sku},New,,\n" for sku in skus)
    with unit_of_work(cloud.pool) as connection:
        report = import_csv(
            connection, kind="items", content=f"sku,name,gtin,quantity\n{rows}".encode()
        )
        assert not report.errors


def quarantined(cloud: Cloud) -> int:
    site_id = cloud.one("SELECT site_id FROM site WHERE code = 'S-gw-a'")
    with unit_of_work(cloud.pool) as connection:
        (row,) = service.completeness(connection, site_id)
    return row.quarantined


def test_an_event_counts_once_its_item_is_known(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(2), received(7, sku="NEW-1"), received(1))))
    assert outcomes(tried(cloud)) == [(2, "refused", "event.unknown-item")]
    assert (quarantined(cloud), cloud.on_hand()) == (1, {("SKU-0", "L0", 0): 3})
    import_items(cloud, "NEW-1")
    assert outcomes(tried(cloud)) == [(2, "applied", "")]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 3, ("NEW-1", "L0", 0): 7}
    assert quarantined(cloud) == 0
    cloud.sound()


def test_a_replayed_movement_is_known_since_the_replay_and_true_since_it_happened(
    cloud: Cloud, hand: Hand
) -> None:
    cloud.deliver((hand.name, hand.segment(received(7, sku="NEW-1"))))
    import_items(cloud, "NEW-1")
    tried(cloud)
    ((known, true),) = cloud.rows(
        "SELECT (extract(epoch FROM received_at) * 1000000)::bigint, "
        "(extract(epoch FROM occurred_at) * 1000000)::bigint FROM movement"
    )
    assert (known, true) == (LATER, 1_763_650_000_000_001)


def test_a_second_replay_changes_nothing(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(7, sku="NEW-1"))))
    import_items(cloud, "NEW-1")
    (done,) = tried(cloud)
    assert tried(cloud) == []
    with unit_of_work(cloud.pool) as connection:
        bench = Bench(cloud.routes, lookup, TRUST_DOMAIN)
        assert replay(connection, done.quarantine_id, bench, by="ada", at=LATER) is None
    assert cloud.one("SELECT count(*) FROM movement") == 1
    cloud.sound()


def test_the_segment_delivered_again_after_a_replay_changes_nothing(
    cloud: Cloud, hand: Hand
) -> None:
    body = hand.segment(received(7, sku="NEW-1"))
    cloud.deliver((hand.name, body))
    import_items(cloud, "NEW-1")
    tried(cloud)
    cloud.deliver((hand.name, body), at=LATER)
    assert cloud.on_hand() == {("NEW-1", "L0", 0): 7}
    assert quarantined(cloud) == 0
    cloud.sound()


def test_a_scan_that_counted_before_is_refused_for_ever(cloud: Cloud, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    first = hand.event(received(5), event_id=scan)
    start = hand.prev_hash
    again = hand.event(received(5), event_id=scan)
    cloud.deliver((hand.name, hand.seal([first], first_seq=1, prev_hash=bytes(32))))
    cloud.deliver((hand.name, hand.seal([again], first_seq=2, prev_hash=start)))
    assert outcomes(tried(cloud)) == [(2, "refused", "event.duplicate-scan")]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 5}
    assert quarantined(cloud) == 1
    cloud.sound()


def test_what_still_cannot_be_applied_stays_with_its_new_reason(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(Moved(Line("NEW-1", 3), "L0", "NOWHERE"))))
    import_items(cloud, "NEW-1")
    assert outcomes(tried(cloud)) == [(1, "refused", "event.unknown-location")]
    assert cloud.one("SELECT count(*) FROM movement") == 0
    with unit_of_work(cloud.pool) as connection:
        (tell,) = history(connection)
    assert (tell.was, tell.outcome, tell.code) == (
        "event.unknown-item", "refused", "event.unknown-location",
    )  # fmt: skip
    assert (tell.replayed_by, tell.replayed_at) == ("ada", LATER)
    cloud.sound()


def test_an_upgraded_handler_takes_what_the_one_before_could_not(
    cloud: Cloud, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared import segment as wire

    good = wire.decode_events

    def older(bodies: list[bytes]) -> list[Any]:
        unknown = QuartermasterError("event.unknown-type", "kind 99")
        pairs = zip(bodies, good(bodies), strict=True)
        return [unknown if b"SKU-3" in body else event for body, event in pairs]

    body = hand.segment(received(1), received(6, sku="SKU-3"))
    with monkeypatch.context() as patch:
        patch.setattr(wire, "decode_events", older)
        cloud.deliver((hand.name, body))
    assert cloud.quarantined() == [("event.unknown-type", False, 2)]
    assert outcomes(tried(cloud)) == [(2, "applied", "")]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 1, ("SKU-3", "L0", 0): 6}
    cloud.sound()


def test_a_whole_segment_is_applied_as_if_it_had_just_arrived(cloud: Cloud, hand: Hand) -> None:
    late = Hand("gw-a", epoch=2)
    cloud.deliver((late.name, late.segment(received(4), received(1, sku="NEW-1"))))
    assert outcomes(tried(cloud)) == [(1, "refused", "segment.epoch")]
    with unit_of_work(cloud.pool) as connection:
        stage(connection, [late])
    assert outcomes(tried(cloud, code="segment.epoch")) == [(1, "applied", "")]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 4}
    (mark,) = cloud.advance().values()
    assert (mark.epoch, mark.contiguous_seq) == (2, 2)
    assert outcomes(tried(cloud)) == [(2, "refused", "event.unknown-item")]
    cloud.sound()
    assert hand.seq == 0


def test_a_fork_stays_in_quarantine(cloud: Cloud, hand: Hand) -> None:
    other = Hand("gw-a")
    cloud.deliver((hand.name, hand.segment(received(4))))
    cloud.deliver((other.name, other.segment(received(5))))
    before = cloud.rows("SELECT gateway, segments_received FROM ingest_tally")
    assert outcomes(tried(cloud)) == [(1, "refused", "segment.fork")]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 4}
    assert cloud.rows("SELECT gateway, segments_received FROM ingest_tally") == before
    assert cloud.one("SELECT times FROM quarantine") == 1


def test_nothing_above_the_head_of_a_frozen_epoch_is_replayed(cloud: Cloud, hand: Hand) -> None:
    _, above = hand.segment(received(1)), hand.segment(received(7, sku="NEW-1"))
    cloud.advance(*cloud.deliver((hand.name, above)).due)
    cloud.rows("UPDATE gateway_head SET frozen_at = now() RETURNING 1")
    import_items(cloud, "NEW-1")
    assert outcomes(tried(cloud)) == [(2, "refused", "segment.link")]
    assert cloud.on_hand() == {}


def test_what_was_released_cannot_be_changed_or_released_twice(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(7, sku="NEW-1"))))
    import_items(cloud, "NEW-1")
    tried(cloud)
    for statement in (
        "DELETE FROM quarantine_replay",
        "UPDATE quarantine_replay SET replayed_by = 'eve'",
        "TRUNCATE quarantine_replay",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cloud.rows(statement)
    with pytest.raises(psycopg.errors.UniqueViolation):
        cloud.rows(
            "INSERT INTO quarantine_replay (quarantine_id, outcome, code, detail, replayed_by, "
            "replayed_at) SELECT quarantine_id, outcome, code, detail, 'eve', now() "
            "FROM quarantine_replay"
        )


def test_counts_and_heartbeats_are_replayed_like_anything_else(cloud: Cloud, hand: Hand) -> None:
    health = GatewayHealth("1.0", 3, 1, 1, 0, 0, 0)
    cloud.deliver((hand.name, hand.segment(Counted(Line("NEW-1", 9), "L1", 0), health)))
    import_items(cloud, "NEW-1")
    assert outcomes(tried(cloud)) == [(1, "applied", "")]
    cloud.advance()
    assert cloud.on_hand() == {("NEW-1", "L1", 0): 9}
    assert cloud.one("SELECT count(*) FROM count_check") == 0


def test_the_command_releases_by_code_and_says_who(
    cloud: Cloud, hand: Hand, database_url: str, pki: Path
) -> None:
    def ask(*words: str) -> tuple[int, Any]:
        done = subprocess.run(
            [*COMMAND, "cloud", "quarantine", *words, "--json"],
            env=environment(database_url, pki, free_port()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "null")

    cloud.deliver(
        (hand.name, hand.segment(received(7, sku="NEW-1"), Received(Line("NEW-2", 2), "L0")))
    )
    import_items(cloud, "NEW-1")
    both = ("replay", "--code", "event.unknown-item")
    code, report = ask(*both, "--dry-run")
    assert (code, report["applied"], report["refused"], cloud.on_hand()) == (1, 1, 1, {})
    assert cloud.one("SELECT count(*) FROM quarantine_replay") == 0
    code, report = ask(*both, "--by", "ada@example.org")
    assert (code, report["applied"], report["refused"]) == (1, 1, 1)
    assert cloud.on_hand() == {("NEW-1", "L0", 0): 7}
    assert [row["first_seq"] for row in ask("list")[1]] == [2]
    assert sorted(row["first_seq"] for row in ask("list", "--all")[1]) == [1, 2]
    assert {(row["outcome"], row["replayed_by"]) for row in ask("replays")[1]} == {
        ("applied", "ada@example.org"), ("refused", "ada@example.org"),
    }  # fmt: skip
    import_items(cloud, "NEW-2")
    assert ask("replay", "--all")[0] == 0
    assert ask("replay", "--all") == (
        0,
        {"dry_run": False, "applied": 0, "refused": 0, "entries": []},
    )
    assert ask("replay")[0] not in {0, 1}
    cloud.sound()
