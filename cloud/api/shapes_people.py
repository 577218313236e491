"""The shapes of sessions, people and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from cloud.access import ApiKey, Caller, Role, Scope
from cloud.access.people import Person, SignedIn
from cloud.api.paging import Paged
from cloud.api.shapes import SiteCode, moment, moment_or_none
from shared.units import SECOND

Account = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9._@+-]{1,100}$", examples=["olga"], description="Case is ignored."),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]
GrantText = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{1,20}(@[A-Za-z0-9][A-Za-z0-9._/+-]{0,63})?$",
        examples=["planner@AMS1"],
        description="A role, at one site or, where none is named, at all of them.",
    ),
]
Secret = Annotated[SecretStr, Field(min_length=43, max_length=43)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignIn(_Body):
    """Who signs in."""

    account: Account
    password: Password


class Refresh(_Body):
    """The secret that the last answer gave; it can be used once."""

    refresh_token: Secret


class Session(BaseModel):
    """A session: a token for ten minutes, and the secret by which to get the next."""

    person: str
    access_token: Annotated[str, Field(description="Send it as a Bearer token.")]
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: Annotated[int, Field(description="Seconds that the access token lasts.")]
    refresh_token: Annotated[str, Field(description="Works once; a second use ends the session.")]
    until: Annotated[datetime, Field(description="Then one signs in again.")]


class AtProvider(BaseModel):
    """Where to sign in, and what to come back with."""

    url: str
    flow: Annotated[
        str, Field(description="Keep it in the browser that began; show it at the end.")
    ]


class FromProvider(_Body):
    """What the provider's redirect brought, and the flow that was begun."""

    state: Secret
    code: Annotated[SecretStr, Field(min_length=1, max_length=2048)]
    flow: Secret


class Me(BaseModel):
    """Who asks, and what he may do."""

    id: Annotated[str, Field(description="A person's pseudonym, or a key's id.")]
    kind: Annotated[str, Field(examples=["person", "key"])]
    permissions: list[str]
    all_sites: bool
    grants: Annotated[list[str], Field(description="Of a person: roles and where they hold.")]


class NewPassword(_Body):
    """One's own password, anew."""

    old: Password
    new: Password


class PersonFilter(Paged):
    """Which people."""


class NewPerson(_Body):
    """A local account."""

    account: Account
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{0,100}$")] = ""
    password: Password
    grants: Annotated[list[GrantText], Field(min_length=1, max_length=200)]


class Grants(_Body):
    """What somebody may do where, in place of what was."""

    grants: Annotated[list[GrantText], Field(min_length=1, max_length=200)]


class PersonLine(BaseModel):
    """A person as administrators see one."""

    id: str
    account: str | None
    name: str
    signs_in_by: Annotated[str, Field(examples=["password", "provider", "nothing"])]
    grants: list[str]
    made_at: datetime
    disabled_at: datetime | None


class KeyFilter(Paged):
    """Which keys."""


class NewKey(_Body):
    """A key for a machine."""

    name: Annotated[str, Field(pattern=r"^[ -~]{1,100}$", examples=["erp"])]
    scopes: Annotated[list[Scope], Field(max_length=50)] = []
    roles: Annotated[list[Role], Field(max_length=10)] = []
    sites: Annotated[
        list[SiteCode],
        Field(max_length=500, description="None means all of them."),
    ] = []
    days: Annotated[int | None, Field(ge=1, le=3650)] = None


class KeyLine(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    roles: list[str]
    sites: Annotated[list[str] | None, Field(description="Null means all.")]
    made_by: Annotated[str | None, Field(description="The person who made it over the API.")]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class KeyMade(BaseModel):
    """A new key, shown this once."""

    id: str
    key: str


def session(found: SignedIn) -> Session:
    """A session as it is answered."""
    return Session(
        person=found.person,
        access_token=found.access,
        expires_in=found.lives // SECOND,
        refresh_token=found.refresh,
        until=moment(found.until),
    )


def me(caller: Caller, grants: list[str]) -> Me:
    """A caller as he is told of himself."""
    return Me(
        id=caller.key_id,
        kind="person" if caller.session else "key",
        permissions=sorted(caller.scopes),
        all_sites=caller.sites is None,
        grants=grants,
    )


def person_line(row: Person) -> PersonLine:
    """A person as it is answered."""
    by = "provider" if row.from_provider else "password" if row.has_password else "nothing"
    return PersonLine(
        id=row.person_id,
        account=row.account,
        name=row.name,
        signs_in_by=by,
        grants=row.grants,
        made_at=moment(row.made_at),
        disabled_at=moment_or_none(row.disabled_at),
    )


def key_line(key: ApiKey) -> KeyLine:
    """A key as it is answered."""
    return KeyLine(
        id=key.key_id,
        name=key.name,
        scopes=list(key.scopes),
        roles=list(key.roles),
        sites=None if key.sites is None else list(key.sites),
        made_by=key.made_by or None,
        created_at=moment(key.created_at),
        expires_at=moment_or_none(key.expires_at),
        revoked_at=moment_or_none(key.revoked_at),
        last_used_at=moment_or_none(key.last_used_at),
    )
