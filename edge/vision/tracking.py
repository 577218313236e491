"""Objects followed from frame to frame, so that one that is seen twice is not two.

As ByteTrack does (Zhang et al., ECCV 2022, algorithm 1), sure detections are given to tracks first
and faint ones only continue what is left over: an object half hidden is seen faintly, but noise
never begins a track. A track is

- *tentative* until ``hits`` of a few looks found it; it has no id, nobody hears of it
  (:mod:`edge.vision.beginnings`);
- *confirmed*: it gets an id, and what it did while tentative is told with it;
- *lost* while nothing is found where it should be; it moves on as it went, for ``lost_s`` seconds.
  After a while one detection no longer makes it found: a new track must be confirmed first, of
  which place, direction and size say whether it is the lost one;
- *ended*: lost for too long, or gone over the edge of the picture.

The rules that keep counts right: an id exists only for confirmed tracks; what comes in another
order gives the same answer; time is that of the frames, which may come when they like. Time in
which nobody looked (a motion gate, a dropped frame) makes no track lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Final, NamedTuple

from edge.vision.assignment import pair
from edge.vision.beginnings import Beginnings
from edge.vision.kalman import Noise, overlap
from edge.vision.tracks import (
    MOST_OBJECTS,
    Seeable,
    Sight,
    Size,
    Spot,
    Track,
    continues,
    fit,
    gone,
    sound,
)

_LONGEST_STEP_S: Final = 1.0
"""Nobody knows where an object went that was not looked at for longer."""
_ANY: Final = 2.0
_NEARLY: Final = 0.75
"""Costs up to which sure and faint detections continue a track."""
_AWAY_S: Final = 0.45
_SAME: Final = 0.6
"""A detection that overlaps another track's by more is the same object's second box."""


class Rules(NamedTuple):
    """When a track begins, is believed, and ends."""

    sure: float = 0.5
    """Only detections of this score begin tracks."""
    faint: float = 0.2
    """Those below ``sure`` and from here on continue tracks."""
    hits: int = 3
    of: int = 5
    lost_s: float = 4.0
    gate: float = 9.2
    """χ² with two degrees of freedom, 99 %: what lies beyond cannot be the same object."""
    noise: Noise = Noise()


class Sighting(NamedTuple):
    """A confirmed track that this frame shows: ``spots`` are all its places not yet told."""

    track: Track
    spots: tuple[Spot, ...]


class Step(NamedTuple):
    """What one frame changed; of confirmed tracks only. ``new`` ones are among the ``seen``."""

    new: tuple[Track, ...]
    seen: tuple[Sighting, ...]
    ended: tuple[Track, ...]


class Tracker:
    """The objects of one camera's picture.

    Args:
        new_id: makes the id of a confirmed track, 16 bytes.
        rules: when tracks begin, are believed and end.
    """

    def __init__(self, new_id: Callable[[], bytes], rules: Rules | None = None) -> None:
        self._new_id = new_id
        self._rules = rules = rules or Rules()
        self._tracks: list[Track] = []
        self._beginnings = Beginnings(rules.hits, rules.of, rules.gate, rules.noise)
        self._at: float | None = None

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The confirmed tracks that have not ended, the lost ones too."""
        return tuple(self._tracks)

    @property
    def begun(self) -> bool:
        """Whether something was seen that the next frame may confirm."""
        return self._beginnings.any

    def step(self, detections: Iterable[Seeable], at: float, width: int, height: int) -> Step:
        """Take in the detections of a frame of ``width`` × ``height`` pixels, seen at ``at``.

        Boxes that are no numbers, have no area, or lie outside the picture are left out.
        """
        rules, size = self._rules, Size(width, height)
        elapsed = self._advance(at)
        sights = sound(detections, size)
        sure = [it for it in sights if it.score >= rules.sure]
        faint = [it for it in sights if rules.faint <= it.score < rules.sure]
        present = [track for track in self._tracks if _present(track)]
        met, unmet, sure = self._meet(present, sure, _ANY, size)
        recent = [track for track in unmet if not track.lost]
        faintly, _, _ = self._meet(recent, faint, _NEARLY, size)
        found = {id(track): sight for track, sight in (*met, *faintly)}
        for track in self._tracks:
            sight = found.get(id(track))
            if sight is None:
                track.miss(elapsed)
            else:
                track.meet(sight, at, rules.noise, size)
        unclaimed = [
            sight
            for sight in sure
            if not any(overlap(sight.box, taken.box) > _SAME for taken in found.values())
        ]
        begun = self._beginnings.step(unclaimed, at, elapsed, size)
        return self._told(self._found_again(begun, size), size)

    def drop(self, track: Track) -> None:
        """It turned out to be a part of another."""
        self._tracks = [it for it in self._tracks if it is not track]

    def finish(self) -> tuple[Track, ...]:
        """End all tracks, as the camera does; the confirmed ones are returned."""
        ended = self.tracks
        self._tracks, self._at = [], None
        self._beginnings.forget()
        return ended

    def _advance(self, at: float) -> float:
        """Move all tracks on to ``at``; returns the seconds, never negative, never many."""
        before, self._at = self._at, at
        since = at - before if before is not None else 0.0
        elapsed = min(max(since, 0.0), _LONGEST_STEP_S) if isfinite(since) else 0.0
        for track in self._tracks:
            track.motion = track.motion.ahead(elapsed, self._rules.noise, lost=track.lost)
        return elapsed

    def _meet(
        self, tracks: Sequence[Track], sights: list[Sight], limit: float, size: Size
    ) -> tuple[list[tuple[Track, Sight]], list[Track], list[Sight]]:
        """Pairs of tracks and sights that belong together; then the tracks and sights left."""
        noise, gate = self._rules.noise, self._rules.gate
        costs = [[fit(track, it, noise, gate, size).cost for it in sights] for track in tracks]
        pairs = pair(costs, limit)
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [(tracks[row], sights[column]) for row, column in pairs],
            [track for row, track in enumerate(tracks) if row not in rows],
            [sight for column, sight in enumerate(sights) if column not in columns],
        )

    def _found_again(self, begun: list[Track], size: Size) -> list[Track]:
        """Those that are new; the others go on as the lost tracks that they are."""
        lost = [track for track in self._tracks if not _present(track)]
        costs = [[continues(track, other, size) for other in begun] for track in lost]
        pairs = pair(costs, 1.0)
        for row, column in pairs:
            lost[row].go_on(begun[column])
        again = {column for _, column in pairs}
        return [track for column, track in enumerate(begun) if column not in again]

    def _told(self, new: list[Track], size: Size) -> Step:
        """Confirm, end and forget; and say so."""
        ended: list[Track] = []
        kept: list[Track] = []
        for track in self._tracks:
            over = track.unseen_s >= self._rules.lost_s or gone(track.motion, size)
            (ended if track.lost and over else kept).append(track)
        new = new[: max(MOST_OBJECTS - len(kept), 0)]
        for track in new:
            track.id = self._new_id()
        self._tracks = [*kept, *new]
        seen = [Sighting(it, tuple(it.untold)) for it in self._tracks if it.untold]
        for track, _ in seen:
            track.untold.clear()
        return Step(tuple(new), tuple(seen), tuple(ended))


def _present(track: Track) -> bool:
    """Whether one detection is enough to go on; what was away for longer must be seen anew."""
    return track.misses <= 1 or track.unseen_s < _AWAY_S
