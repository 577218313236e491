"""What a gateway lost with its disk is named by the cloud: which numbers, why, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.app.handlers import taken_back
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.ingest import reversal, service
from shared.events import EpochOpened, EventData, EventsCarried, EventsLost
from shared.segment import GENESIS
from shared.units import SECOND, Micros
from tests.integration.ingest.test_apply import AT, Cloud, received
from tests.support.planner import Planner
from tests.support.uplink import Hand, scan_id, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from cloud.ingest.model import GatewayCompleteness
    from tests.support import FakeClock

pytestmark = pytest.mark.database
LATER = Micros(AT + 30 * SECOND)
WHY = "store-damaged"
OPENED = EpochOpened(1, 2, GENESIS, "lost")


class Site(Cloud):
    """A gateway that went on in epoch 2 after the cloud had epoch 1 through 2, and 5-6."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.first, self.second = Hand("gw-a"), Hand("gw-a", epoch=2)
        super().__init__(pool, self.first)
        known = self.first.segment(received(1), received(1))
        self.gap = self.first.segment(received(1), received(1))
        above = self.first.segment(received(1), received(1))
        self.bring(known, above)
        self.site_id = self.one("SELECT site_id FROM site")

    def bring(self, *bodies: bytes, at: Micros = AT) -> None:
        """Deliver segments and advance their chains."""
        self.advance(*self.deliver(*((self.first.name, body) for body in bodies), at=at).due)

    def grant(self) -> None:
        """The registry's part of a new epoch."""
        with unit_of_work(self.pool) as connection:
            stage(connection, [self.second])
            connection.execute(
                "UPDATE gateway_epoch SET previous_epoch = 1, previous_seq = 2, reason = 'lost', "
                "granted_at = to_timestamp(%s::numeric / 1000000) WHERE epoch = 2",
                [AT],
            )

    def state(self, *said: EventData) -> None:
        """Open epoch 2 and say this in it."""
        self.grant()
        self.bring(self.second.segment(OPENED, *said), at=LATER)

    def told(self) -> dict[int, GatewayCompleteness]:
        """What the cloud says of each epoch."""
        with unit_of_work(self.pool) as connection:
            rows = service.completeness(connection, self.site_id)
        return {row.epoch: row for row in rows}

    def case(self) -> dict[str, tuple[str, str]]:
        """Open cases: subject and detail by code."""
        with unit_of_work(self.pool) as connection:
            return {case.code: (case.subject, case.detail) for case in open_cases(connection)}


@pytest.fixture
def site(pool: ConnectionPool[Connection]) -> Site:
    return Site(pool)


def ranges(row: GatewayCompleteness) -> list[tuple[Any, ...]]:
    return [
        (item.first_seq, item.last_seq, item.outcome, item.reason, item.arrived)
        for item in row.explained
    ]


def test_a_gap_is_missing_until_the_gateway_says_what_became_of_it(site: Site) -> None:
    before = site.told()[1]
    assert (before.missing, before.missing_events, before.explained) == ([(3, 4)], 2, [])
    assert (before.complete, before.accounted, before.followed_by) == (False, False, None)

    site.state(EventsLost(1, 4, 4, WHY, "a bit flipped"), EventsCarried(1, 3, 3, WHY))

    row = site.told()[1]
    assert (row.contiguous_seq, row.head_seq) == (2, 6), "the chain is not verified past the gap"
    assert (row.missing, row.missing_events, row.missing_since) == ([], 0, None)
    assert ranges(row) == [(3, 3, "carried", WHY, 0), (4, 4, "lost", WHY, 0)]
    assert [item.stated_at for item in row.explained] == [LATER, LATER]
    assert row.explained[1].detail == "a bit flipped"
    assert (row.complete, row.accounted, row.followed_by) == (False, True, 2)
    assert (site.told()[2].complete, site.told()[2].accounted) == (True, True)
    assert site.case()["epoch.events-lost"] == ("gw-a", f"epoch 1: 4-4 ({WHY})")
    site.sound()


def test_what_is_only_carried_on_is_told_to_nobody(site: Site) -> None:
    site.state(EventsCarried(1, 3, 4, WHY))
    assert site.told()[1].accounted
    assert site.case() == {}


def test_a_gap_that_is_explained_in_part_stays_missing_in_part(site: Site) -> None:
    site.state(EventsLost(1, 4, 9, WHY))
    row = site.told()[1]
    assert (row.missing, row.missing_since, row.accounted) == ([(3, 3)], AT, False)
    assert ranges(row) == [(4, 9, "lost", WHY, 2)], "and 5-6 are here, whatever it says"
    assert row.head_seq == 9, "the gateway itself says that there was more"


def test_a_segment_that_arrives_after_all_counts_and_the_tombstone_says_so(site: Site) -> None:
    site.state(EventsLost(1, 3, 4, WHY))
    assert ranges(site.told()[1]) == [(3, 4, "lost", WHY, 0)]

    site.bring(site.gap, at=LATER)

    row = site.told()[1]
    assert (row.contiguous_seq, row.complete, row.accounted) == (6, True, True)
    assert ranges(row) == [(3, 4, "lost", WHY, 2)]
    assert site.on_hand() == {("SKU-0", "L0", 0): 6}
    assert "epoch.events-lost" in site.case(), "a person saw it and closes it"


def test_while_the_new_epoch_has_said_nothing_the_end_of_the_old_one_is_in_doubt(
    site: Site,
) -> None:
    site.grant()
    row = site.told()[1]
    assert ranges(row) == [(3, None, "unknown", "lost", 2)]
    assert (row.complete, row.accounted, row.missing) == (False, True, [])
    site.bring(site.second.segment(OPENED))
    row = site.told()[1]
    assert (row.missing, row.explained, row.accounted) == ([(3, 4)], [], False)


