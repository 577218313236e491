"""SQL of X12; private to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from cloud.db import Connection, Queries
from cloud.feeds.documents import Document, SalesOrder
from cloud.feeds.x12.acknowledging import Answered
from cloud.feeds.x12.partner import Partner
from cloud.feeds.x12.reading import Judged
from cloud.feeds.x12.writing import Message, Row, Written
from shared.units import DAY, Micros

_Q: Final = Queries(__package__ or "")


class Answer(NamedTuple):
    """What goes back about an interchange."""

    messages: tuple[Message, ...] = ()
    tidings: tuple[Row, ...] = ()


class Known(NamedTuple):
    """A partner as registered, with the last numbers given and heard."""

    partner_id: int
    feed_id: int
    profile: Partner
    interchanges: int
    groups: int
    heard: int | None


class Earlier(NamedTuple):
    """An interchange that came before, and what it was answered with."""

    interchange_id: int
    sha256: bytes
    answer: Answer | None


class Before(NamedTuple):
    """What was made of an interchange when its delivery was read before."""

    interchange_id: int
    standing: str
    code: str | None
    says: str


class SetRow(NamedTuple):
    """A set as it was judged; ``documents`` is None where that was forgotten."""

    kind: str
    control: str
    accepted: bool
    says: str
    documents: tuple[Document, ...] | None


class SentRow(NamedTuple):
    """A set that was sent, and what became of it."""

    interchange: int
    group: int
    control: str
    kind: str
    reference: str
    made_at: Micros
    written_at: Micros | None
    due_at: Micros | None
    answered_at: Micros | None
    accepted: bool | None
    says: str


class Overdue(NamedTuple):
    """A set that was not acknowledged in time."""

    partner: str
    kind: str
    reference: str
    control: int
    made_at: Micros


class Outgoing(NamedTuple):
    """An interchange that is to be laid into a partner's folder."""

    sent_id: int
    partner: str
    control: int
    content: bytes


def save_partner(connection: Connection, partner: Partner, feed_id: int | None) -> None:
    """Register a partner, or with no feed given change it."""
    values = {**_addresses(partner), "code": partner.code, "profile": _json(partner)}
    if feed_id is None:
        connection.execute(_Q["update_partner"], values)
    else:
        connection.execute(_Q["insert_partner"], {**values, "feed_id": feed_id})


def partner_at(connection: Connection, partner: Partner) -> str | None:
    """The code of whoever has these addresses."""
    row = connection.execute(_Q["partner_at"], _addresses(partner)).fetchone()
    return None if row is None else str(row[0])


def _addresses(partner: Partner) -> dict[str, Any]:
    return {
        "their_qualifier": partner.them.qualifier,
        "their_id": partner.them.id,
        "our_qualifier": partner.us.qualifier,
        "our_id": partner.us.id,
    }


def partners(connection: Connection) -> list[Known]:
    """All partners."""
    return [_known(row) for row in connection.execute(_Q["partners"])]


def partner(connection: Connection, code: str, *, held: bool = False) -> Known | None:
    """One partner; held, nobody else gives its numbers until the commit."""
    name = "held_partner" if held else "partner"
    row = connection.execute(_Q[name], {"code": code}).fetchone()
    return None if row is None else _known(row)


def held_partner_of_feed(connection: Connection, feed_id: int) -> Known | None:
    """The partner of a feed, held."""
    row = connection.execute(_Q["held_partner_of_feed"], {"feed_id": feed_id}).fetchone()
    return None if row is None else _known(row)


def _known(row: tuple[Any, ...]) -> Known:
    return Known(row[0], row[1], msgspec.convert(row[2], Partner), *row[3:])


def renumber(connection: Connection, partner_id: int, last: int) -> None:
    """Go on after a number."""
    connection.execute(_Q["renumber"], {"partner_id": partner_id, "last": last})


def hear(connection: Connection, partner_id: int, control: int) -> None:
    """Note the last number that came."""
    connection.execute(_Q["hear"], {"partner_id": partner_id, "heard": control})


def of_delivery(connection: Connection, delivery_id: int, position: int) -> Before | None:
    """What was made of this interchange when its delivery was read before."""
    values = {"delivery_id": delivery_id, "position": position}
    row = connection.execute(_Q["of_delivery"], values).fetchone()
    return None if row is None else Before(*row)


def under_number(
    connection: Connection, partner_id: int, control: str, since: Micros
) -> list[Earlier]:
    """What came under an interchange number."""
    values = {"partner_id": partner_id, "control": control, "since": since}
    return [
        Earlier(row[0], bytes(row[1]), None if row[2] is None else msgspec.convert(row[2], Answer))
        for row in connection.execute(_Q["under_number"], values)
    ]


def insert_interchange(connection: Connection, values: dict[str, Any]) -> int:
    """Note an interchange."""
    row = connection.execute(_Q["insert_interchange"], values).fetchone()
    return 0 if row is None else int(row[0])


def note_answer(connection: Connection, interchange_id: int, answer: Answer) -> None:
    """Note what an interchange was answered with."""
    values = {"interchange_id": interchange_id, "answer": _json(answer)}
    connection.execute(_Q["note_answer"], values)


