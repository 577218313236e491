"""Rows of other systems' tables, read cell by cell; what is wrong with one is told with its line.

Pure. Nothing is guessed: a time without an offset is read in the zone that the feed is set to, and
a cell that a spreadsheet has lost is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cloud.feeds.documents import Goods
from cloud.feeds.model import Flaw
from cloud.feeds.reading import amount
from cloud.tables import TROUBLES, Line, plain_number
from shared.errors import QuartermasterError
from shared.units import Micros

MAX_ROWS: Final = 100_000
MAX_FLAWS: Final = 50
"""Flaws told of one file."""
_WHOLE: Final = re.compile(r"-?\d{1,8}\Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 80
_EARLIEST: Final = 2000
_LATEST: Final = 2100


class Row:
    """One line of a table by its columns; what is wrong with it gathers in ``flaws``."""

    __slots__ = ("_cells", "_flaws", "_zone", "good", "line")

    def __init__(
        self, line: int, cells: Mapping[str, str], zone: ZoneInfo, flaws: list[Flaw]
    ) -> None:
        self.line = line
        self.good = True
        self._cells = cells
        self._zone = zone
        self._flaws = flaws

    def refuse(self, column: str, says: str) -> None:
        """Note what is wrong with a cell."""
        self.good = False
        if len(self._flaws) < MAX_FLAWS:
            self._flaws.append(Flaw("feed.document", f"line {self.line} {column}".strip(), says))

    def text(self, column: str, *, needed: bool = False, longest: int = _LONGEST) -> str:
        """A cell's words, trimmed."""
        text = self._cells.get(column, "").strip()
        if needed and not text:
            self.refuse(column, "the cell is empty")
        if len(text) > longest or not text.isprintable():
            self.refuse(column, f"more than {longest} characters, or some that cannot be printed")
            return ""
        return text

    def whole(self, column: str, default: int = 0, *, signed: bool = False) -> int:
        """A whole number."""
        text = self.text(column)
        if not text:
            return default
        if not _WHOLE.match(text) or (text.startswith("-") and not signed):
            self.refuse(column, f"{text[:40]!r} is not a whole number")
            return default
        return int(text)

    def money(self, column: str, currency: str, *, decimal: str = ".") -> int | None:
        """An amount in minor units; None where nobody said."""
        text = plain_number(self.text(column), decimal)
        if not text:
            return None
        if not currency:
            self.refuse(column, "an amount needs a currency")
            return None
        try:
            return amount(text, currency, where=column)
        except QuartermasterError as error:
            self.refuse(column, error.detail)
            return None

    def moment(self, column: str) -> Micros | None:
        """A moment, by its offset or in the feed's zone; None where nobody said."""
        text = self.text(column)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
        except ValueError:
            found = None
        if found is None or not _EARLIEST <= found.year < _LATEST:
            self.refuse(column, f"{text[:40]!r} is not a moment such as 2026-03-01T14:05:00")
            return None
        return micros(found if found.tzinfo else found.replace(tzinfo=self._zone))

    def day(self, column: str) -> str | None:
        """A day as ISO 8601 has it; None where nobody said."""
        text = self.text(column)[: len("2026-03-01")]
        if not text:
            return None
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            self.refuse(column, f"{text!r} is not a day such as 2026-03-01")
            return None

    def whole_day(self, column: str) -> tuple[Micros, Micros] | None:
        """From a day's first moment in the feed's zone to the next one's."""
        day = self.day(column)
        if day is None:
            return None
        first = datetime.fromisoformat(day).replace(tzinfo=self._zone)
        return micros(first), micros((first + timedelta(days=1)).replace(tzinfo=self._zone))

    def goods(self) -> Goods:
        """Which item is meant, by as many names as there are."""
        found = Goods(
            sku=self.text("sku"),
            gtin=self.text("gtin"),
            theirs=self.text("code"),
            name=self.text("name", longest=500),
        )
        if not (found.sku or found.gtin or found.theirs):
            self.refuse("sku", "one of sku, gtin and code is needed")
        return found


def micros(moment: datetime) -> Micros:
    """A moment as the house counts it."""
    delta = moment - _EPOCH
    return Micros((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


def rows(lines: Iterable[Line], zone: ZoneInfo, flaws: list[Flaw]) -> Iterator[Row]:
    """The rows below a header; those with a cell that a spreadsheet has lost are left out.

    Raises:
        QuartermasterError: ``feed.content`` above ``MAX_ROWS``.
    """
    below = iter(lines)
    unwritten: Line = (1, [])
    names = [cell.strip().lower() for cell in next(below, unwritten)[1]]
    count = 0
    for line, cells in below:
        if not any(cells):
            continue
        count += 1
        if count > MAX_ROWS:
            raise QuartermasterError("feed.content", f"more than {MAX_ROWS} rows")
        row = Row(line, dict(zip(names, cells, strict=False)), zone, flaws)
        if any(cells[len(names) :]):
            row.refuse("", f"the row has {len(cells)} cells, the header {len(names)}")
        for name, cell in zip(names, cells, strict=False):
            if (says := TROUBLES.get(cell)) is not None:
                row.refuse(name, says)
        if row.good:
            yield row
