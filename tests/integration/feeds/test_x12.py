"""X12 with partners: judged, answered, applied set by set; numbers without a gap; folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from cloud import catalog, feeds
from cloud.app.documents import ROUTES
from cloud.app.partners import Partners
from cloud.cli.x12 import app as command
from cloud.db import open_pool, unit_of_work
from cloud.exceptions import cases
from cloud.feeds import Arrival, Routes, content_key, x12
from cloud.feeds.documents import (
    Delivery,
    Document,
    Goods,
    Line,
    Numbering,
    OrderStatus,
    PurchaseOrder,
    Reference,
    Sale,
    SalesOrder,
)
from cloud.feeds.x12 import Folder, Partner, Role, read_partner
from cloud.feeds.x12.compose import composed
from cloud.feeds.x12.envelope import read
from cloud.feeds.x12.partner import Side
from cloud.feeds.x12.writing import Message, write
from cloud.orders import purchases, sales
from shared.errors import QuartermasterError
from shared.units import HOUR, SECOND, Micros
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

US = Side(qualifier="01", id="OURHOUSE")


class House:
    """A database, its clock, and handlers that write down what they were given."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.applied: list[Document] = []
        self.refuse: set[str] = set()
        self.made = 0
        self.routes = Routes(
            {x12.KIND: x12.read_delivery}, {SalesOrder: self.apply, Sale: self.apply}
        )

    def apply(self, connection: Connection, document: Any, delivery: Delivery) -> None:
        names = {line.goods.theirs for line in getattr(document, "lines", ())}
        if isinstance(document, Sale):
            names = {document.goods.theirs}
        if names & self.refuse:
            raise QuartermasterError("feed.unknown-item", "nobody knows it")
        self.applied.append(document)
        if isinstance(document, Sale):
            connection.execute(
                "INSERT INTO feed_subject SELECT feed_id, %s, 0 FROM feed WHERE code = %s",
                [f"{document.site} {document.quantity} {delivery.position}", delivery.feed],
            )

    def partner(self, role: Role = Role.RETAILER, **more: Any) -> Partner:
        self.made += 1
        them = Side(qualifier="ZZ", id=f"THEM{self.made}")
        partner = Partner(code=f"them-{self.made}", role=role, them=them, us=US, **more)
        with unit_of_work(self.pool) as connection:
            return x12.save_partner(connection, partner, now=self.clock.now()).profile

    def receive(self, partner: Partner, content: bytes) -> str:
        """What comes is in the inbox and worked on; its standing."""
        self.clock.advance(SECOND)
        with unit_of_work(self.pool) as connection:
            feed = feeds.feed(connection, partner.code)
            arrival = Arrival(content, content_key(content))
            receipt = feeds.accept(connection, feed, arrival, now=self.clock.now())
        feeds.work(self.pool, self.routes, now=self.clock.now())
        with unit_of_work(self.pool) as connection:
            return feeds.delivery(connection, feed, receipt.delivery_id).standing

    def send(self, partner: Partner, *documents: Document) -> int | None:
        self.clock.advance(SECOND)
        with unit_of_work(self.pool) as connection:
            return x12.send(connection, partner.code, documents, now=self.clock.now())

    def out(self, partner: Partner) -> list[bytes]:
        """Everything that goes to a partner, in its order."""
        with unit_of_work(self.pool) as connection:
            return [
                each.content for each in x12.unwritten(connection) if each.partner == partner.code
            ]

    def traces(self, partner: Partner) -> list[str]:
        """What stayed of what handlers wrote."""
        with unit_of_work(self.pool) as connection:
            rows = connection.execute(
                "SELECT subject FROM feed_subject JOIN feed USING (feed_id) WHERE code = %s"
                " ORDER BY subject",
                [partner.code],
            )
            return [row[0] for row in rows]

    def cases(self, partner: Partner) -> list[tuple[str, str]]:
        with unit_of_work(self.pool) as connection:
            return sorted(
                (case.code, case.detail)
                for case in cases(connection, sites=None, limit=1000)
                if case.subject.split(" ")[1] == partner.code
            )


@pytest.fixture(scope="module")
def shared_house(database_server: str, database_template: str) -> Iterator[House]:
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE qm_x12 TEMPLATE {database_template} STRATEGY FILE_COPY")
        try:
            url = database_server.rpartition("/")[0] + "/qm_x12"
            with open_pool(url, size=3) as pool:
                yield House(pool)
        finally:
            server.execute("DROP DATABASE qm_x12 WITH (FORCE)")


