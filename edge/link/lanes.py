"""Who may send next: what is new, or what has gathered. Pure: counts and times in, a yes or no out.

Two lanes share one window of segments in flight. The *live* lane carries what was just sealed, the
*backlog* lane what was stored before, oldest first. Rules:

1. a fifth of the window is kept free of backlog, so that what is new goes at once;
2. while both have something to send, live has at least a fifth of the sends, and no more of the
   window than its fifth unless it is behind: neither starves the other;
3. backlog takes only as much of the window as does not make the way longer: when its segments come
   to wait (their time grows beyond the shortest seen), it takes less, until it is one at a time. So
   a slow ingest slows its senders, and what is new never waits behind much.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 5
"""One send in so many is live, at least."""
_MOST_DELAY_S: Final = 0.3
"""Backlog may make the way longer by this."""


class Lanes:
    """The rules for one window.

    Args:
        window: segments that may be in flight, both lanes together.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._reserved = min(-(-window // SHARE), window - 1)
        self._allowed = float(self._most)
        self._shortest: float | None = None
        self._live_sends = self._backlog_sends = 0

    @property
    def _most(self) -> int:
        return max(self._window - self._reserved, 1)

    @property
    def allowed(self) -> int:
        """How many segments of backlog may be in flight now."""
        return int(self._allowed)

    def may_send_live(self, live: int, backlog: int, *, backlog_waits: bool) -> bool:
        """Whether a new segment may go, with so many of both in flight."""
        if live + backlog >= self._window:
            return False
        return live < self._reserved or not backlog_waits or self._live_is_behind

    def may_send_backlog(self, live: int, backlog: int, *, live_waits: bool) -> bool:
        """Whether a stored segment may go, with so many of both in flight."""
        if live + backlog >= self._window or backlog >= self.allowed:
            return False
        return not (live_waits and self._live_is_behind)

    @property
    def _live_is_behind(self) -> bool:
        """Whether one more send of backlog would take live below its share."""
        return self._live_sends * (SHARE - 1) < self._backlog_sends + 1

    def sent(self, *, live: bool, other_waits: bool) -> None:
        """Count a send; only those count for the share that the other lane waited for."""
        if not other_waits:
            return
        if live:
            # Credit for a burst of live sends is bounded: backlog may not take it all later.
            self._live_sends = min(self._live_sends + 1, self._backlog_sends + self._window)
        else:
            self._backlog_sends += 1

    def arrived(self, seconds: float) -> None:
        """A segment of backlog has arrived, so long after it was sent."""
        if self._shortest is None or seconds < self._shortest:
            self._shortest = seconds
        if seconds - self._shortest > _MOST_DELAY_S:
            self._allowed = max(self._allowed - 1.0, 1.0)
        else:
            self._allowed = min(self._allowed + 1.0 / self._allowed, float(self._most))

    def start_over(self) -> None:
        """Another connection, perhaps another way: forget what the last one was like."""
        self._shortest = None
        self._allowed = float(self._most)
        self._live_sends = self._backlog_sends = 0
