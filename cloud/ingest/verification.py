"""What a message must be before anything of it is applied. Pure.

The rules, in the order of checks:

1. its topic names a registered gateway (``segment.foreign``, ``gateway.unknown``) that is not
   revoked (``gateway.revoked``);
2. it is a well-formed segment within the limits (``segment.malformed``, ``segment.too-large``);
3. its key is registered for that gateway (``segment.foreign``) and signed it for this trust domain
   and gateway (``segment.signature``); its events chain (``segment.chain``);
4. its epoch was granted (``segment.epoch``).

The registry may be a second old here; :func:`standing` is asked again inside the transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from cloud.ingest.model import Arrived, Examined, Rejected, Sender, Verified
from shared.cose import Sign1
from shared.errors import Code, QuartermasterError
from shared.ids import GatewayId
from shared.segment import Header, header, parse, verify
from shared.topics import gateway_of

ABOUT_REGISTRY: Final[frozenset[Code]] = frozenset(
    {"gateway.unknown", "gateway.revoked", "segment.foreign", "segment.epoch"}
)
"""Refusals that a fresher registry could lift."""
_BEYOND: Final = 2**63


def standing(
    sender: Sender | None, kid: bytes, epoch: int | None = None
) -> QuartermasterError | None:
    """Why ``sender`` may not add to the ledger with this key (and in this epoch), if so."""
    if sender is None:
        return QuartermasterError("gateway.unknown")
    if sender.status != "active":
        return QuartermasterError("gateway.revoked", f"status {sender.status}")
    if kid not in sender.keys:
        return QuartermasterError("segment.foreign", f"key {kid.hex()} is not this gateway's")
    if epoch is not None and epoch not in sender.epochs:
        return QuartermasterError("segment.epoch", f"epoch {epoch}")
    return None


def examine(
    arrived: Arrived, senders: Mapping[GatewayId, Sender], *, trust_domain: str
) -> Examined:
    """A verified segment, or the reason why it is none."""
    sha256 = hashlib.sha256(arrived.payload).digest()
    try:
        gateway = gateway_of(arrived.topic, "seg")
    except QuartermasterError as error:
        return Rejected("", None, None, None, None, None, True, sha256, arrived.payload, error)
    sender = senders.get(gateway)
    message: Sign1 | None = None
    try:
        if sender is None:
            raise QuartermasterError("gateway.unknown")  # noqa: TRY301 - one place makes the record
        message = parse(arrived.payload)
        if refusal := standing(sender, message.kid):
            raise refusal
        segment = verify(
            message, sender.keys[message.kid], trust_domain=trust_domain, gateway=gateway
        )
        if refusal := standing(sender, message.kid, segment.epoch):
            raise refusal
    except QuartermasterError as error:
        claims = None if message is None else _claims(message)
        return Rejected(
            gateway,
            None if sender is None else sender.gateway_id,
            None if sender is None else sender.site_id,
            None if claims is None else claims.epoch,
            None if claims is None else claims.first_seq,
            None if claims is None else claims.last_seq,
            True,
            sha256,
            arrived.payload,
            error,
        )
    return Verified(gateway, sender.gateway_id, sender.site_id, sha256, arrived.payload, segment)


def _claims(message: Sign1) -> Header | None:
    """What an unverified segment says of itself, for the person who looks at the quarantine."""
    try:
        claims = header(message)
    except QuartermasterError:
        return None
    return claims if claims.epoch < _BEYOND else None
