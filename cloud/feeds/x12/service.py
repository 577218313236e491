"""X12 with partners: what comes is judged, told to the rooms and answered; what goes is numbered.

Reading happens inside the transaction of its delivery (``cloud.feeds``): the judgement, the answer
and what is applied stand or fall together. A delivery that is read again gives what it gave the
first time, and is not answered again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from cloud import feeds
from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.feeds import Flaw, Incoming, NewFeed, Read
from cloud.feeds.documents import (
    Confirmation,
    ConfirmedLine,
    Document,
    Fulfilment,
    Numbering,
    PurchaseOrder,
    Reference,
    SalesOrder,
)
from cloud.feeds.x12 import store
from cloud.feeds.x12.acknowledging import (
    acknowledgement,
    answers,
    taken_of,
    tidings,
    verdict_of,
)
from cloud.feeds.x12.compose import composed
from cloud.feeds.x12.envelope import Interchange, read, sequence
from cloud.feeds.x12.faults import Fault, Level
from cloud.feeds.x12.partner import Partner, Role
from cloud.feeds.x12.reading import Judged, JudgedGroup, foreign, judged
from cloud.feeds.x12.store import Answer, Earlier, Known, Outgoing, SentRow
from cloud.feeds.x12.writing import Message, Row, following, write
from shared.errors import Code, QuartermasterError
from shared.units import DAY, Micros

KIND: Final = "x12"
"""The kind of a partner's feed."""
_NUMBERS_FOR: Final = Micros(366 * DAY)
"""A control number means one interchange for so long; partners begin anew some day."""
_KEPT_FOR: Final = Micros(30 * DAY)
_ORDERS_FOR: Final = Micros(400 * DAY)
_SENDER: Final = frozenset({"005", "006"})
_ADDRESSES: Final = frozenset({"005", "006", "007", "008"})


class _Found(NamedTuple):
    """What became of one interchange."""

    parts: tuple[tuple[Document, ...], ...] = ()
    """The documents of each set that was taken."""
    flaws: tuple[Flaw, ...] = ()
    answer: Answer = Answer()


def save_partner(connection: Connection, partner: Partner, *, now: Micros) -> Known:
    """Register a partner with its feed, or change what is agreed with it.

    Raises:
        QuartermasterError: ``x12.profile`` where another partner has these addresses;
            ``feed.exists`` where a feed of another kind has this code; ``feed.unknown-site``.
    """
    holder = store.partner_at(connection, partner)
    if holder not in {None, partner.code}:
        raise QuartermasterError("x12.profile", f"these addresses are those of {holder}")
    site = partner.site if partner.role is Role.WAREHOUSE else None
    channel = partner.scope if partner.role is Role.RETAILER else ""
    new = NewFeed(partner.code, KIND, site=site, channel=channel, partner=partner.scope)
    if store.partner(connection, partner.code) is None:
        made = feeds.add(connection, new, now=now)
        store.save_partner(connection, partner, made.feed_id)
    else:
        feeds.change(connection, new)
        store.save_partner(connection, partner, None)
    return known_partner(connection, partner.code)


def known_partner(connection: Connection, code: str) -> Known:
    """One partner.

    Raises:
        QuartermasterError: ``x12.partner``.
    """
    found = store.partner(connection, code)
    if found is None:
        raise QuartermasterError("x12.partner", code[:80])
    return found


def renumber(connection: Connection, code: str, last: int) -> None:
    """Go on after the last interchange number that a partner has from us: after a restore.

    Never back: a number that was used here already would be taken for a repetition.

    Raises:
        QuartermasterError: ``x12.partner``; ``request.conflict`` for a lower number.
    """
    known = store.partner(connection, code, held=True)
    if known is None:
        raise QuartermasterError("x12.partner", code[:80])
    if last < known.interchanges:
        says = f"{known.interchanges:09d} was given already"
        raise QuartermasterError("request.conflict", says, where="last")
    store.renumber(connection, known.partner_id, last)


def partners(connection: Connection) -> list[Known]:
    """All partners by code."""
    return store.partners(connection)


def sent(connection: Connection, code: str, *, limit: int = 100) -> list[SentRow]:
    """What was sent to a partner and what it said to it, the newest first.

    Raises:
        QuartermasterError: ``x12.partner``.
    """
    return store.sent(connection, known_partner(connection, code).partner_id, limit)


def send(
    connection: Connection, code: str, documents: Sequence[Document], *, now: Micros
) -> int | None:
    """Tell a partner of documents, in one interchange under the next number; returns that.

    An order of ours that was told before goes as its change; where nothing has changed, nothing
    goes (None).

    Raises:
        QuartermasterError: ``x12.partner``; ``x12.unwritable``, and then nothing is sent.
    """
    known = store.partner(connection, code, held=True)
    if known is None:
        raise QuartermasterError("x12.partner", code[:80])
    messages: list[Message] = []
    told: list[Document] = []
    for document in documents:
        before = _told_before(connection, known, document)
        if before == document:
            continue
        message = composed(known.profile, document, before)
        if message.kind not in known.profile.outbound:
            raise QuartermasterError("x12.unwritable", f"no {message.kind} was agreed with {code}")
        messages.append(message)
        told.append(document)
    return _send(connection, known, messages, told, now=now) if messages else None


