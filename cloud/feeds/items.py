"""Which item of ours a feed means, and how many base units: one answer for everybody who is fed.

A name that is given and known decides; names that mean different items are refused, and so is
what nobody knows. What a feed's own codes mean is kept in versions, as a person said it or as the
feed's own listings say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.feeds import store
from cloud.feeds.documents import Delivery, Goods, Listing
from cloud.feeds.model import ItemMapping
from shared.errors import Code, QuartermasterError
from shared.units import Micros

_EACH: Final = frozenset({"", "EA", "EACH", "PC", "PCS", "PCE", "UN", "UNIT", "C62", "H87"})
_LEVELS: Final = {
    "IP": "inner",
    "PK": "inner",
    "CA": "case",
    "CS": "case",
    "CT": "case",
    "BX": "case",
    "LY": "layer",
    "PL": "pallet",
    "PF": "pallet",
}
"""Units of X12 element 355 (and UN/ECE Recommendation 20's letters for one) as pack levels."""


class Resolved(NamedTuple):
    """An item of ours; one of the source's units is ``per`` base units."""

    item_id: int
    sku: str
    per: int


Wanted = tuple[Goods, str]
"""Goods, and the unit that they are counted in."""


class _Names(NamedTuple):
    by_sku: dict[str, int]
    by_gtin: dict[str, tuple[int, str, int]]
    by_theirs: dict[str, tuple[int, str, int]]
    packs: dict[int, list[tuple[str, int]]]


def resolve(
    connection: Connection, feed: str, goods: Goods, *, unit: str = "EA", where: str = "goods"
) -> Resolved:
    """The item that a feed means.

    Raises:
        QuartermasterError: ``feed.unknown-item``, ``feed.item-contradicts``, ``feed.unit``.
    """
    return resolve_all(connection, feed, [(goods, unit)], where=lambda _: where)[0]


def resolve_all(
    connection: Connection,
    feed: str,
    wanted: Sequence[Wanted],
    *,
    where: Callable[[int], str] = "line {}".format,
) -> list[Resolved]:
    """The items that a feed means, in the same order; a few statements however many.

    ``where`` names a place in the document by its position from 0, for the refusal.

    Raises:
        QuartermasterError: ``feed.unknown-item``, ``feed.item-contradicts``, ``feed.unit``; of
            the first that cannot be told.
    """
    found: list[Resolved] = []
    for index, answer in enumerate(try_all(connection, feed, wanted)):
        if isinstance(answer, tuple):
            found.append(answer)
        else:
            raise QuartermasterError(answer.code, answer.detail, where=where(index))
    return found


def try_all(
    connection: Connection, feed: str, wanted: Sequence[Wanted]
) -> list[Resolved | QuartermasterError]:
    """As :func:`resolve_all`, with each refusal in its place."""
    names = _names(connection, feed, wanted)
    answers: list[Resolved | QuartermasterError] = []
    for goods, unit in wanted:
        try:
            answers.append(_resolved(names, goods, unit))
        except QuartermasterError as error:
            answers.append(error)
    return answers


def gtin14(text: str) -> str:
    """A trade item number in its longest form; empty where it is none (GS1 General Specs 3.3)."""
    digits = text.strip()
    return digits.zfill(14) if digits.isascii() and digits.isdigit() and len(digits) <= 14 else ""


def _names(connection: Connection, feed: str, wanted: Iterable[Wanted]) -> _Names:
    skus = {goods.sku for goods, _ in wanted if goods.sku}
    gtins = {gtin14(goods.gtin) for goods, _ in wanted if goods.gtin} - {""}
    theirs = {goods.theirs for goods, _ in wanted if goods.theirs} | skus
    by_sku = store.items_by_sku(connection, sorted(skus)) if skus else {}
    by_gtin = store.items_by_gtin(connection, sorted(gtins)) if gtins else {}
    by_theirs = store.items_by_theirs(connection, feed, sorted(theirs)) if theirs else {}
    packs: dict[int, list[tuple[str, int]]] = {}
    if any(unit.upper() in _LEVELS for _, unit in wanted):
        known = {*by_sku.values()} | {row[0] for row in [*by_gtin.values(), *by_theirs.values()]}
        packs = store.packs(connection, sorted(known))
    return _Names(by_sku, by_gtin, by_theirs, packs)


def _resolved(names: _Names, goods: Goods, unit: str) -> Resolved:
    """Put what each name means side by side."""
    said: list[tuple[str, int, str, int | None]] = []
    if goods.sku in names.by_sku:
        said.append((f"SKU {goods.sku}", names.by_sku[goods.sku], goods.sku, None))
    elif goods.sku in names.by_theirs:
        item_id, sku, per = names.by_theirs[goods.sku]
        said.append((f"their SKU {goods.sku}", item_id, sku, per))
    if goods.theirs in names.by_theirs:
        item_id, sku, per = names.by_theirs[goods.theirs]
        said.append((f"their code {goods.theirs}", item_id, sku, per))
    pack: int | None = None
    if (gtin := gtin14(goods.gtin)) in names.by_gtin:
        item_id, sku, pack = names.by_gtin[gtin]
        said.append((f"GTIN {gtin}", item_id, sku, pack))
    if not said:
        raise QuartermasterError("feed.unknown-item", _named(goods))
    if len({item_id for _, item_id, _, _ in said}) > 1:
        says = ", ".join(f"{name} is {sku}" for name, _, sku, _ in said)
        raise QuartermasterError("feed.item-contradicts", says)
    _, item_id, sku, _ = said[0]
    mapped = next((per for name, _, _, per in said if per is not None and name[0] == "t"), None)
    per = base_units(unit, pack=pack, mapped=mapped, packs=names.packs.get(item_id, []))
    if per is None:
        says = f"{unit} of {sku}; known packs: {_packs(names.packs.get(item_id, []))}"
        raise QuartermasterError("feed.unit", says)
    return Resolved(item_id, sku, per)


def base_units(
    unit: str, *, pack: int | None, mapped: int | None, packs: Sequence[tuple[str, int]]
) -> int | None:
    """How many base units one of a unit is; None where nothing says so.

    A trade item number of a pack says it by itself; then what the feed's mapping says; a unit that
    names a pack level is of the item's one pack of that level.
    """
    if pack is not None and pack > 1:
        return pack
    letters = unit.strip().upper()
    if letters in _EACH:
        return mapped or 1
    if mapped is not None and mapped > 1:
        return mapped
    of_level = {quantity for level, quantity in packs if level == _LEVELS.get(letters)}
    return of_level.pop() if len(of_level) == 1 else None


def _named(goods: Goods) -> str:
    given = (
        ("SKU", goods.sku),
        ("GTIN", goods.gtin),
        ("their code", goods.theirs),
        ("name", goods.name),
    )
    return ", ".join(f"{what} {value!r}" for what, value in given if value) or "no name at all"


def _packs(packs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{level} of {quantity}" for level, quantity in sorted(packs)) or "none"


def map_item(
    connection: Connection,
    feed: str,
    theirs: str,
    sku: str,
    *,
    quantity: int = 1,
    by: str,
    now: Micros,
) -> bool:
    """Let a feed's code mean an item from now on, as a person says; False where it does already.

    Raises:
        QuartermasterError: ``feed.unknown``, ``request.not-found`` for the item,
            ``request.invalid`` without a code or a person.
    """
    found = store.feed(connection, feed)
    if found is None:
        raise QuartermasterError("feed.unknown", feed)
    if not theirs or len(theirs) > 80 or not theirs.isprintable() or not by:
        raise QuartermasterError("request.invalid", "a code of at most 80 characters, and a person")
    item_id = store.items_by_sku(connection, [sku]).get(sku)
    if item_id is None:
        raise QuartermasterError("request.not-found", f"item {sku}", where="sku")
    return store.map_item(
        connection, found.feed_id, theirs, item_id, quantity, by=by, delivery_id=None, now=now
    )


def learn(connection: Connection, listing: Listing, delivery: Delivery) -> None:
    """Note what a channel's code means, as its own listing says: a handler of documents.

    What a person said of the code stands; a listing that says otherwise is a case.

    Raises:
        QuartermasterError: ``feed.unknown-item`` or ``feed.item-contradicts``.
    """
    found = store.feed(connection, delivery.feed)
    if found is None:
        raise QuartermasterError("feed.unknown", delivery.feed)
    goods = Goods(sku=listing.sku, gtin=listing.gtin, name=listing.name)
    meant = resolve(connection, delivery.feed, goods, where=f"listing {listing.theirs}")
    before = store.items_by_theirs(connection, delivery.feed, [listing.theirs])
    said = before.get(listing.theirs)
    if (
        said is not None
        and said[0] != meant.item_id
        and _by_person(connection, found.feed_id, listing)
    ):
        code: Code = "feed.item-contradicts"
        says = f"{listing.theirs} is {said[1]} as a person said; the listing names {meant.sku}"
        raise_exception(
            connection,
            code,
            f"feed {delivery.feed} {listing.theirs}",
            says,
            at=delivery.received_at,
        )
        return
    if said is not None and said[0] == meant.item_id:
        return
    store.map_item(
        connection,
        found.feed_id,
        listing.theirs,
        meant.item_id,
        meant.per,
        by="",
        delivery_id=delivery.delivery_id,
        now=delivery.received_at,
    )


def _by_person(connection: Connection, feed_id: int, listing: Listing) -> bool:
    row = store.mapping_of(connection, feed_id, listing.theirs)
    return row is not None and bool(row.by)


def mappings(
    connection: Connection,
    feed: str,
    *,
    theirs: str | None = None,
    everything: bool = False,
    limit: int = 100,
) -> list[ItemMapping]:
    """What a feed's codes mean; with ``everything`` what they meant before, too.

    Raises:
        QuartermasterError: ``feed.unknown``.
    """
    found = store.feed(connection, feed)
    if found is None:
        raise QuartermasterError("feed.unknown", feed)
    return store.mappings(
        connection, found.feed_id, theirs=theirs, everything=everything, limit=limit
    )
