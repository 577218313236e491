"""Signing in and out, who one is, and administering people and keys.

All of this acts on tables that the API's own database role may not even read; whose sites somebody
administers is therefore asked in each of these statements.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from cloud.access import Caller, add_key, keys, people, revoke_key
from cloud.access.people import SignedIn
from cloud.api.guard import Public, Requires, Service, ServiceDep
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.shapes_people import (
    AtProvider,
    FromProvider,
    Grants,
    KeyFilter,
    KeyLine,
    KeyMade,
    Me,
    NewKey,
    NewPassword,
    NewPerson,
    PersonFilter,
    PersonLine,
    Refresh,
    Session,
    SignIn,
    key_line,
    me,
    person_line,
    session,
)
from cloud.db import Connection
from shared.errors import Code, QuartermasterError
from shared.units import SECOND

_PEOPLE: Final = Cursor("people", "text")
_KEYS: Final = Cursor("keys", "bigint", "text")
_SIGN_IN: Final = Depends(Public("who signs in is not known before"))

router = APIRouter(prefix="/v1", tags=["people"])

Anybody = Annotated[Caller, Depends(Requires("self"))]
People = Annotated[Caller, Depends(Requires("people:write"))]
Keys = Annotated[Caller, Depends(Requires("keys:write"))]
PersonId = Annotated[
    str,
    Path(pattern=r"^p-[0-9a-f]{16}$", examples=["p-0123456789abcdef"], description="Pseudonym."),
]
KeyId = Annotated[str, Path(pattern=r"^[a-z0-9]{12}$", examples=["0123456789ab"])]

_COMMON: Final[tuple[Code, ...]] = ("request.invalid", "database.unreachable")
_OPEN: Final = responses(*_COMMON, "people.wrong-secret", "people.too-many-tries")
_REFRESHED: Final = responses(*_COMMON, "people.session", "people.too-many-tries")
_PROVIDED: Final = responses(
    *_COMMON,
    "request.not-found",
    "people.provider",
    "people.session",
    "people.no-role",
    "people.too-many-tries",
)
_OWN: Final = responses(*_COMMON, "request.unauthenticated", "request.forbidden")
_LISTED: Final = _OWN
_ONE: Final = responses(
    *_COMMON, "request.unauthenticated", "request.forbidden", "request.not-found"
)
_CHANGED: Final = _ONE | responses("request.conflict")


@router.post("/session", responses=_OPEN, dependencies=[_SIGN_IN])
def post_session(service: ServiceDep, request: Request, body: Annotated[SignIn, Body()]) -> Session:
    """Sign in with account and password.

    After five wrong tries the next one waits, twice as long each time, at most 15 minutes.
    """
    _tried(service, request)
    with service.as_owner() as connection:
        found = people.sign_in(
            connection,
            service.desk,
            account=body.account,
            password=body.password.get_secret_value(),
            now=service.clock.now(),
        )
        _told(service, connection, found, "people.wrong-secret")
    return _session(found, "people.wrong-secret")


@router.post("/session/refresh", responses=_REFRESHED, dependencies=[_SIGN_IN])
def post_refresh(
    service: ServiceDep, request: Request, body: Annotated[Refresh, Body()]
) -> Session:
    """The next access token, and the next secret in place of this one.

    A secret that comes a second time was stolen or copied: its session ends.
    """
    _tried(service, request)
    with service.as_owner() as connection:
        found = people.refresh(
            connection,
            service.desk,
            body.refresh_token.get_secret_value(),
            now=service.clock.now(),
        )
        if found is None:
            _told(service, connection, found, "people.session")
    return _session(found, "people.session")


@router.post("/session/provider", responses=_PROVIDED, dependencies=[_SIGN_IN])
def post_provider(service: ServiceDep, request: Request) -> AtProvider:
    """Begin a sign-in at the identity provider: where to go, and what to come back with."""
    _tried(service, request)
    with service.as_owner() as connection:
        begun = people.begin_at_provider(connection, service.desk, now=service.clock.now())
    return AtProvider(url=begun.url, flow=begun.flow)


@router.post("/session/provider/back", responses=_PROVIDED, dependencies=[_SIGN_IN])
def post_back(
    service: ServiceDep, request: Request, body: Annotated[FromProvider, Body()]
) -> Session:
    """Come back from the identity provider, within ten minutes and once."""
    _tried(service, request)
    now = service.clock.now()
    with service.as_owner() as connection:
        begun = people.back_from_provider(
            connection,
            state=body.state.get_secret_value(),
            flow=body.flow.get_secret_value(),
            now=now,
        )
    if begun is None:
        raise QuartermasterError("people.session", "begin the sign-in again")
    nonce, verifier = begun
    identity = people.identified(
        service.desk, code=body.code.get_secret_value(), nonce=nonce, verifier=verifier, now=now
    )
    with service.as_owner() as connection:
        found = people.admit(connection, service.desk, identity, now=now)
        _told(service, connection, found, "people.no-role")
    return session(found)


@router.delete("/session", status_code=204, responses=_OWN)
def delete_session(caller: Anybody, service: ServiceDep) -> Response:
    """Sign out: the access token counts no longer, either."""
    with service.as_owner() as connection:
        people.sign_out(connection, caller, now=service.clock.now())
    return Response(status_code=204)


@router.get("/me", responses=_OWN)
def get_me(caller: Anybody, service: ServiceDep) -> Me:
    """Who asks, and what he may do where."""
    if not caller.session:
        return me(caller, [])
    with service.as_owner() as connection:
        return me(caller, people.one(connection, caller.key_id).grants)


@router.post("/me/password", status_code=204, responses=_OWN | responses("people.wrong-secret"))
def post_password(
    caller: Anybody, service: ServiceDep, request: Request, body: Annotated[NewPassword, Body()]
) -> Response:
    """Change one's own password; all of one's sessions end."""
    if not caller.session:
        raise QuartermasterError("request.forbidden", "a key has no password")
    _tried(service, request)
    with service.as_owner() as connection:
        people.change_password(
            connection,
            service.desk,
            caller,
            old=body.old.get_secret_value(),
            new=body.new.get_secret_value(),
            now=service.clock.now(),
        )
    return Response(status_code=204)


@router.get("/people", responses=_LISTED)
def get_people(
    caller: People, service: ServiceDep, asked: Annotated[PersonFilter, Query()]
) -> Page[PersonLine]:
    """People whose every role is at the caller's sites, by pseudonym."""
    after = _PEOPLE.read(asked.cursor)
    with service.as_owner() as connection:
        rows = people.listed(
            connection,
            by=caller,
            after=None if after is None else str(after[0]),
            limit=asked.limit + 1,
        )
    keyed = [(person_line(row), (row.person_id,)) for row in rows]
    items, following = _PEOPLE.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.post("/people", status_code=201, responses=_CHANGED)
