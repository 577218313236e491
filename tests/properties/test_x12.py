"""X12: what is written is read again, and no byte that is changed on the way does half a thing."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.feeds.documents import (
    Answer,
    Charge,
    Confirmation,
    ConfirmedLine,
    Document,
    Goods,
    Invoice,
    Line,
    Numbering,
    OrderStatus,
    Party,
    PurchaseOrder,
    Reference,
    SalesOrder,
    ShipNotice,
    StockLine,
    StockReport,
)
from cloud.feeds.x12.acknowledging import acknowledgement, answers
from cloud.feeds.x12.compose import change, composed
from cloud.feeds.x12.envelope import read
from cloud.feeds.x12.partner import Codes, Marks, Partner, Role, Side
from cloud.feeds.x12.reading import JudgedGroup, judged
from cloud.feeds.x12.showing import as_dict, lines_of, looked_at, segments_of
from cloud.feeds.x12.writing import Message, write
from shared.units import DAY, MINUTE, SECOND, Micros

AT = Micros(1_763_650_020_000_000)
US = Side(qualifier="01", id="OURHOUSE")
THEM = Side(qualifier="ZZ", id="THEM")
CODES = Codes(ours=("SK",), theirs=("VP",))
MARKS = st.sampled_from(
    [
        Marks(),
        Marks(element="~", component="`", segment="*", repetition="!", line_breaks=False),
        Marks(element="|", component=":", segment="}", repetition="%"),
        Marks(element="+", component="<", segment="?", repetition="{"),
    ]
)
NAMES = st.from_regex(r"[A-Z0-9][A-Z0-9/]{1,17}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z][A-Za-z ]{0,20}[A-Za-z]", fullmatch=True)
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2060, 1, 1)).map(lambda d: d.isoformat())
MOMENTS = st.integers(0, 20_000).map(lambda n: Micros(AT - AT % DAY + n * 7 * MINUTE))
GOODS = st.builds(
    Goods,
    sku=NAMES,
    gtin=st.one_of(st.just(""), st.from_regex(r"[0-9]{13}[1-9]", fullmatch=True)),
    theirs=st.one_of(st.just(""), NAMES),
    name=st.one_of(st.just(""), WORDS),
)
UNITS = st.sampled_from(["EA", "CA", "PL"])
QUANTITY = st.integers(0, 100_000)


def lines(**more: Any) -> st.SearchStrategy[tuple[Line, ...]]:
    one = st.builds(Line, number=st.just(""), goods=GOODS, quantity=QUANTITY, unit=UNITS, **more)
    return st.lists(one, min_size=1, max_size=4).map(
        lambda found: tuple(
            msgspec.structs.replace(line, number=str(n)) for n, line in enumerate(found, start=1)
        )
    )


def ordered() -> st.SearchStrategy[tuple[Line, ...]]:
    return lines(
        price=st.one_of(st.none(), st.integers(0, 10**9)), wanted=st.one_of(st.none(), DAYS)
    )


def reference(numbering: Numbering, scope: str = "them") -> st.SearchStrategy[Reference]:
    return NAMES.map(lambda text: Reference(numbering=numbering, scope=scope, number=text))


def one(numbering: Numbering, scope: str = "them") -> st.SearchStrategy[tuple[Reference, ...]]:
    return reference(numbering, scope).map(lambda found: (found,))


@st.composite
def ship_notices(draw: st.DrawFn) -> ShipNotice:
    packages = draw(st.lists(st.from_regex(r"[1-9][0-9]{17}", fullmatch=True), max_size=4,
                             unique=True))  # fmt: skip
    above = [draw(st.sampled_from(["", *packages[:at]])) for at in range(len(packages))]
    shipped = draw(
        lines(
            lot=st.one_of(st.just(""), NAMES),
            expires=st.one_of(st.none(), DAYS),
            sscc=st.sampled_from(["", *packages]),
        )
    )
    return ShipNotice(
        references=draw(one(Numbering.SHIPMENT)),
        order=draw(one(Numbering.OURS, "")),
        supplier="them",
        site="S1",
        shipped_at=draw(MOMENTS),
        lines=shipped,
        packages=tuple(zip(packages, above, strict=True)),
        eta=draw(st.one_of(st.none(), MOMENTS)),
        carrier=draw(st.sampled_from(["", "UPSN"])),
    )


PLAIN = Marks()


def partner(role: Role, marks: Marks = PLAIN, **more: Any) -> Partner:
    return Partner(
        code="them", role=role, them=THEM, us=US, marks=marks, codes=CODES, sites={"0042": "S1"},
        timezone="America/New_York", **more,
    )  # fmt: skip


def seen_by(role: Role, ours: Partner) -> Partner:
    """The same line from its other end."""
    return msgspec.structs.replace(ours, role=role, them=ours.us, us=ours.them)


def read_back(
    content: bytes, at_the_other_end: Partner, known: SalesOrder | None = None
) -> Document:
    file = read(content)
    assert not file.faults
    (interchange,) = file.interchanges
    assert not interchange.faults
    (group,) = interchange.groups
    found = judged(interchange, at_the_other_end, group, lambda _number: known)
    assert not found.faults
    (only,) = found.sets
    assert [fault.says for fault in only.faults] == []
    (document,) = only.documents
    return document


def sent(ours: Partner, message: Message) -> bytes:
    return write(ours, [message], control=7, group=3, at=AT).content


def sorted_lines(document: Any) -> list[Any]:
    return sorted(document.lines, key=lambda line: int(line.number))


@settings(max_examples=25, deadline=None)
@given(
    document=st.builds(
        PurchaseOrder,
        references=one(Numbering.OURS, ""),
        supplier=st.just("them"),
        site=st.just("S1"),
        status=st.just(OrderStatus.PLACED),
        version=st.just(1),
        ordered_at=MOMENTS,
        lines=ordered(),
        currency=st.sampled_from(["USD", "JPY", "KWD"]),
    ),
    marks=MARKS,
    version=st.sampled_from(["004010", "005010"]),
)
def test_an_order_of_ours_is_read_as_the_order_that_it_is(
    document: PurchaseOrder, marks: Marks, version: str
) -> None:
    ours = partner(Role.SUPPLIER, marks, version=version)
    found = read_back(sent(ours, composed(ours, document)), seen_by(Role.RETAILER, ours))
    assert isinstance(found, SalesOrder)
    assert found.lines == document.lines
    assert found.currency == document.currency
    assert [each.number for each in found.references] == [document.references[0].number]
    assert found.ship_to.reference == "0042"


@settings(max_examples=25, deadline=None)
@given(first=ordered(), second=ordered(), number=reference(Numbering.OURS, ""))
def test_a_change_makes_of_the_first_order_the_second(
    first: tuple[Line, ...], second: tuple[Line, ...], number: Reference
) -> None:
    # What an element leaves empty stays as it was.
    merged = {line.number: line for line in first}
    second = tuple(
        msgspec.structs.replace(
            line,
            price=(line.price if line.price is not None else before.price)
            if before
            else line.price,
            wanted=(line.wanted or before.wanted) if before else line.wanted,
        )
        for line in second
        for before in [merged.get(line.number)]
    )
    ours = partner(Role.SUPPLIER)
    before, after = (
        PurchaseOrder(references=(number,), supplier="them", site="S1", version=1, ordered_at=AT,
                      status=OrderStatus.PLACED, lines=each, currency="USD")
        for each in (first, second)
    )  # fmt: skip
    if first == second:
        return
    theirs = seen_by(Role.RETAILER, ours)
    known = read_back(sent(ours, composed(ours, before)), theirs)
    assert isinstance(known, SalesOrder)
    found = read_back(sent(ours, change(ours, before, after)), theirs, known)
    assert isinstance(found, SalesOrder)
    assert [_without_name(line) for line in sorted_lines(found)] == [
        _without_name(line) for line in after.lines
    ]


def _without_name(line: Line) -> Line:
    goods = msgspec.structs.replace(line.goods, name="")
    return msgspec.structs.replace(line, goods=goods)


CONFIRMATIONS = st.builds(
    Confirmation,
    references=one(Numbering.SUPPLIER),
    order=one(Numbering.OURS, ""),
    supplier=st.just("them"),
    at=MOMENTS.map(lambda at: Micros(at - at % DAY + 5 * 3600 * SECOND)),
    lines=st.tuples(
        ordered(), st.lists(st.sampled_from(list(Answer)), min_size=4, max_size=4),
        st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS),
    ).map(
        lambda found: tuple(
            ConfirmedLine(
                line=msgspec.structs.replace(line, wanted=None), answer=answer,
                ship_day=found[2], deliver_day=found[3],
            )
            for line, answer in zip(found[0], found[1], strict=False)
        )
    ),
)  # fmt: skip
INVOICES = st.builds(
    Invoice,
    references=one(Numbering.INVOICE),
    order=one(Numbering.OURS, ""),
    supplier=st.just("them"),
    day=DAYS,
    currency=st.sampled_from(["USD", "JPY"]),
    lines=ordered(),
    total=st.integers(-(10**9), 10**9),
    charges=st.lists(
        st.builds(Charge, code=st.just("D240"), amount=st.integers(-999, 999).filter(bool)),
        max_size=2,
    ).map(tuple),
)
REPORTS = st.builds(
    StockReport,
    reference=reference(Numbering.SUPPLIER),
    supplier=st.just("them"),
    at=MOMENTS,
    lines=st.lists(
        st.builds(
            StockLine,
            goods=GOODS,
            quantity=QUANTITY,
            unit=UNITS,
            state=st.sampled_from(["available", "quarantined", "damaged"]),
            lot=st.one_of(st.just(""), NAMES),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    whole=st.just(False),
)


@settings(max_examples=60, deadline=None)
@given(document=st.one_of(CONFIRMATIONS, INVOICES, REPORTS, ship_notices()), marks=MARKS)
def test_what_a_seller_says_is_what_its_buyer_reads(document: Document, marks: Marks) -> None:
    """As seller we name the customer's order; as buyer it is ours."""
    seller = partner(Role.RETAILER, marks)
    told = document
    if not isinstance(document, StockReport):
        theirs = Reference(
            numbering=Numbering.CUSTOMER, scope="them", number=document.order[0].number
        )
        told = msgspec.structs.replace(document, order=(theirs,))
    found: Any = read_back(sent(seller, composed(seller, told)), seen_by(Role.SUPPLIER, seller))
    expected: Any = document
    if isinstance(document, ShipNotice):
        assert sorted(found.packages) == sorted(document.packages)
        found = msgspec.structs.replace(
            found, packages=document.packages, lines=tuple(sorted_lines(found))
        )
    if isinstance(document, Confirmation):
        found = msgspec.structs.replace(found, answer=None)
    if hasattr(found, "version"):
        found = msgspec.structs.replace(found, version=0)
    assert found == expected


