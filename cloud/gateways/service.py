"""The registry's use cases: register, enrol, renew, revoke, look up.

Each takes the connection of the caller's transaction and leaves nothing half-done when it refuses.
The one exception is :func:`enrol`, which opens its own: a wrong try must count even though the
enrolment it belonged to is undone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.gateways import store
from cloud.gateways.authority import Authority, read_request
from cloud.gateways.epochs import Heads
from cloud.gateways.model import (
    MAX_CERTIFICATES_PER_DAY,
    MAX_TRIES,
    TOKEN_LIFETIME,
    Gateway,
    Grant,
    MeetingPoints,
    Registered,
    Token,
    check_event_proof,
    check_renewable,
    check_tls_proof,
    event_key,
    judge_token,
)
from shared.certificates import spki
from shared.cose import key_id
from shared.enrolment import TOKEN_BYTES, Enrolled, EnrolRequest, RenewRequest, Slip, to_be_proven
from shared.errors import QuartermasterError
from shared.ids import GatewayId, gateway_id
from shared.segment import GENESIS
from shared.units import DAY, Micros


def site_of(connection: Connection, gateway_id: int) -> int:
    """The key of the site that a gateway of this registry stands at.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    found = store.site_of(connection, gateway_id)
    if found is None:
        raise QuartermasterError("request.not-found", f"gateway {gateway_id}")
    return found


def register(
    connection: Connection,
    *,
    name: str,
    site: str,
    fingerprint: bytes,
    now: Micros,
    hw_serial: str = "",
    lifetime: Micros = TOKEN_LIFETIME,
) -> Slip:
    """Enter a gateway and make its first enrolment token, which is told only here.

    Raises:
        QuartermasterError: ``gateway.name``, ``gateway.exists``, or ``request.not-found`` for a
            site that the catalog does not hold.
    """
    valid = gateway_id(name)
    number = store.site_id(connection, site)
    if number is None:
        raise QuartermasterError(
            "request.not-found", f"no site {site[:64]!r} in the catalog", where="site"
        )
    gateway_number = store.insert_gateway(connection, valid, number, hw_serial[:120], now)
    if gateway_number is None:
        raise QuartermasterError("gateway.exists", valid)
    return _new_token(
        connection, gateway_number, valid, fingerprint=fingerprint, lifetime=lifetime, now=now
    )


def new_token(
    connection: Connection,
    *,
    name: str,
    fingerprint: bytes,
    now: Micros,
    lifetime: Micros = TOKEN_LIFETIME,
) -> Slip:
    """A fresh token for a known gateway; every earlier one is void. A revoked one may come back.

    Raises:
        QuartermasterError: ``gateway.unknown``.
    """
    known = get(connection, name)
    return _new_token(
        connection,
        known.gateway_id,
        known.name,
        fingerprint=fingerprint,
        lifetime=lifetime,
        now=now,
    )


def enrol(
    pool: ConnectionPool[Connection],
    authority: Authority,
    request: EnrolRequest,
    *,
    meeting: MeetingPoints,
    heads: Heads,
    now: Micros,
) -> Enrolled:
    """Exchange a token for a certificate and register the event key; grants an epoch to a new key.

    Args:
        pool: transactions of its own.
        authority: issues the certificate.
        request: what the gateway asks, and proves.
        meeting: told to the gateway.
        heads: asked for the epoch that a new key's follows.
        now: the time.

    Raises:
        QuartermasterError: ``enrol.too-many-tries``, ``enrol.token``, ``enrol.proof``,
            ``gateway.revoked``.
    """
    with unit_of_work(pool) as connection:
        token, counted = _take_try(connection, request.gateway)
    if token is None:
        raise QuartermasterError("enrol.token")
    if not counted:
        raise QuartermasterError("enrol.too-many-tries")
    with unit_of_work(pool) as connection:
        return _enrol(connection, authority, request, meeting, heads=heads, now=now)


