"""What can be read at one place: a picture file, a video, or a camera's address.

Pictures stand alone (``still`` effort, one event a code, ``frames = 1``); videos and cameras go
through confirmation. Codes that cannot become an event are told with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.capture.camera import is_address, open_source
from edge.capture.files import VIDEO_SUFFIXES, VideoFile
from edge.capture.pictures import load_picture
from edge.ports import Barcode, Frame, FrameSource
from edge.vision.barcodes import ZxingReader
from edge.vision.confirm import Confirmation, SkuOf, code_seen, confidence
from edge.vision.labels import LabelReader
from shared.errors import QuartermasterError
from shared.events import CodeSeen, LabelRead
from shared.gs1 import Scanned, read
from shared.units import Micros


class Found(NamedTuple):
    """A code at a place: what it says or why it is refused, and the event it makes, if any."""

    code: Barcode
    says: Scanned | None
    refusal: QuartermasterError | None
    event: CodeSeen | None


class Looked(msgspec.Struct, kw_only=True):
    """All that was seen at one place. ``suppressed`` counts repeats of what was told already."""

    place: str
    frames: int = 0
    dropped: int = 0
    suppressed: int = 0
    found: list[Found] = []
    label: LabelRead | None = None


class Look:
    """Reads places for one device.

    Args:
        device: whose name the events carry as their camera.
        sku_of: asks the item master.
        seconds: how long to look at a live camera.
        clock: monotonic seconds.
        labels: reads lot and expiry of pictures, too, for goods that came in at ``received``.
        received: today.
    """

    def __init__(
        self,
        device: str,
        *,
        sku_of: SkuOf,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        labels: LabelReader | None = None,
        received: date = date.min,
    ) -> None:
        self._labels = labels
        self._received = received
        self._device = device
        self._sku_of = sku_of
        self._seconds = seconds
        self._clock = clock
        self._still = ZxingReader("still")
        self._live = ZxingReader("live")

    def at(self, place: str) -> Looked:
        """What is at ``place``.

        Raises:
            QuartermasterError: ``file.unreadable`` or ``camera.unreadable``.
        """
        if is_address(place):
            return self._at_source(place, open_source(place), self._seconds)
        path = Path(place)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return self._at_source(place, VideoFile(path), None)
        return self._at_picture(place)

    def _at_picture(self, place: str) -> Looked:
        picture = load_picture(Path(place))
        looked = Looked(place=place, frames=1)
        for code, looks, against in self._still.readings(picture.image):
            says, refusal = _understood(code)
            event = None
            if says is not None:
                sku = self._sku_of(says.gtin or says.text)
                event = code_seen(
                    self._device,
                    code,
                    says,
                    sku=sku,
                    frames=1,
                    image_sha256=picture.sha256,
                    confidence=confidence(code, looks=looks, against=against, ours=sku is not None),
                )
            looked.found.append(Found(code, says, refusal, event))
        if self._labels is not None:
            looked.label = self._labels.event(
                picture.image,
                received=self._received,
                camera=self._device,
                taken_at=Micros(0),  # a file does not say when it was taken
                image_sha256=picture.sha256,
            )
        return looked

    def _at_source(self, place: str, source: FrameSource, seconds: float | None) -> Looked:
        confirmation = Confirmation(self._device, sku_of=self._sku_of)
        looked = Looked(place=place)
        seen: dict[tuple[str, str], Found] = {}
        until = None if seconds is None else self._clock() + seconds
        try:
            for frame in source.frames():
                looked.frames += 1
                self._observe(frame, confirmation, seen)
                if until is not None and self._clock() > until:
                    break
        finally:
            source.close()
        looked.found = list(seen.values())
        looked.dropped = source.dropped
        looked.suppressed = confirmation.suppressed
        return looked

    def _observe(
        self, frame: Frame, confirmation: Confirmation, seen: dict[tuple[str, str], Found]
    ) -> None:
        codes = self._live.read(frame.image)
        events = {event.raw: event for event in confirmation.observe(frame, codes)}
        for code in codes:
            raw = code.aim + code.text
            key = (code.symbology, raw)
            if key not in seen:
                says, refusal = _understood(code)
                seen[key] = Found(code, says, refusal, None)
            if seen[key].event is None and raw in events:
                seen[key] = seen[key]._replace(event=events[raw])


def _understood(code: Barcode) -> tuple[Scanned | None, QuartermasterError | None]:
    try:
        return read(code.aim + code.text), None
    except QuartermasterError as refusal:
        return None, refusal
