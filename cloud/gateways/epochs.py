"""Epochs: a gateway whose past is gone or disputed numbers its events anew.

The one who asks proves both its keys, as in a renewal. What the cloud had of the earlier epoch is
recorded with the new one, in the same transaction, and the gateway's first event points to it. A
grant raises a case that a person sees; a wish that needs a decision raises one and changes nothing
else. When an epoch begins, those before it take ten minutes more of what is under way: two machines
with one identity cannot both go on.
"""

from __future__ import annotations

from collections.abc import Callable

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.gateways import store
from cloud.gateways.authority import Authority
from cloud.gateways.model import (
    EPOCH_GRACE,
    MAX_EPOCHS_PER_DAY,
    Gateway,
    Grant,
    Head,
    check_event_proof,
    check_renewable,
    check_tls_proof,
    needs_decision,
)
from shared.enrolment import EpochGranted, EpochRequest, to_be_proven, wished
from shared.errors import QuartermasterError
from shared.segment import GENESIS
from shared.units import DAY, Micros

Heads = Callable[[Connection, int, int], Head]
"""(gateway_id, epoch) → how far the cloud has it: ingest knows, this room does not."""


def open_epoch(
    connection: Connection,
    authority: Authority,
    request: EpochRequest,
    *,
    heads: Heads,
    now: Micros,
) -> EpochGranted | None:
    """Grant a new epoch, or the one that a person has decided on; None when one must decide first.

    The same request again gets the same answer. None leaves an open case, so the caller commits
    and then refuses with ``epoch.undecided``.

    Raises:
        QuartermasterError: ``epoch.proof``, ``renew.too-late``, ``gateway.revoked``,
            ``request.too-many``.
    """
    store.lock(connection, request.gateway)
    known = _proven(connection, authority, request, now)
    newest = store.newest_epoch(connection, known.gateway_id)
    if newest is None:
        raise QuartermasterError("epoch.proof", "the gateway is not enrolled")
    if newest.nonce == request.nonce:
        return _answer(known, newest)
    if store.nonce_used(connection, known.gateway_id, request.nonce):
        raise QuartermasterError("epoch.proof", "the request was answered long ago")
    last = newest.previous_epoch if newest.awaited else newest.epoch
    head = heads(connection, known.gateway_id, last)
    if newest.awaited:
        # A cloud that was restored from a backup may have counted less far than the gateway.
        epoch = max(newest.epoch, request.last_epoch + 1)
        store.claim_epoch(connection, known.gateway_id, epoch, request.nonce, head)
    elif why := needs_decision(request, newest.epoch, head):
        raise_exception(
            connection, "epoch.undecided", known.name, why, at=now, site_id=known.site_id
        )
        return None
    else:
        _bound(connection, known, now)
        store.grant_epoch(
            connection,
            known.gateway_id,
            last + 1,
            request.reason,
            now,
            previous=(last, head),
            nonce=request.nonce,
        )
    granted = store.newest_epoch(connection, known.gateway_id)
    assert granted is not None  # noqa: S101 - just written
    store.close_epochs(connection, known.gateway_id, granted.epoch, Micros(now + EPOCH_GRACE))
    raise_exception(
        connection,
        "epoch.opened",
        known.name,
        f"epoch {granted.epoch} ({granted.reason}) after {last}, known through {head.seq}",
        at=now,
        site_id=known.site_id,
    )
    return _answer(known, granted)


def decide_epoch(
    connection: Connection,
    name: str,
    reason: str,
    *,
    heads: Heads,
    now: Micros,
    number: int | None = None,
) -> Grant:
    """A person's decision: the gateway gets a new epoch when it asks next. Idempotent until then.

    Args:
        connection: the caller's transaction.
        name: the gateway's.
        reason: kept with the epoch, and with the gateway's first event in it.
        heads: asked for the earlier epoch.
        now: the time of the decision.
        number: an epoch in which the gateway works already, and which this cloud forgot when it
            was restored from a backup; taken at once.

    Raises:
        QuartermasterError: ``gateway.unknown``, ``gateway.revoked``, ``request.conflict`` before
            it was enrolled or for a number that is known, ``request.too-many``.
    """
    store.lock(connection, name)
    known = store.gateway(connection, name)
    if known is None:
        raise QuartermasterError("gateway.unknown", name[:60])
    if known.status == "revoked":
        raise QuartermasterError("gateway.revoked")
    newest = store.newest_epoch(connection, known.gateway_id)
    if newest is None:
        raise QuartermasterError("request.conflict", "the gateway is not enrolled yet")
    if number is not None and (newest.awaited or number <= newest.epoch):
        raise QuartermasterError("request.conflict", f"epoch {newest.epoch} is known or decided")
    if newest.awaited:
        return newest
    _bound(connection, known, now)
    head = heads(connection, known.gateway_id, newest.epoch)
    store.grant_epoch(
        connection,
        known.gateway_id,
        number or newest.epoch + 1,
        reason[:64],
        now,
        previous=(newest.epoch, head),
        awaited=number is None,
    )
    decided = store.newest_epoch(connection, known.gateway_id)
    assert decided is not None  # noqa: S101 - just written
    return decided


def _proven(
    connection: Connection, authority: Authority, request: EpochRequest, now: Micros
) -> Gateway:
    """The active gateway whose two keys have signed this request."""
    known = store.gateway(connection, request.gateway)
    shown = known and store.certificate(connection, known.gateway_id, request.serial)
    if known is None or shown is None:
        raise QuartermasterError("epoch.proof", "no such certificate was issued to this gateway")
    message = to_be_proven(
        "epoch",
        trust_domain=authority.trust_domain,
        gateway=known.name,
        csr=wished(
            request.nonce, request.last_epoch, request.last_seq, request.last_hash, request.reason
        ),
    )
    check_tls_proof(shown.spki, request.tls_proof, message, code="epoch.proof")
    check_renewable(known.status, shown.not_after, now=now, code="epoch.proof")
    raw = store.key_in_force(connection, known.gateway_id)
    check_event_proof(raw, request.event_proof, message, code="epoch.proof")
    return known


def _bound(connection: Connection, known: Gateway, now: Micros) -> None:
    given = store.epochs_since(connection, known.gateway_id, Micros(now - DAY))
    if given >= MAX_EPOCHS_PER_DAY:
        raise QuartermasterError("request.too-many", f"{given} epochs within a day")


def _answer(known: Gateway, grant: Grant) -> EpochGranted:
    return EpochGranted(
        gateway=known.name,
        epoch=grant.epoch,
        previous_epoch=grant.previous_epoch,
        previous_seq=grant.previous_seq,
        previous_hash=grant.previous_hash or GENESIS,
        reason=grant.reason,
    )
