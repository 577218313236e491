"""How a gateway gets its identity and renews it, over HTTPS.

Enrolling, the gateway first asks for the cloud's authorities without trusting the answer, and goes
on only if their root has the fingerprint that stands on the slip; from then on everything is
verified against that root and nothing else. The keys are made here. What was made but not yet
answered lies in ``identity/pending``, so that a lost answer is asked for again with the same
request instead of costing the token.
"""

from __future__ import annotations

import hmac
import shutil
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from edge.link import local_tls
from edge.link.exchange import exchange, trusting
from edge.link.identity import EVENT_KEY, TLS_KEY, Identity, install, write_folder
from shared.certificates import (
    chain_pem,
    fingerprint,
    key_pem,
    load_chain,
    load_ed25519,
    load_p256,
    new_key,
    trust_domain_of,
)
from shared.clock import Clock
from shared.enrolment import (
    Enrolled,
    EnrolRequest,
    EpochGranted,
    RenewRequest,
    Slip,
    to_be_proven,
)
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.units import Micros

RENEW_AT: Final = 0.5
"""The part of a certificate's life after which it is renewed."""
RENEW_SPREAD: Final = 0.1
"""The further part over which gateways spread, so that they do not come all at once."""
_PENDING: Final = "pending"
_REQUEST: Final = "csr.der"


@dataclass(frozen=True, slots=True)
class _Pending:
    """Keys and request of an exchange that may have been asked before without an answer."""

    tls_key: EllipticCurvePrivateKey
    event_key: Ed25519PrivateKey
    csr: bytes


def enrol(
    identity: Path,
    slip: Slip,
    *,
    api_url: str,
    clock: Clock,
    hosts: Sequence[str] = (),
    new_event_key: bool = False,
) -> Identity:
    """Exchange an enrolment slip for an identity, and make the local door's certificate.

    Enrolling the same gateway again keeps its event key, and with it the epoch of what still waits
    in the outbox, unless ``new_event_key`` asks otherwise.

    Args:
        identity: ``<data>/identity``.
        slip: what the administrator handed over.
        api_url: the cloud's API, e.g. ``https://cloud.example:8443``.
        clock: for the local door's certificate.
        hosts: further names of this gateway on its site.
        new_event_key: whether to sign with a new key (after a revocation).

    Raises:
        QuartermasterError: ``cloud.unreachable``, ``enrol.fingerprint``, the cloud's refusals, and
            ``gateway.exists`` when the folder belongs to another gateway.
    """
    api_url = api_url.rstrip("/")
    in_force = _event_key_in_force(identity, slip.gateway)
    root = _pinned_root(api_url, slip.fingerprint)
    trust_domain = trust_domain_of(root)
    # before the token: it may refuse a host
    local_tls.ensure(identity, clock=clock, hosts=hosts, gateway=slip.gateway)
    if new_event_key:
        pending = _prepare(identity, None, not_this=in_force)
    else:
        pending = _prepare(identity, in_force)
    message = to_be_proven(
        "enrol", trust_domain=trust_domain, gateway=slip.gateway, csr=pending.csr
    )
    request = EnrolRequest(
        gateway=slip.gateway,
        token=slip.token,
        csr=pending.csr,
        event_public_key=pending.event_key.public_key().public_bytes_raw(),
        proof=pending.event_key.sign(message),
    )
    trust = chain_pem(root)
    answer = _ask(identity, f"{api_url}/v1/enrol", request, trust)
    if answer.gateway != slip.gateway or answer.trust_domain != trust_domain:
        raise QuartermasterError("payload.malformed", "the answer is for another gateway")
    pinned, opened = fingerprint(root), answer.opened()
    return _take(identity, answer, pending, api_url, pinned=pinned, opened=opened)


def renew(identity: Path) -> Identity:
    """Follow the certificate in force by one for a new key; works after its end, too (90 days).

    Raises:
        QuartermasterError: ``cloud.unreachable`` (ask again later) or the cloud's refusal.
    """
    known = Identity.load(identity)
    pending = _prepare(identity, known.event_key)
    message = to_be_proven(
        "renew", trust_domain=known.trust_domain, gateway=known.gateway, csr=pending.csr
    )
    current_key = load_p256(known.tls_key.read_bytes())
    request = RenewRequest(
        gateway=known.gateway,
        serial=known.serial,
        csr=pending.csr,
        tls_proof=current_key.sign(message, ECDSA(hashes.SHA256())),
        event_proof=known.event_key.sign(message),
    )
    trust = known.trust.read_bytes()
    answer = _ask(identity, f"{known.api_url}/v1/renew", request, trust)
    if answer.gateway != known.gateway or answer.trust_domain != known.trust_domain:
        raise QuartermasterError("payload.malformed", "the answer is for another gateway")
    # A renewal begins no epoch, whatever was granted meanwhile: that is asked for by itself.
    answer = msgspec.structs.replace(answer, epoch=known.epoch)
    return _take(identity, answer, pending, known.api_url, pinned=None, opened=known.opened)