def _told_before(connection: Connection, known: Known, document: Document) -> Document | None:
    if not isinstance(document, PurchaseOrder) or not document.references:
        return None
    number, tag = document.references[0].number, "purchase-order"
    return store.told_before(connection, known.partner_id, number, tag)


def _send(
    connection: Connection,
    known: Known,
    messages: Sequence[Message],
    documents: Sequence[Document | None],
    *,
    now: Micros,
    told: Sequence[Row] = (),
) -> int:
    control, group = following(known.interchanges), following(known.groups)
    made = write(known.profile, messages, control=control, group=group, at=now, tidings=told)
    last = made.placed[-1].group if made.placed else known.groups
    store.insert_sent(
        connection, known, made, control=control, groups=last, documents=documents, at=now
    )
    return control


def read_delivery(connection: Connection, incoming: Incoming) -> Read:
    """The reader of X12: every interchange of a delivery, judged and answered.

    Raises:
        QuartermasterError: ``x12.partner`` where the feed has no partner.
    """
    known = store.held_partner_of_feed(connection, incoming.feed.feed_id)
    if known is None:
        raise QuartermasterError("x12.partner", incoming.feed.code)
    file = read(incoming.content)
    flaws = [_flaw("x12.envelope", fault) for fault in file.faults]
    parts: list[tuple[Document, ...]] = []
    for position, interchange in enumerate(file.interchanges):
        found = _again(connection, incoming, position)
        if found is None:
            found = _first(connection, known, incoming, position, interchange)
            known = _answer(connection, known, found.answer, incoming.received_at)
        parts.extend(found.parts)
        flaws.extend(found.flaws)
    return Read(
        documents=tuple(document for part in parts for document in part),
        flaws=tuple(flaws),
        apart=True,
        together=tuple(len(part) for part in parts),
    )


def _again(connection: Connection, incoming: Incoming, position: int) -> _Found | None:
    """What this interchange of this delivery gave when it was read before."""
    before = store.of_delivery(connection, incoming.delivery_id, position)
    if before is None:
        return None
    flaws: list[Flaw] = []
    if before.standing == "refused":
        flaws.append(Flaw(_code(before.code), "", before.says))
    parts: list[tuple[Document, ...]] = []
    for row in store.sets(connection, before.interchange_id):
        if not row.accepted:
            flaws.append(Flaw("x12.set", f"{row.kind} {row.control}", row.says))
        elif row.documents is None:
            says = "what was read of it has been forgotten"
            flaws.append(Flaw("x12.set", f"{row.kind} {row.control}", says))
        else:
            parts.append(row.documents)
    return _Found(tuple(parts), tuple(flaws))


def _code(text: str | None) -> Code:
    if text == "x12.duplicate":
        return "x12.duplicate"
    return "x12.partner" if text == "x12.partner" else "x12.envelope"


def _first(
    connection: Connection,
    known: Known,
    incoming: Incoming,
    position: int,
    interchange: Interchange,
) -> _Found:
    """Judge an interchange that is read for the first time, and note what became of it."""
    partner, now = known.profile, incoming.received_at
    faults = (*interchange.faults, *foreign(interchange, partner))
    digest = fingerprint(interchange)
    since = Micros(now - _NUMBERS_FOR)
    control = store.clean(interchange.control)
    earlier = store.under_number(connection, known.partner_id, control, since)
    note = {
        "partner_id": known.partner_id,
        "delivery_id": incoming.delivery_id,
        "position": position,
        "control": control,
        "sha256": digest,
        "at": now,
        "standing": "taken",
        "code": None,
        "says": "",
    }
    if not any(fault.refuses for fault in faults) and earlier:
        same = _same(earlier, digest)
        if same is not None:
            store.insert_interchange(connection, {**note, "standing": "repeated"})
            return _Found(answer=same)
        faults = (*faults, _reused(interchange))
    refusing = [fault for fault in faults if fault.refuses]
    if refusing:
        code = _code_of(refusing)
        says = store.clean("; ".join(fault.says for fault in refusing), 500)
        store.insert_interchange(
            connection, {**note, "standing": "refused", "code": code, "says": says}
        )
        # A TA1 goes to whoever sent it: where that is somebody else, it is not for this partner.
        flaws = tuple(_flaw(code, fault) for fault in refusing)
        astray = {fault.code for fault in refusing} & _SENDER
        return _Found((), flaws, Answer() if astray else Answer((), _told(interchange, faults)))
    interchange_id = store.insert_interchange(connection, note)
    _follow(connection, known, interchange, now)
    found = _taken(connection, known, interchange, interchange_id, now)
    store.note_answer(connection, interchange_id, found.answer)
    return found


