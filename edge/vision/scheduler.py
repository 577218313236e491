"""What a worker looks at next, and what it has no time for.

A task is due where its zone moved, for a while after (*attention*: a code needs a second frame, a
carton that was set down is sharp only then), where its lane asks for the next frame, and where it
was not looked at for long. Due tasks go by their zone's priority; the longer one waits the more
urgent it becomes, so that none waits for ever.

The budget is a share of one core of the whole process. What it has no room for is skipped and
counted, by zone and task; nothing is put off in secret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edge.vision.lanes import Box, Zone

ATTENTION_S: Final = 2.0
PATIENCE_S: Final[dict[str, float]] = {"scan": 5.0, "detect": 2.0, "damage": 10.0, "slots": 5.0}
"""How long a task rests at most where nothing moves."""
_PRIORITIES: Final = 9.0
_SAVED_S: Final = 2.0


class Budget:
    """A share of one core, kept over time: unused time is saved for two seconds at most.

    Args:
        share: of one core.
        cpu: seconds of CPU that this process has used.
        now: monotonic seconds.
    """

    def __init__(self, share: float, cpu: Callable[[], float], now: Callable[[], float]) -> None:
        self._share = share
        self._cpu = cpu
        self._now = now
        self._at = now()
        self._used = cpu()
        self._left = share * _SAVED_S

    def left(self) -> float:
        """Seconds of CPU that may be used now; negative where more was used than allowed."""
        now, used = self._now(), self._cpu()
        gained = self._share * (now - self._at) - (used - self._used)
        self._at, self._used = now, used
        self._left = min(self._left + gained, self._share * _SAVED_S)
        return self._left

    def until_some(self) -> float:
        """Seconds until there is something left."""
        return max(0.0, -self.left() / self._share)


class Place(NamedTuple):
    """A task at a zone, or on the whole picture."""

    task: str
    zone: Zone | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The zone's name, empty for the whole picture, and the task."""
        return (self.zone.name if self.zone is not None else "", self.task)

    @property
    def priority(self) -> int:
        """The zone's; in the middle without one."""
        return self.zone.priority if self.zone is not None else 5


class Due(NamedTuple):
    """What is to be looked at, and where it moved."""

    place: Place
    changed: Sequence[Box]


@dataclass(slots=True)
class _Kept:
    looked_at: float = float("-inf")
    attention_until: float = float("-inf")


@dataclass(slots=True)
class Scheduler:
    """Orders the tasks of one camera."""

    places: Sequence[Place]
    looked: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Looks, by zone and task."""
    skipped: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """What was due and there was no budget for, by zone and task."""
    _kept: dict[Place, _Kept] = field(default_factory=dict["Place", _Kept])

    def due(self, at: float, changed: Callable[[Place], Sequence[Box]]) -> list[Due]:
        """What is to be looked at in a frame taken at ``at``, the most urgent first."""
        found: list[tuple[float, Due]] = []
        for place in self.places:
            kept = self._kept.setdefault(place, _Kept())
            boxes = changed(place)
            if boxes:
                kept.attention_until = at + ATTENTION_S
            waited = (at - kept.looked_at) / PATIENCE_S.get(place.task, 5.0)
            if at < kept.attention_until or waited >= 1.0:
                urgency = place.priority - _PRIORITIES * min(waited, 1.0 + _PRIORITIES)
                found.append((urgency, Due(place, boxes)))
        found.sort(key=lambda each: each[0])
        return [due for _, due in found]

    def done(self, place: Place, at: float, *, again: bool = False) -> None:
        """It was looked at; ``again``: its lane has begun something that the next frame may end."""
        kept = self._kept.setdefault(place, _Kept())
        kept.looked_at = at
        if again:
            kept.attention_until = max(kept.attention_until, at + ATTENTION_S)
        self.looked[place.key] = self.looked.get(place.key, 0) + 1

    def skip(self, place: Place) -> None:
        """There was no budget for it."""
        self.skipped[place.key] = self.skipped.get(place.key, 0) + 1
