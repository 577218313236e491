"""What the cloud says down: signed watermarks and signed, versioned documents.

Nothing depends on a message being queued by the broker: every document is desired state, offered
again until the gateway's heartbeat echoes its version. Each message is a COSE_Sign1 by the cloud's
downlink key, bound to its purpose, trust domain and gateway. A gateway accepts a document only if
its version is above the one in force, its hash is the announced one, and a delta starts from the
version in force; otherwise the last good one stays.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal, TypeVar, get_args

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from shared.cose import Sign, decode, parse1, sign1, verify1
from shared.errors import QuartermasterError
from shared.events import Count, Data, Hash, Name, Text, Whole
from shared.ids import GatewayId

MAX_INLINE: Final = 64 * 1024
"""Larger documents are fetched over HTTPS by hash."""
MAX_DOCUMENT: Final = 64 * 1024 * 1024
_CONTENT_TYPE: Final = "application/vnd.quartermaster.downlink+cbor;v=1"

DocumentKind = Literal["catalog", "policy", "people", "plan", "leases", "heads"]
DOCUMENT_KINDS: Final[tuple[DocumentKind, ...]] = get_args(DocumentKind)
Purpose = Literal["watermark", "offer", "head"]


class Watermark(Data, frozen=True):
    """What the cloud has committed of one gateway: the only permission to free an event.

    ``generation`` grows when the cloud is restored or failed over: a lower watermark of a newer
    generation means "send again from there". ``missing`` are closed ranges above
    ``contiguous_seq``; what else is at or below ``received_through`` has arrived, and is not freed.
    ``frozen`` says that the epoch is disputed: nothing more of it is taken.
    """

    generation: Whole
    epoch: Whole
    contiguous_seq: Whole
    head_hash: Hash
    missing: Annotated[list[tuple[Whole, Whole]], Meta(max_length=256)] = []  # noqa: RUF012 - msgspec copies it
    frozen: bool = False
    received_through: Whole = 0


class Offer(Data, frozen=True):
    """A document that the gateway should hold: ``base`` 0 is a snapshot, else a delta's start.

    ``content`` is absent when the document is larger than ``MAX_INLINE``; it is then fetched from
    the gateway door by its hash.
    """

    kind: DocumentKind
    base: Whole
    version: Whole
    sha256: Hash
    size: Whole
    content: bytes | None = None


class DailyHead(Data, frozen=True):
    """What the cloud had verified of one gateway on that day (UTC): it countersigns that head.

    Both sides keep the message. The hash stands for every event of the epoch up to ``seq``.
    """

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    generation: Whole
    epoch: Whole
    seq: Whole
    head_hash: Hash


class Code(Data, frozen=True):
    """A trade item number and how many base units one of it holds (1 each, 12 a carton)."""

    gtin: Annotated[str, Meta(pattern=r"^[0-9]{14}\Z")]
    quantity: Count


class Item(Data, frozen=True):
    """An item as a gateway needs it. ``removed`` items stay known, but are refused.

    ``count_class`` says how often it is counted, and how exactly it must be right.
    """

    sku: Name
    name: Text
    codes: list[Code]
    removed: bool = False
    count_class: Literal["A", "B", "C"] = "C"


class Location(Data, frozen=True):
    """A place of this gateway's site. ``role`` is e.g. ``dock``, ``shelf``, ``staging``.

    ``capacity`` is in base units, 0 where nobody said.
    """

    code: Name
    role: Name
    removed: bool = False
    zone: Name | None = None
    capacity: Count = 0


class Catalog(Data, frozen=True):
    """A catalog snapshot, or the rows changed since a delta's base."""

    site: Name
    items: list[Item]
    locations: list[Location]


class Message(Data, frozen=True):
    """The signed envelope: when it was said, until when it may be used, and what."""

    issued_at: Whole
    not_after: Whole | None
    body: bytes


Body = TypeVar("Body", Watermark, Offer, DailyHead)
_PURPOSES: Final[dict[type[Data], Purpose]] = {
    Watermark: "watermark",
    Offer: "offer",
    DailyHead: "head",
}


def digest(content: bytes) -> bytes:
    """A document's SHA-256, its name on the gateway door."""
    return hashlib.sha256(content).digest()


def encode(data: Data) -> bytes:
    """The bytes of a document or body."""
    return cbor2.dumps(msgspec.to_builtins(data, builtin_types=(bytes,)))


def decode_catalog(content: bytes) -> Catalog:
    """Read a catalog document.

    Raises:
        QuartermasterError: ``downlink.malformed``.
    """
    return _convert(content, Catalog)


def sign_message(
    sign: Sign,
    *,
    kid: bytes,
    trust_domain: str,
    gateway: GatewayId,
    body: Watermark | Offer | DailyHead,
    issued_at: int,
    not_after: int | None = None,
) -> bytes:
    """Sign one message for one gateway; the purpose follows from the body's type."""
    return sign1(
        sign,
        kid=kid,
        content_type=_CONTENT_TYPE,
        external=_external(trust_domain, gateway, body),
        payload=encode(Message(issued_at, not_after, encode(body))),
    )


def verify_message(
    data: bytes,
    key: Ed25519PublicKey,
    shape: type[Body],
    *,
    trust_domain: str,
    gateway: GatewayId,
    now: int,
) -> Body:
    """The body of a message that is signed for this purpose and gateway, and still in time.

    Raises:
        QuartermasterError: ``downlink.malformed``, ``downlink.signature`` or ``downlink.expired``.
    """
    return verify_dated(data, key, shape, trust_domain=trust_domain, gateway=gateway, now=now)[0]


def verify_dated(
    data: bytes,
    key: Ed25519PublicKey,
    shape: type[Body],
    *,
    trust_domain: str,
    gateway: GatewayId,
    now: int,
) -> tuple[Body, int]:
    """As :func:`verify_message`, and when the cloud signed it, microseconds.

    Raises:
        QuartermasterError: ``downlink.malformed``, ``downlink.signature`` or ``downlink.expired``.
    """
    message = parse1(data, code="downlink.malformed")
    if message.content_type != _CONTENT_TYPE:
        raise QuartermasterError("downlink.malformed", "content type")
    verify1(
        message, key, external=_external(trust_domain, gateway, shape), code="downlink.signature"
    )
    envelope = _convert(message.payload, Message)
    if envelope.not_after is not None and now > envelope.not_after:
        raise QuartermasterError("downlink.expired")
    return _convert(envelope.body, shape), envelope.issued_at


_Shape = TypeVar("_Shape", bound=Data)


def _convert(content: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(decode(content, code="downlink.malformed"), shape)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None


def _external(trust_domain: str, gateway: GatewayId, what: Data | type[Data]) -> list[str]:
    shape = what if isinstance(what, type) else type(what)
    return ["qm-down/1", trust_domain, gateway, _PURPOSES[shape]]
