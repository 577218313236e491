"""Cuts a slot out of a camera's still, as a command: ``python -m edge.vision.reference``.

It is a process of its own, so that the gateway's loads neither OpenCV nor a decoder of pictures.
Standard input is the polygon as a line of JSON, then the still; standard output is the reference.
What is refused ends with :data:`REFUSED` and the error as JSON on standard error.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, Final

import msgspec

from edge.ports import Point
from edge.vision.embedding import reference_of
from shared.errors import QuartermasterError

REFUSED: Final = os.EX_DATAERR


def main(asked: BinaryIO, answered: BinaryIO, told: BinaryIO) -> int:
    """Answer one question."""
    line, _, still = asked.read().partition(b"\n")
    try:
        polygon = msgspec.json.decode(line, type=tuple[Point, ...])
        answered.write(reference_of(still, polygon))
    except QuartermasterError as error:
        told.write(msgspec.json.encode(error.as_dict()))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer))