def _code_of(faults: Sequence[Fault]) -> Code:
    codes = {fault.code for fault in faults}
    if "025" in codes:
        return "x12.duplicate"
    return "x12.partner" if codes & _ADDRESSES else "x12.envelope"


def _reused(interchange: Interchange) -> Fault:
    return interchange.header.fault("7", 13)._replace(
        level=Level.INTERCHANGE,
        code="025",
        position=0,
        detail="something else came under it before",
    )


def _same(earlier: Sequence[Earlier], digest: bytes) -> Answer | None:
    """The answer to just this, if it came before: whoever sends it again gets it again."""
    for one in earlier:
        if one.sha256 == digest and one.answer is not None:
            return one.answer
    return None


def _told(interchange: Interchange, faults: Sequence[Fault]) -> tuple[Row, ...]:
    told = tidings(interchange, faults)
    return () if told is None else (told,)


def _taken(
    connection: Connection,
    known: Known,
    interchange: Interchange,
    interchange_id: int,
    now: Micros,
) -> _Found:
    partner = known.profile
    parts: list[tuple[Document, ...]] = []
    flaws: list[Flaw] = []
    groups: list[JudgedGroup] = []
    rows: list[tuple[str, str, Judged, bool]] = []

    def order(number: str) -> SalesOrder | None:
        return store.order(connection, known.partner_id, number)

    _hear_tidings(connection, known, interchange, now)
    for group in interchange.groups:
        found = judged(interchange, partner, group, order)
        groups.append(found)
        taken = taken_of(found)
        flaws.extend(_flaw("x12.set", fault) for fault in found.faults if fault.refuses)
        for each in found.sets:
            one = each._replace(
                documents=tuple(_joined(connection, known, document) for document in each.documents)
            )
            rows.append((group.code, group.control, one, each in taken))
            if each in taken:
                flaws.extend(_apply_own(connection, known, one, now))
                parts.append(one.documents)
            elif not found.refused:
                says = "; ".join(fault.says for fault in one.faults if fault.refuses)
                flaws.append(Flaw("x12.set", f"{one.one.kind[:3]} {one.one.control[:9]}", says))
    store.insert_sets(connection, interchange_id, rows)
    answer = Answer(_acknowledged(partner, groups), _told(interchange, interchange.faults))
    return _Found(tuple(part for part in parts if part), tuple(flaws), answer)


def _joined(connection: Connection, known: Known, document: Document) -> Document:
    """What came, with what only we know of the order that it answers.

    A supplier that accepts an order as a whole accepts each of its lines; a warehouse names the
    order as we named it to the warehouse, which knows none of its other numbers.
    """
    if isinstance(document, Confirmation) and not document.lines and document.answer is not None:
        told = _told_of(connection, known, document.order, "purchase-order")
        if isinstance(told, PurchaseOrder):
            lines = tuple(ConfirmedLine(line=line, answer=document.answer) for line in told.lines)
            return msgspec.structs.replace(document, lines=lines)
    if isinstance(document, Fulfilment):
        told = _told_of(connection, known, document.order, "sales-order")
        if isinstance(told, SalesOrder):
            return msgspec.structs.replace(document, order=told.references)
    return document


def _told_of(
    connection: Connection, known: Known, order: Sequence[Reference], tag: str
) -> Document | None:
    number = next((one.number for one in order if one.numbering is Numbering.OURS), "")
    return store.told_before(connection, known.partner_id, number, tag) if number else None


def _apply_own(connection: Connection, known: Known, one: Judged, now: Micros) -> list[Flaw]:
    """What a set means to X12 itself: orders as they stand, answers to what we sent."""
    for document in one.documents:
        if isinstance(document, SalesOrder):
            store.note_order(connection, known.partner_id, document, now)
    flaws: list[Flaw] = []
    if one.one.kind != "997":
        return flaws
    for said in answers(one.one):
        concerned = store.answer(connection, known.partner_id, said, now)
        if concerned is None:
            says = f"it answers group {said.group[:9]}, which was never sent"
            flaws.append(Flaw("x12.set", f"997 {one.one.control[:9]}", says))
        elif not said.accepted:
            for kind, reference in sorted(concerned):
                subject = f"partner {known.profile.code} {kind} {reference}"
                raise_exception(connection, "x12.rejected", subject, said.words, at=now)
    return flaws