@pytest.fixture
def house(shared_house: House) -> House:
    shared_house.applied.clear()
    shared_house.refuse.clear()
    return shared_house


def order(number: str, *quantities: int, theirs: str = "T") -> PurchaseOrder:
    lines = [
        Line(number=str(n), goods=Goods(sku=f"{theirs}{n}"), quantity=quantity, price=1250)
        for n, quantity in enumerate(quantities, start=1)
    ]
    return PurchaseOrder(
        references=(Reference(numbering=Numbering.OURS, scope="", number=number),),
        supplier="them", site="S1", status=OrderStatus.PLACED, version=1,
        ordered_at=Micros(1_763_600_000_000_000), lines=tuple(lines), currency="USD",
    )  # fmt: skip


def theirs(partner: Partner) -> Partner:
    """How the partner writes to us."""
    return msgspec.structs.replace(partner, role=Role.SUPPLIER, them=partner.us, us=partner.them)


def comes(
    house: House, partner: Partner, *messages: Message | PurchaseOrder, control: int = 1
) -> bytes:
    told = [
        composed(theirs(partner), each) if isinstance(each, PurchaseOrder) else each
        for each in messages
    ]
    return write(
        theirs(partner), told, control=control, group=control, at=house.clock.now()
    ).content


def said(content: bytes) -> list[str]:
    """A 997 or TA1 as one reads it."""
    (interchange,) = read(content).interchanges
    found = [*interchange.tidings]
    for group in interchange.groups:
        for one in group.sets:
            found.extend(one.segments[1:-1])
    return ["*".join((each.name, *each.elements)) for each in found]


def test_one_bad_set_is_refused_and_the_others_of_its_group_are_applied(house: House) -> None:
    partner = house.partner()
    content = comes(house, partner, order("A", 1, 2), order("B", 3), order("C", 4))
    content = content.replace(b"PO1*1*3*EA", b"PO1*1*x*EA")
    assert house.receive(partner, content) == "partly"
    assert [document.references[0].number for document in _orders(house)] == ["A", "C"]
    (answer,) = house.out(partner)
    assert said(answer) == [
        "AK1*PO*1", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK3*PO1*5**8", "AK4*2*330*6*x",
        "AK5*R*5", "AK2*850*0003", "AK5*A", "AK9*P*3*3*2",
    ]  # fmt: skip
    ((code, detail),) = house.cases(partner)
    assert code == "x12.set"
    assert "850 0002" in detail
    assert "PO102" in detail


def test_what_is_only_tried_out_leaves_nothing_and_a_feed_says_how_it_does(house: House) -> None:
    partner = house.partner()
    content = comes(house, partner, order("A", 1), order("B", 2))
    with unit_of_work(house.pool) as connection:
        feed = feeds.feed(connection, partner.code)
        incoming = feeds.Incoming(feed, 0, "", content, house.clock.now())
        outcome = feeds.dry_run(connection, house.routes, incoming)
    assert (outcome.standing, outcome.documents) == ("applied", 2)
    assert (house.out(partner), house.cases(partner)) == ([], [])
    assert house.receive(partner, content) == "applied"
    assert house.receive(partner, b"no X12") == "refused"
    with unit_of_work(house.pool) as connection:
        health = feeds.health(connection, [feed], now=house.clock.now())[feed.feed_id]
    assert (health.applied, health.refused, health.error_rate) == (1, 1, 0.5)
    assert health.last_error is not None
    assert health.last_error.error_code == "x12.envelope"


def test_the_same_again_is_answered_and_not_applied(house: House) -> None:
    partner = house.partner()
    content = comes(house, partner, order("A", 1))
    other_bytes = content.replace(b"~\n", b"~\r\n   ")
    assert house.receive(partner, content) == "applied"
    assert house.receive(partner, other_bytes) == "applied"
    with unit_of_work(house.pool) as connection:
        assert x12.answer_again(connection, partner.code, content, now=house.clock.now()) == 1
    assert len(_orders(house)) == 1
    answers = house.out(partner)
    assert [said(answer) for answer in answers] == [said(answers[0])] * 3
    controls = [read(answer).interchanges[0].control for answer in answers]
    assert controls == ["000000001", "000000002", "000000003"]
    assert house.cases(partner) == []


