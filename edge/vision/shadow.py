"""Two heads on one embedding: the one in force answers, the candidate beside it is only compared.

A head is used only for the backbone that it was made of, with the bytes that were meant, with the
graph that a head has, and with the classes of the head that ships with the gateway. Whatever a
candidate does, the answer is the active head's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import structlog

from edge.vision.lanes import Finding, Lane, Look
from edge.vision.models import FOLDER, Array, Card, Model, Tensor, load, opened, read_card
from shared.errors import QuartermasterError
from shared.events import ShadowCompared
from shared.heads import INPUT, OUTPUT, Head, Heads
from shared.units import MINUTE, Micros

_log: Final[Any] = structlog.get_logger("edge.vision")
_EVERY: Final = MINUTE
BACKBONE: Final = "backbone"


class Tally(NamedTuple):
    """How many answers were compared, and how many of them were the same."""

    compared: int = 0
    agreed: int = 0


def open_head(head: Head, shipped: Card, backbone: Card) -> Model:
    """A head that came down, if cameras here can judge by it.

    Args:
        head: as the document has it.
        shipped: the card of the head that it may take the place of.
        backbone: the card of the backbone whose embeddings there are.

    Raises:
        QuartermasterError: ``model.untrusted`` for another backbone or other bytes, ``model.shape``
            for other classes or a graph of another shape.
    """
    if head.backbone_sha256.hex() != backbone.sha256:
        detail = f"made for {head.backbone}, here is {backbone.name}-{backbone.version}"
        raise QuartermasterError("model.untrusted", detail, where=head.version)
    if sorted(head.classes) != sorted(shipped.classes):
        detail = f"its classes: {', '.join(head.classes)}"
        raise QuartermasterError("model.shape", detail, where=head.version)
    card = Card(
        name=head.name,
        version=head.version.removeprefix(f"{head.name}-"),
        file=f"{head.version}.onnx",
        sha256=head.sha256.hex(),
        inputs=(Tensor(INPUT, ("n", head.dimensions)),),
        outputs=(Tensor(OUTPUT, ("n", len(head.classes))),),
        classes=tuple(head.classes),
        thresholds=shipped.thresholds,
    )
    model = opened(card, head.model)
    model.run(np.zeros((1, head.dimensions), np.float32))
    return model


class Shadowed(Model):
    """A head as a lane uses it.

    Args:
        active: whose answers count.
        candidate: that is compared, if there is one.
        classes: in the order of the answer's columns.
    """

    def __init__(self, active: Model, candidate: Model | None, classes: Sequence[str]) -> None:
        super().__init__(msgspec.structs.replace(active.card, classes=tuple(classes)), None)
        self._active: Final = active
        self._candidate: Final = candidate
        self._order: Final = [active.card.classes.index(name) for name in classes]
        self._other: Final = (
            [] if candidate is None else [candidate.card.classes.index(name) for name in classes]
        )
        self._tally = Tally()

    @property
    def pair(self) -> tuple[tuple[str, bytes], tuple[str, bytes]] | None:
        """What is compared: the active head and the candidate; None without one."""
        if self._candidate is None:
            return None
        return self._active.provenance, self._candidate.provenance

    def run(self, given: Array | Mapping[str, Array]) -> dict[str, Array]:
        """The active head's probabilities; the candidate's are counted beside them.

        Raises:
            QuartermasterError: as the active head's; none for what the candidate does.
        """
        answer = self._active.run(given)[OUTPUT][:, self._order]
        if self._candidate is not None:
            try:
                other = self._candidate.run(given)[OUTPUT][:, self._other]
            except QuartermasterError as error:
                _log.warning("shadow.failed", head=self._candidate.card.file, code=error.code)
            else:
                same = int((answer.argmax(axis=1) == other.argmax(axis=1)).sum())
                compared, agreed = self._tally
                self._tally = Tally(compared + len(answer), agreed + same)
        return {OUTPUT: answer}

    def both(self, embedding: Array) -> tuple[int, int] | None:
        """The classes that the two give one embedding, without counting it; None without two.

        Raises:
            QuartermasterError: as :meth:`run`.
        """
        if self._candidate is None:
            return None
        answer = self._active.run(embedding)[OUTPUT][0, self._order]
        other = self._candidate.run(embedding)[OUTPUT][0, self._other]
        return int(answer.argmax()), int(other.argmax())

    def take(self) -> Tally:
        """What was counted since this was last asked."""
        tally, self._tally = self._tally, Tally()
        return tally


def shadowed(name: str, heads: Heads, folder: Path = FOLDER) -> Shadowed:
    """The head to judge by: the active one that came down or else the one that ships, and a shadow.

    One that cannot be used here (the gateway's backbone is newer than it) is left out.

    Raises:
        QuartermasterError: ``model.card`` and others where what ships cannot be used.
    """
    shipped, backbone = read_card(name, folder), read_card(BACKBONE, folder)
    active = _usable(heads.of(name, "active"), shipped, backbone)
    candidate = _usable(heads.of(name, "shadow"), shipped, backbone)
    return Shadowed(active or load(shipped, folder), candidate, shipped.classes)


def refuse_unusable(heads: Heads, folder: Path = FOLDER) -> None:
    """Whether every head of a document can be used here, and none is of a head nobody knows.

    Raises:
        QuartermasterError: ``model.untrusted``, ``model.shape``, ``model.scores``, or
            ``model.card`` for a head that does not ship with this gateway.
    """
    backbone = read_card(BACKBONE, folder)
    for head in heads.heads:
        open_head(head, read_card(head.name, folder), backbone)


class WithShadow:
    """A lane whose head is compared: each minute it tells, beside what the lane found, how it went.

    What it tells is of that minute alone; the gateway adds it up.
    """

    def __init__(self, lane: Lane, head: str, shadow: Shadowed) -> None:
        self._lane: Final = lane
        self._head: Final = head
        self._shadow: Final = shadow
        self._since: Micros | None = None

    @property
    def name(self) -> str:
        """The lane's."""
        return self._lane.name

    def look(self, look: Look) -> Sequence[Finding]:
        """What the lane finds, and now and then a comparison."""
        found = self._lane.look(look)
        if self._shadow.pair is None:
            return found
        if self._since is None:
            self._since = look.taken_at
        if look.taken_at - self._since < _EVERY:
            return found
        tally = self._shadow.take()
        since, self._since = self._since, look.taken_at
        if not tally.compared:
            return found
        (version, sha256), (candidate, candidate_sha256) = self._shadow.pair
        told = ShadowCompared(
            head=self._head,
            version=version,
            sha256=sha256,
            candidate=candidate,
            candidate_sha256=candidate_sha256,
            since=since,
            compared=tally.compared,
            agreed=tally.agreed,
            labelled=0,
            right=0,
            candidate_right=0,
        )
        return [*found, Finding(told)]


def _usable(head: Head | None, shipped: Card, backbone: Card) -> Model | None:
    if head is None:
        return None
    try:
        return open_head(head, shipped, backbone)
    except QuartermasterError as error:
        _log.warning("head.unusable", head=head.version, code=error.code, detail=error.detail)
        return None
