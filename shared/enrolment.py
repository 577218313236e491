"""What a gateway and the cloud say when the gateway gets or renews its identity or its epoch.

The words travel as JSON over HTTPS; byte strings are base64. Rules that both sides keep:

1. The slip carries the fingerprint of the cloud's root: the gateway checks it before it says
   anything secret.
2. A request is signed by every key that it concerns: the certificate request by the new TLS key,
   the proof by the event key, and on renewal and for an epoch by the TLS key in force as well.
3. A proof is bound to its purpose, trust domain and gateway, so that it cannot serve elsewhere.
4. No private key is ever part of a message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Final, Literal

import cbor2
import msgspec
from msgspec import Meta

from shared.errors import QuartermasterError
from shared.ids import GatewayId, gateway_id
from shared.units import DAY, Micros

TOKEN_BYTES: Final = 32
RENEWABLE: Final = Micros(90 * DAY)
"""How long after its certificate's end a gateway may still renew it."""
_SLIP: Final = "qm1"

ProofPurpose = Literal["enrol", "renew", "epoch"]
EpochReason = Literal["lost", "restored", "frozen"]
"""Why a gateway cannot go on in its epoch: its database is gone; is older than what it has used;
contradicts what the cloud has."""

PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
EcdsaSignature = Annotated[bytes, Meta(min_length=8, max_length=72)]
Request = Annotated[bytes, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Serial = Annotated[str, Meta(pattern="^[0-9a-f]{1,32}$")]
Nonce = Annotated[bytes, Meta(min_length=16, max_length=16)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Epoch = Annotated[int, Meta(ge=1, lt=2**31)]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Url = Annotated[str, Meta(max_length=300)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Pem = Annotated[str, Meta(max_length=64 * 1024)]


class Slip(msgspec.Struct, frozen=True):
    """What the administrator carries to the gateway: its name, the token, whom to trust.

    ``token`` are 32 random bytes; ``fingerprint`` is SHA-256 over the root's public key.
    """

    gateway: GatewayId
    token: bytes
    fingerprint: bytes

    def text(self) -> str:
        """The slip as one word, to be typed or shown once."""
        return ".".join([_SLIP, self.gateway, _encode(self.token), _encode(self.fingerprint)])


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/enrol``. ``csr`` is a DER certificate request."""

    gateway: Name
    token: PublicKey
    csr: Request
    event_public_key: PublicKey
    proof: Signature


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/renew``. ``serial`` is that of the certificate to follow, in hexadecimal.

    ``tls_proof`` is by the key of that certificate (ECDSA with SHA-256), ``event_proof`` by the
    event key; both over the same bytes.
    """

    gateway: Name
    serial: Serial
    csr: Request
    tls_proof: EcdsaSignature
    event_proof: Signature


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to both: everything a gateway needs to speak to its cloud.

    ``certificate`` is the gateway's with its issuer, ``trust`` the root that the cloud's servers
    lead to, both PEM bundles; ``cloud_key`` verifies what comes down. Where ``epoch`` follows
    another, the head that the cloud has of that one, and why it could not go on.
    """

    gateway: Name
    site: Name
    trust_domain: Annotated[str, Meta(min_length=1, max_length=253)]
    epoch: Annotated[int, Meta(ge=1, lt=2**53)]
    certificate: Pem
    trust: Pem
    cloud_key: PublicKey
    broker_host: Annotated[str, Meta(min_length=1, max_length=253)]
    broker_port: Port
    door_url: Url
    previous_epoch: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    previous_seq: Seq = 0
    previous_hash: Hash = bytes(32)
    reason: Annotated[str, Meta(max_length=64)] = ""

    def opened(self) -> EpochGranted | None:
        """The grant of ``epoch``, in the words of an epoch's request; None for the first."""
        if not self.previous_epoch:
            return None
        return EpochGranted(
            gateway=self.gateway,
            epoch=self.epoch,
            previous_epoch=self.previous_epoch,
            previous_seq=self.previous_seq,
            previous_hash=self.previous_hash,
            reason=self.reason,
        )


class EpochRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/epoch``: the database in this gateway cannot go on in the epoch in force.

    ``serial`` names the certificate whose key makes ``tls_proof``. ``nonce`` is new for each wish
    and the same when its answer was lost. ``last_epoch`` is the highest that was used; the head
    is what this database sealed last, None where it is gone.
    """

    gateway: Name
    serial: Serial
    nonce: Nonce
    last_epoch: Epoch
    last_seq: Seq = 0
    last_hash: Hash | None = None
    reason: EpochReason
    tls_proof: EcdsaSignature
    event_proof: Signature


class EpochGranted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: number events from 1 in ``epoch``; the first points to this earlier head.

    ``previous_hash`` are zeros where the cloud knows nothing of the earlier epoch.
    """

    gateway: Name
    epoch: Epoch
    previous_epoch: Annotated[int, Meta(ge=0, lt=2**31)]
    previous_seq: Seq
    previous_hash: Hash
    reason: Name


def wished(
    nonce: bytes, last_epoch: int, last_seq: int, last_hash: bytes | None, reason: EpochReason
) -> bytes:
    """What an epoch's request says, in the bytes that :func:`to_be_proven` takes."""
    return cbor2.dumps([nonce, last_epoch, last_seq, last_hash, reason])


def read_slip(text: str) -> Slip:
    """Take an enrolment slip's word apart.

    Raises:
        QuartermasterError: ``enrol.token`` when it is not one (it was mistyped or cut off).
    """
    match text.strip().split("."):
        case [kind, name, token, fingerprint] if kind == _SLIP:
            slip = Slip(gateway_id(name), _decode(token), _decode(fingerprint))
        case _:
            raise QuartermasterError("enrol.token", "not an enrolment token", where="token")
    if len(slip.token) != TOKEN_BYTES or len(slip.fingerprint) != 32:
        raise QuartermasterError("enrol.token", "the token is incomplete", where="token")
    return slip


def to_be_proven(
    purpose: ProofPurpose, *, trust_domain: str, gateway: GatewayId, csr: bytes
) -> bytes:
    """The bytes that the keys concerned sign; ``csr`` is the request's substance."""
    return cbor2.dumps(["qm-id/1", purpose, trust_domain, gateway, hashlib.sha256(csr).digest()])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise QuartermasterError("enrol.token", "the token is damaged", where="token") from None
