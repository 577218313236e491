"""Wrong tries at a sign-in: five are free, then each costs a pause that doubles.

They are counted before a try is judged and taken back when it was right: many at once gain nothing.
Kept over restarts; a clock that runs backwards makes nobody wait longer than the pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.db import Connection
from edge.people.book import SQL
from shared.units import HOUR, SECOND

FREE: Final = 5
FIRST_PAUSE: Final = 30 * SECOND
LONGEST_PAUSE: Final = 900 * SECOND
FORGOTTEN_AFTER: Final = 12 * HOUR


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
