"""X12: every fault is found where it is, and real files are judged as they deserve."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from cloud.feeds.documents import (
    Document,
    Fulfilment,
    Invoice,
    ReceiptAdvice,
    Sale,
    SalesOrder,
    ShipNotice,
    StockAdjustment,
    StockReport,
    Tracking,
)
from cloud.feeds.x12.acknowledging import acknowledgement, tidings, verdict_of
from cloud.feeds.x12.envelope import File, read
from cloud.feeds.x12.partner import Partner, Role, Side, read_partner
from cloud.feeds.x12.reading import judged
from cloud.feeds.x12.showing import answer_of, looked_at
from shared.errors import QuartermasterError

ISA = (
    "ISA*00*          *00*          *ZZ*THEM           *01*OURHOUSE       *251120*1446*U*00401*"
    "000000007*0*P*>~"
)
GROUPS = {"850": "PO", "860": "PC", "855": "PR", "856": "SH", "810": "IN", "846": "IB",
          "852": "PD", "945": "SW", "944": "RE", "947": "AW", "214": "QM"}  # fmt: skip
DATA = Path("/work/shared/data/edi/x12")


def interchange(*sets: tuple[str, str], header: str = ISA) -> str:
    kind = sets[0][0]
    text = header + f"GS*{GROUPS[kind]}*THEM*OURHOUSE*20251120*1446*3*X*004010~"
    for at, (each, body) in enumerate(sets, start=1):
        count = body.count("~") + 2
        text += f"ST*{each}*{at:04d}~{body}SE*{count}*{at:04d}~"
    return text + f"GE*{len(sets)}*3~IEA*1*000000007~"


ORDER = "BEG*00*SA*PO1**20251120~PO1*1*5*EA*2.50**VN*OAT~CTT*1~"
GOOD = interchange(("850", ORDER))


def partner(role: Role = Role.RETAILER) -> Partner:
    them, us = Side(qualifier="ZZ", id="THEM"), Side(qualifier="01", id="OURHOUSE")
    return Partner(code="them", role=role, them=them, us=us, site="W1")


def faults(text: str | bytes) -> list[tuple[str, str, int, str, int]]:
    """Every fault: level, code, number of the segment in the file, its name, the element."""
    file = read(text if isinstance(text, bytes) else text.encode())
    found = list(file.faults)
    for each in looked_at(file):
        found.extend(each.faults)
        for group in each.groups:
            found.extend(group.faults)
            for one in group.sets:
                found.extend(one.faults)
    return [(str(one.level), one.code, one.number, one.segment, one.element) for one in found]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (GOOD.replace("GE*1*3", "GE*2*3"), [("AK905", "5", 8, "GE", 0)]),
        (GOOD.replace("GE*1*3", "GE*1*4"), [("AK905", "4", 8, "GE", 0)]),
        (GOOD.replace("IEA*1*000000007", "IEA*1*000000008"), [("TA105", "001", 9, "IEA", 2)]),
        (GOOD.replace("IEA*1*", "IEA*3*"), [("TA105", "021", 9, "IEA", 1)]),
        (GOOD.replace("IEA*1*000000007~", ""), [("TA105", "023", 8, "IEA", 0)]),
        (GOOD.replace("GE*1*3~", ""), [("AK905", "3", 8, "GS", 0)]),
        (GOOD.replace("SE*5*0001~", ""), [("AK502", "2", 3, "SE", 0)]),
        (GOOD.replace("SE*5*0001", "SE*6*0001"), [("AK502", "4", 7, "SE", 0)]),
        (GOOD.replace("SE*5*0001", "SE*5*0002"), [("AK502", "3", 7, "SE", 0)]),
        (GOOD.replace("GS*PO", "GS*IN"), [("AK502", "6", 3, "ST", 0)]),
        (GOOD.replace("ST*850", "ST*999"), [("AK502", "1", 3, "ST", 0)]),
        (GOOD.replace("*00401*", "*00199*"), [("TA105", "017", 1, "ISA", 12)]),
        (GOOD.replace("*000000007*0*P", "*0000000X7*0*P"), [("TA105", "018", 1, "ISA", 13),
                                                            ("TA105", "001", 9, "IEA", 2)]),
        (GOOD.replace("*251120*1446*U", "*251320*1446*U"), [("TA105", "014", 1, "ISA", 9)]),
        (GOOD.replace("*THEM     ", "*THEM"), [("TA105", "006", 1, "ISA", 6)]),
        (GOOD.replace("*P*>~", "*P*~~"), [("TA105", "004", 1, "ISA", 0)]),
        (GOOD.replace("BEG*00", "BEG*"), [("AK403", "1", 4, "BEG", 1)]),
        (GOOD.replace("**20251120~PO1", "**20251320~PO1"), [("AK403", "8", 4, "BEG", 5)]),
        (GOOD.replace("PO1*1*5*EA", "PO1*1*5.5*EA"), [("AK403", "7", 5, "PO1", 2)]),
        (GOOD.replace("PO1*1*5*EA", "PO1*1*five*EA"), [("AK403", "6", 5, "PO1", 2)]),
        (GOOD.replace("*VN*OAT", "*VN*"), [("AK403", "2", 5, "PO1", 7)]),
        (GOOD.replace("*VN*OAT", "*XX*OAT"), [("AK403", "2", 5, "PO1", 6)]),
        (GOOD.replace("CTT*1", "CTT*2"), [("AK403", "7", 6, "CTT", 1)]),
        (GOOD.replace("~PO1", "PO1"), [("AK502", "4", 6, "SE", 0), ("AK304", "3", 6, "PO1", 0),
                                       ("AK403", "7", 5, "CTT", 1), ("AK403", "8", 4, "BEG", 5)]),
        (GOOD.replace("PO1*1*5*EA*2.50**VN*OAT~", "p1*1~PO1*1*5*EA*2.50**VN*OAT~")
         .replace("SE*5", "SE*6"), [("AK304", "1", 5, "p1", 0)]),
        (GOOD.replace("BEG*00*SA*PO1**20251120~", "").replace("SE*5", "SE*4"),
         [("AK304", "3", 4, "BEG", 0)]),
        (GOOD + "XYZ", [("TA105", "022", 10, "", 0)]),
        (GOOD.replace("GS*PO", "ST*850*1~GS*PO"), [("TA105", "024", 2, "ST", 0)]),
        (b"", [("TA105", "023", 0, "", 0)]),
        (b"ISA*00*", [("TA105", "022", 1, "ISA", 0)]),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_level_code_and_place(
    broken: str | bytes, expected: list[tuple[str, str, int, str, int]]
) -> None:
    assert faults(broken) == expected
    assert faults(GOOD) == []


def test_an_interchange_that_never_ended_hides_none_that_follows() -> None:
    cut = GOOD[: GOOD.index("GE*")]
    file = read((cut + GOOD).encode())
    first, second = looked_at(file)
    assert (first.refused, second.refused) == (True, False)
    assert verdict_of(second.groups[0]) == "A"


def test_a_repetition_separator_that_is_none_is_remarked() -> None:
    text = GOOD.replace("*U*00401*", "*U*00501*")
    (found,) = looked_at(read(text.encode()))
    assert (found.verdict, [fault.element for fault in found.faults]) == ("E", [11])
    dressed = GOOD.replace("*U*00401*", "*^*00501*")
    assert read(dressed.encode()).interchanges[0].delimiters.repetition == "^"


def test_what_is_only_tried_out_or_came_back_is_not_taken_as_shipped() -> None:
    for code in "KC":
        nothing, said = documents(
            "945", f"W06*{code}*ORD-1*20251120*S1~LX*1~W12*CC*5*4*1*EA**SK*OAT~", Role.WAREHOUSE
        )
        assert (nothing, "W0601" in said[0]) == ((), True)


def test_several_groups_and_sets_are_each_answered_for_themselves() -> None:
    text = GOOD.replace("IEA*1", "IEA*2").replace(
        "IEA", "GS*IN*THEM*OURHOUSE*20251120*1446*4*X*004010~GE*0*4~IEA"
    )
    (found,) = looked_at(read(text.encode()))
    assert [verdict_of(group) for group in found.groups] == ["A", "A"]
    assert answer_of(found) == [
        "AK1*PO*3", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1", "AK1*IN*4", "AK9*A*0*0*0",
    ]  # fmt: skip


def test_a_text_that_is_too_long_is_remarked_and_accepted() -> None:
    text = interchange(("850", ORDER.replace("CTT", f"N2*{'x' * 70}~CTT").replace(
        "~PO1", "~N1*ST*Shop~PO1")))  # fmt: skip
    (found,) = looked_at(read(text.encode()))
    assert found.verdict == "E"
    assert "AK4*1*93*5*" + "x" * 70 in answer_of(found)


def test_wished_for_an_interchange_is_acknowledged_and_an_unquotable_one_never() -> None:
    def told(text: str) -> tuple[str, ...] | None:
        (one,) = read(text.encode()).interchanges
        return tidings(one, one.faults)

    assert told(GOOD) is None
    assert told(GOOD.replace("*0*P*>", "*1*P*>")) == (
        "TA1", "000000007", "251120", "1446", "A", "000",
    )  # fmt: skip
    assert told(GOOD.replace("IEA*1", "IEA*9")) == (
        "TA1", "000000007", "251120", "1446", "R", "021",
    )  # fmt: skip
    assert told(GOOD.replace("000000007*0", "00000000X*0")) is None


def documents(
    kind: str, body: str, role: Role, **more: SalesOrder
) -> tuple[tuple[Document, ...], list[str]]:
    file = read(interchange((kind, body)).encode())
    assert file == File(file.interchanges, ())
    (one,) = file.interchanges
    found = judged(one, partner(role), one.groups[0], more.get)
    (only,) = found.sets
    return only.documents, [fault.says for fault in only.faults]


def test_what_warehouses_and_carriers_say_is_read() -> None:
    (shipped,), _ = documents(
        "945",
        "W06*F*ORD-1*20251120*SHIP1~N1*ST*Shop~W27*M*UPSN~G62*11*20251121~LX*1~"
        "MAN*GM*00340123450000000018~W12*CC*5*4*1*EA*400638133393*SK*OAT*L7~"
        "W12*CC*2*2**EA**SK*RYE~W03*6~",
        Role.WAREHOUSE,
    )
    assert isinstance(shipped, Fulfilment)
    assert [(line.goods.sku, line.quantity, line.lot, line.sscc) for line in shipped.lines] == [
        ("OAT", 4, "L7", "340123450000000018"),
        ("RYE", 2, "", "340123450000000018"),
    ]
    assert shipped.lines[0].goods.gtin == "00400638133393"
    assert (shipped.site, shipped.carrier, shipped.order[0].number) == ("W1", "UPSN", "ORD-1")
    (received,), _ = documents(
        "944", "W17*F*20251120*R-1*PO-9*S-9~W07*12*CA**VN*OAT*ZZ*x*L1~W14*12~", Role.WAREHOUSE
    )
    assert isinstance(received, ReceiptAdvice)
    assert [(line.quantity, line.unit, line.lot) for line in received.lines] == [(12, "CA", "L1")]
    assert [each.number for each in received.order] == ["PO-9", "S-9"]
    (adjusted,), _ = documents(
        "947", "W15*20251120*A-1~W19*01*-3*EA**VN*OAT~W19*02*4*EA**VN*RYE~", Role.WAREHOUSE
    )
    assert isinstance(adjusted, StockAdjustment)
    assert [line.quantity for line in adjusted.lines] == [3, 4]
    assert (adjusted.signs, adjusted.reasons) == ((-1, 1), ("01", "02"))
    tracked, _ = documents(
        "214",
        "B10*PRO1*S-9*UPSN~LX*1~AT7*AF*NS***20251120*0800*ET~AT7*AG*NS***20251123*1200*ET~"
        "AT7*ZZ*NS***20251120*0900~",
        Role.CARRIER,
    )
    assert all(isinstance(each, Tracking) for each in tracked)
    assert [(each.status, each.eta is not None) for each in tracked if isinstance(each, Tracking)] \
        == [("picked-up", False), ("in-transit", True)]  # fmt: skip


def test_stock_sales_and_a_lost_parent_are_read_as_they_are() -> None:
    (stock,), _ = documents(
        "846", "BIA*00*DD*R1*20251120~LIN*1*VN*OAT~QTY*17*9~QTY*33*7~QTY*QH*2~UIT*EA~CTT*1~",
        Role.SUPPLIER,
    )  # fmt: skip
    assert isinstance(stock, StockReport)
    assert [(line.state, line.quantity) for line in stock.lines] == [
        ("available", 7), ("quarantined", 2),
    ]  # fmt: skip
    sold, _ = documents(
        "852", "XQ*H*20251101*20251107~LIN*1*IN*OAT~ZA*QS*9*EA~ZA*QU*2*EA~CTT*1~", Role.RETAILER
    )
    assert [each.quantity for each in sold if isinstance(each, Sale)] == [7]
    net, _ = documents(
        "852", "XQ*H*20251101*20251107~LIN*1*IN*OAT~ZA*QS*9*EA~ZA*Q1*6*EA~ZA*QU*3*EA~CTT*1~",
        Role.RETAILER,
    )  # fmt: skip
    assert [each.quantity for each in net if isinstance(each, Sale)] == [6]
    nothing, said = documents(
        "856", "BSN*00*S1*20251120*1200~HL*1**S~HL*2*7*I~LIN**BP*OAT~SN1**1*EA~", Role.SUPPLIER
    )
    assert nothing == ()
    assert "HL02" in said[0]
    notice, _ = documents(
        "856", "BSN*00*S1*20251120*1200~HL*1**S~HL*2*1*I~LIN**BP*OAT~SN1**4*EA~PRF*A~"
        "HL*3*1*I~LIN**BP*RYE~SN1**5*EA~PRF*B~CTT*2~", Role.SUPPLIER,
    )  # fmt: skip
    assert isinstance(notice[0], ShipNotice)
    assert [line.order for line in notice[0].lines] == ["A", "B"]
    invoice, _ = documents(
        "810", "BIG*20251120*I1**PO1~IT1*1*100*EA*3.61*HP*BP*OAT~TDS*361~"
        "SAC*A*I410***50~CTT*1~", Role.SUPPLIER,
    )  # fmt: skip
    assert isinstance(invoice[0], Invoice)
    assert invoice[0].lines[0].price is None  # 3.61 for a hundred is no whole cent for one
    assert (invoice[0].total, invoice[0].charges[0].amount) == (361, -50)


def test_a_change_that_contradicts_itself_is_refused() -> None:
    (before,), _ = documents("850", ORDER, Role.RETAILER)
    assert isinstance(before, SalesOrder)
    change = "BCH*04*SA*PO1***20251121~POC*1*QI*{}**EA*2.50**VN*OAT~CTT*1~"
    more, _ = documents("860", change.format(9), Role.RETAILER, PO1=before)
    assert isinstance(more[0], SalesOrder)
    assert more[0].lines[0].quantity == 9
    less, said = documents("860", change.format(2), Role.RETAILER, PO1=before)
    assert less == ()
    assert "QI from 5" in said[0]


PROFILE = (
    'code = "acme"\nrole = "carrier"\n[them]\nqualifier = "ZZ"\nid = "A"\n'
    '[us]\nqualifier = "01"\nid = "B"\n'
)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (('"A"', '"B"\ngroup = "x"'), ""),
        (('role = "carrier"', 'role = "friend"'), "role"),
        (('role = "carrier"', 'role = "carrier"\ncomes = ["850"]'), "comes"),
        (('role = "carrier"', 'role = "carrier"\ntimezone = "Mars/Base"'), "timezone"),
        (('"ZZ"', '"zz"'), "them.qualifier"),
        (("[us]", '[marks]\nelement = "A"\n[us]'), "element"),
        (("[us]", '[marks]\nelement = "~"\n[us]'), "marks"),
        (("[us]", "[us"), ""),
        (("[us]", "colour = 1\n[us]"), "them"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused_by_its_field(
    change: tuple[str, str], where: str
) -> None:
    assert read_partner(PROFILE.encode()).role is Role.CARRIER
    text = PROFILE.replace(*change)
    if where == "":
        text = text.replace('qualifier = "01"', 'qualifier = "ZZ"')
    with pytest.raises(QuartermasterError) as refused:
        read_partner(text.encode())
    assert refused.value.code == "x12.profile"
    assert refused.value.where in {where, "us"} if where == "" else refused.value.where == where


REAL = {
    "gozer_po850.txt": r"AK502 4",
    "gozer_x12.missing.ISA.txt": r"begin with ISA",
    "gozer_x12.wrong.ISA.txt": r"begin with ISA",
    "x12parser_810-Example5_Walmart.txt": r"TA105 017",
    "x12parser_850-Example3_Adobe_CLP.txt": r"ISA06.*14 characters",
    "x12parser_856-Example2.txt": r"BSN02.*AK403 1",
    "x12parser_860-Example1.txt": r"(?s)ISA06.*AK502 4.*BCH06.*N104",
}
"""What is wrong with the broken ones; the others are accepted."""


@pytest.mark.skipif(not DATA.is_dir(), reason="the files of other projects are not here")
def test_real_files_are_accepted_or_refused_for_what_is_wrong_with_them() -> None:
    for path in sorted(DATA.iterdir()):
        file = read(path.read_bytes())
        found = looked_at(file)
        says = [fault.says for fault in file.faults if fault.refuses]
        for each in found:
            says += [fault.says for fault in each.faults if fault.refuses]
            for group in each.groups:
                answer = acknowledgement(partner(), group)
                assert answer is not None
                for one in group.sets:
                    says += [fault.says for fault in one.faults if fault.refuses]
                    assert bool(one.documents) == one.accepted
                    for document in one.documents:
                        assert msgspec.json.encode(document)
        if path.name in REAL:
            assert re.search(REAL[path.name], "\n".join(says)), (path.name, says)
        else:
            assert says == [], path.name
