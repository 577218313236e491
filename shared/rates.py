"""Token buckets: who may do how much of something. Pure: the caller says what time it is."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from shared.errors import QuartermasterError

_MOST: Final = 10_000


class RateLimit:
    """One bucket for each name; of more than 10,000 names the one asked for longest ago is full.

    Args:
        per_second: how fast a bucket fills.
        burst: how much it holds.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, amount: int, now: float) -> float:
        """Take ``amount`` at ``now`` (monotonic seconds), all or none.

        Returns:
            0.0 where it was taken; else the seconds after which the bucket holds so much.
        """
        level, at = self._buckets.pop(name, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_second)
        enough = level >= amount
        self._buckets[name] = (level - amount if enough else level, now)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return 0.0 if enough else (amount - level) / self._per_second

    def take(self, name: str, amount: int, now: float) -> None:
        """As :meth:`wait`, where too much is refused.

        Raises:
            QuartermasterError: ``request.too-many``.
        """
        if self.wait(name, amount, now):
            raise QuartermasterError("request.too-many", f"{amount} by {name}")