def test_another_content_under_a_known_number_is_refused_as_a_whole(house: House) -> None:
    partner = house.partner()
    house.receive(partner, comes(house, partner, order("A", 1)))
    assert house.receive(partner, comes(house, partner, order("B", 1))) == "refused"
    assert [document.references[0].number for document in _orders(house)] == ["A"]
    assert said(house.out(partner)[1])[0].endswith("*R*025")
    assert [code for code, _ in house.cases(partner)] == ["x12.duplicate"]


def test_who_writes_to_somebody_else_is_not_heard(house: House) -> None:
    partner, other = house.partner(), house.partner()
    assert house.receive(partner, comes(house, other, order("A", 1))) == "refused"
    astray = comes(house, partner, order("A", 1)).replace(b"*OURHOUSE ", b"*ELSEWHERE")
    assert house.receive(partner, astray) == "refused"
    trial = comes(house, partner, order("A", 1)).replace(b"*0*P*>", b"*0*T*>")
    assert house.receive(partner, trial) == "refused"
    assert house.applied == []
    told = [said(answer)[0].split("*")[4:] for answer in house.out(partner)]
    assert told == [["R", "008"], ["R", "020"]]
    assert house.out(other) == []
    assert [code for code, _ in house.cases(partner)] == [
        "x12.envelope", "x12.partner", "x12.partner",
    ]  # fmt: skip


def test_a_file_without_any_interchange_is_refused_with_its_place(house: House) -> None:
    partner = house.partner()
    assert house.receive(partner, b"GS*PO*A*B~ST*850*1~") == "refused"
    ((code, detail),) = house.cases(partner)
    assert code == "x12.envelope"
    assert detail.startswith("segment 1: ")
    assert house.out(partner) == []


def test_numbers_that_do_not_follow_are_told_and_nothing_is_held_back(house: House) -> None:
    partner = house.partner()
    for control in (1, 2, 5, 3):
        content = comes(house, partner, order(f"N{control}", 1), control=control)
        assert house.receive(partner, content) == "applied"
    assert len(_orders(house)) == 4
    ((code, detail),) = house.cases(partner)
    assert (code, detail) == ("x12.sequence", "000000003 came late, after 000000005")


def test_a_change_makes_the_whole_order_and_one_of_an_unknown_order_is_refused(
    house: House,
) -> None:
    partner = house.partner()
    house.receive(partner, comes(house, partner, order("A", 1, 2)))
    changed = composed(theirs(partner), order("A", 1, 7, 9), order("A", 1, 2))
    assert house.receive(partner, comes(house, partner, changed, control=2)) == "applied"
    last = _orders(house)[-1]
    assert [line.quantity for line in last.lines] == [1, 7, 9]
    assert (last.status, last.version > _orders(house)[0].version) == (OrderStatus.CHANGED, True)
    unknown = composed(theirs(partner), order("Z", 5), order("Z", 4))
    assert house.receive(partner, comes(house, partner, unknown, control=3)) == "refused"
    assert "AK4*3*324*7*Z" in said(house.out(partner)[-1])
    # Read again by a person's wish, a delivery gives just what it gave, and is not answered again.
    before = len(house.out(partner))
    with unit_of_work(house.pool) as connection:
        feed = feeds.feed(connection, partner.code)
        assert feeds.retry(connection, feed, now=house.clock.now()) == 1
    feeds.work(house.pool, house.routes, now=house.clock.now())
    assert len(house.out(partner)) == before
    assert len(_orders(house)) == 2


def test_a_set_of_several_documents_stands_or_falls_as_one(house: House) -> None:
    partner = house.partner(sites={"07": "S1", "08": "S2"})
    house.refuse.add("BAD")
    good = (("XQ", "H", "20251101", "20251107"), ("LIN", "1", "IN", "OAT"), ("ZA", "QS"),
            ("SDQ", "EA", "92", "07", "5", "08", "3"), ("CTT", "1"))  # fmt: skip
    bad = (*good[:-1], ("LIN", "2", "IN", "BAD"), ("ZA", "QS", "2", "EA"), ("CTT", "2"))
    content = comes(house, partner, Message("852", bad), Message("852", good))
    assert house.receive(partner, content) == "partly"
    assert house.traces(partner) == ["S1 5 3", "S2 3 4"]
    assert "feed.unknown-item" in {code for code, _ in house.cases(partner)}


