"""Crops that a model was unsure of wait here for a person's word; the word becomes an event.

Rules:

1. one is kept only of a camera that was allowed to (``keep_crops``), and never with a person on it:
   what comes here has gone through :mod:`edge.vision.privacy`;
2. there is room for so many, so many bytes and so many days. The oldest go first, and are counted.
   Time is the age of this database, as for all that is kept: no date removes one;
3. of the same thing one waits at a time for a while, so that a slot on the edge between two classes
   does not push out everything else;
4. the word and the crop's end are one transaction. The event has the crop's id: a word that is
   given twice, also after a restored backup, is one event;
5. the picture never leaves the gateway: what goes up is the embedding, the hash and the word.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import struct
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from edge import people
from edge.db import Connection, Database, Level, Queries
from edge.ports import CropShown, Ids
from edge.vision.lanes import Finding
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import CropLabelled, EventData, Sight
from shared.heads import MAX_DIMENSIONS
from shared.units import DAY, MINUTE

MAX_IMAGE: Final = 64 * 1024
_SQL: Final = Queries(__package__ or "edge.vision")
_ALIKE: Final = 10 * MINUTE
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")
_classes: Final = msgspec.json.Decoder(tuple[str, ...])


class Bounds(NamedTuple):
    """How many crops may wait, how many bytes their pictures may have, and for how long."""

    crops: int = 300
    total: int = 8 * 1024 * 1024
    days: int = 14


class Known(NamedTuple):
    """What is known of a classifier here: its classes, and the backbone that its embeddings are of.

    ``backbone`` is name and version.
    """

    classes: tuple[str, ...]
    backbone: str
    backbone_sha256: bytes


class Around(NamedTuple):
    """Ports.

    ``append`` chains an event, as the outbox does. ``age`` is how long this database has been in
    use. ``level`` is how full the disk is. ``known`` tells of a classifier, None for one that
    nobody here knows. ``judged`` is told each word, in its transaction, after ``judge`` was asked
    outside of it, in a thread, what there is to compare it with.
    """

    append: Callable[..., int]
    age: Callable[[Connection], int]
    known: Callable[[str], Known | None]
    level: Callable[[], Level] = lambda: Level.PLENTY
    judge: Callable[[str, bytes], object] = lambda _head, _embedding: None
    judged: Callable[[Connection, object, str], None] = lambda _connection, _verdict, _label: None


class Crops:
    """Implements the port CropDesk.

    Args:
        database: the store.
        clock: when words are given.
        ids: of crops, and so of their events.
        around: the rest of the gateway.
        allowed: the cameras whose crops may be kept.
        bounds: of what is kept.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        around: Around,
        *,
        allowed: frozenset[str] = frozenset(),
        bounds: Bounds = Bounds(),  # noqa: B008 - a tuple is not changed
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._around = around
        self._allowed = allowed
        self._bounds = bounds
        self.left_out: Counter[str] = Counter()
        """What was not kept, or not to its end, by why, since the process started."""

    # Where cameras bring them

    def keep(self, finding: Finding, *, about: str = "") -> bool:
        """Keep what a lane was unsure of, if it may be; from a camera's thread.

        Args:
            finding: with its crop.
            about: what the crop is of.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        fact, doubt, image = finding.fact, finding.uncertain, finding.crop
        if doubt is None or not isinstance(fact, Sight) or fact.camera not in self._allowed:
            return False
        known = self._around.known(doubt.head)
        if (why := _unfit(known, doubt.predicted, doubt.embedding, image)) is None:
            why = "no room" if self._around.level() >= Level.SCARCE else None
        if why is not None or known is None or image is None:
            self.left_out[why or "unfit"] += 1
            return False
        sha256 = hashlib.sha256(image).digest()
        values = (
            *(self._ids.uuid7(), fact.camera, fact.zone, about[:64], fact.frame_at, doubt.head),
            *(doubt.predicted, fact.confidence, msgspec.json.encode(known.classes).decode()),
            *(doubt.embedding, known.backbone, known.backbone_sha256, image, sha256),
        )

        def unit(connection: Connection) -> tuple[bool, int]:
            alike = (fact.camera, doubt.head, about[:64], fact.frame_at - _ALIKE)
            if connection.execute(_SQL["crop_alike"], alike).fetchone() is not None:
                return False, 0
            age = self._around.age(connection)
            kept = connection.execute(_SQL["keep_crop"], (*values, age)).rowcount > 0
            return kept, self._make_room(connection) if kept else 0

        kept, gone = self._database.run_blocking(unit)
        self.left_out["pushed out"] += gone
        if not kept:
            self.left_out["alike"] += 1
        return kept

    def _make_room(self, connection: Connection) -> int:
        """Let the oldest go until the bounds hold; returns how many."""
        gone = 0
        while True:
            count, total = connection.execute(_SQL["crops_held"]).fetchone()
            if count <= self._bounds.crops and total <= self._bounds.total:
                return gone
            (oldest,) = connection.execute(_SQL["oldest_crop"]).fetchone()
            connection.execute(_SQL["remove_crop"], (oldest,))
            gone += 1

    def clean(self, connection: Connection, *, limit: int) -> int:
        """Throw away those that have waited too long; returns how many, at most the limit."""
        before = self._around.age(connection) - self._bounds.days * DAY
        gone = connection.execute(_SQL["remove_old_crops"], (before, limit)).rowcount
        self.left_out["too old"] += gone
        return gone

    # The port CropDesk

    @property
    def retention_days(self) -> int:
        """How long one waits at most."""
        return self._bounds.days

    def count(self) -> int:
        """How many wait."""
        return int(self._database.reader.execute(_SQL["crops_held"]).fetchone()[0])

    def waiting(self, limit: int) -> list[CropShown]:
        """Those that are next: the longest waiting first, skipped ones last."""
        reader = self._database.reader
        age, now = self._around.age(reader), self._clock.now()
        shown: list[CropShown] = []
        for row in reader.execute(_SQL["crops"], (limit,)).fetchall():
            crop, camera, zone, about, frame_at, head, predicted, confidence, classes, kept = row
            gone_at = now + max(kept + self._bounds.days * DAY - age, 0)
            named = str(UUID(bytes=crop)), camera, zone, frame_at, head, predicted, confidence
            shown.append(CropShown(*named, _classes.decode(classes), gone_at, about))
        return shown

    def image(self, crop: str) -> bytes | None:
        """The JPEG of one that waits; None where it does not, or it is not what it was."""
        own_id = _id_of(crop)
        if own_id is None:
            return None
        row = self._database.reader.execute(_SQL["crop_image"], (own_id,)).fetchone()
        if row is None or hashlib.sha256(row[0]).digest() != row[1]:
            return None
        return bytes(row[0])

    async def label(self, crop: str, label: str | None, *, device: str) -> None:
        """Take a person's word, or their "cannot tell"; either way the crop is gone.

        Raises:
            QuartermasterError: ``request.not-found``, ``request.invalid`` or ``disk.full``.
        """
        own_id = _wanted(crop)
        row = self._database.reader.execute(_SQL["crop"], (own_id,)).fetchone()
        verdict = None
        if row is not None and label is not None:
            verdict = await asyncio.to_thread(self._around.judge, row[3], row[7])

        def unit(connection: Connection) -> None:
            found = connection.execute(_SQL["crop"], (own_id,)).fetchone()
            if found is None:
                raise QuartermasterError("request.not-found", crop[:64], where="crop")
            if label is not None:
                self._say(connection, own_id, _fact(found, label), device)
                self._around.judged(connection, verdict, label)
            connection.execute(_SQL["remove_crop"], (own_id,))

        await self._database.run(unit)
        self.left_out["cannot tell"] += label is None

    async def skip(self, crop: str) -> None:
        """Put it behind all others.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        own_id = _wanted(crop)

        def unit(connection: Connection) -> None:
            if not connection.execute(_SQL["skip_crop"], (own_id,)).rowcount:
                raise QuartermasterError("request.not-found", crop[:64], where="crop")

        await self._database.run(unit)

    def _say(self, connection: Connection, own_id: bytes, data: EventData, device: str) -> None:
        self._around.append(
            connection,
            data,
            event_id=own_id,
            device=device,
            occurred_at=self._clock.now(),
            clock_state=int(self._clock.state()),
            operator=people.operator_of(connection, device, None),
        )


