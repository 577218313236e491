"""Asks the cloud for a new epoch, when this gateway's database cannot go on in the one in force."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

from edge.link.durable import replace_file
from edge.link.epoch import GRANT, PENDING
from edge.link.exchange import exchange, trusting
from edge.link.identity import Identity
from shared.certificates import load_p256
from shared.enrolment import EpochGranted, EpochReason, EpochRequest, to_be_proven, wished
from shared.errors import QuartermasterError

_NONCE_BYTES: Final = 16


class Wish(NamedTuple):
    """Why the database cannot go on, and where it stands: None where its past is gone."""

    reason: EpochReason
    last_epoch: int
    last_seq: int = 0
    last_hash: bytes | None = None


def ask(identity: Path, known: Identity, wish: Wish, *, fresh: bytes) -> EpochGranted:
    """Ask the cloud for a new epoch; the grant is on disk when this returns.

    Args:
        identity: ``<data>/identity``.
        known: the version in force, whose two keys sign.
        wish: why, and where this database stands.
        fresh: 16 bytes that were never used, for a request that is not a repetition.

    Raises:
        QuartermasterError: ``cloud.unreachable`` (ask again later), ``epoch.undecided`` (a person
            decides; ask again later) or another refusal of the cloud.
    """
    nonce = _pending(identity, fresh)
    message = to_be_proven(
        "epoch",
        trust_domain=known.trust_domain,
        gateway=known.gateway,
        csr=wished(nonce, wish.last_epoch, wish.last_seq, wish.last_hash, wish.reason),
    )
    request = EpochRequest(
        gateway=known.gateway,
        serial=known.serial,
        nonce=nonce,
        last_epoch=wish.last_epoch,
        last_seq=wish.last_seq,
        last_hash=wish.last_hash,
        reason=wish.reason,
        tls_proof=load_p256(known.tls_key.read_bytes()).sign(message, ECDSA(hashes.SHA256())),
        event_proof=known.event_key.sign(message),
    )
    url = f"{known.api_url}/v1/epoch"
    try:
        trust = trusting(known.trust.read_bytes())
        body = exchange("POST", url, msgspec.json.encode(request), trust)
        answer = msgspec.json.decode(body, type=EpochGranted)
    except msgspec.MsgspecError as error:
        raise QuartermasterError("payload.malformed", str(error), where=url) from None
    except QuartermasterError as error:
        if error.code == "epoch.proof":
            (identity / PENDING).unlink(missing_ok=True)
        raise
    if answer.gateway != known.gateway or answer.epoch <= wish.last_epoch:
        raise QuartermasterError("payload.malformed", "the answer is not for this wish", where=url)
    replace_file(identity / GRANT, msgspec.json.encode(answer))
    (identity / PENDING).unlink(missing_ok=True)
    return answer


def _pending(identity: Path, fresh: bytes) -> bytes:
    """The nonce of a request without an answer, or a fresh one, on disk before it is used."""
    file = identity / PENDING
    if file.exists() and len(kept := file.read_bytes()) == _NONCE_BYTES:
        return kept
    replace_file(file, fresh)
    return fresh
