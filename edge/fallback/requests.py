"""What devices ask to be decided, as it stands in the local API, and what they are answered."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.bodies import decoded
from shared.errors import QuartermasterError
from shared.events import Name
from shared.ids import CODE_PATTERN
from shared.units import MAX_QUANTITY

MAX_BYTES: Final = 8192

Code = Annotated[str, Meta(pattern=f"^{CODE_PATTERN.pattern}", max_length=64)]
_Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
_Words = Annotated[str, Meta(min_length=1, max_length=200)]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of them. ``id`` stays the same in every retry."""

    id: UUID
    operator: Name | None = None

    def content_hash(self, device: str) -> bytes:
        """What must be equal for a second request with the same id to count as a retry."""
        head = f"{type(self).__name__}\x00{device}\x00".encode()
        return hashlib.sha256(head + msgspec.json.encode(self)).digest()


class AllocationRequest(_Request, frozen=True, kw_only=True):
    """An order wants so many base units of an item to be promised to it."""

    sku: Code
    quantity: _Quantity
    document: Name
    channel: Code | None = None


class RouteRequest(_Request, frozen=True, kw_only=True):
    """Goods need a place. ``own`` is the one that was meant for them; ``sscc`` their pallet's."""

    kind: Literal["dock", "put_away"]
    sku: Code
    quantity: _Quantity
    own: Code | None = None
    sscc: Annotated[str, Meta(pattern=r"^[0-9]{18}\Z")] | None = None


class OverrideRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator decides otherwise."""

    outcome: _Words
    reason: _Words


_allocation: Final = msgspec.json.Decoder(AllocationRequest)
_route: Final = msgspec.json.Decoder(RouteRequest)
_override: Final = msgspec.json.Decoder(OverrideRequest)


def decode_allocation(body: bytes) -> AllocationRequest:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _allocation, most=MAX_BYTES, code="request.invalid")


def decode_route(body: bytes) -> RouteRequest:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _route, most=MAX_BYTES, code="request.invalid")


def decode_override(body: bytes) -> OverrideRequest:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``,
            also for blank words.
    """
    request = decoded(body, _override, most=MAX_BYTES, code="request.invalid")
    for where in ("outcome", "reason"):
        if not getattr(request, where).strip():
            raise QuartermasterError("request.invalid", "say it in words", where=where)
    return request


def refusal(request_id: UUID | None, error: QuartermasterError, **more: Any) -> dict[str, Any]:
    """A refused request, in words."""
    known = str(request_id) if request_id is not None else None
    return {"id": known, "outcome": "refused", "error": error.as_dict(), **more}
