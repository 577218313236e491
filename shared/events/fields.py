"""What fields of events are made of: bounded texts and numbers, and the base of all records."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_RAW: Final = 512

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
Raw = Annotated[str, Meta(max_length=MAX_RAW)]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]
Signed = Annotated[int, Meta(ge=-10_000_000, le=10_000_000)]
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Seq = Annotated[int, Meta(ge=1, le=2**63 - 1)]
PerMille = Annotated[int, Meta(ge=0, le=1000)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Id = Annotated[bytes, Meta(min_length=16, max_length=16)]


class Data(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of all event data: a positional record."""
