"""Clocks for tests."""

from __future__ import annotations

import time

from shared.clock import ClockState
from shared.units import Micros

START = Micros(1_763_650_000_000_000)
"""2025-11-20 14:46:40 UTC."""


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int = START, state: ClockState = ClockState.SYNCHRONIZED) -> None:
        self.micros = now
        self.trust = state

    def now(self) -> Micros:
        return Micros(self.micros)

    def state(self) -> ClockState:
        return self.trust

    def set(self, micros: int) -> None:
        self.micros = micros

    def advance(self, micros: int) -> None:
        self.micros += micros


class WallClock:
    """The machine's clock, where real programs look at the same certificates."""

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000)

    def state(self) -> ClockState:
        return ClockState.SYNCHRONIZED