def test_numbers_are_given_without_a_gap_also_where_something_cannot_be_written(
    house: House,
) -> None:
    partner = house.partner(Role.SUPPLIER)
    assert house.send(partner, order("A", 1)) == 1
    nameless = msgspec.structs.replace(
        order("B", 1), lines=(Line(number="1", goods=Goods(), quantity=1),)
    )
    with pytest.raises(QuartermasterError, match=r"x12\.unwritable"):
        house.send(partner, order("C", 1), nameless)
    assert house.send(partner, order("C", 1)) == 2
    assert house.send(partner, order("A", 1)) is None
    assert house.send(partner, order("A", 3)) == 3
    kinds = [read(each).interchanges[0].groups[0].sets[0].kind for each in house.out(partner)]
    assert kinds == ["850", "850", "860"]


def test_what_is_not_acknowledged_in_time_is_told_once_and_a_rejection_at_once(
    house: House,
) -> None:
    partner = house.partner(Role.SUPPLIER, answers_within_hours=4)
    for number in ("A", "B", "C"):
        house.send(partner, order(number, 1))
    answers = write(
        theirs(partner),
        [
            Message("997", (("AK1", "PO", "1"), ("AK2", "850", "0001"), ("AK5", "A"),
                            ("AK9", "A", "1", "1", "1"))),
            Message("997", (("AK1", "PO", "2"), ("AK2", "850", "0001"),
                            ("AK3", "PO1", "4", "", "8"), ("AK4", "2", "330", "7"),
                            ("AK5", "R", "5"), ("AK9", "R", "1", "1", "0"))),
            Message("997", (("AK1", "PO", "77"), ("AK9", "A", "1", "1", "1"))),
        ],
        control=1, group=1, at=house.clock.now(),
    ).content  # fmt: skip
    assert house.receive(partner, answers) == "refused"  # the third speaks of nothing we sent
    assert [code for code, _ in house.cases(partner)] == ["x12.rejected", "x12.set"]
    assert len(house.out(partner)) == 3  # an acknowledgement is not acknowledged
    for _ in range(2):
        house.clock.advance(5 * HOUR)
        with unit_of_work(house.pool) as connection:
            x12.overdue(connection, now=house.clock.now())
    ((_, detail),) = [case for case in house.cases(partner) if case[0] == "x12.unanswered"]
    assert detail == "sent 5 h ago in interchange 000000003"
    with unit_of_work(house.pool) as connection:
        found = {row.reference: row.accepted for row in x12.sent(connection, partner.code)}
    assert found == {"A": True, "B": False, "C": None}


def test_an_interchange_that_is_refused_as_a_whole_is_told_for_all_that_was_in_it(
    house: House,
) -> None:
    partner = house.partner(Role.SUPPLIER)
    house.send(partner, order("A", 1), order("B", 1))
    refusal = write(
        theirs(partner), [], control=1, group=1, at=house.clock.now(),
        tidings=[("TA1", "000000001", "251120", "1446", "R", "021")],
    ).content  # fmt: skip
    assert house.receive(partner, refusal) == "applied"
    assert (
        house.cases(partner) == [("x12.rejected", "TA1: the interchange was refused, code 021")] * 2
    )
    with unit_of_work(house.pool) as connection:
        assert [row.accepted for row in x12.sent(connection, partner.code)] == [False, False]


def test_two_who_send_at_once_leave_no_gap(house: House) -> None:
    partner = house.partner(Role.SUPPLIER)

    def sends(name: str) -> list[int | None]:
        return [house.send(partner, order(f"{name}{n}", 1)) for n in range(5)]

    with ThreadPoolExecutor(2) as two:
        found = [control for numbers in two.map(sends, "XY") for control in numbers]
    assert sorted(number for number in found if number) == list(range(1, 11))


def test_a_file_is_read_once_it_is_whole_and_put_away(house: House, tmp_path: Path) -> None:
    partner = house.partner()
    worker = Partners(house.pool, Folder(tmp_path), house.clock)
    worker.tick()
    there = tmp_path / partner.code
    content = comes(house, partner, order("A", 1))
    (there / "in" / "po.edi").write_bytes(content[:200])
    (there / "in" / "po2.edi.part").write_bytes(content)
    (there / "in" / "link.edi").symlink_to("/etc/hostname")
    worker.tick()
    house.clock.advance(3 * SECOND)
    (there / "in" / "po.edi").write_bytes(content)  # the sender goes on writing
    worker.tick()
    assert _names(there / "done") == []
    _pass(house, worker)
    assert [name.partition("-")[2] for name in _names(there / "done")] == ["po.edi"]
    (there / "in" / "junk.edi").write_bytes(b"no X12")
    _pass(house, worker)
    refused = _names(there / "refused")
    assert [name.partition("-")[2] for name in refused] == ["junk.edi", "junk.edi.why.txt"]
    assert "begin with ISA" in (there / "refused" / refused[1]).read_text()
    feeds.work(house.pool, house.routes, now=house.clock.now())
    worker.tick()
    assert _names(there / "out") == ["000000001.x12"]
    assert said((there / "out" / "000000001.x12").read_bytes())[-1] == "AK9*A*1*1*1"
    (there / "in" / "yesterday.edi").write_bytes(content)
    _pass(house, worker)
    assert _names(there / "out") == ["000000001.x12", "000000002.x12"]
    assert len(_orders(house)) == 1
    assert _names(there / "in") == ["link.edi", "po2.edi.part"]


