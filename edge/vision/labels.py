"""Lot and expiry from a label's print, by OCR (rapidocr, the extra ``ocr``), several looks voting.

Text is found once, then each line with a digit in it is recognised in several guises: as it is,
sharpened, softened, stretched, evened out. What a guise merely guesses, another guesses
differently; a value stands where most looks agree on it, none but a straggler contradicts, and its
weakest character was seen surely. Everything else is an abstention: a person reads that label.

The models are those of rapidocr's wheel; nothing is fetched, and their hashes are in every event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.forms import Chances
from edge.vision.printed import Claim, Order, Printed, Row, understand
from shared.errors import QuartermasterError
from shared.events import LabelRead
from shared.units import Micros

Picture = NDArray[np.uint8]

MAX_SIDE: Final = 1280
"""A label crop that is longer is reduced first."""

_FINDS: Final = "PP-OCRv6_det_small.onnx"
_READS: Final = "PP-OCRv6_rec_small.onnx"
_LEAST_SIDE: Final = 12
_MOST_LINES: Final = 24
_LINE_HEIGHT: Final = 48
_LIKELY: Final = 0.002
"""Alternatives of a character that are less likely are forgotten."""


class Text(NamedTuple):
    """A line of print where it is: upright box (left, top, right, bottom), and how it reads."""

    box: tuple[float, float, float, float]
    row: Row


class Ocr:
    """Finds and recognises print.

    Raises:
        QuartermasterError: ``model.missing`` where rapidocr or its models are not installed.
    """

    def __init__(self) -> None:
        folder = models_folder()
        from rapidocr import RapidOCR  # noqa: PLC0415 - an extra

        engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Det.model_path": str(folder / _FINDS),
                "Det.limit_side_len": 480,
                "Rec.model_path": str(folder / _READS),
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        blank = np.full((_LINE_HEIGHT, 2 * _LINE_HEIGHT, 3), 255, np.uint8)
        engine(blank, use_det=False, use_cls=False, use_rec=True)
        self._engine = engine
        self._characters: list[str] = list(engine.text_rec.postprocess_op.character)

    def lines(self, picture: Picture) -> list[NDArray[np.float32]]:
        """The four corners of each line of print."""
        found = self._engine(picture, use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        if boxes is None:
            return []
        corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 4, 2)
        return [each for each in corners if np.isfinite(each).all()][:_MOST_LINES]

    def recognise(self, cuts: Sequence[Picture]) -> list[Row]:
        """What each cut-out line says, character by character."""
        rows: list[Row] = []
        for cut in cuts:
            ratio = max(320 / _LINE_HEIGHT, cut.shape[1] / cut.shape[0])
            batch = self._engine.text_rec.resize_norm_img(cut, ratio)[np.newaxis]
            chances = np.asarray(self._engine.text_rec.session(batch), dtype=np.float32)
            rows.append(decoded(chances[0], self._characters))
        return rows


def decoded(chances: NDArray[np.float32], characters: Sequence[str]) -> Row:
    """The best path through the chances of each character at each step (CTC, blank first).

    Chances that are not numbers say nothing.
    """
    if chances.ndim != 2 or not np.isfinite(chances).all():
        return Row("", ())
    best: list[int] = chances.argmax(axis=1).tolist()
    steps: list[int] = []  # where each character was seen best
    before = 0
    for step, which in enumerate(best):
        if which and which == before:
            if chances[step, which] > chances[steps[-1], which]:
                steps[-1] = step
        elif which and which < len(characters):
            steps.append(step)
        before = which if which < len(characters) else 0
    return Row(
        "".join(characters[best[step]][:1] or " " for step in steps),
        tuple(float(chances[step, best[step]]) for step in steps),
        tuple(_alternatives(chances[step], characters) for step in steps),
    )


def _alternatives(chances: NDArray[np.float32], characters: Sequence[str]) -> dict[str, float]:
    """What a character may be, given that there is one."""
    told = chances[: len(characters)].copy()
    told[0] = 0
    whole = max(float(told.sum()), 1e-9)
    return {
        characters[which][:1] or " ": float(told[which]) / whole
        for which in np.flatnonzero(told >= _LIKELY * whole).tolist()
    }


def models_folder() -> Path:
    """Where rapidocr's wheel keeps its models.

    Raises:
        QuartermasterError: ``model.missing``.
    """
    found = find_spec("rapidocr")
    if found is None or found.origin is None:
        raise QuartermasterError("model.missing", "rapidocr is not installed")
    folder = Path(found.origin).parent / "models"
    for name in (_FINDS, _READS):
        if not (folder / name).is_file():
            raise QuartermasterError("model.missing", f"its wheel lacks {name}")
    return folder


def provenance() -> tuple[str, bytes]:
    """The models' name and version, and the hash of both, one behind the other.

    Raises:
        QuartermasterError: ``model.missing``.
    """
    folder = models_folder()
    both = hashlib.sha256()
    for name in (_FINDS, _READS):
        both.update((folder / name).read_bytes())
    return f"rapidocr-{version('rapidocr')}-PP-OCRv6-small", both.digest()


class LabelReading(NamedTuple):
    """What a label says, how surely (‰), and all of its print as the plain look read it."""

    lot: str | None
    expiry: str | None
    confidence: int
    text: str


Recognise = Callable[[Sequence[Picture]], list[Row]]


class LabelReader:
    """Reads label crops on demand.

    Args:
        ocr: made once, it takes a second and 150 MiB.
        order: how this site's labels write dates, where anybody knows.
        forms: how lots are written there, see :func:`edge.vision.printed.understand`. Without them
            a letter that may be a digit is hardly ever taken for sure.
    """

    def __init__(
        self,
        ocr: Ocr | None = None,
        *,
        order: Order | None = None,
        forms: Sequence[str] = (),
    ) -> None:
        self._ocr = ocr or Ocr()
        self._forms = tuple(forms)
        self._order: Order | None = order
        self._model, self._sha256 = provenance()

    def read(self, image: Any, *, received: date) -> LabelReading:
        """Lot and expiry of one label in a BGR or grey picture; abstains rather than guesses.

        Args:
            image: 8 bits a channel.
            received: when the goods came in (today), by which an expiry is judged.
        """
        picture = _bounded(image)
        if min(picture.shape[:2]) < _LEAST_SIDE:
            return LabelReading(None, None, 0, "")
        corners = self._ocr.lines(picture)
        cuts = [_upright(picture, each) for each in corners]
        plain = self._ocr.recognise(cuts)
        boxes = [_box(each) for each in corners]
        looks = [plain]
        telling = [at for at, row in enumerate(plain) if any(char.isdigit() for char in row.text)]
        for guise in GUISES:
            again = self._ocr.recognise([guise(cuts[at]) for at in telling])
            look = list(plain)
            for at, row in zip(telling, again, strict=True):
                look[at] = row
            looks.append(look)
        says = [
            understand(
                rows_of([Text(box, row) for box, row in zip(boxes, look, strict=True)]),
                received=received,
                order=self._order,
                forms=self._forms,
            )
            for look in looks
        ]
        text = "\n".join(
            row.text for row in rows_of([Text(*each) for each in zip(boxes, plain, strict=True)])
        )
        return voted(says, text, formed=bool(self._forms))

    def event(
        self,
        image: Any,
        *,
        received: date,
        camera: str,
        taken_at: Micros,
        zone: str | None = None,
        image_sha256: bytes | None = None,
    ) -> LabelRead:
        """The fact that a camera's crop, or a photo, says so; both may be None."""
        found = self.read(image, received=received)
        return LabelRead(
            camera=camera,
            zone=zone,
            frame_at=taken_at,
            model=self._model,
            model_sha256=self._sha256,
            confidence=found.confidence,
            image_sha256=image_sha256,
            lot=found.lot,
            expiry=found.expiry,
            text=_printable(found.text),
        )


