"""API keys as ``qm_<environment>_<id>_<secret>``, and what a caller may do. Pure.

The secret is 32 random bytes, of which only the SHA-256 is kept. The id is public: it names the
key in lists and logs. A key has scopes and sites; what it does not name, it may not.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final, Literal, NamedTuple, get_args

from shared.errors import QuartermasterError
from shared.units import Micros

Scope = Literal[
    "self",
    "read",
    "catalog:write",
    "exceptions:write",
    "gateways:write",
    "fleet:write",
    "feeds:write",
    "orders:write",
    "reservations:write",
    "purchases:write",
    "stock:write",
    "people:write",
    "keys:write",
    "webhooks:write",
    "audit:read",
    "metrics",
]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

SECRET_BYTES: Final = 32
ID_BYTES: Final = 6
_KEY: Final = re.compile(r"qm_([a-z0-9]{1,16})_([a-z0-9]{12})_([A-Za-z0-9_-]{43})\Z")


class Presented(NamedTuple):
    """A key as it came, taken apart; nothing of it is trusted yet."""

    environment: str
    key_id: str
    secret_sha256: bytes


class IssuedKey(NamedTuple):
    """A new key. ``text`` is shown once and never again."""

    key_id: str
    text: str


class ApiKey(NamedTuple):
    """A key as listed; ``sites`` None means all."""

    key_id: str
    environment: str
    name: str
    scopes: tuple[str, ...]
    sites: tuple[str, ...] | None
    created_at: Micros
    expires_at: Micros | None
    revoked_at: Micros | None
    last_used_at: Micros | None
    roles: tuple[str, ...] = ()
    made_by: str = ""


class Grant(NamedTuple):
    """What may be done where; ``sites`` None means at all of them."""

    scopes: frozenset[str]
    sites: frozenset[int] | None


class Caller(NamedTuple):
    """An authenticated caller; ``sites`` holds the keys of its sites, None means all.

    A person's ``key_id`` and ``name`` are the pseudonym: its name is nobody's business here.
    """

    key_id: str
    name: str
    scopes: frozenset[str]
    sites: frozenset[int] | None
    grants: tuple[Grant, ...] = ()
    """Of a person: what each role allows where. Without any, all scopes hold at all its sites."""
    made_by: str = ""
    """Who made the key, if a person did."""
    session: str = ""
    """Of a person: the session."""

    @property
    def principal(self) -> str:
        """Who answers for this: the person, be it by a key of his, or the key that no one made."""
        return self.made_by or self.key_id

    @property
    def who(self) -> str:
        """As it is kept with what was done."""
        return f"person {self.key_id}" if self.session else f"{self.name} (key {self.key_id})"

    def demand(self, scope: Scope) -> None:
        """Let through who has ``scope``.

        Raises:
            QuartermasterError: ``request.forbidden``.
        """
        if scope not in self.scopes:
            raise QuartermasterError("request.forbidden", f"the scope {scope} is needed")

    def within(self, scope: Scope) -> Caller:
        """This caller at those of its sites where it has ``scope``.

        Raises:
            QuartermasterError: ``request.forbidden``.
        """
        self.demand(scope)
        if not self.grants:
            return self
        held = [grant.sites for grant in self.grants if scope in grant.scopes]
        everywhere = any(sites is None for sites in held)
        some = frozenset(site for sites in held for site in sites or ())
        return self._replace(sites=None if everywhere else some)

    def sees(self, site_id: int) -> bool:
        """Whether a site is this caller's."""
        return self.sites is None or site_id in self.sites


class AuditEntry(NamedTuple):
    """Who did what, when, from where, and what came of it; never a name or a secret."""

    entry_id: int
    at: Micros
    who: str
    via: str
    origin: str
    permission: str
    action: str
    object: str
    outcome: str


class Link(NamedTuple):
    """One link of the audit chain with its entry, whose fields are null where it is gone."""

    seq: int
    hash: bytes
    entry: AuditEntry


class AuditHead(NamedTuple):
    """The last link as it is told outside, signed."""

    seq: int
    hash: str
    at: Micros
    kid: str
    signature: str


def seen_sites(caller: Caller | None) -> str:
    """The sites that a caller sees, as migration 0017 reads them: nobody sees none."""
    if caller is None:
        return "{}"
    if caller.sites is None:
        return "all"
    return f"{{{','.join(map(str, sorted(caller.sites)))}}}"


def write_key(environment: str, key_id: bytes, secret: bytes) -> IssuedKey:
    """The text of a key from its random parts."""
    public = key_id.hex()
    private = base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")
    return IssuedKey(public, f"qm_{environment}_{public}_{private}")


def read_key(text: str) -> Presented | None:
    """Take a presented key apart; None when it is not one."""
    match = _KEY.match(text)
    return None if match is None else Presented(match[1], match[2], hash_secret(text))


def hash_secret(text: str) -> bytes:
    """What is kept of a key: the hash covers environment and id as well."""
    return hashlib.sha256(text.encode("utf-8")).digest()
