"""An access token is believed only as this house made it, and only for ten minutes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from cloud.access.tokens import ALGORITHM, KEY_LIFETIME, LIFETIME, SKEW, Signer, holds, named
from shared.units import SECOND, Micros
from tests.support.clock import START

NOW = Micros(START)
PERSON, SESSION = "p-0123456789abcdef", f"s-{'0' * 32}"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw()
CLAIMS = {
    "sub": PERSON,
    "sid": SESSION,
    "aud": "quartermaster-api",
    "iat": NOW // SECOND,
    "exp": (NOW + LIFETIME) // SECOND,
}
HEADER = {"alg": ALGORITHM, "kid": "00", "typ": "at+jwt"}


def made(claims: dict[str, Any] | None = None, **header: Any) -> str:
    return jwt.encode(
        {**HEADER, **header},
        {**CLAIMS, **(claims or {})},
        OKPKey.import_key(KEY),
        algorithms=[ALGORITHM],
    )


def believed(text: str, now: int = NOW) -> bool:
    return named(text) is not None and holds(
        text, PUBLIC, person=PERSON, session=SESSION, now=Micros(now)
    )


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_holds_for_ten_minutes() -> None:
    assert believed(made())
    assert believed(made(), NOW + LIFETIME)
    assert not believed(made(), NOW + LIFETIME + SKEW)
    assert not believed(made(), NOW - SKEW - SECOND)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"sub": "p-fedcba9876543210"},
        {"sid": f"s-{'1' * 32}"},
        {"exp": CLAIMS["exp"] + 1},
        {"exp": str(CLAIMS["exp"])},
        {"aud": ["quartermaster-api"]},
    ],
)
def test_a_token_for_another_use_is_none(claims: dict[str, Any]) -> None:
    assert not believed(made(claims))


def test_no_other_algorithm_type_or_key_will_do() -> None:
    unsigned = f"{part({**HEADER, 'alg': 'none'})}.{part(CLAIMS)}."
    shared_secret = jwt.encode(
        {**HEADER, "alg": "HS256"}, CLAIMS, OctKey.import_key(PUBLIC), algorithms=["HS256"]
    )
    foreign = jwt.encode(
        {**HEADER, "jwk": OKPKey.import_key(Ed25519PrivateKey.generate()).as_dict(private=False)},
        CLAIMS,
        OKPKey.import_key(Ed25519PrivateKey.generate()),
        algorithms=[ALGORITHM],
    )
    signed = made()
    for text in (
        unsigned,
        shared_secret,
        foreign,
        made(typ="JWT"),
        signed[:-4] + "AAAA",
        signed + ".x",
        f"{part({**HEADER, 'alg': 'none'})}.{signed.split('.', 1)[1]}",
        "a.b.c",
        "x" * 5000,
    ):
        assert not believed(text), text


def test_a_key_lasts_a_day_and_is_told_as_long_as_its_tokens_hold() -> None:
    told: dict[str, Micros] = {}
    count = iter(range(9))
    signer = Signer(lambda size: next(count).to_bytes(size, "big"))

    def tell(kid: str, _public: bytes, until: Micros) -> None:
        told[kid] = until

    for now in (NOW, NOW + KEY_LIFETIME - 1, NOW + KEY_LIFETIME):
        text = signer.sign(person=PERSON, session=SESSION, now=Micros(now), tell=tell)
        found = named(text)
        assert found is not None
        assert told[found.kid] >= now + LIFETIME
    assert len(told) == 2