def _hear_tidings(
    connection: Connection, known: Known, interchange: Interchange, now: Micros
) -> None:
    """What a TA1 says of an interchange of ours; that it was accepted waits for the 997."""
    for said in interchange.tidings:
        control = sequence(said.get(1))
        if control is None or said.get(4) != "R":
            continue
        words = f"TA1: the interchange was refused, code {said.get(5)[:3]}"
        partner_id = known.partner_id
        for kind, reference in sorted(
            store.refuse_interchange(connection, partner_id, control, words, now)
        ):
            subject = f"partner {known.profile.code} {kind} {reference}"
            raise_exception(connection, "x12.rejected", subject, words, at=now)


def _follow(connection: Connection, known: Known, interchange: Interchange, now: Micros) -> None:
    """See whether numbers follow one another; say it where they do not."""
    number = sequence(interchange.control)
    if number is None:
        return
    found = store.partner(connection, known.profile.code)
    heard = None if found is None else found.heard
    if heard is None or number == following(heard):
        store.hear(connection, known.partner_id, number)
        return
    subject = f"partner {known.profile.code}"
    if number > heard:
        says = f"after {heard:09d} came {number:09d}: {number - heard - 1} are missing"
        store.hear(connection, known.partner_id, number)
    else:
        says = f"{number:09d} came late, after {heard:09d}"
    raise_exception(connection, "x12.sequence", subject, says, at=now)


def _acknowledged(partner: Partner, groups: Sequence[JudgedGroup]) -> tuple[Message, ...]:
    """The 997s of an interchange, where the partner wants them; refusals are always told."""
    return tuple(
        message
        for group in groups
        if (partner.acknowledge or verdict_of(group) in {"R", "P"})
        and (message := acknowledgement(partner, group)) is not None
    )


def _answer(connection: Connection, known: Known, answer: Answer, now: Micros) -> Known:
    """Send what an interchange is answered with; returns the partner with its new numbers."""
    if not answer.messages and not answer.tidings:
        return known
    nothing: list[Document | None] = [None] * len(answer.messages)
    _send(connection, known, answer.messages, nothing, now=now, told=answer.tidings)
    return store.partner(connection, known.profile.code, held=True) or known


def answer_again(connection: Connection, code: str, content: bytes, *, now: Micros) -> int:
    """A file came that is in the inbox already: answer again what was taken of it; how often.

    Raises:
        QuartermasterError: ``x12.partner``.
    """
    known = store.partner(connection, code, held=True)
    if known is None:
        raise QuartermasterError("x12.partner", code[:80])
    times = 0
    for interchange in read(content).interchanges:
        control, since = store.clean(interchange.control), Micros(now - _NUMBERS_FOR)
        earlier = store.under_number(connection, known.partner_id, control, since)
        same = _same(earlier, fingerprint(interchange))
        if same is not None:
            known = _answer(connection, known, same, now)
            times += 1
    return times


def unusable(partner: Partner, content: bytes) -> tuple[str, ...]:
    """Why nothing of a file can be taken, in words; empty where something can."""
    file = read(content)
    says = [fault.says for fault in file.faults]
    for interchange in file.interchanges:
        faults = (*interchange.faults, *foreign(interchange, partner))
        refusing = [fault.says for fault in faults if fault.refuses]
        if not refusing:
            return ()
        says.extend(refusing)
    return tuple(says)


def unwritten(connection: Connection) -> list[Outgoing]:
    """What is to be laid into partners' folders."""
    return store.unwritten(connection)


def written(connection: Connection, sent_id: int, *, now: Micros) -> None:
    """It lies there."""
    store.written(connection, sent_id, now)


def _flaw(code: Code, fault: Fault) -> Flaw:
    where = f"segment {fault.number}" if fault.number else ""
    return Flaw(code, where, fault.says)


def fingerprint(interchange: Interchange) -> bytes:
    """Of all that an interchange says, whatever its line breaks."""
    found = hashlib.sha256("\x1f".join(interchange.header.elements).encode("utf-8", "replace"))
    for group in interchange.groups:
        for segment in (group.header, *(each for one in group.sets for each in one.segments)):
            text = "\x1e" + "\x1f".join((segment.name, *segment.elements))
            found.update(text.encode("utf-8", "replace"))
    return found.digest()


def overdue(connection: Connection, *, now: Micros) -> int:
    """Raise a case for each set that was not acknowledged in time; returns how many."""
    found = sorted(store.overdue(connection, now))
    for one in found:
        subject = f"partner {one.partner} {one.kind} {one.reference}"
        hours = (now - one.made_at) // (DAY // 24)
        says = f"sent {hours} h ago in interchange {one.control:09d}"
        raise_exception(connection, "x12.unanswered", subject, says, at=now)
    return len(found)


def forget(connection: Connection, *, now: Micros) -> None:
    """Forget what holds customers' addresses: after 30 days, an order as it stood after 400."""
    store.forget(connection, Micros(now - _KEPT_FOR), Micros(now - _ORDERS_FOR))
