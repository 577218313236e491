"""Reservations on the real database: exactly once, with an end, and never beyond what is free."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog, orders
from cloud.app.promises import free_reservations
from cloud.db import open_pool, unit_of_work
from cloud.orders import reservations
from cloud.orders.reservations import Ask, Reservation
from shared.errors import QuartermasterError
from shared.events import LeaseCommitted, Line, Picked, Received
from shared.units import HOUR, MINUTE, Micros
from tests.support import FakeClock
from tests.support.intake import AT, Intake
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITE = "S-gw-a"


class House:
    """One site with a gateway, 100 of SKU-0 on hand, and a counter of names."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.hand = Hand("gw-a")
        self.other = Hand("gw-b")
        self.intake = Intake(pool, self.hand, self.other)
        self.names = (f"RS-{n}" for n in itertools.count(1))
        self.numbers = itertools.count(1)
        self.now = AT
        self.intake.say(self.hand, Received(Line("SKU-0", 100), "L0"))

    def ask(self, quantity: int = 10, **how: Any) -> Ask:
        given: dict[str, Any] = {
            "asked_by": "shop",
            "key": f"k{next(self.numbers)}",
            "sku": "SKU-0",
            "site": SITE,
            "region": "",
            "channel": "web",
            "document": "",
            "lifetime": Micros(10 * MINUTE),
        } | how
        return Ask(quantity=quantity, **given)

    def all(self, *asks: Ask) -> list[Reservation | QuartermasterError]:
        with unit_of_work(self.pool) as connection:
            return reservations.reserve(
                connection, asks, code=lambda: next(self.names), now=self.now
            )

    def reserve(self, quantity: int = 10, **how: Any) -> Reservation:
        (answer,) = self.all(self.ask(quantity, **how))
        assert isinstance(answer, Reservation), answer
        return answer

    def refused(self, quantity: int = 10, **how: Any) -> QuartermasterError:
        (answer,) = self.all(self.ask(quantity, **how))
        assert isinstance(answer, QuartermasterError), answer
        return answer

    def free(self, site: str = SITE, sku: str = "SKU-0") -> int:
        with unit_of_work(self.pool) as connection:
            assert orders.drift(connection) == []
            return orders.account(connection, site=site, sku=sku).free()

    def do(self, what: Any, code: str, **how: Any) -> Reservation:
        with unit_of_work(self.pool) as connection:
            return what(connection, code, now=self.now, **how)

    def settle(self) -> int:
        with unit_of_work(self.pool) as connection:
            return orders.sweep(connection, now=self.now)

    def pick(self, quantity: int, document: str) -> bytes:
        event = Picked(Line("SKU-0", quantity), "L0", "L1", document)
        return self.intake.say(self.hand, event)


@pytest.fixture
def house(pool: ConnectionPool[Connection]) -> House:
    return House(pool)


def test_what_is_reserved_is_free_no_more_and_its_numbers_are_told(house: House) -> None:
    made = house.reserve(30, document="SO-1")
    assert (made.status, made.quantity, made.channel) == ("pending", 30, "web")
    assert [(part.site, part.quantity, part.free_before) for part in made.parts] == [
        (SITE, 30, 100)
    ]
    assert house.free() == 70
    refused = house.refused(71)
    assert refused.code == "reservation.not-free"
    assert "71 of SKU-0 at S-gw-a: 70 free of 100 available, 0 leased, 30 reserved" in str(refused)
    assert house.free() == 70


def test_the_same_key_is_the_same_reservation_however_often_it_is_asked_for(house: House) -> None:
    ask = house.ask(30)
    first, again = house.all(ask, ask)
    (later,) = house.all(ask)
    assert first == again == later
    assert house.free() == 70
    (other,) = house.all(ask._replace(quantity=31))
    assert isinstance(other, QuartermasterError)
    assert other.code == "reservation.key-reused"
    (stranger,) = house.all(ask._replace(asked_by="somebody else"))
    assert isinstance(stranger, Reservation)
    assert house.free() == 40


def test_a_refusal_is_not_kept_so_that_the_same_key_may_ask_again(house: House) -> None:
    held = house.reserve(100)
    ask = house.ask(10)
    assert isinstance(house.all(ask)[0], QuartermasterError)
    house.do(reservations.release, held.code)
    assert isinstance(house.all(ask)[0], Reservation)


def test_what_nobody_confirms_ends_by_itself_and_frees_its_stock(house: House) -> None:
    made = house.reserve(100)
    house.now = Micros(made.expires_at)
    assert house.reserve(40).quantity == 40, "freed as soon as somebody asks"
    with pytest.raises(QuartermasterError, match="is expired"):
        house.do(reservations.confirm, made.code)
    house.now = Micros(house.now + HOUR)
    clock = FakeClock(house.now)
    assert free_reservations(house.pool, clock) == 1, "freed by the worker"
    assert house.free() == 100
    assert free_reservations(house.pool, clock) == 0


