"""How long to wait before the next connection. Pure: what happened in, a ceiling out.

A broker that restarts loses all its gateways in one moment: each waits anything up to the longest
delay, and goes on so until it is connected, so that they come back evenly and not in waves. What a
gateway sees of a restart is that the other side ends the connection. A middlebox that forgets a
connection looks just the same: it costs the same wait, for the two cannot be told apart.

A connection that ended in silence, or from here (a new certificate, a new epoch, no progress), has
probably nobody beside it: the first try comes within seconds. Should it fail, the broker may have
gone after all, with all its gateways, and the wait is the long one. Who was never connected begins
with seconds, too.
"""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 1.0
_ALONE_S: Final = 10.0
"""Wide enough for half a fleet that misses the same answers, narrow enough for one line."""
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
        self._was_settled = False
        self._lost = False

    def after(self, connected_for: float | None, *, by_broker: bool) -> float:
        """The ceiling after a connection, or a try at one, has ended.

        Args:
            connected_for: seconds that it stood; None when none came about.
            by_broker: the other side ended it, or seemed to.
        """
        if connected_for is not None and connected_for > _SETTLED_S:
            self._failures = 0
            self._was_settled = True
            self._lost = by_broker
        else:
            self._failures += 1
            self._lost = self._was_settled
        if self._lost:
            return self._longest
        if self._was_settled:
            return min(self._longest, _ALONE_S)
        return min(self._longest, _FIRST_S * 2 ** min(self._failures, _DOUBLINGS))
