"""Working days: which days a site or a supplier is open, and how many of them lie ahead. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

from cloud.catalog.cells import Value
from cloud.catalog.planning import WEEKDAYS

MAX_AHEAD: Final = 3660
"""Days that are looked at before somebody counts as never open again."""


class Calendar(NamedTuple):
    """Days of the week (Monday is 0) on which somebody works, and spans of days without work."""

    workdays: frozenset[int]
    closures: tuple[tuple[date, date], ...]

    def is_open(self, day: date) -> bool:
        """Whether somebody works on a day."""
        if day.weekday() not in self.workdays:
            return False
        return not any(first <= day <= last for first, last in self.closures)

    def next_open(self, day: date) -> date | None:
        """The first open day from ``day`` on; None where there is none within ten years."""
        ahead = (day + timedelta(days=days) for days in range(MAX_AHEAD))
        return next((found for found in ahead if self.is_open(found)), None)

    def after(self, day: date, days: int) -> date | None:
        """The day by which ``days`` open days have passed since ``day``; None as above."""
        for _ in range(days):
            found = self.next_open(day + timedelta(days=1))
            if found is None:
                return None
            day = found
        return day


ALWAYS_OPEN: Final = Calendar(frozenset(range(7)), ())
"""Of those who have no calendar."""


def calendar(workdays: Value, lines: tuple[tuple[Value, ...], ...]) -> Calendar:
    """A calendar from the words and lines that the catalog keeps."""
    closures: list[tuple[date, date]] = []
    for first, last, *_ in lines:
        if isinstance(first, date):
            closures.append((first, last if isinstance(last, date) else first))
    names = str(workdays).split()
    return Calendar(frozenset(WEEKDAYS.index(name) for name in names), tuple(closures))
