"""A circuit breaker: what failed several times in a row is left alone for a while, then tried once.

Pure but for its lock: time is handed in, in seconds that never go back. *Closed*: calls pass.
*Open*: calls are refused at once, so that nobody queues up behind a dependency that is away.
*Half-open*: after the pause one call may try; it closes the circuit, or opens it for twice as long.
A probe that never reports back is given up after the longest pause.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal

State = Literal["closed", "open", "half-open"]
FAILURES: Final = 3
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 5.0
"""Well below the minute within which everything has to be well again after an outage."""


class Breaker:
    """The circuit in front of one dependency.

    Args:
        name: the dependency's, for logs and metrics.
        now: seconds that never go back.
        failures: as many in a row open the circuit.
        first_pause: seconds until the first probe; each failed probe doubles it.
        longest_pause: seconds at most.
        told: hears every change of state.
    """

    def __init__(
        self,
        name: str,
        now: Callable[[], float],
        *,
        failures: int = FAILURES,
        first_pause: float = FIRST_PAUSE_S,
        longest_pause: float = LONGEST_PAUSE_S,
        told: Callable[[str, State], None] = lambda _name, _state: None,
    ) -> None:
        self.name = name
        self._now = now
        self._allowed_failures = failures
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._told = told
        self._lock = threading.Lock()
        self._state: State = "closed"
        self._failures = 0
        self._pause = first_pause
        self._until = 0.0

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    def admits(self) -> bool:
        """Whether a call may be made; one that was must report how it ended."""
        with self._lock:
            if self._state == "closed":
                return True
            now = self._now()
            if now < self._until:
                return False
            # One probe at a time: the next one only when this one had its time.
            self._until = now + self._longest_pause
            self._become("half-open")
            return True

    def succeeded(self) -> None:
        """The dependency answered."""
        with self._lock:
            self._failures = 0
            self._pause = self._first_pause
            self._become("closed")

    def failed(self) -> None:
        """The dependency could not be reached."""
        with self._lock:
            self._failures += 1
            if self._state == "half-open":
                self._pause = min(self._longest_pause, self._pause * 2)
            elif self._state == "open" or self._failures < self._allowed_failures:
                return
            self._until = self._now() + self._pause
            self._become("open")

    def retry_after(self) -> float:
        """Seconds until a call may be made; 0 when it may now."""
        with self._lock:
            return 0.0 if self._state == "closed" else max(0.0, self._until - self._now())

    def _become(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._told(self.name, state)
