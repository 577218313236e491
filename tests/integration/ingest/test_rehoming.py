"""A person decides which of two histories' answered scans count; nothing counts twice."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.app.rehoming import take_over
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways.service import revoke
from cloud.ingest import service
from cloud.ingest.model import HistoryLine
from cloud.ingest.rehoming import FIRST_HOME, Decision, Rehomed, decisions, histories
from shared.errors import QuartermasterError
from shared.events import Counted, EpochOpened, EventData, GatewayHealth, Line, Picked
from shared.segment import GENESIS
from shared.units import HOUR, Micros
from tests.integration.ingest.test_apply import AT, Cloud, received
from tests.integration.ingest.test_command import COMMAND, environment
from tests.integration.ingest.test_replay import import_items, outcomes, tried
from tests.integration.ingest.test_reversal import as_known, copy_of, rebuilt, take_back
from tests.support import free_port
from tests.support.uplink import TRUST_DOMAIN, Hand, scan_id, stage

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
DECIDED = Micros(AT + 2 * HOUR)
HEALTH = GatewayHealth("1.0", 3, 1, 1, 0, 0, 0)


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], hand: Hand) -> Cloud:
    return Cloud(pool, hand)


def told(cloud: Cloud) -> list[HistoryLine]:
    with unit_of_work(cloud.pool) as connection:
        return histories(connection, "gw-a", trust_domain=TRUST_DOMAIN)


def spans(cloud: Cloud) -> list[tuple[int, int, str, int]]:
    """First and last number of each history, what it follows, and how many scans of it wait."""
    lines = told(cloud)
    names = {line.name: "history" for line in lines}
    return [
        (line.first_seq, line.last_seq, names.get(line.after, line.after), line.waiting)
        for line in lines
    ]


def rehome(cloud: Cloud, *wanted: str, at: Micros = DECIDED) -> list[Rehomed]:
    with unit_of_work(cloud.pool) as connection:
        return take_over(
            connection,
            "gw-a",
            wanted or None,
            Decision("the clone served dock 4", "ada", at),
            routes=cloud.routes,
            trust_domain=TRUST_DOMAIN,
        )


def filled_gap(cloud: Cloud, hand: Hand, *mine_above: EventData) -> Hand:
    """The copy's second segment came into the gateway's gap; what the gateway says above broke.

    Verified are 1 (both) and 2 (the copy's); the gateway's own 2 is a fork, its 3 is taken back.
    """
    first = hand.segment(received(10))
    copy = copy_of(hand, received(10))
    copy.prev_hash, copy.rng = hand.prev_hash, random.Random("the copy")
    copys = copy.segment(received(1, location="L1"))
    mine = hand.segment(received(2, location="L2"))
    above = hand.segment(*(mine_above or (received(3, location="L3"),)))
    due = cloud.deliver((hand.name, first), (hand.name, copys), (hand.name, above)).due
    cloud.advance(*due)
    cloud.deliver((hand.name, mine))
    take_back(cloud)
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10, ("SKU-0", "L1", 0): 1}
    return copy


def test_the_other_history_is_shown_as_one_however_it_came(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    (line,) = told(cloud)
    assert (line.epoch, line.after, line.first_seq, line.last_seq) == (1, "verified", 2, 3)
    assert (line.events, line.counted, line.own, line.waiting) == (2, 0, 0, 2)
    assert (line.devices, line.received_from) == (["sc-1"], AT)


def test_a_history_that_is_taken_over_counts_once_under_an_epoch_of_its_own(
    cloud: Cloud, hand: Hand
) -> None:
    filled_gap(cloud, hand)
    (line,) = told(cloud)
    (done,) = rehome(cloud, line.name[:6])
    assert (done.epoch, done.from_epoch, done.histories) == (FIRST_HOME, 1, [line.name])
    assert (done.taken, done.counted, done.own, done.refused) == (2, 0, 0, [])
    after = {("SKU-0", f"L{n}", 0): quantity for n, quantity in enumerate((10, 1, 2, 3))}
    assert cloud.on_hand() == after
    assert cloud.rows(
        "SELECT seq, quantity FROM movement WHERE epoch >= 1000000000 ORDER BY 1"
    ) == [
        (1, 2),
        (2, 3),
    ]
    assert spans(cloud) == [(2, 3, "verified", 0)]
    cloud.sound()
    folded, read = rebuilt(cloud)
    assert (folded.differing, read.comparison.differing, read.flawed) == (0, 0, 0)
    assert as_known(cloud, DECIDED - 1) == {("SKU-0", "L0"): 10, ("SKU-0", "L1"): 1}
    assert len(as_known(cloud, DECIDED)) == 4


def test_deciding_again_changes_nothing(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    rehome(cloud)
    before = cloud.rows("SELECT count(*) FROM movement")
    (again,) = rehome(cloud)
    assert (again.epoch, again.taken, again.counted) == (None, 0, 2)
    assert cloud.rows("SELECT count(*) FROM movement") == before
    assert cloud.one("SELECT count(*) FROM rehoming") == 1
    cloud.sound()


def test_the_decision_is_on_record_with_its_evidence_and_stays(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    rehome(cloud)
    with unit_of_work(cloud.pool) as connection:
        (row,) = decisions(connection, "gw-a")
    assert (row.epoch, row.from_epoch, row.events) == (FIRST_HOME, 1, 2)
    assert (row.reason, row.by, row.decided_at) == ("the clone served dock 4", "ada", DECIDED)
    assert cloud.rows("SELECT first_seq, from_seqs FROM rehomed_segment ORDER BY 1") == [
        (1, [2]),
        (2, [3]),
    ]
    for table in ("rehoming", "rehomed_segment"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET epoch = 1000000009"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                cloud.rows(statement)


def test_what_is_decided_leaves_the_quarantine_and_is_told_by_completeness(
    cloud: Cloud, hand: Hand
) -> None:
    filled_gap(cloud, hand)
    site_id = cloud.one("SELECT site_id FROM site")
    rehome(cloud)
    with unit_of_work(cloud.pool) as connection:
        (row,) = service.completeness(connection, site_id)
    assert (row.epoch, row.reversed, row.rehomed, row.quarantined) == (1, 1, 2, 0)
    assert {line[0] for line in cloud.rows("SELECT replayed_by FROM quarantine_replay")} == {"ada"}


def test_scans_that_the_gateway_sends_itself_are_not_taken_twice(cloud: Cloud, hand: Hand) -> None:
    scan = scan_id(1_763_650_000_000, 1, hand.rng)
    first, copy = hand.segment(received(10)), copy_of(hand, received(9))
    strange = copy.prev_hash
    body = copy.seal(
        [copy.event(received(4), event_id=scan), copy.event(received(5))],
        first_seq=2,
        prev_hash=strange,
    )
    cloud.advance(*cloud.deliver((hand.name, first), (hand.name, body)).due)
    take_back(cloud)
    later = Hand("gw-a", epoch=2)
    with unit_of_work(cloud.pool) as connection:
        stage(connection, [later])
    again = later.seal([later.event(received(4), event_id=scan)], first_seq=1, prev_hash=GENESIS)
    cloud.deliver((hand.name, again))
    assert spans(cloud) == [(2, 3, "", 1)]
    (done,) = rehome(cloud)
    assert (done.taken, done.counted) == (1, 1)
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 19}
    cloud.sound()
    assert rebuilt(cloud)[1].comparison.differing == 0


def test_a_gateway_that_sends_later_what_was_taken_over_counts_nothing_twice(
    cloud: Cloud, hand: Hand
) -> None:
    filled_gap(cloud, hand)
    rehome(cloud)
    ids = [
        row[0].bytes for row in cloud.rows("SELECT id FROM event_id WHERE epoch > 1 ORDER BY seq")
    ]
    later = Hand("gw-a", epoch=2)
    with unit_of_work(cloud.pool) as connection:
        stage(connection, [later])
    bodies = [
        later.event(received(quantity, location=place), event_id=event_id)
        for event_id, quantity, place in zip(ids, (2, 3), ("L2", "L3"), strict=True)
    ]
    before = cloud.on_hand()
    cloud.deliver((hand.name, later.seal(bodies, first_seq=1, prev_hash=GENESIS)))
    assert cloud.on_hand() == before
    codes = cloud.rows("SELECT code FROM quarantine WHERE epoch = 2")
    assert codes == [("event.duplicate-scan",)] * 2
    cloud.sound()


def test_of_several_histories_only_the_one_named_is_taken(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(10))))
    for quantity in (2, 3):
        copy = copy_of(hand)
        copy.rng.seed(quantity)
        cloud.deliver((hand.name, copy.segment(received(quantity, location=f"L{quantity}"))))
    assert [row[2:] for row in spans(cloud)] == [("verified", 1), ("verified", 1)]
    chosen = told(cloud)[1]
    (done,) = rehome(cloud, chosen.name)
    assert (done.taken, done.histories) == (1, [chosen.name])
    assert len(cloud.on_hand()) == 2
    assert sorted(line.waiting for line in told(cloud)) == [0, 1]
    cloud.sound()


def test_what_a_gateway_says_of_itself_is_never_taken_over(cloud: Cloud, hand: Hand) -> None:
    opening = EpochOpened(0, 0, bytes(32), "test")
    filled_gap(cloud, hand, HEALTH, received(3, location="L3"), opening)
    (line,) = told(cloud)
    assert (line.events, line.own, line.waiting) == (4, 2, 2)
    (done,) = rehome(cloud)
    assert (done.taken, done.own) == (2, 2)
    assert cloud.rows("SELECT count(*) FROM observation WHERE epoch >= 1000000000") == [(0,)]
    assert spans(cloud) == [(2, 5, "verified", 0)]
    assert cloud.one("SELECT count(*) FROM quarantine_replay") == 2
    cloud.sound()


def test_an_event_that_cannot_be_applied_yet_waits_and_is_taken_by_the_next_decision(
    cloud: Cloud, hand: Hand
) -> None:
    filled_gap(cloud, hand, received(6, sku="NEW-1"), received(3, location="L3"))
    (done,) = rehome(cloud)
    assert (done.taken, [refusal.code for refusal in done.refused]) == (2, ["event.unknown-item"])
    assert cloud.rows("SELECT seq FROM movement WHERE epoch >= 1000000000 ORDER BY 1") == [
        (1,),
        (2,),
    ]
    import_items(cloud, "NEW-1")
    (rest,) = rehome(cloud)
    assert (rest.epoch, rest.taken, rest.counted) == (FIRST_HOME + 1, 1, 2)
    assert cloud.on_hand()["NEW-1", "L0", 0] == 6
    assert cloud.rows(
        "SELECT count(*) FROM quarantine q WHERE NOT EXISTS (SELECT FROM quarantine_replay r "
        "WHERE r.quarantine_id = q.quarantine_id)"
    ) == [(0,)]
    cloud.sound()
    assert rebuilt(cloud)[1].comparison.differing == 0


def test_a_count_in_a_history_that_is_taken_over_names_the_place_to_count_again(
    cloud: Cloud, hand: Hand
) -> None:
    filled_gap(cloud, hand, Counted(Line("SKU-0", 7), "L1", 0))
    rehome(cloud)
    with unit_of_work(cloud.pool) as connection:
        (case,) = [case for case in open_cases(connection) if case.code == "count.mismatch"]
    assert case.subject == "gw-a: SKU-0 at L1"
    assert cloud.one("SELECT count(*) FROM count_check") == 0


def test_segments_of_a_closed_epoch_tell_a_history_too(cloud: Cloud, hand: Hand) -> None:
    cloud.deliver((hand.name, hand.segment(received(10))))
    cloud.rows("UPDATE gateway_epoch SET closed_at = now() - interval '1 minute' RETURNING 1")
    cloud.deliver((hand.name, hand.segment(Picked(Line("SKU-0", 4), "L0", "L1"))))
    assert spans(cloud) == [(2, 2, "verified", 1)]
    rehome(cloud)
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 6, ("SKU-0", "L1", 1): 4}
    assert outcomes(tried(cloud)) == []
    cloud.sound()


def test_what_nobody_signed_is_no_history(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    cloud.rows(
        "UPDATE quarantine SET body = set_byte(body, 120, get_byte(body, 120) # 1) RETURNING 1"
    )
    assert told(cloud) == []
    assert rehome(cloud) == []
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10, ("SKU-0", "L1", 0): 1}


def test_evidence_that_was_altered_is_found_by_the_rebuild(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    rehome(cloud)
    with unit_of_work(cloud.pool) as connection:
        connection.execute(
            "ALTER TABLE rehomed_segment DISABLE TRIGGER rehomed_segment_append_only"
        )
        connection.execute("UPDATE rehomed_segment SET from_seqs = '{9}' WHERE first_seq = 1")
    read = rebuilt(cloud)[1]
    assert [(flaw.epoch, flaw.code) for flaw in read.flaws] == [(FIRST_HOME, "segment.chain")]
    assert read.comparison.differing == 1


@pytest.mark.parametrize(
    ("wanted", "code"), [("", "request.not-found"), ("0000", "request.not-found")]
)
def test_a_name_that_is_not_one_history_is_refused(
    cloud: Cloud, hand: Hand, wanted: str, code: str
) -> None:
    filled_gap(cloud, hand)
    with pytest.raises(QuartermasterError) as refusal:
        rehome(cloud, wanted)
    assert (refusal.value.code, refusal.value.where) == (code, "history")
    assert cloud.one("SELECT count(*) FROM rehoming") == 0


def test_nothing_of_a_revoked_gateway_is_taken_over(cloud: Cloud, hand: Hand) -> None:
    filled_gap(cloud, hand)
    with unit_of_work(cloud.pool) as connection:
        revoke(connection, "gw-a", now=DECIDED)
    with pytest.raises(QuartermasterError) as refusal:
        rehome(cloud)
    assert refusal.value.code == "gateway.revoked"
    assert len(told(cloud)) == 1


def test_nothing_is_decided_while_an_epoch_is_being_taken_back(cloud: Cloud, hand: Hand) -> None:
    strange = copy_of(hand, received(9)).segment(received(5))
    due = cloud.deliver((hand.name, hand.segment(received(10))), (hand.name, strange)).due
    cloud.advance(*due)
    with pytest.raises(QuartermasterError) as refusal:
        rehome(cloud)
    assert refusal.value.code == "request.conflict"
    take_back(cloud)
    assert [item.taken for item in rehome(cloud)] == [1]


def test_the_commands_show_try_and_decide(
    cloud: Cloud, hand: Hand, database_url: str, pki: Path
) -> None:
    def ask(*words: str) -> tuple[int, Any]:
        done = subprocess.run(
            [*COMMAND, "cloud", "gateways", *words, "--json"],
            env=environment(database_url, pki, free_port()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "null")

    filled_gap(cloud, hand)
    code, found = ask("histories", "gw-a")
    (line,) = found["histories"]
    assert (code, line["waiting"], found["taken_over"]) == (0, 2, [])
    decide = ("rehome", "gw-a", "--history", line["name"], "--reason", "the clone served dock 4")
    before = cloud.on_hand()
    code, tried_only = ask(*decide, "--dry-run")
    assert (code, tried_only["dry_run"], tried_only["epochs"][0]["taken"]) == (0, True, 2)
    assert (cloud.on_hand(), cloud.one("SELECT count(*) FROM rehoming")) == (before, 0)
    code, report = ask(*decide, "--by", "ada@example.org")
    assert (code, report["epochs"][0]["taken"]) == (0, 2)
    code, report = ask("rehome", "gw-a", "--all", "--reason", "again")
    assert (code, report["epochs"][0]["taken"], report["epochs"][0]["counted"]) == (0, 0, 2)
    (decided,) = ask("histories", "gw-a")[1]["taken_over"]
    assert (decided["by"], decided["reason"]) == ("ada@example.org", "the clone served dock 4")
    assert [
        ask("rehome", "gw-a", "--all", "--reason", " ")[0],
        ask("rehome", "gw-a", "--reason", "which?")[0],
        ask("rehome", "gw-a", "--history", "no", "--reason", "x")[0],
        ask("histories", "gw-nobody")[0],
    ] == [64, 64, 64, 77]
    cloud.sound()
