"""A console that nobody uses is closed: what renews itself on a page is no use of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LIMIT_S: Final = 1800.0
"""Half an hour without a click; a badge that lies on the desk opens nothing (issue 4, point 7)."""


class Idle:
    """When each console was last used.

    Args:
        steady: seconds that never jump.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._used: dict[str, float] = {}

    def use(self, device: str) -> None:
        """Somebody uses it now."""
        self._used[device] = self._steady()

    def left(self, device: str) -> float:
        """Seconds until it is closed; one that is seen first after a start has the whole time."""
        return self._used.setdefault(device, self._steady()) + LIMIT_S - self._steady()

    def forget(self, device: str) -> None:
        """It is closed."""
        self._used.pop(device, None)

    def over(self) -> list[str]:
        """Those whose time is over."""
        return [device for device in self._used if self.left(device) <= 0]
