"""What a scanner asks and what it is answered, as it stands in the local API."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.bodies import decoded
from shared.errors import QuartermasterError
from shared.events import Name, StockState, Text
from shared.ids import CODE_PATTERN
from shared.policy import Notice, Step

MAX_SCAN_BYTES: Final = 8192

Sscc = Annotated[str, Meta(pattern=r"^[0-9]{18}\Z")]
Disposition = Literal["restock", "quarantine", "scrap"]
State = Literal["available", "allocated", "quarantined", "damaged", "in_transit"]
Place = Annotated[str, Meta(pattern=f"^{CODE_PATTERN.pattern}", max_length=64)]


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pull of a trigger.

    ``id`` is made by the scanner and stays the same in every retry. ``raw`` is the label as
    scanned, its AIM identifier allowed in front. ``quantity`` counts what the code names (cartons
    for a carton's GTIN); without it the label's own count, or one. ``occurred_at`` is microseconds
    since the epoch. ``task`` is the task of the plan that is worked on, ``sscc`` the pallet or
    parcel that goods are packed into, ``disposition`` what becomes of a return.
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
    task: Name | None = None
    sscc: Sscc | None = None
    disposition: Disposition | None = None

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


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a task asks for; ``quantity`` is what is left, None where that is not told."""

    sku: str
    name: str
    location: str | None
    to: str | None
    lot: str | None
    quantity: int | None

    def in_words(self) -> str:
        """For a person."""
        goods = f"{self.name} ({self.sku})" if self.sku else "whatever is found"
        count = "" if self.quantity is None else f"{self.quantity} × "
        lot = f", lot {self.lot}" if self.lot else ""
        place = f" at {self.location}" if self.location else ""
        to = f" to {self.to}" if self.to else ""
        return f"expected: {count}{goods}{lot}{place}{to}"


class TaskTold(msgspec.Struct, frozen=True, kw_only=True):
    """How far a task is after this scan: the line it counted for, and whether all is done.

    Of blind work, what is expected and left is not told; a scan may count for no line.
    """

    code: str
    kind: str
    line: int | None
    done: int
    expected: int | None
    left: int | None
    complete: bool


class Contained(msgspec.Struct, frozen=True, kw_only=True):
    """Goods in a pallet or parcel that was scanned as a whole; ``quantity`` in base units."""

    sku: str
    name: str
    lot: str | None
    serial: str | None
    quantity: int


class Remark(msgspec.Struct, frozen=True):
    """A warning or an error, with what to do about it."""

    code: str
    says: str
    do: str
    detail: str = ""
    where: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one scan. An accepted one is durable; a refused one changed nothing.

    ``contents`` is there where a whole pallet or parcel was scanned: ``understood`` is then the
    first of them. What a count awaits to be repeated for is not told: ``on_hand`` is absent.
    """

    id: UUID | None
    outcome: Literal["accepted", "refused"]
    understood: Understood | None = None
    on_hand: int | None = None
    on_hand_here: int | None = None
    warnings: list[Remark] = msgspec.field(default_factory=list[Remark])
    error: Remark | None = None
    seq: int | None = None
    versions: dict[str, int]
    task: TaskTold | None = None
    expected: Expected | None = None
    contents: list[Contained] | None = None


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A scan that is understood far enough to be refused, and by what it was judged."""

    def __init__(
        self,
        error: QuartermasterError,
        understood: Understood | None = None,
        expected: Expected | None = None,
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.understood = understood
        self.expected = expected


_decoder: Final = msgspec.json.Decoder(ScanRequest)


def decode_scan(body: bytes) -> ScanRequest:
    """Read one scan.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``scan.malformed``.
    """
    return decoded(body, _decoder, most=MAX_SCAN_BYTES, code="scan.malformed")


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