def renewal_due(known: Identity, jitter: float) -> Micros:
    """When to renew: at half of the certificate's life, later by up to a tenth of it.

    Args:
        known: the identity in force.
        jitter: 0 ≤ jitter < 1, drawn once per certificate by the caller.
    """
    life = known.not_after - known.not_before
    return Micros(known.not_before + int(life * (RENEW_AT + RENEW_SPREAD * jitter)))


def renew_if_due(identity: Path, *, clock: Clock, jitter: float) -> Identity | None:
    """Renew when it is time; None when it is not. To be called every few minutes.

    Raises:
        QuartermasterError: as :func:`renew`.
    """
    if clock.now() < renewal_due(Identity.load(identity), jitter):
        return None
    return renew(identity)


def _event_key_in_force(identity: Path, gateway: GatewayId) -> Ed25519PrivateKey | None:
    try:
        known = Identity.load(identity)
    except QuartermasterError as error:
        if error.code != "gateway.not-enrolled":
            raise
        return None
    if known.gateway != gateway:
        raise QuartermasterError(
            "gateway.exists", f"this data folder belongs to {known.gateway}", where="data"
        )
    return known.event_key


def _pinned_root(api_url: str, pinned: bytes) -> x509.Certificate:
    """The cloud's root, fetched without trust and recognised by its fingerprint."""
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    body = exchange("GET", f"{api_url}/v1/trust", None, unverified)
    try:
        bundle = load_chain(body)
    except QuartermasterError:
        raise QuartermasterError(
            "payload.malformed", "no certificates", where="/v1/trust"
        ) from None
    for certificate in bundle:
        if hmac.compare_digest(fingerprint(certificate), pinned):
            try:
                certificate.verify_directly_issued_by(certificate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return certificate
    raise QuartermasterError("enrol.fingerprint")


def _prepare(
    identity: Path,
    event_key: Ed25519PrivateKey | None,
    *,
    not_this: Ed25519PrivateKey | None = None,
) -> _Pending:
    """The exchange that waits for its answer, or a new one with keys of its own, on disk."""
    kept = _kept(identity)
    if kept is not None:
        fits = event_key is None or _same(kept.event_key, event_key)
        if fits and not (not_this and _same(kept.event_key, not_this)):
            return kept
    shutil.rmtree(identity / _PENDING, ignore_errors=True)
    tls_key = new_key()
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = _Pending(
        tls_key,
        event_key or Ed25519PrivateKey.generate(),
        csr.sign(tls_key, hashes.SHA256()).public_bytes(Encoding.DER),
    )
    write_folder(
        identity / _PENDING,
        {
            TLS_KEY: key_pem(made.tls_key),
            EVENT_KEY: key_pem(made.event_key),
            _REQUEST: made.csr,
        },
    )
    return made


def _kept(identity: Path) -> _Pending | None:
    """What waits for its answer; None also when it is damaged: then it is made anew."""
    folder = identity / _PENDING
    try:
        return _Pending(
            load_p256((folder / TLS_KEY).read_bytes()),
            load_ed25519((folder / EVENT_KEY).read_bytes()),
            (folder / _REQUEST).read_bytes(),
        )
    except (OSError, QuartermasterError):
        return None


def _same(one: Ed25519PrivateKey, other: Ed25519PrivateKey) -> bool:
    return one.public_key().public_bytes_raw() == other.public_key().public_bytes_raw()


def _take(
    identity: Path,
    answer: Enrolled,
    pending: _Pending,
    api_url: str,
    *,
    pinned: bytes | None,
    opened: EpochGranted | None,
) -> Identity:
    """Check that the certificate is for the key made here, then take it into force."""
    certificate = load_chain(answer.certificate.encode())[0]
    key = certificate.public_key()
    if key != pending.tls_key.public_key():
        raise QuartermasterError("payload.malformed", "the certificate is for another key")
    bundle = load_chain(answer.trust.encode())
    if pinned is not None and pinned not in {fingerprint(authority) for authority in bundle}:
        raise QuartermasterError("enrol.fingerprint", "the bundle lacks the pinned root")
    enrolled = install(
        identity,
        answer,
        api_url=api_url,
        tls_key=key_pem(pending.tls_key),
        event_key=key_pem(pending.event_key),
        opened=opened,
    )
    shutil.rmtree(identity / _PENDING, ignore_errors=True)
    return enrolled


def _ask(identity: Path, url: str, request: EnrolRequest | RenewRequest, trust: bytes) -> Enrolled:
    """Send a request; it stays pending unless the cloud will never accept it."""
    try:
        body = exchange("POST", url, msgspec.json.encode(request), trusting(trust))
    except QuartermasterError as error:
        if error.code in {"enrol.proof", "renew.proof"}:
            shutil.rmtree(identity / _PENDING, ignore_errors=True)
        raise
    try:
        return msgspec.json.decode(body, type=Enrolled)
    except msgspec.MsgspecError as error:
        raise QuartermasterError("payload.malformed", str(error), where=url) from None
