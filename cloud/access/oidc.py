"""Signing in at an OpenID provider: authorization code with PKCE (RFC 9700, OpenID Connect Core).

Only what the provider's discovery document names under the configured issuer is asked, over HTTPS;
an id token is believed only with an asymmetric signature by one of the provider's keys, for us, for
the sign-in that was begun here, and in time. Its groups become roles by a fixed mapping.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cloud.access.roles import ROLES
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, SECOND, Micros

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519")
"""Asymmetric ones only: a provider's public key is never a shared secret."""
SKEW_S: Final = 60
_FRESH: Final = Micros(HOUR)
_LOOK_AGAIN: Final = Micros(MINUTE)
"""An unknown key id makes us fetch the keys anew, but not more often than this."""
_LARGEST: Final = 256 * 1024
_MOST_GROUPS: Final = 1000
_Shape = TypeVar("_Shape")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Identity(NamedTuple):
    """Whom the provider means."""

    subject: str
    name: str
    groups: tuple[str, ...]


class _Metadata(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Answer(msgspec.Struct):
    id_token: str


@dataclass(kw_only=True)
class Provider:
    """One provider, with what it published a while ago."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    redirect: str
    """Where the provider sends the browser back to."""
    roles: Mapping[str, Sequence[str]]
    """Groups, and what each may do where: ``role`` or ``role@site``."""
    groups_claim: str = "groups"
    http: httpx.Client = field(repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _metadata: tuple[Micros, _Metadata] | None = field(default=None, repr=False)
    _keys: tuple[Micros, KeySet] | None = field(default=None, repr=False)

    def address(self, *, state: str, nonce: str, verifier: str, now: Micros) -> str:
        """Where a browser goes to sign in.

        Raises:
            QuartermasterError: ``people.provider``.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest())
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
        }
        endpoint = self._known(now).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identity(self, *, code: str, nonce: str, verifier: str, now: Micros) -> Identity:
        """Whom a code stands for.

        Raises:
            QuartermasterError: ``people.provider``.
        """
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        secret = (self.client_id, self.client_secret) if self.client_secret else None
        content = self._ask("POST", self._known(now).token_endpoint, data=asked, auth=secret)
        claims = self._believed(_read(content, _Answer).id_token, now)
        if claims.get("nonce") != nonce:
            raise _doubtful("the id token belongs to another sign-in")
        return self._named(claims)

    def roles_of(self, groups: Sequence[str]) -> list[str]:
        """What these groups may do where."""
        return sorted({text for group in groups for text in self.roles.get(group, ())})

    def _named(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise _doubtful("the id token has no subject")
        name = claims.get("name") or claims.get("preferred_username") or ""
        groups = claims.get(self.groups_claim, [])
        listed = cast("list[Any]", groups if isinstance(groups, list) else [groups])
        return Identity(
            subject,
            "".join(sign for sign in str(name)[:100] if sign.isprintable()),
            tuple(group for group in listed[:_MOST_GROUPS] if isinstance(group, str)),
        )

    def _believed(self, text: str, now: Micros) -> Mapping[str, Any]:
        """The claims of an id token, once its key, issuer, audience and times are right."""
        claims: Mapping[str, Any] | None = None
        for again in (False, True):
            try:
                keys = self._published(now, again=again)
                claims = jwt.decode(text, keys, algorithms=ALGORITHMS).claims
                break
            except (JoseError, ValueError) as error:
                if again:
                    raise _doubtful(type(error).__name__) from None
        if claims is None:
            raise _doubtful("the id token is not signed by the provider")
        refuse_foreign(claims, issuer=self.issuer, client=self.client_id, now=now)
        return claims

    def _known(self, now: Micros) -> _Metadata:
        with self._lock:
            if self._metadata is not None and now - self._metadata[0] < _FRESH:
                return self._metadata[1]
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _read(self._ask("GET", address), _Metadata)
        if found.issuer != self.issuer:
            raise _doubtful(f"it calls itself {found.issuer[:200]!r}")
        with self._lock:
            self._metadata = (now, found)
        return found

    def _published(self, now: Micros, *, again: bool) -> KeySet:
        """The provider's keys, fetched anew each hour, or after a minute where one is missing."""
        with self._lock:
            if self._keys is not None:
                age = now - self._keys[0]
                if age < (_LOOK_AGAIN if again else _FRESH):
                    return self._keys[1]
        content = self._ask("GET", self._known(now).jwks_uri)
        try:
            found = KeySet.import_key_set(msgspec.json.decode(content))
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError):
            raise _doubtful("its keys cannot be read") from None
        with self._lock:
            self._keys = (now, found)
        return found

    def _ask(self, method: str, address: str, **how: Any) -> bytes:
        """One question to the provider; no redirects, no plain HTTP, not much to read."""
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise _doubtful("only https is asked")
        how = {name: value for name, value in how.items() if value is not None}
        try:
            with self.http.stream(method, address, follow_redirects=False, **how) as answer:
                content = b""
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _LARGEST:
                        raise _doubtful("its answer is too long")
                if answer.status_code != HTTPStatus.OK:
                    raise _doubtful(f"{method} {parts.path} was answered {answer.status_code}")
        except httpx.HTTPError as error:
            raise QuartermasterError("people.provider", type(error).__name__) from None
        return content


def read_mapping(text: str) -> dict[str, list[str]]:
    """Groups and what each may do, from ``group=role[@site],…``. Pure.

    Raises:
        QuartermasterError: ``settings.invalid``.
    """
    found: dict[str, list[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        group, _, granted = part.rpartition("=")
        role = granted.partition("@")[0]
        if not group or role not in ROLES:
            raise QuartermasterError(
                "settings.invalid", f"{part[:100]!r} is no group=role[@site]", where="QM_OIDC_ROLES"
            )
        found.setdefault(group, []).append(granted)
    return found


def refuse_foreign(claims: Mapping[str, Any], *, issuer: str, client: str, now: Micros) -> None:
    """Refuse an id token of another issuer, for another client, or out of time. Pure.

    Raises:
        QuartermasterError: ``people.provider``.
    """
    audience = claims.get("aud")
    audiences = cast("list[Any]", audience if isinstance(audience, list) else [audience])
    times = [claims.get(name) for name in ("iat", "exp")]
    if claims.get("iss") != issuer:
        raise _doubtful("the id token is of another issuer")
    if client not in audiences or claims.get("azp", client) != client:
        raise _doubtful("the id token is for another client")
    if len(audiences) > 1 and "azp" not in claims:
        raise _doubtful("the id token is for several clients and names no party")
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise _doubtful("the id token has no times")
    issued, expires = (int(cast("float", time)) for time in times)
    if not issued - SKEW_S <= now // SECOND < expires + SKEW_S:
        raise _doubtful("the id token is out of time")


def _read(content: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.MsgspecError:
        raise _doubtful("its answer lacks what it must say") from None


def _doubtful(why: str) -> QuartermasterError:
    return QuartermasterError("people.provider", why)
