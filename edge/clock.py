"""The gateway's clock: the machine's, judged and corrected by what is known for certain.

Three things are certain. The *floor*, kept over restarts: a moment that has passed. The *word*: a
signed message of the cloud was made at ``issued_at``, so that it is later than that now. The
*answer*: a watermark that covers what nobody had before was made between its sending and its
arrival, so that its ``issued_at`` is the time, give or take that wait; no replay can be one. From
then on a clock that never jumps carries each of them forward.

A floor can be wrong, too, when it was taken from a clock that was ahead: any answer, however late,
disproves a floor beyond its arrival, and the floor is what the answer says.

==============================  ==============  ================================================
the machine's clock             state           what is told
==============================  ==============  ================================================
below the floor or the word     FLOORED         the floor, or the word, carried forward
near the word or the answer     SYNCHRONIZED    the machine's clock
far ahead of an answer          UNTRUSTED       the answer, carried forward
nothing heard since the start   UNTRUSTED       the machine's clock (SYNCHRONIZED where the kernel
                                                says that it is held by a time service)
==============================  ==============  ================================================

Nothing is ordered by it: events are, by their sequence numbers. It does no IO.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from shared.clock import ClockState
from shared.units import SECOND, Micros

TOLERANCE: Final = 5 * SECOND
"""A clock is right when it is no further off than this."""
_PROMPT: Final = 5 * SECOND // 2
"""An answer that came later than this tells the time only to a clock that is certainly wrong."""

Fault = Literal["", "behind", "ahead"]


class Reading(NamedTuple):
    """One reading, how far to trust it, and what is wrong with the machine's clock, by how much."""

    now: Micros
    state: ClockState
    fault: Fault
    off_by: int


class _Mark(NamedTuple):
    """A moment, and where the steady clock stood then."""

    moment: int
    steady: float
    exact: bool


class GatewayClock:
    """Implements the port Clock.

    Args:
        wall: the machine's clock, microseconds.
        steady: seconds that never jump.
        kept: whether the kernel says that a time service holds the machine's clock.
        floor: microseconds; a moment that has certainly passed.
    """

    def __init__(
        self,
        wall: Callable[[], int],
        steady: Callable[[], float],
        kept: Callable[[], bool],
        *,
        floor: int = 0,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._kept = kept
        self._floor = _Mark(floor, steady(), exact=False)
        self._word: _Mark | None = None

    @property
    def floor(self) -> int:
        """The moment to keep for the next start."""
        return self._floor.moment

    def now(self) -> Micros:
        """Microseconds since the Unix epoch, UTC."""
        return self.read().now

    def state(self) -> ClockState:
        """The trust in the last reading."""
        return self.read().state

    def heard(self, issued_at: int, waited: float | None = None) -> None:
        """The cloud has signed a message.

        Args:
            issued_at: when, by its clock, microseconds.
            waited: where the message answers what this process sent for the first time: the
                seconds since.
        """
        steady = self._steady()
        latest = None if waited is None else issued_at + int(waited * SECOND)
        if latest is not None and self._floor.moment > latest + TOLERANCE:
            self._floor = _Mark(issued_at, steady, exact=False)
        word = self._word
        carried = _carried(word, steady) if word is not None else None
        if latest is not None and self._tells_the_time(issued_at, latest):
            if carried is None or not word or not word.exact or not issued_at <= carried <= latest:
                self._word = _Mark(issued_at, steady, exact=True)
        elif carried is None or issued_at > carried:
            self._word = _Mark(issued_at, steady, exact=bool(word and word.exact))
        self._raise(issued_at)

    def _tells_the_time(self, issued_at: int, latest: int) -> bool:
        """Whether an answer is close enough, or at least closer than the machine's clock."""
        return latest - issued_at <= _PROMPT or self._wall() > latest + TOLERANCE

    def read(self) -> Reading:
        """The machine's clock, judged."""
        reading = self._judged()
        if reading.state == ClockState.SYNCHRONIZED:
            self._raise(reading.now)
        return reading

    def _judged(self) -> Reading:
        wall, steady, word = self._wall(), self._steady(), self._word
        if word is not None:
            carried = _carried(word, steady)
            if wall < carried - TOLERANCE:
                return Reading(Micros(carried), ClockState.FLOORED, "behind", carried - wall)
            if wall <= carried + TOLERANCE:
                return Reading(Micros(wall), ClockState.SYNCHRONIZED, "", 0)
            if word.exact:
                return Reading(Micros(carried), ClockState.UNTRUSTED, "ahead", wall - carried)
        if wall < self._floor.moment:
            carried = _carried(self._floor, steady)
            return Reading(Micros(carried), ClockState.FLOORED, "behind", carried - wall)
        state = ClockState.SYNCHRONIZED if self._kept() else ClockState.UNTRUSTED
        return Reading(Micros(wall), state, "", 0)

    def _raise(self, moment: int) -> None:
        if moment > self._floor.moment:
            self._floor = _Mark(moment, self._steady(), exact=False)


def _carried(mark: _Mark, steady: float) -> int:
    return mark.moment + int((steady - mark.steady) * SECOND)
