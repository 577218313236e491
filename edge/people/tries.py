"""Wrong tries at a sign-in: five are free, then each costs a pause that doubles.

They are counted where they are made: at a paired device, at a browser that the person is known at,
or at an address. Whoever guesses makes that place wait and no other, so that nobody can keep a
person out by guessing. Somebody with many addresses meets a bound on all strangers together.

They are counted before a try is judged and taken back when it was right: many at once gain nothing.
Kept over restarts; a clock that runs backwards makes nobody wait longer than the pause.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from edge.db import Connection
from edge.people.book import SQL
from shared.units import HOUR, MINUTE, SECOND

FREE: Final = 5
FIRST_PAUSE: Final = 30 * SECOND
LONGEST_PAUSE: Final = 900 * SECOND
FORGOTTEN_AFTER: Final = 12 * HOUR
STRANGERS: Final = 60
STRANGERS_EVERY: Final = 5 * SECOND
"""All strangers together may try so often, and once more after each such time."""
OF_ONE: Final = 30
OF_ONE_EVERY: Final = 3 * MINUTE
"""Likewise for one person's secret: 480 guesses a day, whatever the number of addresses."""
_MOST_CODES: Final = 2000


def pause_after(tries: int) -> int:
    """Microseconds to wait after so many wrong tries."""
    if tries < FREE:
        return 0
    return min(FIRST_PAUSE << min(tries - FREE, 10), LONGEST_PAUSE)


def wait(connection: Connection, who: Sequence[str], now: int) -> int:
    """Microseconds until any of these may try; 0 for now."""
    longest = 0
    for each in who:
        row = connection.execute(SQL["tries"], (each,)).fetchone()
        if row is not None:
            tries, last_at = row
            longest = max(longest, min(last_at, now) + pause_after(tries) - now)
    return longest


def take(connection: Connection, who: Sequence[str], now: int) -> int:
    """Count a try, unless it has to wait: the microseconds that it has to, or 0."""
    longest = wait(connection, who, now)
    if longest == 0:
        for each in who:
            connection.execute(SQL["count_try"], (each, now))
    return longest


def forgive(connection: Connection, who: Sequence[str]) -> None:
    """It was right."""
    for each in who:
        connection.execute(SQL["forget_tries"], (each,))


def forget(connection: Connection, now: int) -> None:
    """Forget what was long ago; nothing has happened later than now."""
    connection.execute(SQL["tries_not_later"], (now, now))
    connection.execute(SQL["forget_tries_before"], (now - FORGOTTEN_AFTER,))


class _Bucket(NamedTuple):
    """Tries that are left, in the time that they take to come back."""

    spent: int
    at: int

    def spent_by(self, now: int) -> int:
        return max(self.spent - max(now - self.at, 0), 0)


class Strangers:
    """Bounds what is tried from where nobody is known, over all addresses; kept in memory."""

    def __init__(self) -> None:
        self._all = _Bucket(0, 0)
        self._of: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, code: str, now: int) -> int:
        """Microseconds until a stranger may try this code, known or not; 0 for now."""
        of_one = self._of.get(code, _Bucket(0, now))
        return max(
            self._all.spent_by(now) - (STRANGERS - 1) * STRANGERS_EVERY,
            of_one.spent_by(now) - (OF_ONE - 1) * OF_ONE_EVERY,
            0,
        )

    def count(self, code: str, now: int) -> None:
        """A stranger has tried this code; what was too much is made up for later."""
        of_one = self._of.get(code, _Bucket(0, now))
        self._all = _Bucket(self._all.spent_by(now) + STRANGERS_EVERY, now)
        self._of[code] = _Bucket(of_one.spent_by(now) + OF_ONE_EVERY, now)
        self._of.move_to_end(code)
        if len(self._of) > _MOST_CODES:
            self._of.popitem(last=False)