@settings(max_examples=25, deadline=None)
@given(
    document=st.builds(
        SalesOrder,
        references=one(Numbering.OURS, ""),
        channel=st.just("shop"),
        status=st.just(OrderStatus.PLACED),
        version=st.just(1),
        placed_at=MOMENTS,
        lines=lines(lot=st.one_of(st.just(""), NAMES)),
        ship_to=st.builds(Party, name=st.text(max_size=70), street=st.text(max_size=80),
                          city=st.text(max_size=40), postcode=st.text(max_size=20),
                          region=st.text(max_size=30), country=st.just("AT")),
        ship_by=st.one_of(st.none(), DAYS),
    ),
    marks=MARKS,
)  # fmt: skip
def test_a_shipping_order_can_be_written_whatever_the_people_are_called(
    document: SalesOrder, marks: Marks
) -> None:
    ours = partner(Role.WAREHOUSE, marks)
    file = read(sent(ours, composed(ours, document)))
    (found,) = file.interchanges[0].groups[0].sets
    lines_told = [segment for segment in found.segments if segment.name == "W01"]
    assert [int(segment.get(1)) for segment in lines_told] == [
        line.quantity for line in document.lines
    ]


ORDER = PurchaseOrder(
    references=(Reference(numbering=Numbering.OURS, scope="", number="PO-1"),),
    supplier="them",
    site="S1",
    status=OrderStatus.PLACED,
    version=1,
    ordered_at=AT,
    lines=tuple(
        Line(number=str(n), goods=Goods(sku=f"SKU-{n}", gtin="04006381333931"), quantity=n * 10,
             price=1250)
        for n in range(1, 4)
    ),
    currency="USD",
)  # fmt: skip
BUYER = partner(Role.SUPPLIER)
TWO = write(
    BUYER,
    [composed(BUYER, ORDER), composed(BUYER, ORDER)],
    control=7,
    group=3,
    at=AT,
).content


