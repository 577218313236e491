"""Asks heads, as a command: ``python -m edge.vision.judging MODELS``.

It is a process of its own, so that the gateway's loads no model. Standard input is a question as a
line of JSON, then a heads document; standard output is the answer. Asked without an embedding,
whether all heads of the document can be used here; with one, what the head in force and the
candidate beside it say of it, ``null`` where there are not both. What is refused ends with
:data:`REFUSED` and the error as JSON on standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import numpy as np

from edge.vision.shadow import refuse_unusable, shadowed
from shared.errors import QuartermasterError
from shared.heads import decode_heads

REFUSED: Final = os.EX_DATAERR


class Question(msgspec.Struct, frozen=True):
    """What is asked; ``embedding`` holds little-endian float16 numbers."""

    head: str = ""
    embedding: bytes = b""


class Judged(msgspec.Struct, frozen=True):
    """What each of the two says, and which they are: names with versions, and SHA-256."""

    version: str
    sha256: bytes
    candidate: str
    candidate_sha256: bytes
    active_says: str
    candidate_says: str


def main(asked: BinaryIO, answered: BinaryIO, told: BinaryIO, models: Path) -> int:
    """Answer one question."""
    line, _, content = asked.read().partition(b"\n")
    try:
        question = msgspec.json.decode(line, type=Question)
        heads = decode_heads(content)
        if not question.embedding:
            refuse_unusable(heads, models)
            return 0
        shadow = shadowed(question.head, heads, models)
        row = np.frombuffer(question.embedding, "<f2").astype(np.float32)[None]
        both, pair = shadow.both(row), shadow.pair
        found = None
        if both is not None and pair is not None:
            classes = shadow.card.classes
            found = Judged(*pair[0], *pair[1], classes[both[0]], classes[both[1]])
        answered.write(msgspec.json.encode(found))
    except QuartermasterError as error:
        told.write(msgspec.json.encode(error.as_dict()))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer, Path(sys.argv[1])))
