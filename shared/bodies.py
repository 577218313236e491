"""Bodies in, records out: bounded, and refused in words."""

from __future__ import annotations

from typing import Final, TypeVar
from uuid import UUID

import msgspec

from shared.errors import Code, QuartermasterError

MAX_DEPTH: Final = 8


class _IdOnly(msgspec.Struct):
    id: UUID


_Shape = TypeVar("_Shape")
_id_decoder: Final = msgspec.json.Decoder(_IdOnly)


def decoded(body: bytes, decoder: msgspec.json.Decoder[_Shape], *, most: int, code: Code) -> _Shape:
    """Read a request.

    Args:
        body: JSON.
        decoder: of its shape.
        most: bytes that it may have.
        code: what to refuse a body with that is something else.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or the code given.
    """
    if len(body) > most:
        raise QuartermasterError("payload.too-large", f"{len(body)} bytes, {most} are allowed")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if depth(body) > MAX_DEPTH:
            raise QuartermasterError("payload.too-deep") from None
        says, _, where = str(error).partition(" - at ")
        raise QuartermasterError(code, says, where=where.strip("`$.")) from None


def id_of(body: bytes) -> UUID | None:
    """The id of a request that is malformed otherwise, so that its sender knows which one."""
    try:
        return _id_decoder.decode(body).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def depth(body: bytes) -> int:
    """How deep brackets nest, texts left out (only looked at after decoding failed)."""
    deepest = level = 0
    in_text = escaped = False
    for byte in body:
        if in_text:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_text = False
        elif byte == 0x22:
            in_text = True
        elif byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    return deepest