def test_an_end_that_nobody_knows_is_named_from_where_on(site: Site) -> None:
    site.bring(site.gap)
    assert site.told()[1].complete
    site.state(EventsLost(1, 7, None, "lost"))
    row = site.told()[1]
    assert (row.contiguous_seq, row.head_seq) == (6, 6)
    assert ranges(row) == [(7, None, "lost", "lost", 0)]
    assert (row.complete, row.accounted) == (False, True), "complete but for what is explained"
    assert site.case()["epoch.events-lost"][1] == "epoch 1: 7 to an end that is not known (lost)"


def test_what_was_lost_before_any_epoch_was_in_force_has_a_row_of_its_own(site: Site) -> None:
    site.state(EventsLost(0, 5, 6, WHY))
    row = site.told()[0]
    assert (row.gateway, row.contiguous_seq, row.head_seq) == ("gw-a", 0, None)
    assert ranges(row) == [(5, 6, "lost", WHY, 0)]
    assert (row.complete, row.accounted, row.silent) == (False, True, False)


@pytest.mark.parametrize(
    "said",
    [
        EventsLost(2, 1, 1, WHY),
        EventsLost(3, 1, None, WHY),
        EventsLost(2**62, 1, 1, WHY),
        EventsLost(1, 4, 3, WHY),
        EventsCarried(2, 1, 1, WHY),
        EventsCarried(1, 4, 3, WHY),
        EventsLost(1, 3, 4, "a\0b"),
    ],
    ids=repr,
)
def test_a_statement_that_cannot_be_true_is_set_aside_and_explains_nothing(
    site: Site, said: EventData
) -> None:
    site.state(said, received(5))
    assert site.quarantined() == [("event.malformed", False, 2)]
    assert site.told()[1].missing == [(3, 4)]
    assert site.case() == {}
    assert site.on_hand() == {("SKU-0", "L0", 0): 9}, "the rest of the segment counts"
    site.sound()


def test_a_statement_is_kept_once_however_often_it_comes(site: Site) -> None:
    site.grant()
    same = scan_id(1_763_650_000_000, 1, site.second.rng)
    hand = site.second
    said = EventsLost(1, 3, 4, WHY)
    one = hand.seal(
        [hand.event(OPENED), hand.event(said, event_id=same)], first_seq=1, prev_hash=GENESIS
    )
    prev = hand.prev_hash
    two = hand.seal([hand.event(said, event_id=same)], first_seq=3, prev_hash=prev)
    site.bring(one)
    site.bring(one, two)
    assert ranges(site.told()[1]) == [(3, 4, "lost", WHY, 0)]
    assert site.one("SELECT count(*) FROM tombstone") == 1
    assert site.quarantined() == [("event.duplicate-scan", False, 3)]
    site.sound()


def test_many_ranges_are_all_named_and_told_in_one_case(site: Site) -> None:
    site.state(*(EventsLost(1, 100 + 2 * n, 100 + 2 * n, WHY) for n in range(20)))
    row = site.told()[1]
    assert len(row.explained) == 20
    assert row.missing_events == 2 + 93 + 19
    assert site.case()["epoch.events-lost"][1].endswith("; 12 more")


def test_what_a_copy_said_in_a_segment_that_was_taken_back_explains_nothing(site: Site) -> None:
    site.state()
    copy = Hand("gw-a", epoch=2)
    copy.segment(received(9))
    copy.segment(received(9))
    site.bring(copy.segment(EventsLost(1, 3, 4, WHY)))
    assert site.told()[1].accounted
    site.bring(site.second.segment(received(1)))
    assert site.told()[2].frozen
    with unit_of_work(site.pool) as connection:
        (chain,) = reversal.provisional(connection)
        reversal.reverse(
            connection, chain, take_back=taken_back, routes=site.routes, worker="w", at=LATER
        )
    assert (site.told()[1].missing, site.told()[1].explained) == ([(3, 4)], [])


@pytest.mark.parametrize(
    "statement", ["UPDATE tombstone SET epoch = 0", "DELETE FROM tombstone", "TRUNCATE tombstone"]
)
def test_tombstones_cannot_be_changed(site: Site, statement: str) -> None:
    site.state(EventsLost(1, 3, 4, WHY))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        site.rows(statement)
    assert len(site.told()[1].explained) == 1


def test_the_api_answers_what_is_missing_apart_from_what_is_explained(
    pool: ConnectionPool[Connection], clock: FakeClock
) -> None:
    planner = Planner(pool, clock)
    site = Site(pool)
    site.state(EventsLost(1, 4, 4, WHY, "a bit flipped"), EventsCarried(1, 3, 3, WHY))
    answer = planner.get("/v1/sites/S-gw-a/completeness", planner.key())
    row = answer["gateways"][0]
    assert (answer["complete"], answer["accounted"]) == (False, True)
    assert (row["missing"], row["missing_events"], row["accounted"]) == ([], 0, True)
    assert row["followed_by"] == 2
    assert row["explained"] == [
        {
            "first": 3,
            "last": 3,
            "outcome": "carried",
            "reason": WHY,
            "detail": "",
            "stated_at": "2025-11-20T14:55:30Z",
            "arrived": 0,
        },
        {
            "first": 4,
            "last": 4,
            "outcome": "lost",
            "reason": WHY,
            "detail": "a bit flipped",
            "stated_at": "2025-11-20T14:55:30Z",
            "arrived": 0,
        },
    ]