FILES: tuple[tuple[catalog.ImportKind, str], ...] = (
    ("sites", "code,name,region,timezone,currency\nS1,One,EU,UTC,USD\nW1,Two,EU,UTC,USD\n"),
    ("items", "sku,name,gtin,quantity\nOAT,Oats,4006381333931,1\n"),
    ("suppliers", "code,name\nMILL,The Mill\n"),
)


@pytest.fixture(scope="module")
def stocked(shared_house: House) -> House:
    """The same house with a catalog."""
    with unit_of_work(shared_house.pool) as connection:
        for kind, text in FILES:
            assert not catalog.import_csv(connection, kind=kind, content=text).errors
    return shared_house


@pytest.fixture
def trading(stocked: House) -> Iterator[House]:
    """A house in which the rooms themselves are told, not a stand-in."""
    handlers, stocked.routes = stocked.routes, ROUTES
    yield stocked
    stocked.routes = handlers


def _from(partner: Partner, message: Message, house: House, control: int) -> bytes:
    made = write(theirs(partner), [message], control=control, group=control, at=house.clock.now())
    return made.content


def test_an_order_of_ours_is_told_accepted_shipped_and_received_by_its_own_room(
    trading: House,
) -> None:
    partner = trading.partner(Role.SUPPLIER, party="MILL", sites={"0042": "S1"})
    oats = Line(number="1", goods=Goods(sku="OAT"), quantity=24, price=89)
    ordered = msgspec.structs.replace(order("PO-E2E"), supplier="MILL", lines=(oats,))
    with unit_of_work(trading.pool) as connection:
        by = Delivery(feed="erp", delivery_id=1, position=0, received_at=trading.clock.now())
        purchases.handle(connection, ordered, by)
    assert trading.send(partner, ordered) == 1
    # Accepted as a whole, without a line: each line of what we told is confirmed.
    accepted = Message("855", (("BAK", "00", "AT", "PO-E2E", "20251121"),))
    assert trading.receive(partner, _from(partner, accepted, trading, 1)) == "applied"
    assert _purchase_line(trading, "PO-E2E") == (24, 24, 0)
    shipped = Message("856", (
        ("BSN", "00", "SHIP-9", "20251121", "1200", "0001"), ("HL", "1", "", "S"),
        ("N1", "ST", "", "92", "0042"), ("HL", "2", "1", "O"), ("PRF", "PO-E2E"),
        ("HL", "3", "2", "P"), ("MAN", "GM", "340123450000000018"), ("HL", "4", "3", "I"),
        ("LIN", "1", "BP", "OAT"), ("SN1", "", "24", "EA"), ("CTT", "4"),
    ))  # fmt: skip
    assert trading.receive(partner, _from(partner, shipped, trading, 2)) == "applied"
    assert _purchase_line(trading, "PO-E2E") == (24, 24, 24)


