"""Which detections of a few frames are one object that has just come into sight.

Of an object seen once nobody knows where it goes. In a row of equal cartons the next one may come
to lie where the first has been, so the nearest detection is often the wrong one. So nothing is
decided at once: every detection may continue every beginning that it fits, and begins one of its
own; the beginnings that first have enough hits are believed, the likeliest before the others, each
detection in one only (the M-of-N initiation of Blackman and Popoli, "Design and Analysis of Modern
Tracking Systems" 1999, §6.4, over a short window of hypotheses as in Reid 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final

from edge.vision.kalman import Noise, started
from edge.vision.tracks import Sight, Size, Track, fit

_MOST: Final = 192
"""Beginnings at a time; the likeliest stay."""
_BRANCHES: Final = 3
"""Detections that one beginning tries."""


@dataclass(slots=True, eq=False)
class _Beginning:
    """A track that may be; ``sights`` are numbered, so that two can be seen to share one."""

    track: Track
    sights: frozenset[int]
    surprise: float
    misses: int = 0

    @property
    def hits(self) -> int:
        return len(self.sights)


class Beginnings:
    """What may become a track.

    Args:
        hits: that many detections
        of: among that many looks make one.
        gate: χ² beyond which a detection is another object's.
        noise: how boxes jitter and objects move.
    """

    def __init__(self, hits: int, of: int, gate: float, noise: Noise) -> None:
        self._hits = hits
        self._patience = of - hits
        self._gate = gate
        self._noise = noise
        self._open: list[_Beginning] = []
        self._number = 0

    def step(self, sights: Sequence[Sight], at: float, elapsed: float, size: Size) -> list[Track]:
        """The tracks that these sights, which no track claims, complete; the likeliest first."""
        numbers = range(self._number, self._number + len(sights))
        self._number += len(sights)
        grown: list[_Beginning] = []
        for beginning in self._open:
            beginning.track.motion = beginning.track.motion.ahead(elapsed, self._noise)
            grown.extend(self._grown(beginning, sights, numbers, at, size))
        for number, sight in zip(numbers, sights, strict=True):
            track = Track(started(sight.box, self._noise), sight.box, sight.score)
            track.note(sight, at)
            grown.append(_Beginning(track, frozenset({number}), 0.0))
        grown.sort(key=lambda it: (-it.hits, it.surprise))
        believed: list[Track] = []
        taken: set[int] = set()
        for beginning in grown:
            if beginning.hits >= self._hits and not beginning.sights & taken:
                taken |= beginning.sights
                believed.append(beginning.track)
        self._open = [it for it in grown if it.hits < self._hits and not it.sights & taken][:_MOST]
        return believed

    @property
    def any(self) -> bool:
        """Whether something was seen that is no track yet."""
        return bool(self._open)

    def forget(self) -> None:
        """Begin anew."""
        self._open = []

    def _grown(
        self,
        beginning: _Beginning,
        sights: Sequence[Sight],
        numbers: Sequence[int],
        at: float,
        size: Size,
    ) -> list[_Beginning]:
        """What may have become of one: it goes on with one of some sights, or was not seen."""
        fits = [fit(beginning.track, sight, self._noise, self._gate, size) for sight in sights]
        order = sorted(range(len(sights)), key=lambda index: fits[index].surprise)
        going_on: list[_Beginning] = []
        for index in order[:_BRANCHES]:
            if fits[index].cost > 2:
                break
            track = copy(beginning.track)
            track.votes, track.untold = dict(track.votes), list(track.untold)
            track.meet(sights[index], at, self._noise, size)
            going_on.append(
                _Beginning(
                    track,
                    beginning.sights | {numbers[index]},
                    beginning.surprise + fits[index].surprise,
                    beginning.misses,
                )
            )
        if going_on:
            return going_on
        beginning.misses += 1
        return [beginning] if beginning.misses <= self._patience else []
