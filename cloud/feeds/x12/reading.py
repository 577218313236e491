"""From a transaction set to documents, whole or not at all. Pure.

``judged`` is the one judgement on an interchange: which sets are taken, which are refused and why.
The acknowledgement, what a person is shown and what is applied all follow from it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from cloud.feeds.documents import Document, SalesOrder
from cloud.feeds.x12.checks import faults_of
from cloud.feeds.x12.envelope import Group, Interchange, TransactionSet, sequence
from cloud.feeds.x12.faults import Fault, Level, UnreadableError
from cloud.feeds.x12.partner import Partner
from cloud.feeds.x12.read_logistics import (
    read_adjusted,
    read_received,
    read_shipped,
    read_tracking,
)
from cloud.feeds.x12.read_trade import (
    Known,
    read_change,
    read_confirmation,
    read_invoice,
    read_order,
    read_sales,
    read_ship_notice,
    read_stock,
)
from cloud.feeds.x12.values import Context
from shared.units import MINUTE

READ: Final = {
    "855": read_confirmation,
    "865": read_confirmation,
    "856": read_ship_notice,
    "810": read_invoice,
    "846": read_stock,
    "852": read_sales,
    "945": read_shipped,
    "944": read_received,
    "947": read_adjusted,
    "214": read_tracking,
}
_MAX_DOCUMENTS: Final = 20_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Judged(NamedTuple):
    """What becomes of one set."""

    one: TransactionSet
    faults: tuple[Fault, ...]
    documents: tuple[Document, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it may be applied."""
        return not any(fault.refuses for fault in self.faults)


class JudgedGroup(NamedTuple):
    """What becomes of a group and each of its sets."""

    group: Group
    faults: tuple[Fault, ...]
    sets: tuple[Judged, ...]

    @property
    def refused(self) -> bool:
        """Whether none of its sets may be applied, whatever each is worth."""
        return any(fault.refuses for fault in self.faults)


def addressed(interchange: Interchange) -> tuple[str, str, str, str]:
    """ISA05 to ISA08: who sends to whom."""
    header = interchange.header
    return header.get(5), header.get(6), header.get(7), header.get(8)


def foreign(interchange: Interchange, partner: Partner) -> tuple[Fault, ...]:
    """What in an interchange was not agreed with this partner; each refuses the interchange."""
    header, them, us = interchange.header, partner.them, partner.us
    wanted = ((5, them.qualifier, "005"), (6, them.id, "006"), (7, us.qualifier, "007"),
              (8, us.id, "008"))  # fmt: skip
    found = [
        _of_header(interchange, element, code, f"agreed: {agreed}")
        for element, agreed, code in wanted
        if header.get(element) != agreed
    ]
    if header.get(15) == "T" and not partner.test:
        says = "this is a test, which is not agreed with this partner"
        found.append(_of_header(interchange, 15, "020", says))
    if header.get(15) == "P" and partner.test:
        says = "this partner is being tested: nothing of production is taken"
        found.append(_of_header(interchange, 15, "020", says))
    return tuple(found)


def _of_header(interchange: Interchange, element: int, code: str, says: str) -> Fault:
    header = interchange.header
    value = header.get(element)
    return Fault(
        Level.INTERCHANGE, code, header.number, "ISA", element=element, value=value, detail=says
    )


def judged(
    interchange: Interchange, partner: Partner, group: Group, known: Known | None
) -> JudgedGroup:
    """Read every set of a group, in its order; raises nothing.

    Args:
        interchange: that the group is of.
        partner: whose it is.
        group: the group.
        known: a retailer's order by its number, for its changes; without it they are only checked.
    """
    faults = list(group.faults)
    for element, agreed in ((2, partner.them), (3, partner.us)):
        if agreed.group and group.header.get(element) != agreed.group:
            fault = Fault(Level.GROUP, "1", group.header.number, "GS", element=element)
            says = f"agreed: {agreed.group}"
            faults.append(fault._replace(value=group.header.get(element), detail=says))
    version = _version(interchange, group)
    earlier: dict[str, SalesOrder] = {}

    def as_it_stands(number: str) -> SalesOrder | None:
        return earlier.get(number) or (known(number) if known else None)

    sets: list[Judged] = []
    for one in group.sets:
        context = Context(partner, group, one, version)
        found = _judged(context, as_it_stands, read=known is not None or one.kind != "860")
        sets.append(found)
        for document in found.documents:
            if isinstance(document, SalesOrder):
                earlier[document.references[0].number] = document
    return JudgedGroup(group, tuple(faults), tuple(sets))


def _judged(context: Context, known: Known, *, read: bool) -> Judged:
    one, partner = context.one, context.partner
    faults = [*one.faults, *_refined(faults_of(context.group, one), context)]
    if not any(fault.level is Level.SET and fault.code in {"1", "6"} for fault in faults) and (
        one.kind not in partner.inbound
    ):
        says = f"a {partner.role} sends {', '.join(sorted(partner.inbound))}"
        faults.append(Fault(Level.SET, "1", one.segments[0].number, "ST", value=one.kind))
        faults[-1] = faults[-1]._replace(detail=says)
    if any(fault.refuses for fault in faults) or one.kind == "997" or not read:
        return Judged(one, tuple(faults))
    try:
        documents = _documents(context, known)
    except UnreadableError as error:
        return Judged(one, (*faults, error.fault))
    return Judged(one, tuple(faults), documents)


def _refined(faults: tuple[Fault, ...], context: Context) -> list[Fault]:
    """Units that the partner calls otherwise are no fault."""
    units = context.partner.units
    return [fault for fault in faults if not (fault.reference == 355 and fault.value in units)]


def _documents(context: Context, known: Known) -> tuple[Document, ...]:
    kind = context.one.kind
    if kind in {"850", "860"}:
        read = read_order if kind == "850" else read_change
        found = read(context, known)
    else:
        found = READ[kind](context)
    if len(found) > _MAX_DOCUMENTS:
        raise UnreadableError(context.one.segments[0].fault("5", detail="too many documents"))
    for document in found:
        _demand_keepable(context, document)
    return found


def _demand_keepable(context: Context, document: Document) -> None:
    """What is read has to be within the bounds of the neutral form: nothing is cut off."""
    try:
        msgspec.convert(msgspec.to_builtins(document), type(document))
    except msgspec.ValidationError as error:
        header = context.one.segments[1]
        says = str(error)[:200]
        raise UnreadableError(header.fault("8", detail=says)) from None


def _version(interchange: Interchange, group: Group) -> int:
    """The group's moment in minutes, then the interchange's number: later is higher."""
    text = f"{group.header.get(4)}{group.header.get(5)[:4]}"
    if len(text) == 10:
        text = "20" + text
    try:
        moment = datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        moment = _EPOCH
    minutes = int((moment - _EPOCH).total_seconds()) // 60
    return minutes * MINUTE + (sequence(interchange.control) or 0) % MINUTE
