"""Access tokens: JWTs of ten minutes that name a session, signed with Ed25519 (RFC 9864).

A token says who and by which session, never what may be done: that is looked up at each use, so
that a role that is taken away, or a session that ended, counts at once. Each process signs with a
key of its own that lives for a day in its memory; only the public half is told to the others.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, NamedTuple, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.units import DAY, MINUTE, SECOND, Micros

ALGORITHM: Final = "Ed25519"
TYPE: Final = "at+jwt"
AUDIENCE: Final = "quartermaster-api"
LIFETIME: Final = Micros(10 * MINUTE)
KEY_LIFETIME: Final = Micros(DAY)
SKEW: Final = Micros(30 * SECOND)
"""Clocks of two servers of one cloud differ by less."""
_LONGEST: Final = 1024
_KID_BYTES: Final = 8


class Named(NamedTuple):
    """What a token says before it is believed: which key, which session."""

    kid: str
    session: str


class _Key(NamedTuple):
    private: Ed25519PrivateKey
    kid: str
    until: Micros


class _Header(msgspec.Struct):
    alg: str
    kid: str
    typ: str


class _Claims(msgspec.Struct):
    sid: str
    sub: str
    aud: str
    iat: int
    exp: int


class Signer:
    """Signs access tokens; one per process.

    Args:
        random_bytes: names keys.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._lock = Lock()
        self._key: _Key | None = None

    def sign(
        self, *, person: str, session: str, now: Micros, tell: Callable[[str, bytes, Micros], None]
    ) -> str:
        """A token. ``tell`` writes the key's public half down, in the transaction of the session.

        It is told each time: one that was rolled back is then not missing for a day.
        """
        with self._lock:
            if self._key is None or now >= self._key.until:
                kid = self._random_bytes(_KID_BYTES).hex()
                self._key = _Key(Ed25519PrivateKey.generate(), kid, Micros(now + KEY_LIFETIME))
            private, kid, until = self._key
        tell(kid, private.public_key().public_bytes_raw(), Micros(until + LIFETIME + SKEW))
        claims = {
            "sub": person,
            "sid": session,
            "aud": AUDIENCE,
            "iat": now // SECOND,
            "exp": (now + LIFETIME) // SECOND,
        }
        header = {"alg": ALGORITHM, "kid": kid, "typ": TYPE}
        return jwt.encode(header, claims, OKPKey.import_key(private), algorithms=[ALGORITHM])


def named(text: str) -> Named | None:
    """Which key and session a text names; None where it is no token of this house."""
    parts = text.split(".")
    if len(text) > _LONGEST or len(parts) != len(("header", "claims", "signature")):
        return None
    try:
        header = msgspec.json.decode(_plain(parts[0]), type=_Header)
        claims = msgspec.json.decode(_plain(parts[1]), type=_Claims)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None
    if (header.alg, header.typ) != (ALGORITHM, TYPE) or "\0" in header.kid + claims.sid:
        return None
    return Named(header.kid, claims.sid)


def holds(text: str, public: bytes, *, person: str, session: str, now: Micros) -> bool:
    """Whether a token is signed by this key, for us, in time, for this person and session."""
    key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(public))
    try:
        token = jwt.decode(text, key, algorithms=[ALGORITHM])
        claims = msgspec.convert(cast("Any", token.claims), _Claims)
    except (JoseError, msgspec.ValidationError, ValueError):
        return False
    return (
        token.header.get("typ") == TYPE
        and (claims.sub, claims.sid, claims.aud) == (person, session, AUDIENCE)
        and claims.iat * SECOND <= now + SKEW
        and now < claims.exp * SECOND + SKEW
        and claims.exp - claims.iat <= LIFETIME // SECOND
    )


def _plain(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
