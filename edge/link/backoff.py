"""How long to wait before the next connection. Pure: what happened in, a ceiling out.

A broker that restarts loses all its gateways in one moment: each waits anything up to the longest
delay, and goes on so until it is connected, so that they come back evenly and not in waves. Who was
never connected, or ended the connection itself, has nobody beside it and begins with a second.
"""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 1.0
_SETTLED_S: Final = 10.0
"""A connection that lasted this long was a success."""
_DOUBLINGS: Final = 10


class Backoff:
    """The ceilings of one gateway's waits, for full jitter below them.

    Args:
        longest: seconds.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._failures = 0
        self._lost = False

    def after(self, connected_for: float | None, *, deliberate: bool) -> float:
        """The ceiling after a connection, or a try at one, has ended.

        Args:
            connected_for: seconds that it stood; None when none came about.
            deliberate: it was ended from here.
        """
        if connected_for is not None and connected_for > _SETTLED_S:
            self._failures = 0
            self._lost = not deliberate
        else:
            self._failures += 1
        if self._lost:
            return self._longest
        return min(self._longest, _FIRST_S * 2 ** min(self._failures, _DOUBLINGS))
