"""Leases on the real database: granted out of what is free, given back by the site's word only."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import fleet, orders
from cloud.app.promises import publish_leases
from cloud.db import unit_of_work
from shared.errors import QuartermasterError
from shared.events import (
    Adjusted,
    LeaseCommitted,
    LeaseReturned,
    Line,
    Picked,
    Received,
    ScanUndone,
    Shipped,
    StockState,
    Undone,
)
from shared.leases import decode_leases
from shared.units import DAY, HOUR, Micros
from tests.support.intake import AT, Intake
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITE = "S-gw-a"


class House(Intake):
    """A site with 100 of one item, its gateway, and people who grant."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.hand = Hand("gw-a")
        super().__init__(pool, self.hand)
        self.numbers = itertools.count(1)
        self.say(self.hand, Received(Line("SKU-0", 100), "L0"))

    def grant(self, quantity: int, **over: Any) -> orders.LeaseRow:
        given: dict[str, Any] = {
            "site": SITE,
            "sku": "SKU-0",
            "quantity": quantity,
            "lifetime": DAY,
            "by": "pat",
            "code": lambda: f"LE-{next(self.numbers)}",
            "now": AT,
        }
        with unit_of_work(self.pool) as connection:
            return orders.grant(connection, **given | over)

    def free(self, sku: str = "SKU-0") -> int:
        with unit_of_work(self.pool) as connection:
            return orders.account(connection, site=SITE, sku=sku).free()

    def lease(self, code: str) -> orders.LeaseRow:
        with unit_of_work(self.pool) as connection:
            return next(row for row in orders.leases(connection) if row.code == code)

    def document(self, *, now: Micros = AT) -> list[str]:
        """The leases that go down, as they are published."""
        with unit_of_work(self.pool) as connection:
            publish_leases(connection, SITE, now=now)
            found = fleet.in_force(connection, "leases", SITE)
        assert found is not None
        return [lease.code for lease in decode_leases(found[1]).leases]


@pytest.fixture
def house(pool: ConnectionPool[Connection]) -> House:
    return House(pool)


def promise(lease: str, quantity: int, document: str = "SO-1") -> LeaseCommitted:
    return LeaseCommitted(lease, "SKU-0", quantity, document)


def pick(quantity: int, document: str | None = "SO-1") -> Picked:
    return Picked(Line("SKU-0", quantity), "L0", "L1", document)


def test_leases_are_granted_until_nothing_is_free(house: House) -> None:
    first = house.grant(60)
    assert (first.gateway, first.epoch, first.standing()) == ("gw-a", 1, "in force")
    assert house.grant(40, channel="web").quantity == 40
    with pytest.raises(QuartermasterError, match=r"lease\.not-free.*0 are free"):
        house.grant(1)
    assert house.free() == 0
    assert house.document() == ["LE-1", "LE-2"]


def test_a_grant_that_cannot_be_is_refused_and_changes_nothing(house: House) -> None:
    for over, code in (
        ({"site": "S-none"}, "request.not-found"),
        ({"sku": "SKU-99"}, "request.not-found"),
        ({"gateway": "gw-b"}, "request.not-found"),
        ({"quantity": 0}, "request.invalid"),
        ({"lifetime": 0}, "request.invalid"),
        ({"channel": "web shop"}, "request.invalid"),
        ({"quantity": 101}, "lease.not-free"),
    ):
        with pytest.raises(QuartermasterError) as refused:
            house.grant(**{"quantity": 1} | over)
        assert refused.value.code == code, over
    assert house.free() == 100
    assert house.rows("SELECT count(*) FROM lease") == [(0,)]


def test_a_site_with_two_gateways_says_which(house: House) -> None:
    with unit_of_work(house.pool) as connection:
        stage(connection, [Hand("gw-b")])
        connection.execute(
            "UPDATE gateway SET site_id = (SELECT site_id FROM site WHERE code = 'S-gw-a')"
        )
    with pytest.raises(QuartermasterError, match="which of gw-a, gw-b"):
        house.grant(1)
    assert house.grant(1, gateway="gw-b").gateway == "gw-b"