def renew(
    connection: Connection,
    authority: Authority,
    request: RenewRequest,
    *,
    meeting: MeetingPoints,
    now: Micros,
) -> Enrolled:
    """Follow one certificate by another with a new key, up to 90 days after its end.

    The same request again gets the same certificate: its answer may have been lost.

    Raises:
        QuartermasterError: ``renew.proof``, ``renew.too-late``, ``gateway.revoked``,
            ``enrol.proof`` for the request itself, ``request.too-many``.
    """
    store.lock(connection, request.gateway)
    known = store.gateway(connection, request.gateway)
    followed = known and store.certificate(connection, known.gateway_id, request.serial)
    if known is None or followed is None:
        raise QuartermasterError("renew.proof", "no such certificate was issued to this gateway")
    message = to_be_proven(
        "renew", trust_domain=authority.trust_domain, gateway=known.name, csr=request.csr
    )
    check_tls_proof(followed.spki, request.tls_proof, message)
    check_renewable(known.status, followed.not_after, now=now)
    raw = store.key_in_force(connection, known.gateway_id)
    check_event_proof(raw, request.event_proof, message, code="renew.proof")
    key = read_request(request.csr)
    csr_hash = hashlib.sha256(request.csr).digest()
    repeated = store.certificate_for(connection, known.gateway_id, csr_hash)
    if repeated is None:
        issued = _certify(connection, authority, known, key, csr_hash=csr_hash, now=now)
    elif now < repeated.not_after:
        issued = x509.load_der_x509_certificate(repeated.der)
    else:
        raise QuartermasterError("renew.proof", "the request was answered long ago")
    return _answer(authority, known, issued, meeting, known.epoch)


def revoke(connection: Connection, name: str, *, now: Micros) -> Gateway:
    """End a gateway's standing: nothing that it sends from now on is applied. Idempotent.

    Raises:
        QuartermasterError: ``gateway.unknown``.
    """
    store.lock(connection, name)
    known = get(connection, name)
    if known.status != "revoked":
        store.revoke(connection, known.gateway_id, now)
    return get(connection, name)


def lookup(connection: Connection, names: Iterable[str]) -> dict[GatewayId, Registered]:
    """Standing, verification keys and epochs by name; unknown names are absent. One round trip."""
    return store.lookup(connection, names)


def get(connection: Connection, name: str) -> Gateway:
    """One gateway.

    Raises:
        QuartermasterError: ``gateway.unknown``.
    """
    found = store.gateway(connection, name)
    if found is None:
        raise QuartermasterError("gateway.unknown", name[:60])
    return found


def page(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    after: str = "",
    limit: int = 100,
) -> list[Gateway]:
    """Gateways whose names come after ``after``, of ``sites`` (all when None)."""
    return store.gateways(connection, sites, after, limit)


def _new_token(
    connection: Connection,
    number: int,
    name: GatewayId,
    *,
    fingerprint: bytes,
    lifetime: Micros,
    now: Micros,
) -> Slip:
    token = secrets.token_bytes(TOKEN_BYTES)
    until = Micros(now + min(lifetime, TOKEN_LIFETIME))
    store.insert_token(connection, number, hashlib.sha256(token).digest(), now, until)
    return Slip(name, token, fingerprint)


def _take_try(connection: Connection, name: str) -> tuple[Token | None, bool]:
    """The token in force and whether it had a try left, which is now taken."""
    token = store.newest_token(connection, name)
    if token is None:
        return None, False
    return token, store.count_try(connection, token.token_id, MAX_TRIES)


def _enrol(
    connection: Connection,
    authority: Authority,
    request: EnrolRequest,
    meeting: MeetingPoints,
    *,
    heads: Heads,
    now: Micros,
) -> Enrolled:
    store.lock(connection, request.gateway)
    known = get(connection, request.gateway)
    token = store.newest_token(connection, request.gateway)
    if token is None:
        raise QuartermasterError("enrol.token")
    csr_hash = hashlib.sha256(request.csr).digest()
    standing = judge_token(token, request.token, csr_hash, now=now)
    key = read_request(request.csr)
    message = to_be_proven(
        "enrol", trust_domain=authority.trust_domain, gateway=known.name, csr=request.csr
    )
    check_event_proof(request.event_public_key, request.proof, message, code="enrol.proof")
    store.return_try(connection, token.token_id)
    if standing == "repeated":
        issued, epoch = _issued_before(connection, known, csr_hash), known.epoch
    else:
        store.use_token(connection, token.token_id, csr_hash, now)
        epoch = _register_event_key(connection, known, request.event_public_key, heads, now)
        issued = _certify(connection, authority, known, key, csr_hash=csr_hash, now=now)
        store.activate(connection, known.gateway_id)
    answer = _answer(authority, known, issued, meeting, epoch)
    return _following(answer, store.grant_of(connection, known.gateway_id, epoch))