def rows_of(texts: Sequence[Text]) -> list[Row]:
    """Pieces of print that lie on one line as one row, from top to bottom and left to right."""
    lines: list[list[Text]] = []
    for text in sorted(texts, key=lambda each: (each.box[1] + each.box[3]) / 2):
        middle = (text.box[1] + text.box[3]) / 2
        if lines and _spans(lines[-1][-1].box, middle):
            lines[-1].append(text)
        else:
            lines.append([text])
    rows: list[Row] = []
    for line in lines:
        pieces = sorted(line, key=lambda each: each.box[0])
        joined = " ".join(piece.row.text for piece in pieces)
        sure: list[float] = []
        chances: list[Chances] = []
        for piece in pieces:
            sure.extend((*piece.row.sure, 1.0))
            chances.extend((*piece.row.known(), {" ": 1.0}))
        rows.append(Row(joined, tuple(sure[: len(joined)]), tuple(chances[: len(joined)])))
    return rows


def _spans(box: Sequence[float], middle: float) -> bool:
    """Whether a height lies within the middle half of a box."""
    quarter = (box[3] - box[1]) / 4
    return box[1] + quarter <= middle <= box[3] - quarter


def voted(says: Sequence[Printed], text: str, *, formed: bool = False) -> LabelReading:
    """What most looks agree on, surely enough; ``formed``: lots are in one of the site's forms."""
    lot, sure_lot = _voted([each.lot for each in says], _FORMED_LOT if formed else _LOT)
    expiry, sure_expiry = _voted([each.expiry for each in says], _EXPIRY)
    told = [sure for value, sure in ((lot, sure_lot), (expiry, sure_expiry)) if value is not None]
    return LabelReading(lot, expiry, min(told, default=0), text)


