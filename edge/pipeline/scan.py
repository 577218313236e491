"""What a scanner asks and what it is answered, as it stands in the local API."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.errors import QuartermasterError
from shared.events import Name, StockState, Text
from shared.ids import CODE_PATTERN
from shared.policy import Notice, Step

MAX_SCAN_BYTES: Final = 8192
MAX_DEPTH: Final = 8

State = Literal["available", "allocated", "quarantined", "damaged", "in_transit"]
Place = Annotated[str, Meta(pattern=f"^{CODE_PATTERN.pattern}", max_length=64)]


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pull of a trigger.

    ``id`` is made by the scanner and stays the same in every retry. ``raw`` is the label as
    scanned, its AIM identifier allowed in front. ``quantity`` counts what the code names (cartons
    for a carton's GTIN); without it the label's own count, or one. ``occurred_at`` is microseconds
    since the epoch.
    """

    id: UUID
    raw: Annotated[str, Meta(max_length=4096)]
    step: Step
    device: Name | None = None
    location: Place | None = None
    to: Place | None = None
    quantity: Annotated[int, Meta(ge=-10_000_000, le=10_000_000)] | None = None
    state: State | None = None
    from_state: State | None = None
    reason: Text = ""
    document: Name | None = None
    operator: Name | None = None
    occurred_at: Annotated[int, Meta(ge=0, lt=2**53)] | None = None

    def content_hash(self, device: str) -> bytes:
        """What must be equal for a second request with the same id to count as a retry."""
        return hashlib.sha256(device.encode() + b"\x00" + msgspec.json.encode(self)).digest()


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What the label and the request said, in the catalog's words; ``quantity`` in base units."""

    sku: str
    name: str
    gtin: str | None
    lot: str | None
    expiry: str | None
    serial: str | None
    sscc: str | None
    quantity: int
    location: str | None
    to: str | None


class Remark(msgspec.Struct, frozen=True):
    """A warning or an error, with what to do about it."""

    code: str
    says: str
    do: str
    detail: str = ""
    where: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one scan. An accepted one is durable; a refused one changed nothing."""

    id: UUID | None
    outcome: Literal["accepted", "refused"]
    understood: Understood | None = None
    on_hand: int | None = None
    on_hand_here: int | None = None
    warnings: list[Remark] = msgspec.field(default_factory=list[Remark])
    error: Remark | None = None
    seq: int | None = None
    versions: dict[str, int]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A scan that is understood far enough to be refused, and by what it was judged."""

    def __init__(self, error: QuartermasterError, understood: Understood | None = None) -> None:
        super().__init__(error.code)
        self.error = error
        self.understood = understood


class _IdOnly(msgspec.Struct):
    id: UUID


_decoder: Final = msgspec.json.Decoder(ScanRequest)
_id_decoder: Final = msgspec.json.Decoder(_IdOnly)


def decode_scan(body: bytes) -> ScanRequest:
    """Read one scan.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``scan.malformed``.
    """
    if len(body) > MAX_SCAN_BYTES:
        raise QuartermasterError("payload.too-large", f"{len(body)} bytes in one scan")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if depth(body) > MAX_DEPTH:
            raise QuartermasterError("payload.too-deep") from None
        says, _, where = str(error).partition(" - at ")
        raise QuartermasterError("scan.malformed", says, where=where.strip("`$.")) from None


def id_of(body: bytes) -> UUID | None:
    """The id of a scan that is malformed otherwise, so that its sender knows which one."""
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


def remark(notice: Notice) -> Remark:
    """A policy's notice, in words."""
    error = QuartermasterError(notice.code, notice.detail)
    return remark_of(error)


def remark_of(error: QuartermasterError) -> Remark:
    """An error, in words."""
    return Remark(**error.as_dict())


def state_of(name: State | None, default: StockState) -> StockState:
    """The stock state that a request names."""
    return default if name is None else StockState[name.upper()]