def post_person(
    caller: People, service: ServiceDep, body: Annotated[NewPerson, Body()]
) -> PersonLine:
    """Make a local account."""
    with service.as_owner() as connection:
        person = people.add(
            connection,
            service.desk,
            account=body.account,
            name=body.name,
            password=body.password.get_secret_value(),
            grants=body.grants,
            now=service.clock.now(),
            by=caller,
        )
        return person_line(people.one(connection, person, by=caller))


@router.put("/people/{person}/grants", responses=_CHANGED)
def put_grants(
    caller: People, service: ServiceDep, person: PersonId, body: Annotated[Grants, Body()]
) -> PersonLine:
    """Say anew what somebody may do where; it counts from the next request on. Not for oneself."""
    with service.as_owner() as connection:
        people.grant(connection, person, body.grants, by=caller)
        return person_line(people.one(connection, person, by=caller))


@router.delete("/people/{person}", status_code=204, responses=_ONE)
def delete_person(caller: People, service: ServiceDep, person: PersonId) -> Response:
    """Put somebody out of force at once and forget account and name. Not for oneself."""
    with service.as_owner() as connection:
        people.disable(connection, person, now=service.clock.now(), by=caller)
    return Response(status_code=204)


@router.get("/keys", responses=_LISTED)
def get_keys(
    caller: Keys, service: ServiceDep, asked: Annotated[KeyFilter, Query()]
) -> Page[KeyLine]:
    """Keys that are for the caller's sites alone, the newest first; never their secrets."""
    after = _KEYS.read(asked.cursor)
    with service.as_owner() as connection:
        found = keys(connection, seen_by=caller)
    ordered = sorted(found, key=lambda key: (-key.created_at, key.key_id))
    keyed = [(key_line(key), (key.created_at, key.key_id)) for key in ordered]
    if after is not None:
        made, key_id = int(after[0]), str(after[1])
        keyed = [row for row in keyed if (-row[1][0], row[1][1]) > (-made, key_id)]
    items, following = _KEYS.page(keyed[: asked.limit + 1], asked.limit)
    return Page(items=items, next=following)


@router.post("/keys", status_code=201, responses=_CHANGED)
def post_key(caller: Keys, service: ServiceDep, body: Annotated[NewKey, Body()]) -> KeyMade:
    """Issue a key for a machine, shown this once. It approves nothing."""
    with service.as_owner() as connection:
        issued = add_key(
            connection,
            name=body.name,
            scopes=body.scopes,
            roles=body.roles,
            sites=body.sites,
            environment=service.environment,
            now=service.clock.now(),
            days=body.days,
            random_bytes=service.desk.random_bytes,
            made_by=caller,
        )
    return KeyMade(id=issued.key_id, key=issued.text)


@router.delete("/keys/{key}", status_code=204, responses=_ONE)
def delete_key(caller: Keys, service: ServiceDep, key: KeyId) -> Response:
    """Revoke a key: its next request is refused."""
    with service.as_owner() as connection:
        revoke_key(connection, key, now=service.clock.now(), by=caller)
    return Response(status_code=204)


def _tried(service: Service, request: Request) -> None:
    """Count a try to sign in for its address.

    Raises:
        QuartermasterError: ``people.too-many-tries``.
    """
    address = request.client.host if request.client else "?"
    wait = service.desk.addresses.wait(address, 1, service.clock.now() / SECOND)
    if wait:
        raise QuartermasterError("people.too-many-tries", f"again in {int(wait) + 1} s")


def _told(service: Service, connection: Connection, found: SignedIn | None, code: Code) -> None:
    """Tell the audit trail who signed in, or that somebody did not."""
    if found is None:
        service.told(connection, "somebody", code)
    else:
        service.told(connection, found.person, "done")


def _session(found: SignedIn | None, code: Code) -> Session:
    if found is None:
        raise QuartermasterError(code)
    return session(found)
