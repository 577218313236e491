"""A file as a person reads it: what is in it, what becomes of it and why. Pure.

Without a partner a file is looked at as if its sender were one and everything were agreed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from cloud.feeds.documents import Document
from cloud.feeds.x12.acknowledging import Verdict, acknowledgement, tidings, verdict_of
from cloud.feeds.x12.dictionary import SHAPES
from cloud.feeds.x12.envelope import File, Group, Interchange, Segment
from cloud.feeds.x12.faults import Fault, Level
from cloud.feeds.x12.partner import COMES, Codes, Partner, Role, Side
from cloud.feeds.x12.reading import JudgedGroup, addressed, foreign, judged

_NAMES: Final = {
    "850": "purchase order", "855": "order acknowledgement", "860": "order change",
    "865": "order change acknowledgement", "856": "ship notice", "810": "invoice",
    "846": "stock report", "852": "product activity", "940": "shipping order",
    "945": "shipping advice", "944": "stock transfer receipt", "947": "stock adjustment",
    "214": "shipment status", "997": "acknowledgement",
}  # fmt: skip
_ANY: Final = Codes(
    ours=("BP", "SK", "IN", "CB"),
    theirs=("VN", "VP", "VC", "MG", "MF", "PN", "PI", "TP", "SV", "ZZ", "EC", "VX"),
)
_VERDICTS: Final = {
    "A": "accepted",
    "E": "accepted, with remarks",
    "P": "accepted in part",
    "R": "refused",
}


class LookedAt(NamedTuple):
    """What becomes of one interchange."""

    interchange: Interchange
    faults: tuple[Fault, ...]
    groups: tuple[JudgedGroup, ...]

    @property
    def refused(self) -> bool:
        """Whether nothing of it is applied."""
        return any(fault.refuses for fault in self.faults)

    @property
    def verdict(self) -> Verdict:
        """On all of it."""
        verdicts = {verdict_of(group) for group in self.groups}
        if self.refused or verdicts == {"R"}:
            return "R"
        if verdicts & {"R", "P"}:
            return "P"
        return "E" if self.faults or "E" in verdicts else "A"


def looked_at(file: File, partner: Partner | None = None) -> tuple[LookedAt, ...]:
    """Judge all of a file. An order that a change speaks of is not looked up."""
    seen: set[tuple[str, ...]] = set()
    found: list[LookedAt] = []
    for each in file.interchanges:
        key = (*addressed(each), each.control)
        one = _one(each, partner)
        if key in seen:
            one = one._replace(faults=(*one.faults, _again(each)))
        seen.add(key)
        found.append(one)
    return tuple(found)


def _again(interchange: Interchange) -> Fault:
    number = interchange.header.number
    says = "it came before in this file; the same again is answered, but not applied"
    value, level = interchange.control, Level.INTERCHANGE
    fault = Fault(level, "025", number, "ISA", element=13, value=value, detail=says)
    return fault._replace(refuses=False)


def _one(interchange: Interchange, partner: Partner | None) -> LookedAt:
    faults = interchange.faults
    if partner is not None:
        faults += foreign(interchange, partner)
    groups = tuple(
        judged(interchange, partner or _anyone(interchange, group), group, None)
        for group in interchange.groups
    )
    return LookedAt(interchange, faults, groups)


def _anyone(interchange: Interchange, group: Group) -> Partner:
    """A partner with whom all is agreed that this group holds."""
    kinds = {one.kind for one in group.sets}
    role = max(Role, key=lambda each: len(kinds & COMES[each]))
    _, sender, _, receiver = addressed(interchange)
    return Partner(
        code="anyone",
        role=role,
        them=Side(qualifier="ZZ", id=sender),
        us=Side(qualifier="ZZ", id=receiver),
        codes=_ANY,
        comes=tuple(SHAPES),
        version=group.version if group.version >= "005010" else "004010",
        site="?",
        party="?",
    )


def lines_of(file: File, found: tuple[LookedAt, ...]) -> Iterator[str]:
    """What ``x12 check`` prints."""
    for fault in file.faults:
        yield f"refused: {fault.says}"
    for each in found:
        sender = addressed(each.interchange)
        addresses = f"{sender[0]}/{sender[1]} to {sender[2]}/{sender[3]}"
        yield f"interchange {each.interchange.control}, {addresses}: {_VERDICTS[each.verdict]}"
        yield from _remarks(each.faults, "  ")
        for group in each.groups:
            yield from _of_group(group, refused=each.refused)


def _of_group(group: JudgedGroup, *, refused: bool) -> Iterator[str]:
    verdict = "refused" if refused else _VERDICTS[verdict_of(group)]
    yield f"  group {group.group.code} {group.group.control}: {verdict}"
    yield from _remarks(group.faults, "    ")
    for one in group.sets:
        taken = one.accepted and not group.refused and not refused
        says = "accepted" + (", with remarks" if one.faults else "") if taken else "refused"
        name = _NAMES.get(one.one.kind, "not known here")
        yield f"    {one.one.kind} {one.one.control} ({name}): {says}"
        yield from _remarks(one.faults, "      ")


def _remarks(faults: tuple[Fault, ...], indent: str) -> Iterator[str]:
    for fault in faults:
        yield f"{indent}{'' if fault.refuses else 'remark: '}{fault.says}"


def answer_of(found: LookedAt, partner: Partner | None = None) -> list[str]:
    """The TA1 and 997 segments that it would be answered with."""
    told = tidings(found.interchange, found.faults)
    rows = [] if told is None else [told]
    if not found.refused:
        for group in found.groups:
            answering = partner or _anyone(found.interchange, group.group)
            message = acknowledgement(answering, group)
            rows.extend(() if message is None else message.rows)
    return ["*".join(row).rstrip("*") for row in rows]


def as_dict(file: File, found: tuple[LookedAt, ...]) -> dict[str, Any]:
    """What ``x12 check --json`` prints."""
    return {
        "accepted": not file.faults and all(each.verdict in {"A", "E"} for each in found),
        "faults": [fault.as_dict() for fault in file.faults],
        "interchanges": [
            {
                "control": each.interchange.control,
                "addresses": addressed(each.interchange),
                "delimiters": each.interchange.delimiters._asdict(),
                "verdict": each.verdict,
                "faults": [fault.as_dict() for fault in each.faults],
                "groups": [_group_dict(group) for group in each.groups],
                "answer": answer_of(each),
            }
            for each in found
        ],
    }


def _group_dict(group: JudgedGroup) -> dict[str, Any]:
    return {
        "code": group.group.code,
        "control": group.group.control,
        "version": group.group.version,
        "verdict": verdict_of(group),
        "faults": [fault.as_dict() for fault in group.faults],
        "sets": [
            {
                "kind": one.one.kind,
                "control": one.one.control,
                "accepted": one.accepted and not group.refused,
                "faults": [fault.as_dict() for fault in one.faults],
                "documents": [shown_document(document) for document in one.documents],
            }
            for one in group.sets
        ],
    }


def shown_document(document: Document) -> dict[str, Any]:
    """A document as plain data, without what is empty."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return {name: value for name, value in plain.items() if value not in ("", None, [], {})}


def segments_of(file: File) -> Iterator[str]:
    """What ``x12 show`` prints: one segment a line, indented by what it lies in."""
    for interchange in file.interchanges:
        yield _line(interchange.header, 0)
        for segment in interchange.tidings:
            yield _line(segment, 1)
        for group in interchange.groups:
            yield _line(group.header, 1)
            for one in group.sets:
                for segment in one.segments:
                    yield _line(segment, 2 if segment.name in {"ST", "SE"} else 3)


def _line(segment: Segment, depth: int) -> str:
    said = "  ".join(
        f"{segment.name}{number:02d}={value.strip()}"
        for number, value in enumerate(segment.elements, start=1)
        if value.strip()
    )
    printable = "".join(sign if sign.isprintable() else "?" for sign in said)
    return f"{segment.number:5d}  {'  ' * depth}{segment.name:3}  {printable}"
