"""Reads one label's picture, as a command: ``python -m edge.app.label_worker``.

It is a process of its own, so that the gateway's loads neither OpenCV nor a model, and gives way to
it. Standard input is a question as a line of JSON, then the picture; standard output is the answer
as JSON: the label's print, and the codes that a reader in no hurry finds. What is refused ends with
``EX_DATAERR`` and the error as JSON on standard error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import cv2
import msgspec

from edge.app.labels import Answer, Question
from edge.capture.pictures import decode_picture
from edge.vision.barcodes import ZxingReader
from edge.vision.confirm import code_seen, confidence
from edge.vision.labels import LabelReader
from shared import gs1
from shared.errors import QuartermasterError
from shared.events import CodeSeen

_MOST_CODES: Final = 8
_NICE: Final = 5
_MEMORY: Final = 2 << 30


def reader_of(question: Question) -> LabelReader:
    """A reader that knows how labels are printed here.

    Raises:
        QuartermasterError: ``model.missing``.
    """
    return LabelReader(order=question.dates, forms=question.lot_forms)


def main(
    asked: BinaryIO,
    answered: BinaryIO,
    told: BinaryIO,
    reader: Callable[[Question], LabelReader] = reader_of,
) -> int:
    """Answer one question."""
    line, _, picture = asked.read().partition(b"\n")
    try:
        question = msgspec.json.decode(line, type=Question)
        image = decode_picture(picture, where="photo")
        sha256 = hashlib.sha256(picture).digest()
        label = reader(question).event(
            image,
            received=question.received,
            camera=question.camera,
            zone=question.zone,
            taken_at=question.taken_at,
            image_sha256=sha256,
        )
        codes = tuple(_codes(question, image, sha256))
    except QuartermasterError as error:
        told.write(msgspec.json.encode(error.as_dict()))
        return os.EX_DATAERR
    answered.write(msgspec.json.encode(Answer(label, codes)))
    return os.EX_OK


def _codes(question: Question, image: Any, sha256: bytes) -> Iterator[CodeSeen]:
    """The codes on the picture that say something."""
    for code, looks, against in ZxingReader().readings(image)[:_MOST_CODES]:
        with contextlib.suppress(QuartermasterError):
            seen = code_seen(
                question.camera,
                code,
                gs1.read(code.aim + code.text),
                sku=None,
                frames=1,
                image_sha256=sha256,
                confidence=confidence(code, looks=looks, against=against, ours=False),
            )
            yield msgspec.structs.replace(seen, zone=question.zone, frame_at=question.taken_at)


def _behave() -> None:
    """Give way to the gateway, and take no more memory than a label needs."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    cv2.setNumThreads(1)


if __name__ == "__main__":
    _behave()
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer))
