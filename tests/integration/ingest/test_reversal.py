"""A copy filled a gap: what stood above the broken link is taken back, and nothing is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from cloud.app.handlers import covered, routes, taken_back
from cloud.app.rebuild import Read, from_segments
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways.service import lookup
from cloud.ingest import reversal, service
from cloud.ingest.metrics import Metrics
from cloud.ingest.model import TakenBack
from cloud.ingest.settlement import Rooms, Settlement
from cloud.ledger.rebuild import Comparison, recompute
from cloud.ledger.service import movements, stock_as_of
from shared.events import Counted, EventData, Line, Picked
from shared.units import HOUR, SECOND, Micros
from tests.integration.ingest.test_apply import AT, Cloud, received
from tests.integration.ingest.test_replay import import_items, outcomes, tried
from tests.support import FakeClock
from tests.support.planner import Planner
from tests.support.uplink import TRUST_DOMAIN, Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
LATER = Micros(AT + HOUR)


@pytest.fixture
def hand() -> Hand:
    return Hand("gw-a")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection], hand: Hand) -> Cloud:
    return Cloud(pool, hand)


def copy_of(hand: Hand, *its_own: EventData) -> Hand:
    """A copy of the gateway, made before it did anything, which then recorded something else."""
    copy = Hand(hand.name)
    for data in its_own:
        copy.segment(data)
    return copy


def take_back(cloud: Cloud, at: Micros = LATER, **rooms: Any) -> list[TakenBack]:
    """As the sweep does."""
    with unit_of_work(cloud.pool) as connection:
        due = reversal.provisional(connection)
    given: dict[str, Any] = {"take_back": taken_back, "routes": cloud.routes, "worker": "w"}
    done: list[TakenBack] = []
    for chain in due:
        with unit_of_work(cloud.pool) as connection:
            found = reversal.reverse(connection, chain, at=at, **given | rooms)
        assert found is not None
        done.append(found)
    return done


def broken(cloud: Cloud, hand: Hand, *above: EventData) -> bytes:
    """One segment that links, one of a copy above it that does not; the epoch is frozen."""
    strange = copy_of(hand, received(9)).segment(*above)
    cloud.advance(*cloud.deliver((hand.name, hand.segment(received(10))), (hand.name, strange)).due)
    return strange


def as_known(cloud: Cloud, at: int) -> dict[tuple[str, str], int]:
    with unit_of_work(cloud.pool) as connection:
        rows = stock_as_of(connection, sites=None, known_at=at)
    return {(row.sku, row.location): row.quantity for row in rows}


def as_true(cloud: Cloud, at: int) -> dict[tuple[str, str], int]:
    with unit_of_work(cloud.pool) as connection:
        rows = stock_as_of(connection, sites=None, true_at=at)
    return {(row.sku, row.location): row.quantity for row in rows}


def rebuilt(cloud: Cloud) -> tuple[Comparison, Read]:
    with unit_of_work(cloud.pool) as connection:
        folded = recompute(connection, apply=False, at=AT)
    with unit_of_work(cloud.pool) as connection:
        read = from_segments(connection, trust_domain=TRUST_DOMAIN, progress=lambda *_: None)
    return folded, read


def test_stock_is_what_the_verified_chain_says_and_both_rebuilds_agree(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, received(5), Picked(Line("SKU-0", 3), "L0", "L1"))
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 12, ("SKU-0", "L1", 1): 3}
    assert take_back(cloud) == [TakenBack(1, 2, 3)]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    cloud.sound()
    folded, read = rebuilt(cloud)
    assert (folded.movements, folded.differing) == (7, 0)
    assert (read.comparison.movements, read.comparison.differing) == (1, 0)
    assert (read.flawed, read.reversed) == (0, 1)


def test_what_was_known_before_is_still_told_and_the_past_is_corrected(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, received(5))
    take_back(cloud)
    scanned = 1_763_650_000_000_000 + 60 * SECOND
    assert as_known(cloud, AT) == {("SKU-0", "L0"): 15}
    assert as_known(cloud, LATER - 1) == {("SKU-0", "L0"): 15}
    assert as_known(cloud, LATER) == {("SKU-0", "L0"): 10}
    assert as_true(cloud, scanned) == {("SKU-0", "L0"): 10}


def test_the_record_names_both_ends_and_cannot_be_changed(cloud: Cloud, hand: Hand) -> None:
    copy = copy_of(hand, received(9))
    other = copy.prev_hash
    strange = copy.segment(received(5))
    cloud.advance(*cloud.deliver((hand.name, hand.segment(received(10))), (hand.name, strange)).due)
    take_back(cloud)
    assert cloud.rows(
        "SELECT first_seq, last_seq, code, head_seq, head_hash, other_seq, other_hash, events, "
        "movements FROM reversal"
    ) == [(2, 2, "segment.link", 1, hand.prev_hash, 2, other, 1, 1)]
    with unit_of_work(cloud.pool) as connection:
        (case,) = open_cases(connection)
    assert case.code == "segment.link"
    for end in (hand.prev_hash.hex(), other.hex(), "1 events in 1 segments"):
        assert end in case.detail
    cloud.deliver((hand.name, hand.segment(received(1))))
    with unit_of_work(cloud.pool) as connection:
        (case,) = open_cases(connection)
    assert other.hex() in case.detail, "whatever comes later, the ends stay named"
    for statement in (
        "DELETE FROM reversal",
        "UPDATE reversal SET events = 0",
        "TRUNCATE reversal",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cloud.rows(statement)


def test_every_movement_stays_and_the_contrary_says_that_it_is_one(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, Picked(Line("SKU-0", 3), "L0", "L1"))
    take_back(cloud)
    with unit_of_work(cloud.pool) as connection:
        rows = movements(connection, sites=None)
        pages = movements(connection, sites=None, limit=3)
        pages += movements(connection, sites=None, limit=3, after=pages[-1].key)
    told = [(row.seq, row.location, row.quantity, row.reversal, row.received_at) for row in rows]
    assert told == [
        (2, "L1", -3, True, LATER),
        (2, "L0", 3, True, LATER),
        (2, "L1", 3, False, AT),
        (2, "L0", -3, False, AT),
        (1, "L0", 10, False, AT),
    ]
    assert pages == rows


def test_everything_above_the_link_is_taken_back_beyond_gaps_too(cloud: Cloud, hand: Hand) -> None:
    copy = copy_of(hand, received(9))
    strange = copy.segment(received(5))
    hand_first = hand.segment(received(10))
    hand.segment(received(1))
    beyond = hand.segment(received(7), Counted(Line("SKU-1", 4), "L2", 0))
    bodies = [(hand.name, body) for body in (beyond, strange, hand_first)]
    due = cloud.deliver(*bodies).due
    assert cloud.one("SELECT count(*) FROM count_check") == 1
    cloud.advance(*due)
    assert take_back(cloud) == [TakenBack(2, 3, 3)]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    assert cloud.one("SELECT count(*) FROM count_check") == 0
    assert cloud.rows("SELECT DISTINCT other_seq FROM reversal") == [(2,)]
    cloud.sound()


def test_an_event_that_was_set_aside_alone_is_not_counted_as_taken_back(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, received(5), received(6, sku="NEW-1"))
    assert take_back(cloud) == [TakenBack(1, 1, 1)]
    cloud.sound()
    import_items(cloud, "NEW-1")
    assert {item[1:] for item in outcomes(tried(cloud))} == {("refused", "segment.link")}
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}


def test_an_event_below_the_broken_link_is_replayed(cloud: Cloud, hand: Hand) -> None:
    strange = copy_of(hand, received(9)).segment(received(5))
    mine = hand.segment(received(7, sku="NEW-1"))
    cloud.advance(*cloud.deliver((hand.name, mine), (hand.name, strange)).due)
    take_back(cloud)
    import_items(cloud, "NEW-1")
    assert outcomes(tried(cloud, code="event.unknown-item")) == [(1, "applied", "")]
    assert cloud.on_hand() == {("NEW-1", "L0", 0): 7}
    cloud.sound()
    assert rebuilt(cloud)[1].comparison.differing == 0


def test_an_epoch_that_is_not_frozen_is_left_alone(cloud: Cloud, hand: Hand) -> None:
    (chain,) = cloud.deliver((hand.name, hand.segment(received(10)))).due
    with unit_of_work(cloud.pool) as connection:
        assert reversal.provisional(connection) == []
        nothing = reversal.reverse(
            connection, chain, take_back=taken_back, routes=cloud.routes, worker="w", at=AT
        )
    assert nothing is None
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}


def test_completeness_tells_how_many_events_were_taken_back(cloud: Cloud, hand: Hand) -> None:
    broken(cloud, hand, received(5), received(6))
    take_back(cloud)
    site_id = cloud.one("SELECT site_id FROM site")
    with unit_of_work(cloud.pool) as connection:
        (row,) = service.completeness(connection, site_id)
    assert (row.contiguous_seq, row.frozen, row.complete) == (1, True, False)
    assert (row.reversed, row.rehomed, row.reasons) == (2, 0, {"segment.link": 1})


def test_a_reversal_that_fails_leaves_all_as_it_was_and_the_next_sweep_does_it(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, received(5))
    clock = FakeClock(LATER)
    registry = CollectorRegistry()
    fails: list[Exception] = [RuntimeError("a bug"), psycopg.OperationalError("gone")]

    def unlucky(connection: Connection, *given: Any) -> Any:
        done = taken_back(connection, *given)
        if fails:
            raise fails.pop()
        return done

    settlement = Settlement(
        cloud.pool,
        Rooms(routes(), lookup, lambda c, through: covered(c, through, clock.now()), unlucky),
        lambda *_: None,
        clock=clock,
        pause=lambda _: False,
        randomness=lambda: 1.0,
        worker="w",
        generation=1,
        metrics=Metrics(registry),
    )
    for _ in range(2):
        settlement.sweep()
        assert cloud.on_hand() == {("SKU-0", "L0", 0): 15}
        assert cloud.one("SELECT count(*) FROM reversal") == 0
    settlement.sweep()
    settlement.sweep()
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    assert cloud.one("SELECT count(*) FROM reversal") == 1
    told = {
        what: registry.get_sample_value("qm_ingest_reversed_total", {"what": what})
        for what in ("segments", "events", "movements", "recounted")
    }
    assert told == {"segments": 1, "events": 1, "movements": 1, "recounted": 0}
    cloud.sound()


def test_many_segments_are_taken_back_round_by_round(
    cloud: Cloud, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reversal, "BATCH", 2)
    copy = copy_of(hand, received(9))
    bodies = [(hand.name, copy.segment(received(1))) for _ in range(5)]
    cloud.advance(*cloud.deliver((hand.name, hand.segment(received(10))), *bodies).due)
    rounds = [take_back(cloud) for _ in range(4)]
    assert rounds == [[TakenBack(2, 2, 2)], [TakenBack(2, 2, 2)], [TakenBack(1, 1, 1)], []]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 10}
    cloud.sound()


def test_a_refusal_of_a_frozen_epoch_names_both_ends(cloud: Cloud, hand: Hand) -> None:
    broken(cloud, hand, received(5))
    cloud.deliver((hand.name, hand.segment(received(1))))
    ((detail,),) = cloud.rows("SELECT detail FROM quarantine WHERE code = 'segment.link'")
    assert "starts from" in detail
    assert "not from the head 1" in detail


def test_the_api_lists_what_was_taken_back_for_those_who_may_see_it(
    cloud: Cloud, hand: Hand
) -> None:
    broken(cloud, hand, received(5), Picked(Line("SKU-0", 3), "L0", "L1"))
    take_back(cloud)
    planner = Planner(cloud.pool, FakeClock())
    key = planner.key("read")
    (line,) = planner.get("/v1/reversals", key, gateway="gw-a")["items"]
    assert (line["gateway"], line["site"], line["epoch"]) == ("gw-a", "S-gw-a", 1)
    assert (line["first_seq"], line["last_seq"], line["events"], line["movements"]) == (2, 3, 2, 3)
    assert (line["head_seq"], line["head_hash"]) == (1, hand.prev_hash.hex())
    assert line["reversed_at"] == "2025-11-20T15:55:00Z"
    other = planner.key("read", sites=("S-gw-b",))
    assert planner.get("/v1/reversals", other)["items"] == []
    moved = planner.get("/v1/movements", key)["items"]
    assert [row["reversal"] for row in moved] == [True] * 3 + [False] * 4
    (row,) = planner.get("/v1/sites/S-gw-a/completeness", key)["gateways"]
    assert (row["frozen"], row["reversed"], row["rehomed"]) == (True, 2, 0)


def test_pages_of_reversals_put_together_are_the_whole_list(cloud: Cloud, hand: Hand) -> None:
    copy = copy_of(hand, received(9))
    bodies = [(hand.name, copy.segment(received(1))) for _ in range(5)]
    cloud.advance(*cloud.deliver((hand.name, hand.segment(received(10))), *bodies).due)
    take_back(cloud)
    planner = Planner(cloud.pool, FakeClock())
    key = planner.key("read")
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = planner.get("/v1/reversals", key, limit=2, **cursor)
        seen += [line["first_seq"] for line in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [6, 5, 4, 3, 2]