class _Rule(NamedTuple):
    """When a value is told.

    ``mean``: of how surely each look saw its least sure character, nothing where it read something
    else. ``middle``: the median of that over the looks that agree. ``border``: the least over them
    of how surely no character was taken for the other kind.
    """

    mean: float
    middle: float
    border: float


_SHARE: Final = 0.6
_LOT: Final = _Rule(0.88, 0.88, 0.99)
_FORMED_LOT: Final = _Rule(0.88, 0.88, 0.95)
"""A site that says how its lots are written leaves fewer characters that may be of two kinds."""
_EXPIRY: Final = _Rule(0.6, 0.94, 0.0)
"""One guise may blur a digit away: a date has a grammar that most misreadings break."""


def _voted(claims: Sequence[Claim | None], rule: _Rule) -> tuple[str | None, int]:
    """The value of most looks, and how sure it is in ‰, over all looks.

    One other value may be claimed by one look in six; a lot must stand clear of its keyword once.
    """
    named = [claim for claim in claims if claim is not None]
    values = {claim.value for claim in named}
    if not values:
        return None, 0
    best = max(sorted(values), key=lambda value: sum(claim.value == value for claim in named))
    good = [claim for claim in named if claim.value == best]
    against = len(named) - len(good)
    mean = sum(claim.sure for claim in good) / len(claims)
    if (
        len(good) < _SHARE * len(claims)
        or against > len(claims) // 6
        or mean < rule.mean
        or median(claim.sure for claim in good) < rule.middle
        or min(claim.border for claim in good) < rule.border
        or not any(claim.clear for claim in good)
    ):
        return None, 0
    return best, int(1000 * mean)


def _bounded(image: Any) -> Picture:
    """BGR, at most :data:`MAX_SIDE` long."""
    picture: Picture = np.asarray(image, dtype=np.uint8)
    if picture.size == 0:
        return np.zeros((1, 1, 3), np.uint8)
    if picture.ndim == 2:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    elif picture.shape[2] == 4:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR), dtype=np.uint8)
    longest = max(picture.shape[:2])
    if longest <= MAX_SIDE:
        return np.ascontiguousarray(picture)
    scale = MAX_SIDE / longest
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _box(corners: NDArray[np.float32]) -> tuple[float, float, float, float]:
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    return left, top, right, bottom


def _upright(picture: Picture, corners: NDArray[np.float32]) -> Picture:
    """The print within four corners, straightened, as high as the recogniser wants it."""
    wide = max(
        float(np.linalg.norm(corners[0] - corners[1])),
        float(np.linalg.norm(corners[3] - corners[2])),
        1.0,
    )
    high = max(
        float(np.linalg.norm(corners[0] - corners[3])),
        float(np.linalg.norm(corners[1] - corners[2])),
        1.0,
    )
    height = _LINE_HEIGHT
    width = int(min(max(height, height * wide / high), 40 * height))
    goal = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, goal)
    cut = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, dtype=np.uint8)


def _sharper(cut: Picture) -> Picture:
    soft = cv2.GaussianBlur(cut, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(cut, 2.2, soft, -1.2, 0), dtype=np.uint8)


def _softer(cut: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(cut, (0, 0), 1.2), dtype=np.uint8)


def _wider(cut: Picture) -> Picture:
    wide = cv2.resize(cut, None, fx=1.2, fy=1.0, interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide, dtype=np.uint8)


def _narrower(cut: Picture) -> Picture:
    wide = cv2.resize(cut, None, fx=0.85, fy=1.0, interpolation=cv2.INTER_AREA)
    return np.asarray(wide, dtype=np.uint8)


def _evened(cut: Picture) -> Picture:
    grey = cv2.createCLAHE(2.0, (2, 4)).apply(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY))
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


GUISES: Final[tuple[Callable[[Picture], Picture], ...]] = (
    _sharper,
    _softer,
    _wider,
    _narrower,
    _evened,
)


def _printable(text: str) -> str:
    """Without control characters, bounded: it goes into an event."""
    return "".join(char if char.isprintable() else " " for char in text)[:_MOST_TEXT]


_MOST_TEXT: Final = 200
