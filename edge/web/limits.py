"""Token buckets: how many scans a device may send."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from shared.errors import QuartermasterError

_MOST_DEVICES: Final = 10_000


class RateLimit:
    """One bucket for each device.

    Args:
        per_second: how fast a bucket fills.
        burst: how much it holds.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, device: str, scans: int, now: float) -> None:
        """Take ``scans`` from the device's bucket at ``now`` (monotonic seconds), all or none.

        Raises:
            QuartermasterError: ``request.too-many``.
        """
        level, at = self._buckets.pop(device, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_second)
        enough = level >= scans
        self._buckets[device] = (level - scans if enough else level, now)
        if len(self._buckets) > _MOST_DEVICES:
            self._buckets.popitem(last=False)
        if not enough:
            raise QuartermasterError("request.too-many", f"{scans} scans by {device}")