def test_stock_that_may_not_be_sold_is_not_free(house: House) -> None:
    house.say(
        house.hand,
        Received(Line("SKU-0", 50), "L0", StockState.QUARANTINED),
        pick(30, document=None),
    )
    assert house.free() == 70


def test_a_commitment_holds_until_it_is_picked_for_its_document(house: House) -> None:
    house.grant(50)
    house.say(house.hand, promise("LE-1", 20))
    assert house.free() == 50
    house.say(house.hand, pick(20))
    assert house.free() == 50  # 80 are left: 30 leased, 50 free
    assert house.lease("LE-1").committed == 20
    house.say(house.hand, pick(5, "SO-2"))
    assert house.free() == 45


def test_a_pick_fulfils_what_was_promised_before_it_and_no_more(house: House) -> None:
    house.grant(50)
    house.say(house.hand, pick(10), promise("LE-1", 20))
    assert house.free() == 40  # 90 are left, 50 of them leased
    house.say(house.hand, pick(30), promise("LE-1", 5))
    assert house.free() == 30  # 60 are left: 25 leased and 5 promised


def test_what_was_shipped_out_of_available_stock_fulfils_too(house: House) -> None:
    house.grant(50)
    house.say(
        house.hand,
        promise("LE-1", 20),
        Shipped(Line("SKU-0", 5), "L0", StockState.AVAILABLE, "SO-1"),
        pick(15),
        Shipped(Line("SKU-0", 15), "L1", StockState.ALLOCATED, "SO-1"),
    )
    assert house.free() == 50


def test_a_pick_that_is_undone_fulfils_nothing(house: House) -> None:
    house.grant(50)
    segment = house.say(house.hand, promise("LE-1", 20), pick(20))
    assert house.free() == 50
    (picked,) = house.rows("SELECT event_id FROM document_pick")[0]
    back = ScanUndone(
        picked.bytes,
        "SKU-0",
        [Undone("L0", "", "", StockState.AVAILABLE, 20), Undone("L1", "", "", StockState(1), -20)],
    )
    house.say(house.hand, back)
    assert house.free() == 50  # 100 are available again, 50 of them leased
    house.deliver(house.hand, segment)
    assert house.free() == 50


def test_what_is_given_back_is_free_again_once_all_before_it_is_here(house: House) -> None:
    house.grant(50)
    promised = house.hand.segment(promise("LE-1", 20))
    returned = house.hand.segment(LeaseReturned("LE-1", "SKU-0", 30, "expired"))
    house.deliver(house.hand, returned)
    assert house.free() == 50
    house.deliver(house.hand, promised)
    assert house.free() == 80
    assert house.lease("LE-1").standing() == "given back"
    assert house.document() == []
    assert house.grant(80).quantity == 80


def test_a_gateway_cannot_give_back_what_it_has_promised(house: House) -> None:
    house.grant(50)
    house.say(house.hand, promise("LE-1", 20), LeaseReturned("LE-1", "SKU-0", 50, "expired"))
    assert house.free() == 80


def test_another_gateways_word_gives_nothing_back(house: House) -> None:
    other = Hand("gw-b")
    with unit_of_work(house.pool) as connection:
        stage(connection, [other])
    house.grant(50)
    house.say(other, LeaseReturned("LE-1", "SKU-0", 50, "expired"))
    assert house.free() == 50


def test_a_lease_that_has_ended_still_holds_what_it_held(house: House) -> None:
    house.grant(50, lifetime=HOUR)
    later = Micros(AT + 2 * HOUR)
    assert house.document(now=later) == []
    with pytest.raises(QuartermasterError, match="50 are free"):
        house.grant(51, now=later)


def test_a_recalled_lease_goes_back_by_its_gateways_word_only(house: House) -> None:
    house.grant(50)
    with unit_of_work(house.pool) as connection:
        assert orders.recall(connection, "LE-1", now=AT).standing() == "recalled"
    assert (house.free(), house.document()) == (50, [])
    house.say(house.hand, LeaseReturned("LE-1", "SKU-0", 50, "withdrawn"))
    assert house.free() == 100


