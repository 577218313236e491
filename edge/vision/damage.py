"""Goods that may be damaged: a suspicion with a crop, for a person to judge.

A suspicion is told once of each tracked object, when two of its last three looks had it. Where
nothing is tracked, a zone's own picture is looked at, and told again only after it has looked whole
for a while. Nobody is ever told that goods are whole.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from edge.vision.embedding import (
    Backbone,
    Picture,
    Verdict,
    boxed,
    jpeg_of,
    judged,
    kept,
)
from edge.vision.lanes import Box, Finding, Look, Uncertain
from edge.vision.models import Model, load, read_card
from edge.vision.motion import box_of
from shared.errors import QuartermasterError
from shared.events import DamageSuspected
from shared.events.sights import Seen

SUSPECT: Final = "suspect"
_LOOKS: Final = 3
_NEEDED: Final = 2
_WHOLE: Final = 10
"""Looks at a zone without suspicion, after which another carton stands there."""
_REMEMBERED: Final = 256
_LIKELY: Final = 0.97
"""Below it a person's word would teach the head something."""
_EVIDENCE: Final = 320
_LOOKED_AT: Final = frozenset({"carton", "pallet"})


class Followed(NamedTuple):
    """A confirmed track in this frame; its box in pixels."""

    track: bytes
    seen: Seen
    box: Box


@dataclass(slots=True)
class _History:
    suspicions: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=_LOOKS))
    is_told: bool = False
    whole: int = 0


class DamageLane:
    """Looks for damage in a zone; implements :class:`edge.vision.lanes.Lane`.

    Args:
        camera: its name.
        followed: the confirmed tracks of the frame that is looked at; None where none are kept.
        backbone: makes embeddings.
        head: judges them; the one that ships with the gateway by default.

    Raises:
        QuartermasterError: ``model.card``, ``model.untrusted`` or ``model.shape``.
    """

    name: Final = "damage"

    def __init__(
        self,
        camera: str,
        followed: Callable[[], Sequence[Followed]] | None = None,
        *,
        backbone: Backbone | None = None,
        head: Model | None = None,
    ) -> None:
        self._camera = camera
        self._followed = followed
        self._backbone = backbone or Backbone()
        self.head = head or load(read_card("damage"))
        """What judges; another one may take its place between two looks."""
        self._histories: OrderedDict[bytes, _History] = OrderedDict()
        self.failed = 0
        """Looks of which a model made nothing."""

    def look(self, look: Look) -> list[Finding]:
        """What this look makes suspicious."""
        wanted = self._wanted(look)
        crops = [(each, boxed(look.frame.image, each.box)) for each in wanted]
        shown = [(each, crop) for each, crop in crops if crop is not None]
        if not shown:
            return []
        try:
            rows = self._backbone.embed([crop for _, crop in shown])
            verdicts = judged(self.head, rows)
        except QuartermasterError as error:
            if error.code not in {"model.scores", "model.shape"}:
                raise
            self.failed += 1
            return []
        found: list[Finding] = []
        for (each, _), row, verdict in zip(shown, rows, verdicts, strict=True):
            if self._is_new(each.track, verdict):
                found.append(self._finding(each, row, verdict, look))
        return found

    def _wanted(self, look: Look) -> list[Followed]:
        height, width = look.frame.image.shape[:2]
        polygon = look.zone.polygon if look.zone is not None else ((0, 0), (1, 0), (1, 1), (0, 1))
        points = np.asarray(polygon, np.float64) * (width, height)
        if self._followed is None:
            place = look.zone.name.encode() if look.zone is not None else b""
            return [Followed(b"zone " + place, "carton", box_of(polygon, width, height))]
        return [
            each
            for each in self._followed()
            if each.seen in _LOOKED_AT and _holds(points, each.box)
        ]

    def _is_new(self, track: bytes, verdict: Verdict) -> bool:
        """Whether this look is the one that makes an object suspicious."""
        history = self._histories.pop(track, None) or _History()
        self._histories[track] = history
        if len(self._histories) > _REMEMBERED:
            self._histories.popitem(last=False)
        is_suspect = verdict.is_sure and verdict.label == SUSPECT
        history.suspicions.append(is_suspect)
        history.whole = 0 if is_suspect else history.whole + 1
        if self._followed is None and history.whole >= _WHOLE:
            history.is_told = False
        if history.is_told or sum(history.suspicions) < _NEEDED or not is_suspect:
            return False
        history.is_told = True
        return True

    def _finding(self, each: Followed, row: Picture, verdict: Verdict, look: Look) -> Finding:
        model, sha256 = self.head.provenance
        left, top, right, bottom = each.box
        part = look.frame.image[max(top, 0) : bottom, max(left, 0) : right]
        jpeg = jpeg_of(part[:: _step(part), :: _step(part)])
        fact = DamageSuspected(
            self._camera,
            look.zone.name if look.zone is not None else None,
            look.taken_at,
            model,
            sha256,
            verdict.per_mille,
            hashlib.sha256(jpeg).digest(),
            each.seen,
            each.track if self._followed is not None else None,
        )
        is_doubtful = verdict.probability < _LIKELY
        doubt = Uncertain("damage", verdict.label, kept(row)) if is_doubtful else None
        return Finding(fact, jpeg, doubt)


def _step(part: np.ndarray) -> int:
    """Every how-manieth pixel is enough to judge by."""
    return max(1, -(-max(part.shape[:2]) // _EVIDENCE))


def _holds(points: np.ndarray, box: Box) -> bool:
    """Whether the middle of a box is within a polygon (even-odd rule)."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    is_inside = False
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            is_inside = not is_inside
    return is_inside