def is_embedding(embedding: bytes) -> bool:
    """Whether these bytes are little-endian float16 numbers, each one finite."""
    size = struct.calcsize("<e")
    if not embedding or len(embedding) % size or len(embedding) > MAX_DIMENSIONS * size:
        return False
    return all(map(math.isfinite, struct.unpack(f"<{len(embedding) // size}e", embedding)))


def _unfit(
    known: Known | None, predicted: str, embedding: bytes, image: bytes | None
) -> str | None:
    """Why nothing could be learned from it; None when something could."""
    if known is None or predicted not in known.classes:
        return "unknown head"
    if not is_embedding(embedding):
        return "no numbers"
    if image is None or len(image) > MAX_IMAGE:
        return "no picture"
    begins, ends = _JPEG
    return None if image.startswith(begins) and image.endswith(ends) else "no picture"


def _fact(row: tuple[object, ...], label: str) -> CropLabelled:
    """The event that a person's word becomes.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    camera, zone, frame_at, head, predicted, confidence, classes, *rest = row
    embedding, backbone, backbone_sha256, image_sha256 = rest
    if label not in _classes.decode(str(classes)):
        raise QuartermasterError("request.invalid", label[:64], where="label")
    fields = {
        "camera": camera,
        "zone": zone,
        "frame_at": frame_at,
        "model": backbone,
        "model_sha256": backbone_sha256,
        "confidence": confidence,
        "image_sha256": image_sha256,
        "head": head,
        "label": label,
        "predicted": predicted,
        "embedding": embedding,
    }
    return CropLabelled(**fields)  # pyright: ignore[reportArgumentType] - columns of a STRICT table


def _wanted(crop: str) -> bytes:
    own_id = _id_of(crop)
    if own_id is None:
        raise QuartermasterError("request.not-found", crop[:64], where="crop")
    return own_id


def _id_of(crop: str) -> bytes | None:
    try:
        return UUID(crop).bytes
    except ValueError:
        return None