def insert_sets(
    connection: Connection,
    interchange_id: int,
    judged: Sequence[tuple[str, str, Judged, bool]],
) -> None:
    """Note sets: group's code and number, what was judged, and whether it was taken."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["insert_set"],
            [
                {
                    "interchange_id": interchange_id,
                    "position": position,
                    "group_code": clean(code),
                    "group_control": clean(number),
                    "control": clean(one.one.control),
                    "kind": clean(one.one.kind),
                    "accepted": taken,
                    "says": clean("; ".join(fault.says for fault in one.faults), 2000),
                    "documents": _json(one.documents) if taken else None,
                }
                for position, (code, number, one, taken) in enumerate(judged)
            ],
        )


def sets(connection: Connection, interchange_id: int) -> list[SetRow]:
    """The sets of an interchange as they were judged."""
    return [
        SetRow(row[0], row[1], row[2], row[3], None if row[4] is None else _documents(row[4]))
        for row in connection.execute(_Q["sets"], {"interchange_id": interchange_id})
    ]


def order(connection: Connection, partner_id: int, number: str) -> SalesOrder | None:
    """A retailer's order as it stands."""
    values = {"partner_id": partner_id, "number": number}
    row = connection.execute(_Q["order"], values).fetchone()
    return None if row is None else msgspec.convert(row[0], SalesOrder)


def note_order(connection: Connection, partner_id: int, document: SalesOrder, at: Micros) -> None:
    """Note a retailer's order as it stands."""
    number = document.references[0].number
    connection.execute(
        _Q["note_order"],
        {"partner_id": partner_id, "number": number, "document": _json(document), "at": at},
    )


def insert_sent(
    connection: Connection,
    known: Known,
    written: Written,
    *,
    control: int,
    groups: int,
    documents: Sequence[Document | None],
    at: Micros,
) -> int:
    """Keep what is to go out, under the numbers that were given to it."""
    connection.execute(
        _Q["number"],
        {"partner_id": known.partner_id, "interchanges": control, "groups": groups},
    )
    values = {
        "partner_id": known.partner_id,
        "control": control,
        "content": written.content,
        "at": at,
    }
    row = connection.execute(_Q["insert_sent"], values).fetchone()
    sent_id = 0 if row is None else int(row[0])
    hours = known.profile.answers_within_hours
    with connection.cursor() as cursor:
        cursor.executemany(
            _Q["insert_sent_set"],
            [
                {
                    "sent_id": sent_id,
                    "position": position,
                    "partner_id": known.partner_id,
                    "group_code": placed.group_code,
                    "group_control": placed.group,
                    "control": placed.control,
                    "kind": placed.message.kind,
                    "reference": placed.message.reference,
                    "document": None if document is None else _json(document),
                    "due": at + hours * DAY // 24 if hours and placed.group_code != "FA" else None,
                }
                for position, (placed, document) in enumerate(
                    zip(written.placed, documents, strict=True)
                )
            ],
        )
    return sent_id


def told_before(
    connection: Connection, partner_id: int, reference: str, tag: str
) -> Document | None:
    """The last that was told of a document of ours."""
    values = {"partner_id": partner_id, "reference": reference, "tag": tag}
    row = connection.execute(_Q["told_before"], values).fetchone()
    return None if row is None else msgspec.convert(row[0], Document)


def answer(
    connection: Connection, partner_id: int, said: Answered, at: Micros
) -> list[tuple[str, str]] | None:
    """Note what a partner said: kind and reference of what it concerns; None if never sent."""
    if not (said.group.isascii() and said.group.isdigit()):
        return None
    values = {
        "partner_id": partner_id,
        "group_code": clean(said.group_code),
        "group_control": int(said.group),
        "control": clean(said.control),
        "accepted": said.accepted,
        "says": clean(said.words, 500),
        "at": at,
    }
    found = [(str(row[0]), str(row[1])) for row in connection.execute(_Q["answer"], values)]
    if not found and connection.execute(_Q["was_sent"], values).fetchone() is None:
        return None
    return found


def refuse_interchange(
    connection: Connection, partner_id: int, control: int, says: str, at: Micros
) -> list[tuple[str, str]]:
    """A whole interchange of ours was refused: kind and reference of what was in it."""
    values = {
        "partner_id": partner_id,
        "control": control,
        "says": clean(says, 500),
        "at": at,
    }
    rows = connection.execute(_Q["answer_interchange"], values)
    return [(str(row[0]), str(row[1])) for row in rows]


def overdue(connection: Connection, now: Micros) -> list[Overdue]:
    """What should have been acknowledged; each is told once."""
    return [Overdue(*row) for row in connection.execute(_Q["overdue"], {"now": now})]


def unwritten(connection: Connection) -> list[Outgoing]:
    """What is to be laid into partners' folders."""
    return [
        Outgoing(row[0], row[1], row[2], bytes(row[3]))
        for row in connection.execute(_Q["unwritten"])
    ]


def written(connection: Connection, sent_id: int, now: Micros) -> None:
    """It lies there."""
    connection.execute(_Q["written"], {"sent_id": sent_id, "now": now})


def sent(connection: Connection, partner_id: int, limit: int) -> list[SentRow]:
    """What was sent, the newest first."""
    values = {"partner_id": partner_id, "limit": limit}
    return [SentRow(*row) for row in connection.execute(_Q["sent"], values)]


def forget(connection: Connection, before: Micros, orders_before: Micros) -> None:
    """Forget what holds customers' addresses."""
    for name in ("forget_sent", "forget_told", "forget_read", "forget_persons"):
        connection.execute(_Q[name], {"before": before})
    connection.execute(_Q["forget_orders"], {"before": orders_before})


def clean(text: str, longest: int = 80) -> str:
    """A text as PostgreSQL can keep it."""
    return text.replace("\0", "\\0").encode("utf-8", "replace").decode()[:longest]


def _json(value: object) -> Jsonb:
    return Jsonb(msgspec.to_builtins(value))


def _documents(value: object) -> tuple[Document, ...]:
    return msgspec.convert(value, tuple[Document, ...])
