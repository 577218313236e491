"""The scan lane: codes in a zone, confirmed over frames, each with the crop that shows it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import zxingcpp

from edge.ports import Barcode, BarcodeReader, Frame, ReadShown
from edge.vision.barcodes import Effort, ZxingReader
from edge.vision.confirm import Confirmation, SkuOf
from edge.vision.lanes import Finding, Look, Zone
from edge.vision.motion import box_of, pixels_of
from shared.events import CodeSeen

_MARGIN: Final = 0.25
_CROP_SIDE: Final = 320
_QUALITY: Final = 80
_REMEMBERED: Final = 5


@cache
def provenance() -> tuple[str, bytes]:
    """The reader's name and version, and the hash of its bytes."""
    library = Path(zxingcpp.__file__)
    return f"zxing-cpp-{version('zxing-cpp')}", hashlib.sha256(library.read_bytes()).digest()


class ScanLane:
    """Reads codes where a look says; implements :class:`edge.vision.lanes.Lane`.

    Args:
        camera: the camera's name.
        sku_of: asks the item master.
        place: what events say where the whole picture is looked at.
        effort: ``still`` for pictures that do not follow each other.
    """

    name: str = "scan"

    def __init__(
        self, camera: str, *, sku_of: SkuOf, place: str | None = None, effort: Effort = "live"
    ) -> None:
        self._camera = camera
        self._sku_of = sku_of
        self._place = place
        self._reader: BarcodeReader = ZxingReader(effort)
        self._confirmations: dict[str, Confirmation] = {}
        self.unfinished = False
        """The last look read a code that another frame has yet to confirm."""
        self.reads: deque[ReadShown] = deque(maxlen=_REMEMBERED)
        """What became events last, the newest first."""

    @property
    def suppressed(self) -> int:
        """Reads of codes that had been told already."""
        return sum(each.suppressed for each in self._confirmations.values())

    def look(self, look: Look) -> list[Finding]:
        """The codes that this look confirms."""
        zone, image = look.zone, look.frame.image
        height, width = image.shape[:2]
        left, top, right, bottom = (0, 0, width, height)
        if zone is not None:
            left, top, right, bottom = box_of(zone.polygon, width, height)
        part = np.ascontiguousarray(image[top:bottom, left:right])
        codes = [_moved(code, left, top) for code in self._reader.read(part)]
        if zone is not None:
            codes = [code for code in codes if _is_wanted(code, zone, width, height)]
        confirmation = self._confirmation(zone)
        before = _settled(confirmation)
        facts = confirmation.observe(Frame(part, look.frame.number, look.frame.at), codes)
        distinct = {(code.text, code.symbology) for code in codes}
        self.unfinished = len(distinct) > len(facts) + _settled(confirmation) - before
        return [self._finding(fact, codes, look) for fact in facts]

    def _confirmation(self, zone: Zone | None) -> Confirmation:
        name = zone.name if zone is not None else ""
        if name not in self._confirmations:
            self._confirmations[name] = Confirmation(self._camera, sku_of=self._sku_of)
        return self._confirmations[name]

    def _finding(self, fact: CodeSeen, codes: Sequence[Barcode], look: Look) -> Finding:
        model, sha256 = provenance()
        raws = (code for code in codes if code.aim + code.text == fact.raw)
        code = next(raws, None)
        crop = crop_of(look.frame.image, code.position) if code is not None else None
        self.reads.appendleft(ReadShown(fact.raw, fact.sku, look.taken_at))
        placed = msgspec.structs.replace(
            fact,
            zone=look.zone.name if look.zone is not None else self._place,
            frame_at=look.taken_at,
            model=model,
            model_sha256=sha256,
            image_sha256=hashlib.sha256(crop).digest() if crop is not None else None,
        )
        return Finding(placed, crop)


def crop_of(image: Any, corners: Sequence[tuple[int, int]]) -> bytes | None:
    """What is within some corners and a little around, as a JPEG; None where that is nothing."""
    height, width = image.shape[:2]
    across = [x for x, _ in corners]
    down = [y for _, y in corners]
    margin = int(_MARGIN * max(max(across) - min(across), max(down) - min(down)))
    left, right = max(0, min(across) - margin), min(width, max(across) + margin)
    top, bottom = max(0, min(down) - margin), min(height, max(down) + margin)
    if left >= right or top >= bottom:
        return None
    part = np.asarray(image[top:bottom, left:right], dtype=np.uint8)
    longest = max(part.shape[:2])
    if longest > _CROP_SIDE:
        scale = _CROP_SIDE / longest
        smaller = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        part = np.asarray(smaller, dtype=np.uint8)
    made, jpeg = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return jpeg.tobytes() if made else None


def _settled(confirmation: Confirmation) -> int:
    return confirmation.suppressed + sum(confirmation.refused.values())


def _moved(code: Barcode, left: int, top: int) -> Barcode:
    return code._replace(position=tuple((x + left, y + top) for x, y in code.position))


def _is_wanted(code: Barcode, zone: Zone, width: int, height: int) -> bool:
    """Whether it is of a kind that is read there, and its middle in the zone, not only its box."""
    if zone.symbologies and not code.symbology.startswith(zone.symbologies):
        return False
    across = sum(x for x, _ in code.position) / len(code.position)
    down = sum(y for _, y in code.position) / len(code.position)
    return cv2.pointPolygonTest(pixels_of(zone.polygon, width, height), (across, down), False) >= 0
