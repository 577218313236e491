"""What identifies a customer can be told, and goes for good, while orders and chains stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest

from cloud import feeds
from cloud.access import audit
from cloud.app.documents import HANDLERS
from cloud.app.privacy import Sweeper
from cloud.cli import app
from cloud.db import unit_of_work
from cloud.feeds import Arrival, Incoming, NewFeed, Read, Routes
from cloud.feeds.documents import (
    Goods,
    Line,
    Numbering,
    OrderStatus,
    Party,
    Reference,
    SalesOrder,
)
from cloud.orders import persons
from shared.errors import QuartermasterError
from shared.units import DAY, Micros
from tests.support import FakeClock
from tests.support.clock import START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

PERSON = Party(
    reference="C-77",
    name="Wilhelmina Quist",
    email="mina@quist.example",
    phone="+31 20 5550199",
    street="Lange Gang 7",
    city="Leiden",
    postcode="2311 AB",
    country="NL",
)
TRACES = ("Quist", "quist.example", "5550199", "Lange Gang", "2311 AB")


class House:
    """A database to which orders are delivered, each as content that names its buyer."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.routes = Routes({"test": self._read}, HANDLERS)
        with unit_of_work(pool) as connection:
            new = NewFeed(code="shop", kind="test")
            self.feed = feeds.add(connection, new, now=self.clock.now())

    def deliver(self, number: str, buyer: Party, **order: Any) -> str:
        """Returns the buyer's pseudonym."""
        said = {"number": number, "buyer": msgspec.structs.asdict(buyer), **order}
        content = msgspec.json.encode(said)
        key = f"{number}-{len(content)}"
        with unit_of_work(self.pool) as connection:
            feeds.accept(connection, self.feed, Arrival(content, key), now=self.clock.now())
        feeds.work(self.pool, self.routes, now=self.clock.now())
        with unit_of_work(self.pool) as connection:
            row = connection.execute(
                "SELECT pseudonym::text FROM customer WHERE reference = %s", [buyer.reference]
            ).fetchone()
        assert row is not None
        return row[0]

    def _read(self, _connection: Connection, incoming: Incoming) -> Read:
        said = json.loads(incoming.content)
        order = SalesOrder(
            references=(
                Reference(numbering=Numbering.CHANNEL, scope="shop", number=said["number"]),
            ),
            channel="shop",
            status=OrderStatus(said.get("status", "placed")),
            version=said.get("version", 1),
            placed_at=START,
            lines=(Line(number="1", goods=Goods(sku="OAT"), quantity=1),),
            customer=Party(**said["buyer"]),
        )
        return Read((order,), (), ())

    def everything(self) -> str:
        """All that the database holds, as text."""
        with unit_of_work(self.pool) as connection:
            tables: Sequence[Any] = connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'p')"
                " AND c.relnamespace = 'public'::regnamespace"
            ).fetchall()
            rows = [
                connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables
            ]
            contents = connection.execute("SELECT content FROM feed_delivery").fetchall()
        return str(rows) + str(contents)


@pytest.fixture(scope="module")
def house(shared_pool: ConnectionPool[Connection]) -> House:
    return House(shared_pool)


