"""The decisions of the enrolment desk, without a database."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.gateways.model import (
    LOST_ANSWER,
    Status,
    Token,
    check_event_proof,
    check_renewable,
    check_tls_proof,
    judge_token,
)
from shared.certificates import new_key, spki
from shared.enrolment import RENEWABLE
from shared.errors import QuartermasterError
from shared.units import HOUR, Micros

NOW = Micros(1_763_650_000_000_000)
SECRET = b"s" * 32
CSR = b"c" * 32
OTHER = b"o" * 32


def _token(*, used_at: int | None = None, csr_hash: bytes | None = None) -> Token:
    return Token(
        token_id=1,
        sha256=hashlib.sha256(SECRET).digest(),
        expires_at=Micros(NOW + HOUR),
        tries=1,
        used_at=None if used_at is None else Micros(used_at),
        csr_hash=csr_hash,
    )


def test_an_unused_token_in_time_is_fresh() -> None:
    assert judge_token(_token(), SECRET, CSR, now=NOW) == "fresh"


def test_the_same_request_within_ten_minutes_is_a_lost_answer() -> None:
    used = _token(used_at=NOW, csr_hash=CSR)
    last = Micros(NOW + LOST_ANSWER - 1)
    assert judge_token(used, SECRET, CSR, now=last) == "repeated"


@pytest.mark.parametrize(
    ("token", "presented", "csr_hash", "now"),
    [
        (_token(), OTHER, CSR, NOW),
        (_token(), SECRET, CSR, NOW + HOUR),
        (_token(used_at=NOW, csr_hash=CSR), SECRET, OTHER, NOW + 1),
        (_token(used_at=NOW, csr_hash=CSR), SECRET, CSR, NOW + LOST_ANSWER),
        (_token(used_at=NOW, csr_hash=CSR), OTHER, CSR, NOW + 1),
    ],
    ids=["wrong", "expired", "used for another request", "used long ago", "wrong and used"],
)
def test_any_other_token_is_refused_without_a_reason(
    token: Token, presented: bytes, csr_hash: bytes, now: int
) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        judge_token(token, presented, csr_hash, now=Micros(now))
    assert (refusal.value.code, refusal.value.detail) == ("enrol.token", "")


def test_proofs_hold_for_their_own_message_and_key_only() -> None:
    event, tls = Ed25519PrivateKey.generate(), new_key()
    raw, public = event.public_key().public_bytes_raw(), spki(tls.public_key())
    check_event_proof(raw, event.sign(b"this"), b"this", code="enrol.proof")
    check_tls_proof(public, tls.sign(b"this", ECDSA(hashes.SHA256())), b"this")
    with pytest.raises(QuartermasterError, match=r"enrol\.proof"):
        check_event_proof(raw, event.sign(b"this"), b"that", code="enrol.proof")
    with pytest.raises(QuartermasterError, match=r"renew\.proof"):
        check_event_proof(b"", event.sign(b"this"), b"this", code="renew.proof")
    with pytest.raises(QuartermasterError, match=r"renew\.proof"):
        check_tls_proof(public, tls.sign(b"this", ECDSA(hashes.SHA256())), b"that")
    with pytest.raises(QuartermasterError, match=r"renew\.proof"):
        check_tls_proof(public, b"\x30" * 70, b"this")


@pytest.mark.parametrize(
    ("status", "late", "code"),
    [
        ("active", -1, None),
        ("active", RENEWABLE, None),
        ("active", RENEWABLE + 1, "renew.too-late"),
        ("revoked", -1, "gateway.revoked"),
        ("registered", -1, "renew.proof"),
    ],
)
def test_only_active_gateways_renew_and_only_up_to_ninety_days_late(
    status: Status, late: int, code: str | None
) -> None:
    if code is None:
        check_renewable(status, NOW, now=Micros(NOW + late))
        return
    with pytest.raises(QuartermasterError) as refusal:
        check_renewable(status, NOW, now=Micros(NOW + late))
    assert refusal.value.code == code