def test_a_retailers_order_is_shipped_by_a_warehouse_that_knows_only_our_name_for_it(
    trading: House,
) -> None:
    retailer = trading.partner(party="grocer")
    warehouse = trading.partner(Role.WAREHOUSE, site="W1")
    with unit_of_work(trading.pool) as connection:
        code = retailer.code
        feeds.map_item(connection, code, "G-OAT", "OAT", by="ada", now=trading.clock.now())
    asked = Message("850", (
        ("BEG", "00", "SA", "4711", "", "20251121"),
        ("PO1", "1", "10", "EA", "1.25", "", "IN", "G-OAT"), ("CTT", "1"),
    ))  # fmt: skip
    assert trading.receive(retailer, _from(retailer, asked, trading, 1)) == "applied"
    with unit_of_work(trading.pool) as connection:
        (row,) = sales.page(connection, sites=None, number="4711")
    own = Reference(numbering=Numbering.CUSTOMER, scope="grocer", number="4711")
    told = SalesOrder(
        references=(own,), channel="grocer", status=OrderStatus.PLACED, version=1,
        placed_at=trading.clock.now(),
        lines=(Line(number="1", goods=Goods(sku="OAT"), quantity=10),),
    )  # fmt: skip
    assert trading.send(warehouse, told) == 1
    left = Message("945", (
        ("W06", "F", "4711", "20251122", "SHIP-1"), ("LX", "1"),
        ("W12", "CC", "10", "10", "", "EA", "", "SK", "OAT"),
    ))  # fmt: skip
    assert trading.receive(warehouse, _from(warehouse, left, trading, 1)) == "applied"
    with unit_of_work(trading.pool) as connection:
        found = sales.whole(connection, row.order_id, sites=None)
    assert [(line.item, line.quantity, line.shipped) for line in found.lines] == [("OAT", 10, 10)]


def _purchase_line(house: House, number: str) -> tuple[int, int, int]:
    with unit_of_work(house.pool) as connection:
        row = connection.execute(
            "SELECT l.ordered, l.confirmed, l.shipped FROM purchase_line l"
            " JOIN purchase_order o USING (purchase_id) WHERE o.number = %s",
            [number],
        ).fetchone()
    assert row is not None
    return (row[0], row[1], row[2])


PROFILE = """
code = "acme"
role = "supplier"
name = "Acme"
party = "ACME"
currency = "EUR"
[them]
qualifier = "14"
id = "ACMEEDI"
[us]
qualifier = "01"
id = "OURHOUSE"
[sites]
0042 = "S1"
"""


def test_partners_are_added_from_files_and_sent_to_by_command(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work(house.pool) as connection:
        url = f"postgresql://{connection.info.user}@{connection.info.host}:{connection.info.port}"
        if connection.info.password:
            secret = f"{connection.info.user}:{connection.info.password}"
            url = f"postgresql://{secret}@{connection.info.host}:{connection.info.port}"
        monkeypatch.setenv("QM_DATABASE_URL", f"{url}/{connection.info.dbname}")
    file = tmp_path / "acme.toml"
    file.write_text(PROFILE)
    assert "acme: a supplier at 14/ACMEEDI" in _run("partners", "add", str(file))
    file.write_text(PROFILE.replace('"acme"', '"acme-2"'))
    twice = CliRunner().invoke(command, ["partners", "add", str(file)]).exception
    assert isinstance(twice, QuartermasterError)
    assert (twice.code, twice.detail) == ("x12.profile", "these addresses are those of acme")
    assert json.loads(_run("partners", "show", "acme"))["currency"] == "EUR"
    assert "acme" in {
        row["profile"]["code"] for row in json.loads(_run("partners", "list", "--json"))
    }
    document = tmp_path / "order.json"
    document.write_bytes(msgspec.json.encode(order("PO-7", 4)))
    assert json.loads(_run("send", "acme", str(document), "--json")) == {"interchange": 1}
    assert "Nothing has changed" in _run("send", "acme", str(document))
    (row,) = json.loads(_run("sent", "acme", "--json"))
    assert (row["kind"], row["reference"], row["accepted"]) == ("850", "PO-7", None)
    (content,) = house.out(read_partner(PROFILE.encode()))
    assert "000000041" in _run("partners", "renumber", "acme", "--last", "40")
    back = CliRunner().invoke(command, ["partners", "renumber", "acme", "--last", "3"]).exception
    assert isinstance(back, QuartermasterError)
    document.write_bytes(msgspec.json.encode(order("PO-8", 4)))
    assert json.loads(_run("send", "acme", str(document), "--json")) == {"interchange": 41}
    sent = tmp_path / "sent.x12"
    sent.write_bytes(content)
    assert "BEG03=PO-7" in _run("show", str(sent))
    assert "refused" in _run("check", str(sent), "--partner", "acme", status=65)
    assert "850 0001 (purchase order): accepted" in _run("check", str(sent))


def _orders(house: House) -> list[SalesOrder]:
    return [document for document in house.applied if isinstance(document, SalesOrder)]


def _pass(house: House, worker: Partners) -> None:
    worker.tick()
    house.clock.advance(6 * SECOND)
    worker.tick()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == status, (result.output, result.exception)
    return result.stdout
