"""Documents that a connector posts in our own form: JSON as ``documents.py`` has it. Pure.

One document with its ``type`` (``{"type": "sales-order", …}``), or ``{"documents": [ … ]}``; times
are microseconds UTC.
"""

from __future__ import annotations

from typing import Final, cast

from msgspec import Struct

from cloud.feeds.documents import MAX_LINES, Document
from cloud.feeds.model import Flaw, Incoming, Read
from cloud.feeds.reading import shaped, strict_json
from shared.errors import QuartermasterError

MAX_DOCUMENTS: Final = 1000
_SHOWN: Final = 50
_TIMES: Final = (
    *("at", "placed_at", "paid_at", "cancelled_at", "ordered_at", "shipped_at", "received_at"),
    *("eta", "start", "until"),
)
_EARLIEST: Final = 946_684_800_000_000  # 2000-01-01
_LATEST: Final = 4_102_444_800_000_000  # 2100-01-01
_ANY: Final = cast("type[Document]", Document)


class _Several(Struct, forbid_unknown_fields=True):
    documents: list[object]


def read(_connection: object, incoming: Incoming) -> Read:
    """The documents that were posted, or all that is wrong with them."""
    return read_content(incoming.content)


def read_content(content: bytes) -> Read:
    """As :func:`read`.

    Raises:
        QuartermasterError: ``feed.content`` where it is no JSON.
    """
    value = strict_json(content)
    single = isinstance(value, dict) and "type" in value
    values: list[object] = [value] if single else shaped(cast("object", value), _Several).documents
    if not 1 <= len(values) <= MAX_DOCUMENTS:
        raise QuartermasterError("feed.document", f"1 to {MAX_DOCUMENTS} documents", where="$")
    documents: list[Document] = []
    flaws: list[Flaw] = []
    for index, each in enumerate(values):
        try:
            document: Document = shaped(each, _ANY)
            _check(document)
        except QuartermasterError as error:
            place = "$" if single else f"$.documents[{index}]"
            flaws.append(Flaw(error.code, place + error.where.removeprefix("$"), error.detail))
        else:
            documents.append(document)
    return Read(tuple(documents), tuple(flaws[:_SHOWN]))


def _check(document: Document) -> None:
    """What the shape alone does not say."""
    lines: tuple[object, ...] = getattr(document, "lines", ())
    if len(lines) > MAX_LINES:
        raise QuartermasterError("feed.document", f"at most {MAX_LINES} lines", where="$.lines")
    for name in ("references", "order"):
        if getattr(document, name, None) == ():
            raise QuartermasterError("feed.document", "at least one number", where=f"$.{name}")
    for name in _TIMES:
        at: int | None = getattr(document, name, None)
        if at is not None and not _EARLIEST <= at < _LATEST:
            says = "a time is in microseconds since 1970, UTC, from 2000 to 2099"
            raise QuartermasterError("feed.document", says, where=f"$.{name}")
