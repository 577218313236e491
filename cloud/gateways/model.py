"""A gateway's standing, and what decides whether it gets a certificate. Pure.

Rules of enrolment and renewal, in the order in which they are checked:

1. a token is the newest one of its gateway, tried at most five times, in time and unused; the same
   request within ten minutes is a lost answer, not a second use;
2. the request and the proofs are signed by the keys they concern, for this purpose, trust domain
   and gateway;
3. no key, TLS or event, is ever registered twice; a renewal brings a new TLS key;
4. a renewal follows a certificate of ours that ended at most ninety days ago, of a gateway that
   is active.

A new epoch is asked for under the rules 2 and 4. It is granted at once only to a gateway that lost
its database and whose past nobody disputes; a history that contradicts the cloud's, or that may be
a copy, waits for a person's decision.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.enrolment import RENEWABLE, EpochRequest
from shared.errors import Code, QuartermasterError
from shared.ids import GatewayId, SiteId
from shared.units import DAY, MINUTE, Micros

TOKEN_LIFETIME: Final = DAY
"""The longest an enrolment token may live, and how long it does unless told otherwise."""
MAX_TRIES: Final = 5
LOST_ANSWER: Final = Micros(10 * MINUTE)
"""How long the same enrolment may be asked again because its answer was lost."""
MAX_CERTIFICATES_PER_DAY: Final = 24
"""A healthy gateway takes one in three days; this bounds a broken one."""
MAX_EPOCHS_PER_DAY: Final = 12
EPOCH_GRACE: Final = Micros(10 * MINUTE)
"""How long what an earlier epoch still has under way is taken after the next has begun."""

Status = Literal["registered", "active", "revoked"]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway as the registry lists it; times in microseconds.

    ``epoch`` is the newest granted and 0 before enrolment; ``certificate_until`` is the end of the
    newest certificate.
    """

    gateway_id: int
    name: GatewayId
    site_id: int
    site: SiteId
    status: Status
    hw_serial: str
    created_at: Micros
    revoked_at: Micros | None
    epoch: int
    certificate_until: Micros | None


@dataclass(frozen=True, slots=True)
class Registered:
    """What ingest needs to judge a segment: standing, verification keys by id, granted epochs.

    Of the ``closed`` among them nothing new is taken: another has begun.
    """

    gateway_id: int
    site_id: int
    site: SiteId
    status: Status
    keys: Mapping[bytes, Ed25519PublicKey]
    epochs: frozenset[int]
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Token:
    """The newest enrolment token of a gateway, by its hash."""

    token_id: int
    sha256: bytes
    expires_at: Micros
    tries: int
    used_at: Micros | None
    csr_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """How far the cloud has an epoch, and whether anything disputes it (a fork, a broken link)."""

    seq: int
    hash: bytes
    disputed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """An epoch of a gateway and what it follows; ``awaited`` until the gateway asks for it."""

    epoch: int
    reason: str
    previous_epoch: int
    previous_seq: int
    previous_hash: bytes | None
    nonce: bytes | None
    awaited: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry of the revocation list; ``serial`` in hexadecimal."""

    serial: str
    revoked_at: Micros


@dataclass(frozen=True, slots=True)
class EventKey:
    """A registered event key."""

    gateway_id: int
    public_key: bytes
    revoked: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """An issued certificate; ``der`` is the certificate itself, ``spki`` its public key."""

    serial: str
    gateway_id: int
    not_after: Micros
    spki: bytes
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPoints:
    """Where gateways find their broker and their door; told to them with every certificate."""

    broker_host: str
    broker_port: int
    door_url: str


def judge_token(
    token: Token, presented: bytes, csr_hash: bytes, *, now: Micros
) -> Literal["fresh", "repeated"]:
    """Rule 1, once the try has been counted.

    Raises:
        QuartermasterError: ``enrol.token``; which of its reasons it was is not told.
    """
    right = hmac.compare_digest(token.sha256, hashlib.sha256(presented).digest())
    if right and token.used_at is None and now < token.expires_at:
        return "fresh"
    if (
        right
        and token.used_at is not None
        and token.csr_hash == csr_hash
        and now < token.used_at + LOST_ANSWER
    ):
        return "repeated"
    raise QuartermasterError("enrol.token")


def check_event_proof(raw_key: bytes, proof: bytes, message: bytes, *, code: Code) -> None:
    """Rule 2 for an event key.

    Raises:
        QuartermasterError: ``code``.
    """
    try:
        event_key(raw_key).verify(proof, message)
    except (InvalidSignature, ValueError):
        raise QuartermasterError(code, "the event key's signature does not match") from None


def check_tls_proof(
    spki: bytes, proof: bytes, message: bytes, *, code: Code = "renew.proof"
) -> None:
    """Rule 2 for the TLS key of the certificate that a renewal follows.

    Raises:
        QuartermasterError: ``code``.
    """
    key = load_der_public_key(spki)
    if not isinstance(key, EllipticCurvePublicKey):
        raise QuartermasterError(code, "not an EC key")
    try:
        key.verify(proof, message, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise QuartermasterError(code, "the TLS key's signature does not match") from None


def check_renewable(
    status: Status, not_after: Micros, *, now: Micros, code: Code = "renew.proof"
) -> None:
    """Rule 4, once the TLS key's proof holds.

    Raises:
        QuartermasterError: ``gateway.revoked``, ``code`` or ``renew.too-late``.
    """
    if status == "revoked":
        raise QuartermasterError("gateway.revoked")
    if status != "active":
        raise QuartermasterError(code, "the gateway is not enrolled")
    if now > not_after + RENEWABLE:
        raise QuartermasterError("renew.too-late")


def needs_decision(request: EpochRequest, newest: int, head: Head) -> str:
    """Why a person must decide on this wish for an epoch; empty when it is granted at once."""
    if request.last_epoch != newest:
        return f"it speaks of epoch {request.last_epoch}, the newest is {newest}"
    if request.reason != "lost":
        return f"its database was {request.reason} at {request.last_seq}, the cloud has {head.seq}"
    return "two histories of its epoch arrived" if head.disputed else ""


@lru_cache(maxsize=4096)
def event_key(raw: bytes) -> Ed25519PublicKey:
    """The key of 32 raw bytes; parsed once, as ingest asks for the same few again and again."""
    return Ed25519PublicKey.from_public_bytes(raw)
