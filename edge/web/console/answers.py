"""A person's word on a crop waits a moment, in which it can be taken back.

Rules:

1. a word becomes an event once its moment is over, with the next answer at the same console, or
   when its operator leaves;
2. until then its crop is in nobody's queue; taken back, the crop is where it was;
3. what a stop of the gateway cuts off was never said: the crop is asked about again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog

from edge.ports import CropDesk, CropShown
from shared.errors import QuartermasterError

MOMENT_S: Final = 30.0
_log: Final[Any] = structlog.get_logger("edge.console")


class Answer(NamedTuple):
    """A word that can still be taken back; ``label`` is None where the person cannot tell."""

    crop: CropShown
    label: str | None
    until: float


class Answers:
    """The words of all consoles that are not events yet.

    Args:
        desk: where crops wait.
        steady: seconds that never jump.
    """

    def __init__(self, desk: CropDesk, steady: Callable[[], float]) -> None:
        self._desk = desk
        self._steady = steady
        self._last: dict[str, Answer] = {}
        self._given: Counter[str] = Counter()
        self._being_made: set[str] = set()

    def next(self) -> CropShown | None:
        """The crop to be asked about."""
        held = self._held()
        waiting = self._desk.waiting(len(held) + 1)
        return next((each for each in waiting if each.id not in held), None)

    def count(self) -> int:
        """How many wait for a word."""
        return max(self._desk.count() - len(self._held()), 0)

    def given(self, device: str) -> int:
        """How many words came from this console since its operator signed in."""
        return self._given[device]

    def last(self, device: str) -> Answer | None:
        """This console's word that can be taken back."""
        return self._last.get(device)

    def left(self, answer: Answer) -> float:
        """For how many seconds a word can be taken back."""
        return max(answer.until - self._steady(), 0.0)

    async def say(self, crop: str, label: str | None, *, device: str) -> None:
        """Take a word; None: the person cannot tell, and the crop is thrown away.

        Raises:
            QuartermasterError: ``request.not-found`` or ``request.invalid``.
        """
        found = self._found(crop)
        if label is not None and label not in found.classes:
            raise QuartermasterError("request.invalid", label[:64], where="label")
        earlier = self._last.get(device)
        self._last[device] = Answer(found, label, self._steady() + MOMENT_S)
        self._given[device] += 1
        if earlier is not None:
            await self._make(device, earlier)

    async def skip(self, crop: str, *, device: str) -> None:
        """Put a crop behind all others.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        self._found(crop)
        await self.settle(device)
        await self._desk.skip(crop)

    def take_back(self, crop: str, *, device: str) -> None:
        """Have a word unsaid.

        Raises:
            QuartermasterError: ``request.not-found`` where it is an event already.
        """
        answer = self._last.get(device)
        if answer is None or answer.crop.id != crop:
            raise QuartermasterError("request.not-found", "that answer is sent", where="crop")
        del self._last[device]
        self._given[device] -= 1

    async def settle(self, device: str) -> None:
        """Make this console's word an event now."""
        answer = self._last.pop(device, None)
        if answer is not None:
            await self._make(device, answer)

    async def settle_over(self) -> None:
        """Make events of the words whose moment is over."""
        for device, answer in list(self._last.items()):
            if not self.left(answer) and self._last.get(device) is answer:
                await self.settle(device)

    async def leave(self, device: str) -> None:
        """An operator goes: what they said is said."""
        await self.settle(device)
        del self._given[device]

    async def _make(self, device: str, answer: Answer) -> None:
        """What cannot be kept is asked again: its crop waits on."""
        crop = answer.crop.id
        self._being_made.add(crop)
        try:
            await self._desk.label(crop, answer.label, device=device)
        except QuartermasterError as error:
            _log.warning("console.word-lost", crop=crop, code=error.code)
        finally:
            self._being_made.discard(crop)

    def _held(self) -> set[str]:
        """Crops of which somebody has said a word."""
        return {each.crop.id for each in self._last.values()} | self._being_made

    def _found(self, crop: str) -> CropShown:
        held = self._held()
        for each in self._desk.waiting(self._desk.count()):
            if each.id == crop and crop not in held:
                return each
        raise QuartermasterError("request.not-found", "it waits no more", where="crop")