def test_a_confirmed_one_stays_and_an_extended_one_ends_later(house: House) -> None:
    kept, longer = house.reserve(20), house.reserve(30)
    assert house.do(reservations.confirm, kept.code).status == "confirmed"
    house.do(reservations.extend, longer.code, lifetime=HOUR)
    house.now = Micros(house.now + 30 * MINUTE)
    house.settle()
    assert house.free() == 50
    house.now = Micros(house.now + HOUR)
    house.settle()
    assert house.free() == 80
    assert house.do(reservations.confirm, kept.code).status == "confirmed"
    with pytest.raises(QuartermasterError, match="is expired"):
        house.do(reservations.extend, longer.code, lifetime=HOUR)
    assert house.do(reservations.release, kept.code).status == "released"
    assert house.do(reservations.release, kept.code).status == "released"
    assert house.free() == 100


def test_a_pick_fulfils_its_documents_reservation(house: House) -> None:
    made = house.reserve(30, document="SO-1")
    house.do(reservations.confirm, made.code)
    house.settle()
    house.pick(20, "SO-1")
    house.pick(5, "SO-2")
    assert house.free() == 45, "until it is settled, what is picked counts twice, never not at all"
    assert house.settle() == 1
    assert house.free() == 65, "75 are left, 10 of them for SO-1"
    with unit_of_work(house.pool) as connection:
        (part,) = reservations.reservation(connection, made.code, now=house.now).parts
    assert (part.quantity, part.fulfilled) == (30, 20)
    house.do(reservations.release, made.code)
    assert house.free() == 75


def test_what_had_left_before_fulfils_nothing_and_a_lease_comes_first(house: House) -> None:
    house.pick(10, "SO-1")
    made = house.reserve(30, document="SO-1")
    house.do(reservations.confirm, made.code)
    house.settle()
    assert house.free() == 60
    house.intake.say(house.hand, LeaseCommitted("LE-1", "SKU-0", 15, "SO-1"))
    house.pick(20, "SO-1")
    house.settle()
    with unit_of_work(house.pool) as connection:
        (part,) = reservations.reservation(connection, made.code, now=house.now).parts
    assert part.fulfilled == 5, "15 kept what the gateway had promised"
    assert house.free() == 100 - 30 - 25


def test_a_region_gives_from_one_site_or_from_several(house: House) -> None:
    house.intake.say(house.other, Received(Line("SKU-0", 60), "L0"))
    with unit_of_work(house.pool) as connection:
        connection.execute("UPDATE site SET region = 'EU'")
    whole = house.reserve(90, site="", region="EU")
    assert [(part.site, part.quantity) for part in whole.parts] == [(SITE, 90)]
    split = house.reserve(65, site="", region="EU")
    assert [(part.site, part.quantity) for part in split.parts] == [(SITE, 5), ("S-gw-b", 60)]
    assert (house.free(), house.free("S-gw-b")) == (5, 0)
    assert house.refused(1, site="", region="US").code == "request.not-found"
    site_b = house.refused(1, site=SITE, sites=frozenset({999}))
    assert site_b.code == "request.not-found", "a foreign site is as unknown as an unknown one"


def test_a_kit_is_reserved_as_its_components(house: House) -> None:
    house.intake.say(house.hand, Received(Line("SKU-1", 9), "L0"))
    bills = "sku,version,purpose,valid_from,makes,component,quantity\n"
    kit = "".join(f"SKU-2,1,kit,2020-01-01,1,{part}\n" for part in ("SKU-0,2", "SKU-1,3"))
    with unit_of_work(house.pool) as connection:
        report = catalog.import_csv(connection, kind="bills", content=bills + kit)
        assert not report.errors, report.errors
    made = house.reserve(3, sku="SKU-2")
    assert [(part.sku, part.quantity) for part in made.parts] == [("SKU-0", 6), ("SKU-1", 9)]
    assert (house.free(), house.free(sku="SKU-1")) == (94, 0)
    assert house.refused(1, sku="SKU-2").code == "reservation.not-free"


def test_buyers_leases_and_picks_at_once_never_promise_more_than_there_is(
    house: House, database_url: str
) -> None:
    """Threads that reserve in batches and grant leases, while a gateway picks for documents."""

    def buy(number: int) -> int:
        asks = [house.ask(1, key=f"{number}-{n}", document=f"D{n % 3}") for n in range(20)]
        with unit_of_work(crowd) as connection:
            found = reservations.reserve(
                connection, asks, code=lambda: f"C-{number}-{next(house.numbers)}", now=house.now
            )
        return sum(isinstance(each, Reservation) for each in found)

    def lease(number: int) -> int:
        try:
            with unit_of_work(crowd) as connection:
                orders.grant(
                    connection,
                    site=SITE,
                    sku="SKU-0",
                    quantity=5,
                    lifetime=HOUR,
                    by="pat",
                    code=lambda: f"LE-{number}",
                    now=house.now,
                )
        except QuartermasterError:
            return 0
        return 5

    with open_pool(database_url, size=8) as crowd, ThreadPoolExecutor(8) as threads:
        bought = threads.map(buy, range(8))
        leased = threads.map(lease, range(4))
        promised = sum(bought) + sum(leased)
    assert promised == 100
    assert house.free() == 0


def test_more_than_a_thousand_keys_of_one_asker_are_all_its_own(house: House) -> None:
    found = house.all(*(house.ask(1, key=f"{n:04}") for n in range(120)))
    assert sum(isinstance(each, Reservation) for each in found) == 100
    assert house.free() == 0
