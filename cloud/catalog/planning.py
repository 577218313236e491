"""The kinds that planning works with: columns, examples, and what contradicts itself. Pure.

What they say of items, suppliers, sites, lanes and channels they say by code; a code is a name that
never changes, and what carries it is taken out of use, never away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from cloud.catalog.cells import (
    CURRENCY,
    FROM_THE_BEGINNING,
    MAX_DAYS,
    REMOVED,
    Column,
    Shape,
    Value,
    any_code,
    code,
    day,
    day_if_any,
    named,
    needed,
    number,
    one_of,
    percentage,
    stated,
    sum_of_money,
    words,
)
from cloud.catalog.model import PlanningKind
from cloud.catalog.table import Columns, Row
from shared.units import MAX_QUANTITY

Noun = Literal["item", "supplier", "site", "channel", "lane"]
Flaw = tuple[str, str, str]
"""The column, what is wrong, what to do."""
Said = dict[str, Value]
"""All that a fact says, by column."""

MODES: Final = ("road", "rail", "sea", "air", "parcel")
PARTS: Final = ("freight", "insurance", "duty", "handling", "other")
BASES: Final = ("goods", "cif")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKWEEK: Final = "mon tue wed thu fri"
MAX_CLOSURES: Final = 1000
"""Closures of one calendar."""


class Planned(NamedTuple):
    """One kind: its shape and header, an example, whom it names, and what cannot be."""

    shape: Shape
    columns: Columns
    template: str
    named: tuple[tuple[str, Noun], ...]
    flaws: Callable[[Said], Iterator[Flaw]]


def _weekdays(row: Row, column: str, _: str) -> Value:
    return row.parsed(column, weekdays, WORKWEEK, do=f"Write some of {' '.join(WEEKDAYS)}")


def weekdays(text: str) -> str:
    """Days of the week in their order; a ValueError says what is wrong with them."""
    given = text.lower().split()
    if odd := [word for word in given if word not in WEEKDAYS]:
        raise ValueError(f"{odd[0][:40]!r} is no day of the week")
    return " ".join(name for name in WEEKDAYS if name in given)


def _no_flaws(_: Said) -> Iterator[Flaw]:
    yield from ()


def _span(said: Said) -> Iterator[Flaw]:
    starts, ends = str(said["starts"]), str(said["ends"])
    if ends < starts and str(FROM_THE_BEGINNING) not in {starts, ends}:
        yield "ends", f"{ends} is before {starts}", "Let it end on its first day or later"


def _one_of_two(said: Said, one: str, other: str, why: str) -> Iterator[Flaw]:
    given = [name for name in (one, other) if said[name] not in {None, ""}]
    if len(given) != 1:
        both = "both" if given else "none"
        yield one, f"Of {one} and {other}, {both} is there", why


def _lane_flaws(said: Said) -> Iterator[Flaw]:
    yield from _one_of_two(said, "supplier", "origin", "Say whence it leads, once")
    if said["origin"] == said["site"]:
        yield "site", "The lane leads where it begins", "Name another site"


def _cost_flaws(said: Said) -> Iterator[Flaw]:
    yield from _one_of_two(said, "percent", "amount", "Write one of the two")


def _agreement_flaws(said: Said) -> Iterator[Flaw]:
    for one, other in (("floor", "floor_days"), ("window_percent", "window_days")):
        if (said[one] is None) != (said[other] is None):
            yield one, f"{one} and {other} come together", "Write both or neither"
    if said["premium"] is not None and said["notice_days"] is None:
        yield "notice_days", "A premium without the notice that avoids it", "Write the days"


def _promotion_flaws(said: Said) -> Iterator[Flaw]:
    yield from _span(said)
    yield from _one_of_two(said, "sku", "category", "Name an item or a category; a row for each")
    if said["uplift"] is None and said["units"] is None:
        yield "uplift", "Nothing is said of what it will bring", "Write the uplift or the units"


def _planned(
    shape: Shape,
    required: Sequence[str],
    template: str,
    named: tuple[tuple[str, Noun], ...] = (),
    flaws: Callable[[Said], Iterator[Flaw]] = _no_flaws,
) -> Planned:
    every = shape.key + shape.terms + shape.lines
    columns = Columns(
        tuple(required),
        tuple(column.name for column in every if column.name not in required),
        tuple(column.name for column in every if column.money or column.name == "currency"),
        {column.name: column.form for column in every if column.form != "text"},
    )
    return Planned(shape, columns, template, named, flaws)


def _days(name: str) -> Column:
    return number(name, 0, MAX_DAYS, None)


def _units(name: str) -> Column:
    return number(name, 0, MAX_QUANTITY, None)


_PER: Final = number("per", 1, MAX_QUANTITY, 1)
_STARTS: Final = Column("starts", day, FROM_THE_BEGINNING, form="date")
_ENDS: Final = Column("ends", day, FROM_THE_BEGINNING, form="date")
_ANY_ITEM: Final = Column("sku", any_code)
_ANY_SITE: Final = Column("site", any_code)
_ANY_CHANNEL: Final = Column("channel", any_code)

PLANNING: Final[dict[PlanningKind, Planned]] = {
    "channels": _planned(
        Shape(
            (Column("code", code),),
            (Column("name", named), number("priority", 1, 1000, 100), REMOVED),
        ),
        ("code", "name"),
        "code,name,priority,removed\nshop,Our own shop,1,no\nretail,Retailers,2,no\n",
    ),
    "lanes": _planned(
        Shape(
            (Column("code", code),),
            (
                Column("supplier", any_code),
                Column("origin", any_code),
                Column("site", code),
                Column("mode", one_of(MODES, "")),
                _days("days"),
                sum_of_money("fixed"),
                sum_of_money("cost"),
                _PER,
                CURRENCY,
                REMOVED,
            ),
        ),
        ("code", "site"),
        "code,supplier,origin,site,mode,days,fixed,cost,per,currency,removed\n"
        "MILL-AMS1,MILL,,AMS1,road,2,80.00,0.02,1,EUR,no\n",
        (("supplier", "supplier"), ("origin", "site"), ("site", "site")),
        _lane_flaws,
    ),
    "costs": _planned(
        Shape(
            (
                Column("lane", any_code),
                Column("supplier", any_code),
                _ANY_ITEM,
                Column("part", needed(PARTS)),
            ),
            (
                percentage("percent"),
                Column("base", one_of(BASES, "goods"), "goods"),
                sum_of_money("amount"),
                CURRENCY,
                _PER,
                REMOVED,
            ),
        ),
        ("part",),
        "lane,supplier,sku,part,percent,base,amount,currency,per,removed\n"
        ",MILL,,insurance,0.5,goods,,,1,no\n"
        ",MILL,OAT-500,duty,7.25,cif,,,1,no\n"
        "MILL-AMS1,,,handling,,goods,0.30,EUR,12,no\n",
        (("lane", "lane"), ("supplier", "supplier"), ("sku", "item")),
        _cost_flaws,
    ),
    "agreements": _planned(
        Shape(
            (Column("supplier", code), _ANY_ITEM),
            (
                _units("week_capacity"),
                _units("floor"),
                _days("floor_days"),
                _days("window_days"),
                percentage("window_percent"),
                _days("notice_days"),
                percentage("premium"),
                REMOVED,
            ),
        ),
        ("supplier",),
        "supplier,sku,week_capacity,floor,floor_days,window_days,window_percent,notice_days,"
        "premium,removed\n"
        "MILL,,20000,50000,91,21,15,7,8,no\n"
        "MILL,OAT-500,5000,,,,,,,no\n",
        (("supplier", "supplier"), ("sku", "item")),
        _agreement_flaws,
    ),
    "calendars": _planned(
        Shape(
            (Column("owner", needed(("site", "supplier"))), Column("code", code)),
            (Column("workdays", _weekdays, WORKWEEK), REMOVED),
            (
                Column("closed", day_if_any, None, form="date"),
                Column("last", day_if_any, None, form="date"),
                Column("occasion", words),
            ),
            MAX_CLOSURES,
            bare=True,
        ),
        ("owner", "code"),
        "owner,code,workdays,removed,closed,last,occasion\n"
        "site,AMS1,mon tue wed thu fri sat,no,2026-04-27,,King's Day\n"
        "site,AMS1,,,2026-12-25,2026-12-26,Christmas\n"
        "supplier,MILL,mon tue wed thu fri,no,2026-08-03,2026-08-14,Summer closure\n",
    ),
    "promotions": _planned(
        Shape(
            (
                Column("code", code),
                _ANY_ITEM,
                Column("category", words),
                _ANY_SITE,
                _ANY_CHANNEL,
            ),
            (
                Column("name", words),
                _STARTS,
                _ENDS,
                percentage("uplift"),
                _units("units"),
                REMOVED,
            ),
        ),
        ("code", "starts", "ends"),
        "code,sku,category,site,channel,name,starts,ends,uplift,units,removed\n"
        "EASTER26,OAT-500,,,shop,Easter breakfast,2026-03-30,2026-04-06,40,,no\n"
        "EASTER26,,Food/Cereals,AMS1,,Easter breakfast,2026-03-30,2026-04-06,,1200,no\n",
        (("sku", "item"), ("site", "site"), ("channel", "channel")),
        _promotion_flaws,
    ),
    "contracts": _planned(
        Shape(
            (Column("customer", code), Column("sku", code), _STARTS),
            (
                _ENDS,
                Column("quantity", stated(0, MAX_QUANTITY), 0, form="number"),
                _ANY_SITE,
                _ANY_CHANNEL,
                sum_of_money("price"),
                CURRENCY,
                Column("reference", words),
                REMOVED,
            ),
        ),
        ("customer", "sku", "starts", "ends", "quantity"),
        "customer,sku,starts,ends,quantity,site,channel,price,currency,reference,removed\n"
        "HOTELS,OAT-500,2026-04-01,2026-06-30,3600,AMS1,retail,1.20,EUR,C-2026-7,no\n",
        (("sku", "item"), ("site", "site"), ("channel", "channel")),
        _span,
    ),
}
