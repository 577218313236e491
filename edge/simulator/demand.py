"""Reads a real demand table: which site sold how many units of which item on which day.

CSV or parquet. Column names vary between retailers, so common ones are understood and any can be
named with ``columns``. A file that is no such table is refused with ``demand.file``; rows that
cannot be used are refused together with ``demand.row`` and their line numbers, or skipped and
counted when the caller says so. Whole rows only: nothing is guessed.

Two liberties, both counted in the result: fractional quantities are rounded to whole units, and
integer periods (week 17, day 3) are laid on a calendar that starts on 2020-01-06.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from shared.errors import QuartermasterError
from shared.ids import is_code

COLUMN_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "site": (
        *("site", "site_id", "store", "store_id", "store_num", "store_code", "store_nbr"),
        *("warehouse", "warehouse_id", "branch", "location", "location_id"),
    ),
    "item": (
        *("item", "item_id", "sku", "sku_id", "product", "product_id", "upc", "upc_id", "ean"),
        *("gtin", "material", "part", "part_id", "article", "item_nbr", "id"),
    ),
    "date": (
        *("date", "ds", "day", "week_end_date", "week_ending", "week_start", "order_date"),
        *("week", "month", "period", "timestamp", "d"),
    ),
    "units": (
        *("units", "units_sold", "unit_sales", "demand", "sales", "qty", "quantity"),
        *("sold", "volume", "y"),
    ),
}
ONLY_SITE: Final = "SITE-1"
"""The site of a table that has no site column."""
_PERIOD_DAYS: Final = {"d": 1, "day": 1, "week": 7, "month": 30, "period": 7}
_PERIOD_ZERO: Final = date(2020, 1, 6)
_MAX_UNITS: Final = 1_000_000
_NOT_IN_CODE: Final = re.compile(r"[^A-Za-z0-9._/+-]+")


class Sale(NamedTuple):
    """Units of one item that left one site on one day; negative when goods came back."""

    day: date
    site: str
    item: str
    units: int


class DemandTable(NamedTuple):
    """A table that was read: sales in order of time, and what was made of the file."""

    sales: list[Sale]
    columns: dict[str, str]
    rows: int
    skipped: int
    rounded: int

    @property
    def sites(self) -> list[str]:
        """The sites, busiest first."""
        return [site for site, _ in Counter(sale.site for sale in self.sales).most_common()]

    def of_sites(self, number: int) -> DemandTable:
        """The ``number`` busiest sites; a table without sites is dealt out item by item."""
        if self.columns.get("site"):
            kept = set(self.sites[:number])
            return self._replace(sales=[sale for sale in self.sales if sale.site in kept])
        items = {item: n for n, item in enumerate(sorted({sale.item for sale in self.sales}))}
        dealt = [sale._replace(site=f"SITE-{items[sale.item] % number + 1}") for sale in self.sales]
        return self._replace(sales=dealt)


def read_demand(
    path: Path, *, columns: Mapping[str, str] | None = None, skip_broken: bool = False
) -> DemandTable:
    """Read ``path``.

    Args:
        path: a ``.parquet`` file, or a CSV with a header line (comma, semicolon or tab).
        columns: names for ``site``, ``item``, ``date`` or ``units`` where the usual do not fit.
        skip_broken: skip rows that cannot be used, instead of refusing the table.

    Raises:
        QuartermasterError: ``file.unreadable``, ``demand.file`` or ``demand.row``.
    """
    if not path.is_file():
        raise QuartermasterError("file.unreadable", "there is no such file", where=str(path))
    parquet = path.suffix.lower() in {".parquet", ".pq"}
    names = _parquet_names(path) if parquet else _csv_names(path)
    chosen = _choose(names, columns or {}, path)
    wanted = list(chosen.values())
    rows = _parquet_rows(path, wanted) if parquet else _csv_rows(path, wanted)
    return _collect(rows, chosen, path, skip_broken=skip_broken)


def _choose(names: list[str], given: Mapping[str, str], path: Path) -> dict[str, str]:
    """Which column plays which part; ``site`` may be missing."""
    unknown = set(given) - set(COLUMN_NAMES)
    if unknown:
        raise QuartermasterError(
            "demand.file", f"--columns knows {', '.join(COLUMN_NAMES)}", where=min(unknown)
        )
    plain = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in reversed(names)}
    chosen: dict[str, str] = {}
    for part, usual in COLUMN_NAMES.items():
        if part in given:
            if given[part] not in names:
                raise QuartermasterError(
                    "demand.file", f"no column {given[part]!r}; there are: {', '.join(names[:20])}"
                )
            chosen[part] = given[part]
            continue
        found = next((plain[name] for name in usual if name in plain), None)
        if found is not None and found not in chosen.values():
            chosen[part] = found
        elif part != "site":
            raise QuartermasterError(
                "demand.file",
                f"no column for {part}; there are: {', '.join(names[:20])}; "
                f"name it with --columns {part}=NAME",
                where=path.name,
            )
    return chosen


def _collect(
    rows: Iterable[tuple[Any, ...]], chosen: dict[str, str], path: Path, *, skip_broken: bool
) -> DemandTable:
    step = _PERIOD_DAYS.get(chosen["date"].strip().lower(), 1)
    parts = list(chosen)
    sales: list[Sale] = []
    broken: list[str] = []
    total = skipped = rounded = 0
    for total, row in enumerate(rows, start=1):
        cells = dict(zip(parts, row, strict=True))
        try:
            exact = float(cells["units"])
            units = round(exact)
            sale = Sale(
                _day(cells["date"], step),
                _code(cells["site"]) if "site" in cells else ONLY_SITE,
                _code(cells["item"]),
                units,
            )
            if abs(units) > _MAX_UNITS:
                raise ValueError(f"{units} units")  # noqa: TRY301 - one refusal for all reasons
        except (ValueError, TypeError, OverflowError) as error:
            skipped += 1
            if len(broken) < 5:
                broken.append(f"row {total}: {error}")
            continue
        rounded += units != exact
        if units:
            sales.append(sale)
    if skipped and not skip_broken:
        raise QuartermasterError(
            "demand.row", f"{skipped} of {total}: {'; '.join(broken)}"[:480], where=path.name
        )
    if not sales:
        raise QuartermasterError("demand.file", "no row with units in it", where=path.name)
    sales.sort()
    return DemandTable(sales, chosen, total, skipped, rounded)


def _day(value: Any, step: int) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if re.fullmatch(r"d?_?\d{1,5}", text):
        return _PERIOD_ZERO + timedelta(days=step * int(text.lstrip("d_")))
    if re.fullmatch(r"\d{8}", text):
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise ValueError(f"{text[:30]!r} is no ISO date") from None


def _code(value: Any) -> str:
    if value is None:
        raise ValueError("a code is missing")
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    text = _NOT_IN_CODE.sub("-", text).strip("-._/+")[:64]
    if not is_code(text):
        raise ValueError(f"{str(value)[:30]!r} is no code")
    return text


def _csv_dialect(path: Path) -> tuple[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline(65_536)
    except (OSError, UnicodeDecodeError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=path.name) from None
    return head, max(",;\t|", key=head.count)


def _csv_names(path: Path) -> list[str]:
    head, delimiter = _csv_dialect(path)
    names = next(csv.reader([head], delimiter=delimiter), list[str]())
    if len(names) < 3:
        raise QuartermasterError(
            "demand.file", "a header line with at least item, date and units is expected",
            where=path.name,
        )  # fmt: skip
    return names


def _csv_rows(path: Path, wanted: list[str]) -> Iterator[tuple[Any, ...]]:
    _, delimiter = _csv_dialect(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, restval="")
            for row in reader:
                yield tuple(row[name] for name in wanted)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise QuartermasterError("file.unreadable", str(error), where=path.name) from None


def _parquet(path: Path) -> Any:
    try:
        parquet = cast("Any", import_module("pyarrow.parquet"))
    except ImportError:
        raise QuartermasterError(
            "demand.file",
            "reading parquet needs pyarrow: pip install 'quartermaster[dev]', or convert to CSV",
            where=path.name,
        ) from None
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        raise QuartermasterError("file.unreadable", str(error), where=path.name) from None


def _parquet_names(path: Path) -> list[str]:
    with _parquet(path) as file:
        return [str(name) for name in file.schema_arrow.names]


def _parquet_rows(path: Path, wanted: list[str]) -> Iterator[tuple[Any, ...]]:
    with _parquet(path) as file:
        for batch in file.iter_batches(columns=wanted):
            table = batch.select(wanted)
            yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