@settings(max_examples=300, deadline=None)
@given(
    at=st.integers(0, len(TWO) - 1),
    put=st.binary(min_size=0, max_size=3),
    cut=st.integers(0, 40),
)
def test_bytes_changed_on_the_way_raise_nothing_and_a_set_is_taken_whole_or_not(
    at: int, put: bytes, cut: int
) -> None:
    changed = TWO[:at] + put + TWO[at + cut :]
    theirs = seen_by(Role.RETAILER, BUYER)
    file = read(changed)
    found = looked_at(file, theirs)
    assert list(lines_of(file, found))
    assert as_dict(file, found)
    list(segments_of(file))
    for each in found:
        for group in each.groups:
            answered = acknowledgement(theirs, group)
            if answered is not None:
                said = write(theirs, [answered], control=1, group=1, at=AT).content
                assert _accepted(said) == _taken(group)
            for each_set in group.sets:
                assert each_set.accepted or not each_set.documents
                for document in each_set.documents:
                    assert isinstance(document, SalesOrder)
                    assert len(document.lines) == 3


def _accepted(content: bytes) -> list[bool]:
    """By a 997 of ours, which sets a sender has to send again."""
    (one_set,) = read(content).interchanges[0].groups[0].sets
    return [each.accepted for each in answers(one_set) if each.control]


def _taken(group: JudgedGroup) -> list[bool]:
    return [one.accepted and not group.refused for one in group.sets]


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\r\n\r\n  ", b"\xef\xbb\xbf \n"])
def test_what_stands_before_the_first_segment_changes_nothing(start: bytes) -> None:
    plain, dressed = read(TWO), read(start + TWO.replace(b"\n", b"\r\n    "))
    assert dressed.interchanges == plain.interchanges
    assert not dressed.faults


HEADER = TWO[:106]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_answered_with_faults_never_with_an_exception(content: bytes) -> None:
    for prefix in (b"", HEADER):
        file = read(prefix + content)
        found = looked_at(file)
        assert file.faults or found
        assert list(lines_of(file, found))