def test_a_person_takes_a_lease_by_force_and_says_why(house: House) -> None:
    house.grant(50)
    house.say(house.hand, promise("LE-1", 10))
    with unit_of_work(house.pool) as connection, pytest.raises(QuartermasterError, match="say why"):
        orders.take(connection, "LE-1", by="pat", why=" ", now=AT)
    with unit_of_work(house.pool) as connection:
        taken = orders.take(connection, "LE-1", by="pat", why="the gateway burnt", now=AT)
    assert (taken.standing(), taken.forced_by) == ("taken", "pat")
    assert house.free() == 90
    house.say(house.hand, promise("LE-1", 5, "SO-2"))
    assert house.free() == 85
    assert house.cases() == [
        ("lease.exceeded", "lease LE-1", "gw-a promised 15 within it; taken by pat")
    ]


def test_a_promise_that_nobody_allowed_is_kept_and_told(house: House) -> None:
    house.grant(50)
    house.say(house.hand, promise("LE-1", 30), promise("LE-1", 21), promise("LE-9", 7))
    assert house.free() == 42
    assert [detail for _, _, detail in house.cases()] == [
        "gw-a promised 51 of 50",
        "gw-a promised 7; no lease of its own has this name",
    ]


def test_a_promise_of_an_unknown_item_is_quarantined_alone(house: House) -> None:
    house.say(house.hand, LeaseCommitted("LE-1", "NONE", 1, "SO-1"), promise("LE-1", 2))
    assert house.rows("SELECT code, first_seq FROM quarantine") == [("event.unknown-item", 2)]
    assert house.rows("SELECT quantity FROM lease_commitment") == [(2,)]


def test_after_a_new_epoch_a_lease_is_in_doubt(house: House) -> None:
    house.grant(50)
    with unit_of_work(house.pool) as connection:
        connection.execute(
            "INSERT INTO gateway_epoch SELECT gateway_id, 2, now(), 'lost' FROM gateway"
        )
    assert (house.lease("LE-1").standing(), house.free()) == ("in doubt", 50)
    assert house.document() == []
    reborn = Hand("gw-a", epoch=2)
    house.say(reborn, LeaseReturned("LE-1", "SKU-0", 50, "withdrawn"))
    assert house.free() == 50
    assert house.grant(50).epoch == 2


def test_the_same_facts_in_any_order_and_twice_leave_the_same_free(house: House) -> None:
    house.grant(50)
    segments = [
        house.hand.segment(data)
        for data in (
            promise("LE-1", 20),
            pick(12),
            promise("LE-1", 5, "SO-2"),
            Adjusted(Line("SKU-0", 3), "L0", -3, "broken"),
            LeaseReturned("LE-1", "SKU-0", 25, "expired"),
        )
    ]
    for segment in [*reversed(segments), *segments]:
        house.deliver(house.hand, segment)
    assert house.free() == 72  # 85 are left; 8 and 5 of the promises still hold
    with unit_of_work(house.pool) as connection:
        account = orders.account(connection, site=SITE, sku="SKU-0")
    assert (account.available, account.held()) == (85, 13)


def test_what_is_taken_back_never_was(house: House) -> None:
    house.grant(50)
    clone = Hand("gw-a", seq=house.hand.seq, prev_hash=bytes(range(32)))
    house.hand.segment(promise("LE-1", 1))
    house.deliver(house.hand, clone.segment(promise("LE-1", 20), pick(20)))
    house.take_back()
    assert house.free() == 50
    assert house.rows("SELECT count(*) FROM lease_commitment") == [(0,)]
    assert house.rows("SELECT count(*) FROM document_pick") == [(0,)]


def test_two_people_who_grant_at_once_wait_for_one_another(house: House) -> None:
    url = house.pool.conninfo
    with unit_of_work(house.pool) as first:
        orders.grant(
            first, site=SITE, sku="SKU-0", quantity=100, lifetime=DAY, by="pat",
            code=lambda: "LE-A", now=AT,
        )  # fmt: skip
        with psycopg.connect(url) as second:
            second.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                orders.grant(
                    second, site=SITE, sku="SKU-0", quantity=100, lifetime=DAY, by="kim",
                    code=lambda: "LE-B", now=AT,
                )  # fmt: skip
    with pytest.raises(QuartermasterError, match=r"lease\.not-free"):
        house.grant(1)
