"""Joins what is learned from: crops that wait, people's words, and heads that are tried out.

Models are asked in processes of their own: this one loads neither ONNX nor numbers. Without a
camera nothing is judged, compared or kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge import stock
from edge.app.apart import asked_apart
from edge.app.store import Store
from edge.db import Connection
from edge.outbox.retention import age
from edge.ports import SystemIds
from edge.vision.comparing import Comparing, Pair, Verdict
from edge.vision.crops import Around, Crops, Known
from edge.vision.lanes import Finding
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.events import DamageSuspected, EventData, ShadowCompared, SlotSeen
from shared.heads import Heads

_log: Final[Any] = structlog.get_logger("edge.learning")
_ROOT: Final = Path(__file__).resolve().parents[2]
_MODELS: Final = _ROOT / "edge" / "vision" / "models"
_LOOK_S: Final = 5.0
_LOOKS: Final = 120
"""Between two looks for crops that have waited too long."""
_AT_ONCE: Final = 100
_BACKBONE: Final = "backbone"
_JUDGE: Final = "edge.vision.judging"


class _Card(msgspec.Struct, frozen=True):
    """What has to be known of a model without loading it, see :mod:`edge.vision.models`."""

    name: str
    version: str
    sha256: str
    classes: tuple[str, ...] = ()

    @property
    def provenance(self) -> tuple[str, bytes]:
        return f"{self.name}-{self.version}", bytes.fromhex(self.sha256)


class Learning:
    """One gateway's.

    Args:
        store: the gateway's.
        models: where the cards of the models that ship lie.
        ask: asks heads: a question, answered with the answer.
        changed: told when other heads are in force: workers are to judge by them.
    """

    def __init__(
        self,
        store: Store,
        *,
        models: Path = _MODELS,
        ask: Callable[[bytes], bytes] | None = None,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._ask = ask or partial(asked_apart, (_JUDGE, str(models)))
        self._changed = changed
        self._models = models
        self._cards: dict[str, _Card | None] = {}
        self._refused: tuple[Heads, QuartermasterError] | None = None
        cameras = store.settings.camera
        self._judges = bool(cameras)
        ids = SystemIds()
        self.comparing: Final = Comparing(
            store.database,
            store.clock,
            ids,
            append=store.outbox.append,
            gateway=str(store.identity.gateway),
            shipped=self._shipped,
        )
        self.crops: Final = Crops(
            store.database,
            store.clock,
            ids,
            Around(
                append=store.outbox.append,
                age=age,
                known=self._known,
                level=lambda: store.space.level,
                judge=self._verdict,
                judged=self.comparing.judged,
            ),
            allowed=frozenset(each.name for each in cameras if each.keep_crops),
        )

    async def run(self) -> None:
        """Tell how shadows do and hand workers new heads, until cancelled; crops grow old."""
        database = self._store.database
        await database.run(self._begin)
        version = stock.in_force(database.reader, "heads").version
        looks = 0
        while True:
            if looks % _LOOKS == 0:
                await database.run(lambda connection: self.crops.clean(connection, limit=_AT_ONCE))
            looks += 1
            await self.comparing.tell()
            now = stock.in_force(database.reader, "heads").version
            if now != version:
                version = now
                self._changed()
            await asyncio.sleep(_LOOK_S)

    def heard(self, finding: Finding) -> None:
        """What a camera's worker found, once it is recorded: a crop may wait; in its thread."""
        try:
            self.crops.keep(finding, about=_about(finding.fact))
        except QuartermasterError as error:
            _log.warning("learning.crop-not-kept", code=error.code)

    def compared(self, told: ShadowCompared) -> None:
        """What a camera's worker compared of late; in its thread."""
        try:
            self.comparing.add(told)
        except QuartermasterError as error:
            _log.warning("learning.comparison-lost", code=error.code)

    def refuse_unusable(self, document: stock.Document) -> None:
        """Whether cameras here can judge by every head of a document; it may take a second.

        Raises:
            QuartermasterError: ``model.untrusted``, ``model.shape``, ``model.scores`` or
                ``model.card``.
        """
        if not self._judges or not isinstance(document, Heads) or not document.heads:
            return
        if self._refused is not None and self._refused[0] == document:  # it is offered again
            raise self._refused[1]
        try:
            self._ask(_question("", b"", document))
        except QuartermasterError as error:
            self._refused = document, error
            raise
        self._refused = None

    def enter(self, connection: Connection, heads: Heads, now: int) -> None:
        """Heads come into force, in this transaction."""
        self.comparing.enter(connection, heads, now)

    def _begin(self, connection: Connection) -> None:
        """At the start: what is compared follows from what is in force and what ships now."""
        heads = stock.heads(connection, self._store.identity.site)
        self.comparing.enter(connection, heads, self._store.clock.now())

    def report(self) -> dict[str, Any]:
        """How many crops wait, what was left out, which heads judge, and how shadows do."""
        heads = self._heads()
        return {
            "crops": self.crops.count(),
            "left_out": dict(self.crops.left_out),
            "heads": [{"head": each.version, "role": each.role} for each in heads.heads],
            "shadow": self.comparing.report(),
        }

    def _heads(self) -> Heads:
        with closing(self._store.database.another_reader()) as reader:
            return stock.heads(reader, self._store.identity.site)

    def _card(self, name: str) -> _Card | None:
        if name not in self._cards:
            self._cards[name] = _card_of(self._models, name)
        return self._cards[name]

    def _shipped(self, name: str) -> tuple[str, bytes] | None:
        card = self._card(name) if self._judges else None
        return None if card is None else card.provenance

    def _known(self, name: str) -> Known | None:
        card, backbone = self._card(name), self._card(_BACKBONE)
        return (
            None if card is None or backbone is None else Known(card.classes, *backbone.provenance)
        )

    def _verdict(self, name: str, embedding: bytes) -> Verdict | None:
        """What the two heads say of a crop; None where there is only one, or one fails."""
        heads = self._heads()
        if heads.of(name, "shadow") is None or not self._judges:
            return None
        try:
            answer = self._ask(_question(name, embedding, heads))
        except QuartermasterError as error:
            _log.warning("learning.no-verdict", head=name, code=error.code)
            return None
        found = msgspec.json.decode(answer, type=_Judged | None)
        if found is None:
            return None
        pair = Pair(name, found.version, found.sha256, found.candidate, found.candidate_sha256)
        return Verdict(pair, found.active_says, found.candidate_says)


class _Judged(msgspec.Struct, frozen=True):
    """As :class:`edge.vision.judging.Judged`, which is not loaded here."""

    version: str
    sha256: bytes
    candidate: str
    candidate_sha256: bytes
    active_says: str
    candidate_says: str


def _question(head: str, embedding: bytes, heads: Heads) -> bytes:
    return msgspec.json.encode({"head": head, "embedding": embedding}) + b"\n" + encode(heads)


def _card_of(models: Path, name: str) -> _Card | None:
    try:
        return msgspec.toml.decode((models / f"{name}.toml").read_bytes(), type=_Card)
    except (OSError, ValueError):  # msgspec's and tomllib's are ValueErrors
        return None


def _about(fact: EventData) -> str:
    """What a crop is of, for whoever is to judge it."""
    if isinstance(fact, SlotSeen):
        return fact.slot
    if isinstance(fact, DamageSuspected):
        return fact.track.hex() if fact.track is not None else fact.seen
    return ""
