"""Signed segments: the unit that travels, is stored, de-duplicated and kept as evidence.

A segment is a COSE_Sign1 over 1–256 hash-chained events of one gateway and epoch:
``[epoch, first_seq, last_seq, prev_hash, [event bytes…], last_hash]``. Rules, in the order in
which :func:`verify` checks them:

1. at most 128 KiB and 256 events;
2. well-formed, without unknown headers or trailing bytes (``segment.malformed``);
3. signed by the registered event key for this trust domain and gateway (``segment.signature``);
4. as many events as the range says, and the hashes of their bytes chain from ``prev_hash`` to
   ``last_hash`` with ascending sequence numbers (``segment.chain``).

A single event that cannot be read does not spoil the segment: its bytes still chain, by position.
The reader gets it as the refusal it caused, to be quarantined alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.cose import Sign, Sign1, decode, parse1, sign1, verify1
from shared.errors import QuartermasterError
from shared.events import Event, decode_events, event_hash
from shared.ids import GatewayId

MAX_EVENTS: Final = 256
MAX_BYTES: Final = 128 * 1024
CONTENT_TYPE: Final = "application/vnd.quartermaster.segment+cbor;v=1"
GENESIS: Final = bytes(32)
"""The ``prev_hash`` of the first event of an epoch."""


class Header(NamedTuple):
    """What a segment claims before anything of it is trusted, and its raw event bytes."""

    epoch: int
    first_seq: int
    last_seq: int
    prev_hash: bytes
    events: list[bytes]
    last_hash: bytes


class Refused(NamedTuple):
    """An event inside a good segment that cannot be used, with its bytes as they came."""

    seq: int
    body: bytes
    error: QuartermasterError


class Segment(NamedTuple):
    """A verified segment. ``events`` and ``refused`` together cover first_seq to last_seq."""

    epoch: int
    first_seq: int
    last_seq: int
    prev_hash: bytes
    last_hash: bytes
    kid: bytes
    events: list[Event]
    refused: list[Refused]


def _external(trust_domain: str, gateway: GatewayId) -> list[str]:
    return ["qm-seg/1", trust_domain, gateway]


def seal(
    sign: Sign,
    *,
    kid: bytes,
    trust_domain: str,
    gateway: GatewayId,
    epoch: int,
    first_seq: int,
    prev_hash: bytes,
    events: list[bytes],
) -> bytes:
    """Sign ``events`` (bytes, oldest first, already chained from ``prev_hash``).

    Raises:
        QuartermasterError: ``segment.too-large`` when there are none or too many; the caller takes
            fewer.
    """
    if not 1 <= len(events) <= MAX_EVENTS:
        raise QuartermasterError("segment.too-large", f"{len(events)} events")
    last_seq = first_seq + len(events) - 1
    payload = cbor2.dumps([epoch, first_seq, last_seq, prev_hash, events, event_hash(events[-1])])
    sealed = sign1(
        sign,
        kid=kid,
        content_type=CONTENT_TYPE,
        external=_external(trust_domain, gateway),
        payload=payload,
    )
    if len(sealed) > MAX_BYTES:
        raise QuartermasterError("segment.too-large", f"{len(sealed)} bytes")
    return sealed


def parse(data: bytes) -> Sign1:
    """Rules 1 and 2 for the envelope; tells the key id, to look the key up by.

    Raises:
        QuartermasterError: ``segment.too-large`` or ``segment.malformed``.
    """
    if len(data) > MAX_BYTES:
        raise QuartermasterError("segment.too-large", f"{len(data)} bytes")
    message = parse1(data, code="segment.malformed")
    if message.content_type != CONTENT_TYPE:
        raise QuartermasterError("segment.malformed", f"content type {message.content_type!r}")
    return message


def header(message: Sign1) -> Header:
    """The claims of a parsed segment.

    Raises:
        QuartermasterError: ``segment.malformed`` or ``segment.chain``.
    """
    try:
        claims = Header(
            *msgspec.convert(
                decode(message.payload, code="segment.malformed"),
                tuple[int, int, int, bytes, list[bytes], bytes],
            )
        )
    except msgspec.ValidationError as error:
        raise QuartermasterError("segment.malformed", str(error)) from None
    epoch, first_seq, last_seq, prev_hash, bodies, last_hash = claims
    if not 1 <= len(bodies) <= MAX_EVENTS:
        raise QuartermasterError("segment.too-large", f"{len(bodies)} events")
    if (
        epoch < 1
        or first_seq < 1
        or last_seq >= 2**63
        or last_seq - first_seq + 1 != len(bodies)
        or len(prev_hash) != 32
        or len(last_hash) != 32
    ):
        raise QuartermasterError("segment.chain", "range and events do not agree")
    return claims


def verify(
    message: Sign1, key: Ed25519PublicKey, *, trust_domain: str, gateway: GatewayId
) -> Segment:
    """Rules 2 to 4 for a parsed segment; what it returns may be applied.

    Raises:
        QuartermasterError: ``segment.signature``, ``segment.malformed``, ``segment.too-large`` or
            ``segment.chain``.
    """
    verify1(message, key, external=_external(trust_domain, gateway), code="segment.signature")
    claims = header(message)
    events: list[Event] = []
    refused: list[Refused] = []
    previous = claims.prev_hash
    seq = claims.first_seq
    for body, event in zip(claims.events, decode_events(claims.events), strict=True):
        if isinstance(event, QuartermasterError):
            refused.append(Refused(seq, body, event))
            previous = event_hash(body)
        else:
            if event.prev_hash != previous or event.seq != seq:
                raise QuartermasterError("segment.chain", f"at sequence {seq}")
            previous = event.hash
            events.append(event)
        seq += 1
    if previous != claims.last_hash:
        raise QuartermasterError("segment.chain", "the last hash does not match")
    return Segment(
        claims.epoch,
        claims.first_seq,
        claims.last_seq,
        claims.prev_hash,
        claims.last_hash,
        message.kid,
        events,
        refused,
    )
