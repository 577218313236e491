"""What tills have sold: a webhook in JSON or an hourly file in CSV, as documents. Pure.

One row per item, store and span of time; ``id`` is its own for ever, so the same row again, in
whatever file, is the same sale; a higher ``version`` corrects it. Quantities are net: negative
where more came back. Columns of the file, the first seven needed (of the three names of an item at
least one):

``id, store, quantity, start, until, sku|gtin|code, version, price, currency, promotion, channel,
stocked_out``

Times are RFC 3339 with an offset; ``stocked_out`` is yes or no; JSON has the same names, as
``{"sales": [ … ]}``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from cloud.feeds.documents import Goods, Name, Numbering, Reference, Sale
from cloud.feeds.kinds import TillSettings, settings_of
from cloud.feeds.model import Feed, Flaw, Incoming, Read
from cloud.feeds.reading import amount, moment, shaped, strict_json
from shared.errors import QuartermasterError

MAX_ROWS: Final = 100_000
_SHOWN: Final = 50
_COLUMNS: Final = (
    *("id", "store", "quantity", "start", "until", "sku", "gtin", "code", "version"),
    *("price", "currency", "promotion", "channel", "stocked_out"),
)
_NEEDED: Final = ("id", "store", "quantity", "start", "until")
_YES: Final = {"yes": True, "no": False, "": None}


class _Row(Struct, forbid_unknown_fields=True):
    """A row; of a file all values are text and read as what they must be."""

    id: Annotated[str, Meta(min_length=1, max_length=80)]
    store: Annotated[str, Meta(min_length=1, max_length=80)]
    quantity: Annotated[int, Meta(ge=-10_000_000, le=10_000_000)]
    start: Annotated[str, Meta(max_length=40)]
    until: Annotated[str, Meta(max_length=40)]
    sku: Name = ""
    gtin: Name = ""
    code: Name = ""
    version: Annotated[int, Meta(ge=0, lt=2**53)] = 1
    price: Annotated[str, Meta(max_length=40)] | None = None
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?\Z")] = ""
    promotion: Name = ""
    channel: Name = ""
    stocked_out: bool | None = None


class _Sales(Struct, forbid_unknown_fields=True):
    sales: list[object]


def read(_connection: object, incoming: Incoming) -> Read:
    """The sales of one webhook or file; any wrong row refuses all of them.

    Raises:
        QuartermasterError: ``feed.content`` where no row can be read.
    """
    content = incoming.content
    is_json = content.lstrip()[:1] in (b"{", b"[")
    rows = _json_rows(content) if is_json else _file_rows(content)
    sales: list[Sale] = []
    flaws: list[Flaw] = []
    seen: dict[str, str] = {}
    settings = settings_of(incoming.feed.settings, TillSettings)
    for place, values in rows:
        try:
            sale = _sale(incoming.feed, settings, shaped(values, _Row))
        except QuartermasterError as error:
            where = f"{place} {error.where.removeprefix('$.').removeprefix('$')}".strip()
            flaws.append(Flaw(error.code, where, error.detail))
        else:
            first = seen.setdefault(sale.reference.number, place)
            if first != place:
                flaws.append(Flaw("feed.document", f"{place} id", f"the same as {first}"))
            sales.append(sale)
    return Read(tuple(sales), tuple(flaws[:_SHOWN]))


def _json_rows(content: bytes) -> Iterator[tuple[str, object]]:
    values = shaped(strict_json(content), _Sales).sales
    if len(values) > MAX_ROWS:
        raise QuartermasterError("feed.content", f"at most {MAX_ROWS} rows")
    for index, value in enumerate(values):
        yield f"sales[{index}]", value


def _file_rows(content: bytes) -> Iterator[tuple[str, object]]:
    """Rows of a CSV file in UTF-8, with or without a byte-order mark.

    Raises:
        QuartermasterError: ``feed.content``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuartermasterError("feed.content", "not UTF-8", where=f"byte {error.start}") from None
    if "\0" in text:
        raise QuartermasterError("feed.content", "it holds NUL")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, list[str]())]
        unknown = [name for name in header if name not in _COLUMNS]
        missing = [name for name in _NEEDED if name not in header]
        if unknown or missing or len(set(header)) != len(header):
            says = f"unknown: {', '.join(unknown) or '–'}; missing: {', '.join(missing) or '–'}"
            raise QuartermasterError("feed.content", says[:300], where="line 1")
        rows = 0
        for values in lines:
            if not values:
                continue
            rows += 1
            if rows > MAX_ROWS:
                raise QuartermasterError("feed.content", f"at most {MAX_ROWS} rows")
            yield f"line {lines.line_num}", _typed(header, values)
    except csv.Error as error:
        raise QuartermasterError(
            "feed.content", str(error), where=f"line {lines.line_num}"
        ) from None


def _typed(header: list[str], values: list[str]) -> Mapping[str, Any]:
    """A row of text with its numbers as numbers; what is none stays text and is refused later."""
    row: dict[str, Any] = {
        name: value.strip() for name, value in zip(header, values, strict=False) if value.strip()
    }
    if len(values) != len(header):
        row[f"column {len(values)}"] = ""  # refused as unknown, by its place
    for name in ("quantity", "version"):
        text = row.get(name, "")
        if text.removeprefix("-").isdigit() and text.isascii() and len(text) < 20:
            row[name] = int(text)
    if (word := row.get("stocked_out", "").lower()) in _YES and word:
        row["stocked_out"] = _YES[word]
    return row


def _sale(of: Feed, settings: TillSettings, row: _Row) -> Sale:
    if not (row.sku or row.gtin or row.code):
        raise QuartermasterError(
            "feed.document", "one of sku, gtin and code is needed", where="sku"
        )
    start, until = moment(row.start, where="start"), moment(row.until, where="until")
    if not start < until:
        raise QuartermasterError("feed.document", "not after start", where="until")
    currency = row.currency or settings.currency
    if row.price is not None and not currency:
        raise QuartermasterError("feed.document", "a price needs one", where="currency")
    return Sale(
        reference=Reference(numbering=Numbering.CHANNEL, scope=f"{of.code}-sale", number=row.id),
        version=row.version,
        site=settings.stores.get(row.store, row.store),
        channel=row.channel or of.channel or "pos",
        goods=Goods(sku=row.sku, gtin=row.gtin, theirs=row.code),
        quantity=row.quantity,
        start=start,
        until=until,
        price=None if row.price is None else amount(row.price, currency, where="price"),
        currency=currency,
        promotion=row.promotion,
        stocked_out=row.stocked_out,
    )