def test_an_erased_customer_leaves_no_trace_but_the_pseudonym(house: House) -> None:
    pseudonym = house.deliver("1001", PERSON)
    assert all(trace in house.everything() for trace in TRACES)
    with unit_of_work(house.pool) as connection:
        (found,) = persons.find(connection, "MINA@quist.example")
        held = persons.held(connection, pseudonym)
        tried = persons.erase(
            connection, pseudonym, why="letter 12", by="dpo", at=house.clock.now(), dry_run=True
        )
        audit.record(connection, who="k", via="api", at=START, action="PUT /x")
    assert (found.pseudonym, held.customer.name) == (pseudonym, "Wilhelmina Quist")
    assert ([order.number for order in held.orders], held.deliveries) == (["1001"], 1)
    assert (tried.number, tried.orders, tried.deliveries) == (0, 1, 1)
    assert all(trace in house.everything() for trace in TRACES), "a dry run changes nothing"
    with unit_of_work(house.pool) as connection:
        done = persons.erase(connection, pseudonym, why="letter 12", by="dpo", at=house.clock.now())
        audit.record(connection, who="dpo", via="cli", at=START, action="privacy erase")
    assert (done.number > 0, done.orders, done.deliveries, done.waiting) == (True, 1, 1, 0)
    everything = house.everything()
    assert [trace for trace in TRACES if trace in everything] == []
    with unit_of_work(house.pool) as connection:
        audit.seal(connection)
        assert audit.verify(connection)[1] == []
        assert pseudonym in audit.entries(connection)[0].object
        assert persons.held(connection, pseudonym).orders == held.orders


def test_what_was_erased_does_not_come_back_and_is_not_erased_twice(house: House) -> None:
    person = msgspec.structs.replace(PERSON, reference="C-78")
    pseudonym = house.deliver("1002", person)
    with unit_of_work(house.pool) as connection:
        persons.erase(connection, pseudonym, why="letter", by="dpo", at=house.clock.now())
    assert house.deliver("1002", person, version=2) == pseudonym
    with unit_of_work(house.pool) as connection:
        customer = persons.held(connection, pseudonym).customer
        assert (customer.name, customer.email, customer.street) == ("", "", "")
        for asked, code in ((pseudonym, "request.conflict"), ("0" * 8, "request.not-found")):
            with pytest.raises(QuartermasterError) as refusal, connection.transaction():
                persons.erase(connection, _uuid(asked), why="x", by="y", at=house.clock.now())
            assert refusal.value.code == code
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("DELETE FROM erasure")


def test_what_is_kept_long_enough_goes_by_itself_unless_an_order_is_open(house: House) -> None:
    done, waits = (
        msgspec.structs.replace(PERSON, reference=reference) for reference in ("C-80", "C-81")
    )
    gone = house.deliver("1003", done, status="cancelled")
    kept = house.deliver("1004", waits)
    sweeper = Sweeper(house.pool, house.clock)
    assert sweeper.tick() == 0
    with unit_of_work(house.pool) as connection:
        persons.set_retention(connection, "customers", 400)
        for kind, days in (("customers", 0), ("ledger", 5), ("deliveries", 31)):
            with pytest.raises(QuartermasterError):
                persons.set_retention(connection, kind, days)
    house.clock.advance(Micros(401 * DAY))
    assert sweeper.tick() > 0
    with unit_of_work(house.pool) as connection:
        assert persons.held(connection, gone).customer.name == ""
        assert persons.held(connection, kept).customer.name == "Wilhelmina Quist"
        contents = connection.execute(
            "SELECT count(*) FROM feed_delivery WHERE content IS NOT NULL"
        ).fetchone()
    assert contents == (0,)


def test_operators_find_export_and_erase_by_command(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    monkeypatch.setenv("QM_DATABASE_URL", house.pool.conninfo)

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["privacy", *arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    person = msgspec.structs.replace(PERSON, reference="C-90", email="other@quist.example")
    pseudonym = house.deliver("1005", person)
    assert [each["pseudonym"] for each in run("find", "C-90", "--json")] == [pseudonym]
    assert run("export", pseudonym)["customer"]["email"] == "other@quist.example"
    assert run("erase", pseudonym, "--why", "letter 9", "--json")["orders"] == 1
    assert run("export", pseudonym)["customer"]["email"] == ""
    assert run("retention", "--json")["deliveries"] == 30
    with unit_of_work(house.pool) as connection:
        entry = audit.entries(connection)[0]
    assert (entry.action, entry.object.split()[:2]) == ("privacy erase", ["customer", pseudonym])


def _uuid(text: str) -> str:
    return text if len(text) > 8 else f"{text}-0000-4000-8000-000000000000"
