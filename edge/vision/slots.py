"""Whether shelf slots are empty, low or full; and when that becomes a fact.

Each look compares a slot with its reference picture. What the head is not sure of is no answer: it
neither confirms nor contradicts. Another state is told once it was seen in several differing frames
and for a while, with none between them that surely said otherwise. When nothing was seen
surely for long, that is told too, as ``unknown``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

import numpy as np

from edge.vision.calibration import Shows, Slot
from edge.vision.embedding import (
    Backbone,
    Numbers,
    Verdict,
    cut,
    halved,
    jpeg_of,
    judged,
    kept,
    looked_at,
)
from edge.vision.embedding import small as as_seen
from edge.vision.lanes import Finding, Look, Uncertain
from edge.vision.models import Model, load, read_card
from shared.errors import QuartermasterError
from shared.events import SlotSeen
from shared.events.sights import SlotState

_STATES: Final = frozenset({"empty", "low", "full"})


class Holding(NamedTuple):
    """How long a state has to hold before it is told; ``patience`` is how long none may.

    Seconds of the camera's time.
    """

    looks: int = 3
    seconds: float = 4.0
    patience: float = 600.0


@dataclass(slots=True)
class _Watched:
    """A slot, what its reference looks like, what was told of it, and what may become told."""

    slot: Slot
    then: Numbers
    told: SlotState = "unknown"
    maybe: SlotState = "unknown"
    since: float = 0.0
    probabilities: list[float] = field(default_factory=list[float])
    sure_at: float | None = None


class SlotLane:
    """Looks at the slots of one camera; implements :class:`edge.vision.lanes.Lane`.

    Args:
        camera: its name.
        slots: as people drew them.
        backbone: makes embeddings.
        head: judges them; the one that ships with the gateway by default.
        holding: when a state is told.

    Raises:
        QuartermasterError: ``model.card``, ``model.untrusted``, ``model.shape`` or
            ``model.scores``.
    """

    name: Final = "slots"

    def __init__(
        self,
        camera: str,
        slots: Sequence[Slot],
        *,
        backbone: Backbone | None = None,
        head: Model | None = None,
        holding: Holding = Holding(),  # noqa: B008 - a tuple is not changed
    ) -> None:
        self._camera = camera
        self._backbone = backbone or Backbone()
        self.head = head or load(read_card("slots"))
        """What judges; another one may take its place between two looks."""
        self._holding = holding
        self._seen: int | None = None
        self.left_out: dict[str, str] = {}
        """Slots that cannot be looked at, and why."""
        self.failed = 0
        """Looks of which a model made nothing."""
        self._watched = self._prepared(slots)

    def look(self, look: Look) -> list[Finding]:
        """The slots that this look shows to have changed."""
        if not self._watched or look.frame.number == self._seen:
            return []
        self._seen = look.frame.number
        cuts = [cut(look.frame.image, each.slot.polygon) for each in self._watched]
        try:
            now = self._backbone.embed([as_seen(each) for each in cuts])
            features = np.stack(
                [
                    compared(row, each.then, each.slot.shows)
                    for row, each in zip(now, self._watched, strict=True)
                ]
            )
            verdicts = judged(self.head, features)
        except QuartermasterError as error:
            if error.code not in {"model.scores", "model.shape"}:
                raise
            self.failed += 1
            return []
        found: list[Finding] = []
        for watched, verdict, picture, row in zip(
            self._watched, verdicts, cuts, features, strict=True
        ):
            confidence = self._changed(watched, verdict, look.frame.at)
            if confidence is None:
                continue
            before, watched.told = watched.told, watched.maybe
            jpeg = jpeg_of(picture)
            fact = self._fact(watched, before, confidence, look, jpeg)
            doubt = None if verdict.is_sure else Uncertain("slots", verdict.label, kept(row))
            found.append(Finding(fact, jpeg, doubt))
        return found

    def _changed(self, watched: _Watched, verdict: Verdict, at: float) -> int | None:
        """How sure it is that the slot is in another state than was told; None while it is not."""
        holding = self._holding
        if watched.sure_at is None:
            watched.sure_at = at
        if not verdict.is_sure or verdict.label not in _STATES:
            if watched.told == "unknown" or at - watched.sure_at < holding.patience:
                return None
            watched.maybe = "unknown"
            watched.probabilities = []
            return verdict.per_mille
        state = cast("SlotState", verdict.label)
        gap = at - watched.sure_at
        watched.sure_at = at
        if state != watched.maybe or gap >= holding.patience or not watched.probabilities:
            watched.maybe, watched.since, watched.probabilities = state, at, []
        watched.probabilities = [*watched.probabilities, verdict.probability][-holding.looks :]
        is_held = len(watched.probabilities) >= holding.looks
        if state == watched.told or not is_held or at - watched.since < holding.seconds:
            return None
        return round(1000 * sum(watched.probabilities) / len(watched.probabilities))

    def _fact(
        self, watched: _Watched, before: SlotState, confidence: int, look: Look, jpeg: bytes
    ) -> SlotSeen:
        model, sha256 = self.head.provenance
        return SlotSeen(
            self._camera,
            look.zone.name if look.zone is not None else None,
            look.taken_at,
            model,
            sha256,
            confidence,
            hashlib.sha256(jpeg).digest(),
            watched.slot.name,
            watched.slot.location,
            watched.told,
            before,
        )

    def _prepared(self, slots: Sequence[Slot]) -> list[_Watched]:
        """The slots that can be looked at; one that cannot keeps no other from it."""
        references: list[tuple[Slot, np.ndarray]] = []
        for slot in slots:
            try:
                references.append((slot, looked_at(slot.reference)))
            except QuartermasterError as error:
                self.left_out[slot.name] = f"{error.code}: {error.detail}"
        if not references:
            return []
        then = self._backbone.embed([picture for _, picture in references])
        return [_Watched(slot, row) for (slot, _), row in zip(references, then, strict=True)]


def compared(now: Numbers, then: Numbers, shows: Shows) -> Numbers:
    """What the head for slots sees: how the slot looks, and how far from full or from empty.

    A reference says how the slot differs from one of the two; the other's place is zero, so that
    a linear head can tell them apart.
    """
    far = np.abs(now - then)
    none = np.zeros_like(far)
    parts = [now, far, none, [1]] if shows == "full" else [now, none, far, [0]]
    return halved(np.concatenate(parts))
