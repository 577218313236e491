"""What can be read at one place: a picture file, a video, or a camera.

Pictures stand alone (every rung of the ladder, one event a code, ``frames = 1``). Videos and
cameras go through the scan lane, as in a gateway that runs: the same looks, the same rules of what
becomes an event. Codes that cannot become one are told with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from edge.capture.camera import LiveCamera, is_camera, open_source, without_password
from edge.capture.files import VIDEO_SUFFIXES, VideoFile
from edge.capture.pictures import load_picture
from edge.ports import Barcode, Frame, FrameSource, system_wall
from edge.vision.barcodes import ZxingReader
from edge.vision.confirm import Expected, SkuOf, code_seen, confidence
from edge.vision.labels import LabelReader
from edge.vision.lanes import Look as LaneLook
from edge.vision.scanning import ScanLane
from shared.errors import QuartermasterError
from shared.events import CodeSeen, LabelRead
from shared.gs1 import Scanned, read
from shared.units import Micros

_NOBODY_KNOWS: Final = Micros(0)
"""A file does not say when it was taken."""


class Found(NamedTuple):
    """A code at a place: what it says or why it is refused, and the event it makes, if any."""

    code: Barcode
    says: Scanned | None
    refusal: QuartermasterError | None
    event: CodeSeen | None


class Looked(msgspec.Struct, kw_only=True):
    """All that was seen at one place; ``place`` without a password.

    ``suppressed`` counts repeats of what was told already. ``lost`` says why a camera was seen for
    a shorter time than it was to be.
    """

    place: str
    frames: int = 0
    dropped: int = 0
    suppressed: int = 0
    found: list[Found] = []
    label: LabelRead | None = None
    lost: QuartermasterError | None = None


class Look:
    """Reads places for one device.

    Args:
        device: whose name the events carry as their camera.
        sku_of: asks the item master.
        expected: asks whether an announced delivery names it.
        seconds: how long to look at a live camera, from its first picture on.
        clock: monotonic seconds.
        labels: reads lot and expiry of pictures, too, for goods that came in at ``received``.
        received: today.
    """

    def __init__(
        self,
        device: str,
        *,
        sku_of: SkuOf,
        expected: Expected = lambda _: False,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        labels: LabelReader | None = None,
        received: date = date.min,
    ) -> None:
        self._labels = labels
        self._received = received
        self._device = device
        self._sku_of = sku_of
        self._expected = expected
        self._seconds = seconds
        self._clock = clock
        self._still = ZxingReader()

    def at(self, place: str) -> Looked:
        """What is at ``place``.

        Raises:
            QuartermasterError: ``file.unreadable`` or ``camera.unreadable``.
        """
        if is_camera(place):
            return self._at_source(place, open_source(place))
        path = Path(place)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return self._at_source(place, VideoFile(path))
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
                taken_at=_NOBODY_KNOWS,
                image_sha256=picture.sha256,
            )
        return looked

    def _at_source(self, place: str, source: FrameSource) -> Looked:
        lane = ScanLane(self._device, sku_of=self._sku_of, expected=self._expected)
        looked = Looked(place=without_password(place))
        seen: dict[tuple[str, str], Found] = {}
        try:
            for frame, taken_at in self._frames(source):
                looked.frames += 1
                _observe(lane, LaneLook(frame, taken_at), seen)
        except QuartermasterError as error:
            if not looked.frames:
                raise
            looked.lost = error
        finally:
            source.close()
        looked.found = list(seen.values())
        looked.dropped = source.dropped
        looked.suppressed = lane.suppressed
        return looked

    def _frames(self, source: FrameSource) -> Iterator[tuple[Frame, Micros]]:
        """A file's frames, or what a camera shows for so long; each with its time."""
        if not isinstance(source, LiveCamera):
            yield from ((frame, _NOBODY_KNOWS) for frame in source.frames())
            return
        frame = source.take(None)
        until = self._clock() + self._seconds
        while frame is not None:
            yield frame, Micros(system_wall())
            left = until - self._clock()
            frame = source.take(left) if left > 0 else None


def _observe(lane: ScanLane, look: LaneLook, seen: dict[tuple[str, str], Found]) -> None:
    """Look once, and note each code with the first event that it makes."""
    facts = [finding.fact for finding in lane.look(look)]
    events = {fact.raw: fact for fact in facts if isinstance(fact, CodeSeen)}
    for code in (*lane.read, *lane.doubts):
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
