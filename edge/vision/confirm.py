"""When a read becomes a fact.

A single read of a single frame may be wrong, and reading the same frame again repeats the error.
So a code becomes an event when

- two frames that differ show the same text in the same symbology within the window, or
- the item master knows the code, or it is expected: on an open task or an announced delivery
  (a wrong read hardly ever hits another of ours).

While the code stays in sight it is not told again; how often it was seen meanwhile is counted,
never hidden. A frozen camera delivers the same picture for ever: it counts as one frame.

Its confidence follows Laplace's rule of succession, (n + 1) / (n + against + 2): ``n`` are the
looks that agreed over all frames, each counting eight times where the symbology corrects or
checks itself, and sixteen more where the code is ours; ``against`` are those that read another
code in the same print.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge.ports import Barcode, Frame
from edge.vision.barcodes import provenance
from edge.vision.ladder import Reading
from edge.vision.symbologies import is_weak
from shared.errors import QuartermasterError
from shared.events import CodeSeen
from shared.gs1 import Scanned, read

SkuOf = Callable[[str], str | None]
"""The item's SKU for a 14-digit GTIN or a plain text; None when the item master lacks it."""

Expected = Callable[[Scanned], bool]
"""Whether an open task or an announced delivery names it (an SSCC, say)."""

WINDOW_S: Final = 2.0
"""Seconds within which frames must agree."""

MAX_IN_SIGHT: Final = 1024
"""Codes remembered at a time; the one unseen for longest is forgotten first."""


_SELF_CHECKED: Final = 8
_OURS: Final = 16


@dataclass(slots=True)
class _Sighting:
    frames: int
    last_seen: float
    told: bool = False
    looks: int = 0
    against: int = 0


class Confirmation:
    """Turns the codes of one camera's frames into :class:`shared.events.CodeSeen`.

    Args:
        camera: the camera's name.
        sku_of: asks the item master.
        frames_needed: differing frames that must agree on a code which the item master lacks.
        window_s: seconds within which they must come.
        repeat_s: seconds out of sight after which a code is told anew.
        expected: asks what is open at this site.
    """

    def __init__(
        self,
        camera: str,
        *,
        sku_of: SkuOf,
        frames_needed: int = 2,
        window_s: float = WINDOW_S,
        repeat_s: float = 30.0,
        expected: Expected = lambda _: False,
    ) -> None:
        self._camera = camera
        self._expected = expected
        self._sku_of = sku_of
        self._frames_needed = frames_needed
        self._window_s = window_s
        self._repeat_s = repeat_s
        self._in_sight: OrderedDict[tuple[str, str], _Sighting] = OrderedDict()
        self._picture: int | None = None
        self.suppressed = 0
        """Reads of codes that had been told already."""
        self.refused: OrderedDict[str, int] = OrderedDict()
        """Reads that follow no rule of GS1 or hold control characters, by error code."""
        self.frozen = 0
        """Frames that were the same picture as the one before."""

    def observe(
        self,
        frame: Frame,
        readings: Sequence[Reading],
    ) -> list[CodeSeen]:
        """The facts that what was read in this frame completes; often none."""
        picture = _digest(frame.image)
        frozen = picture == self._picture
        self._picture = picture
        self.frozen += frozen
        facts: list[CodeSeen] = []
        for reading in {(each.code.text, each.code.symbology): each for each in readings}.values():
            fact = self._observe(reading, frame.at, 0 if frozen else 1)
            if fact is not None:
                facts.append(fact)
        return facts

    def is_told(self, code: Barcode, at: float) -> bool:
        """Whether the code is in sight and became a fact."""
        sighting = self._in_sight.get((code.text, code.symbology))
        return sighting is not None and sighting.told and at - sighting.last_seen <= self._repeat_s

    def is_ours(self, code: Barcode) -> bool:
        """Whether the item master knows the code, or it is expected."""
        try:
            scanned = read(code.aim + code.text)
        except QuartermasterError:
            return False
        return self._sku_of(scanned.gtin or scanned.text) is not None or self._expected(scanned)

    def _observe(self, reading: Reading, at: float, new_frames: int) -> CodeSeen | None:
        code = reading.code
        sighting = self._sighting(code, at, new_frames)
        if sighting.told:
            self.suppressed += 1
            return None
        try:
            scanned = read(code.aim + code.text)
        except QuartermasterError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            return None
        if new_frames:
            sighting.looks += reading.looks
            sighting.against += reading.against
        sku = self._sku_of(scanned.gtin or scanned.text)
        ours = sku is not None or self._expected(scanned)
        if not ours and sighting.frames < self._frames_needed:
            return None
        sighting.told = True
        return code_seen(
            self._camera,
            code,
            scanned,
            sku=sku,
            frames=max(1, sighting.frames),
            confidence=confidence(
                code, looks=max(1, sighting.looks), against=sighting.against, ours=ours
            ),
        )

    def _sighting(self, code: Barcode, at: float, new_frames: int) -> _Sighting:
        key = (code.text, code.symbology)
        sighting = self._in_sight.pop(key, None)
        patience = self._repeat_s if sighting is not None and sighting.told else self._window_s
        if sighting is None or at - sighting.last_seen > patience:
            sighting = _Sighting(frames=max(1, new_frames), last_seen=at)
        else:
            sighting.frames += new_frames
            sighting.last_seen = at
        self._in_sight[key] = sighting
        if len(self._in_sight) > MAX_IN_SIGHT:
            self._in_sight.popitem(last=False)
        return sighting


def code_seen(
    camera: str,
    code: Barcode,
    scanned: Scanned,
    *,
    sku: str | None,
    frames: int,
    image_sha256: bytes | None = None,
    confidence: int = 1000,
) -> CodeSeen:
    """The fact that ``camera`` saw ``code``, which says ``scanned``."""
    reader = provenance()
    return CodeSeen(
        camera=camera,
        symbology=code.symbology[:64],
        raw=scanned.raw,
        sku=sku,
        gtin=scanned.gtin,
        lot=scanned.lot,
        expiry=scanned.expiry,
        frames=frames,
        image_sha256=image_sha256,
        model=reader.name,
        model_sha256=reader.sha256,
        confidence=confidence,
    )


def confidence(code: Barcode, *, looks: int, against: int, ours: bool) -> int:
    """How sure a read is, in ‰, by the rule in this module's head."""
    agreed = looks * (1 if is_weak(code) else _SELF_CHECKED) + (_OURS if ours else 0)
    return 1000 * (agreed + 1) // (agreed + against + 2)


def _digest(image: Any) -> int:
    """A quick sum over every fourth pixel of every fourth row; noise alone changes it."""
    return zlib.crc32(np.ascontiguousarray(np.asarray(image)[::4, ::4]).tobytes())
