"""What the label on an exception's photo says, for whoever asks: lot, expiry and codes, or nothing.

The photo is a phone's of a code that nobody knows, or a camera's crop of what it suspects. It is
read once, by a process of its own (:mod:`edge.app.label_worker`); so few wait at a time that nobody
waits long. Its print becomes a ``LabelRead`` that names who took the picture, a code a ``CodeSeen``
where the item master knows it: one picture is one look. An abstention is only told. Nothing is
booked by it: a person reads the answer beside the photo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from edge import stock, tasks
from edge.app.apart import asked_apart
from edge.pipeline.requests import legible
from edge.ports import LabelTold, ReadShown
from edge.vision.printed import Order
from shared import gs1
from shared.errors import QuartermasterError
from shared.events import CodeSeen, LabelRead
from shared.units import SECOND, Micros

if TYPE_CHECKING:
    from edge.app.store import Store

MOST_WAITING: Final = 4
"""Each takes seconds of a core: a fifth one is told to come again."""
_MOST_KEPT: Final = 200
_WORKER: Final = "edge.app.label_worker"


class Question(msgspec.Struct, frozen=True):
    """What the worker is asked of a picture: whose it is, and how labels are printed here."""

    camera: str
    zone: str | None
    taken_at: Micros
    received: date
    dates: Order | None = None
    lot_forms: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What the worker saw: a label's print, and codes, whoever they belong to."""

    label: LabelRead
    codes: tuple[CodeSeen, ...] = ()


class Labels:
    """Implements the port LabelDesk.

    Args:
        store: the gateway's.
        ask: asks the worker: a question, answered with the answer.
    """

    def __init__(self, store: Store, *, ask: Callable[[bytes], bytes] | None = None) -> None:
        self._store = store
        self._ask = ask or partial(asked_apart, (_WORKER,))
        self._turn = asyncio.Lock()
        self._asked: dict[str, asyncio.Task[LabelTold]] = {}
        self._told: dict[str, LabelTold] = {}

    def told(self, exception: str) -> LabelTold | None:
        """What was read since the gateway started; None where nobody asked."""
        return self._told.get(exception)

    async def read(self, exception: str, *, device: str) -> LabelTold:
        """Read the photo of an exception for whoever is at a device.

        Who asks again, or meanwhile, is told the same: a photo does not change.

        Raises:
            QuartermasterError: ``request.not-found`` without such an exception or its photo,
                ``request.too-many`` where enough wait, ``file.unreadable`` for a photo that is
                none, ``model.missing`` without the extra ``ocr``, or ``program.failed``.
        """
        if (known := self._told.get(exception)) is not None:
            return known
        asked = self._asked.get(exception)
        if asked is None:
            if len(self._asked) >= MOST_WAITING:
                raise QuartermasterError("request.too-many", f"{MOST_WAITING} labels wait")
            asked = asyncio.create_task(self._read(exception, device))
            self._asked[exception] = asked
            asked.add_done_callback(lambda _: self._asked.pop(exception))
        return await asyncio.shield(asked)

    async def _read(self, exception: str, device: str) -> LabelTold:
        raised = tasks.exception(self._store.database.reader, exception)
        photo = self._store.photos.read(raised.photo_sha256) if raised.photo_sha256 else None
        if photo is None:
            raise QuartermasterError("request.not-found", "no photo was kept", where="photo")
        question = msgspec.json.encode(self._question(raised)) + b"\n" + photo
        async with self._turn:
            answer = await asyncio.to_thread(self._ask, question)
        told = await self._recorded(_decoded(answer), device)
        while len(self._told) >= _MOST_KEPT:
            del self._told[next(iter(self._told))]
        self._told[exception] = told
        return told

    async def _recorded(self, saw: Answer, device: str) -> LabelTold:
        """Make events of what can be told, in the name of who asked."""
        label, record = saw.label, self._store.pipeline.record
        says = label.lot is not None or label.expiry is not None
        seq = await record(label, device=device) if says else 0
        codes: list[ReadShown] = []
        for code in saw.codes:
            scanned = gs1.read(code.raw)
            sku = self._sku_of(scanned.gtin or scanned.text)
            codes.append(ReadShown(scanned.gtin or legible(scanned.text), sku, code.frame_at))
            if sku is not None:
                await record(msgspec.structs.replace(code, sku=sku), device=device)
        read = label.lot, label.expiry, label.confidence, label.text, label.model
        return LabelTold(*read, seq, tuple(codes))

    def _sku_of(self, code: str) -> str | None:
        reader = self._store.database.reader
        item = stock.item_of_gtin(reader, code) or stock.item_of_sku(reader, code)
        return item.sku if item is not None else None

    def _question(self, raised: tasks.Raised) -> Question:
        printed = self._store.settings.labels
        return Question(
            camera=raised.device,
            zone=self._zone(raised),
            taken_at=Micros(raised.raised_at),
            received=datetime.fromtimestamp(raised.raised_at / SECOND, UTC).date(),
            dates=printed.dates,
            lot_forms=tuple(printed.lot_forms),
        )

    def _zone(self, raised: tasks.Raised) -> str | None:
        """The zone of the camera that raised it; None where it is no camera's, or not clear."""
        zones = [
            zone.name
            for camera in self._store.settings.camera
            for zone in camera.zones
            if camera.name == raised.device and raised.location in {zone.location, zone.name}
        ]
        return zones[0] if len(zones) == 1 else None


def _decoded(answer: bytes) -> Answer:
    """What the worker answered.

    Raises:
        QuartermasterError: ``program.failed`` where that is no answer.
    """
    try:
        return msgspec.json.decode(answer, type=Answer)
    except msgspec.MsgspecError as error:
        raise QuartermasterError("program.failed", str(error)[:200], where=_WORKER) from None