def _following(answer: Enrolled, grant: Grant | None) -> Enrolled:
    """The answer, with the head that its epoch follows: the gateway's first event names it."""
    if grant is None or not grant.previous_epoch:
        return answer
    return msgspec.structs.replace(
        answer,
        previous_epoch=grant.previous_epoch,
        previous_seq=grant.previous_seq,
        previous_hash=grant.previous_hash or GENESIS,
        reason=grant.reason,
    )


def _issued_before(connection: Connection, known: Gateway, csr_hash: bytes) -> x509.Certificate:
    """The certificate of an enrolment whose answer was lost."""
    if known.status == "revoked":
        raise QuartermasterError("gateway.revoked")
    issued = store.certificate_for(connection, known.gateway_id, csr_hash)
    if issued is None:
        raise QuartermasterError("enrol.token")
    return x509.load_der_x509_certificate(issued.der)


def _register_event_key(
    connection: Connection, known: Gateway, raw: bytes, heads: Heads, now: Micros
) -> int:
    """The epoch to work in: the same for a key that is in force, a new one for a new key."""
    kid = key_id(event_key(raw))
    registered = store.registered_key(connection, kid)
    if registered is None:
        store.replace_event_key(connection, known.gateway_id, kid, raw, now)
        newest = store.newest_epoch(connection, known.gateway_id)
        if newest is None:
            store.grant_epoch(connection, known.gateway_id, 1, "enrolment", now)
            return 1
        last = newest.previous_epoch if newest.awaited else newest.epoch
        previous = (last, heads(connection, known.gateway_id, last)) if last else None
        store.grant_epoch(
            connection, known.gateway_id, newest.epoch + 1, "enrolment", now, previous=previous
        )
        return newest.epoch + 1
    if (
        registered.gateway_id != known.gateway_id
        or registered.public_key != raw
        or registered.revoked
    ):
        raise QuartermasterError("enrol.proof", "the event key was used before; make a new one")
    return known.epoch


def _certify(
    connection: Connection,
    authority: Authority,
    known: Gateway,
    key: EllipticCurvePublicKey,
    *,
    csr_hash: bytes,
    now: Micros,
) -> x509.Certificate:
    """Issue and keep a certificate for a key that has never had one."""
    since = Micros(now - DAY)
    given = store.certificates_since(connection, known.gateway_id, since)
    if given >= MAX_CERTIFICATES_PER_DAY:
        raise QuartermasterError("request.too-many", f"{given} certificates within a day")
    public = spki(key)
    if store.tls_key_known(connection, public):
        raise QuartermasterError("enrol.proof", "the TLS key was used before; make a new one")
    issued = authority.issue_device(known.name, known.site, key, now=now)
    store.insert_certificate(
        connection, known.gateway_id, issued, spki=public, csr_hash=csr_hash, now=now
    )
    return issued


def _answer(
    authority: Authority,
    known: Gateway,
    issued: x509.Certificate,
    meeting: MeetingPoints,
    epoch: int,
) -> Enrolled:
    return Enrolled(
        gateway=known.name,
        site=known.site,
        trust_domain=authority.trust_domain,
        epoch=epoch,
        certificate=authority.device_chain(issued).decode(),
        trust=authority.trust_bundle().decode(),
        cloud_key=authority.cloud_key.public_bytes_raw(),
        broker_host=meeting.broker_host,
        broker_port=meeting.broker_port,
        door_url=meeting.door_url,
    )
