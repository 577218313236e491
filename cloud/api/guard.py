"""Deny by default: every route says who may call it, or the application does not start."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, NamedTuple, cast

from fastapi import Depends, FastAPI, Request, WebSocket, WebSocketException
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg_pool import ConnectionPool

from cloud import catalog, feeds
from cloud.access import Caller, Scope, audit, authenticate, enter
from cloud.access.people import Desk
from cloud.access.tokens import Signer
from cloud.api.rates import KNOWN
from cloud.changes import Log
from cloud.db import Connection, unit_of_work
from shared.clock import Clock
from shared.errors import QuartermasterError

_POLICY: Final = 1008
"""RFC 6455, 7.4.1: refused because of a policy."""
_CALLER: Final = "quartermaster.who"
"""Where the guard notes in a request's scope who was let through."""
_DEMANDED: Final = "quartermaster.permission"
"""Where it notes which permission the route demands."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="apiKey",
    description="An API key, `Authorization: Bearer qm_<environment>_<id>_<secret>`, or the access"
    " token of a session (`POST /v1/session`).",
)


def _new_desk() -> Desk:
    return Desk(random_bytes=secrets.token_bytes, signer=Signer(secrets.token_bytes))


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the routes stand on; one per application, and a copy that knows its request for each."""

    pool: ConnectionPool[Connection]
    clock: Clock
    generation: int
    support_until: str
    security_contact: str
    changes: Log
    environment: str = "dev"
    desk: Desk = field(default_factory=_new_desk)
    """Where people sign in."""
    feed_secrets: feeds.Secrets = feeds.no_secrets
    feed_routes: feeds.Routes = feeds.NOWHERE
    asked_in: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The scope of the request that is answered, where the guard notes who asks."""

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """One transaction of whoever asks: the database shows it only rows of the caller's sites.

        Where a route is public, or nobody was asked who he is, it sees no site's rows.
        """
        audit.about("")
        with unit_of_work(self.pool) as connection:
            enter(connection, self.asked_in.get(_CALLER))
            yield connection
            self._tell(connection)

    @contextmanager
    def transaction_of(self, caller: Caller) -> Generator[Connection]:
        """One transaction of somebody who was let through before: a stream outlives its request."""
        with unit_of_work(self.pool) as connection:
            enter(connection, caller)
            yield connection

    @contextmanager
    def as_owner(self) -> Generator[Connection]:
        """One transaction that sees all rows: for finding out who asks, and for machines' doors."""
        audit.about("")
        with unit_of_work(self.pool) as connection:
            yield connection
            self._tell(connection)

    def told(self, connection: Connection, who: str, outcome: str) -> None:
        """Tell the audit trail who signed in, or which code refused somebody."""
        self._record(connection, who, outcome)

    def _tell(self, connection: Connection) -> None:
        """The audit trail's entry of a transaction that a known caller made to change something."""
        caller: Caller | None = self.asked_in.get(_CALLER)
        if caller is not None and self.asked_in.get("method") not in _READING:
            self._record(connection, caller.key_id, "done", only_after_writes=True)

    def _record(
        self, connection: Connection, who: str, outcome: str, *, only_after_writes: bool = False
    ) -> None:
        scope = self.asked_in
        route = getattr(scope.get("route"), "path", "none")
        audit.record(
            connection,
            who=who,
            via="api",
            at=self.clock.now(),
            action=f"{scope.get('method', '')} {route}",
            permission=scope.get(_DEMANDED, ""),
            origin=audit.origin_of((scope.get("client") or ("",))[0]),
            object_=" ".join(map(str, scope.get("path_params", {}).values())),
            outcome=outcome,
            only_after_writes=only_after_writes,
        )


def service_of(request: Request) -> Service:
    """The application's service, as it is for whoever made this request."""
    service = cast("Service", request.app.state.service)
    return replace(service, asked_in=request.scope)


def who(service: Service, credentials: str) -> Caller:
    """Who presents a key, now.

    Raises:
        QuartermasterError: ``request.unauthenticated``.
    """
    with service.as_owner() as connection:
        return authenticate(connection, credentials, now=service.clock.now())


class Requires:
    """A dependency that authenticates the caller and demands a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope

    def __call__(
        self,
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ) -> Caller:
        """The caller.

        Raises:
            QuartermasterError: ``request.unauthenticated`` or ``request.forbidden``.
        """
        if given is None:
            raise QuartermasterError("request.unauthenticated")
        service = service_of(request)
        request.scope[KNOWN] = False
        caller = who(service, given.credentials)
        request.scope[KNOWN] = True
        request.scope[_DEMANDED] = self.scope
        try:
            caller = caller.within(self.scope)
        except QuartermasterError as refusal:
            with service.as_owner() as connection:
                service.told(connection, caller.key_id, refusal.code)
            raise
        note_caller(request, caller, self.scope)
        return caller


def note_caller(request: Request, caller: Caller, scope: Scope) -> None:
    """Note in a request's scope who was let through, by what: its transactions are the caller's."""
    request.scope[KNOWN] = True
    request.scope[_DEMANDED] = scope
    request.scope[_CALLER] = caller


class SocketRequires:
    """As :class:`Requires`, for WebSockets: whoever may not is refused before it opens."""

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope

    def __call__(self, socket: WebSocket) -> Caller:
        """The caller.

        Raises:
            WebSocketException: nobody knows the caller, or the caller may not.
        """
        scheme, _, credentials = socket.headers.get("authorization", "").partition(" ")
        service = cast("Service", socket.app.state.service)
        try:
            caller = who(service, credentials if scheme.lower() == "bearer" else "")
            caller = caller.within(self.scope)
        except QuartermasterError as error:
            raise WebSocketException(_POLICY, error.code) from None
        return caller


class Public:
    """A dependency that lets everybody in, and says why that is right."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def __call__(self) -> None:
        """Nothing is demanded; asynchronous, or it would wait for a thread to do so."""


class Rule(NamedTuple):
    """Who may call a route; ``scope`` None is everybody."""

    method: str
    path: str
    scope: Scope | None


async def _service(request: Request) -> Service:
    """As :func:`service_of`, without waiting for a thread."""
    return service_of(request)


ServiceDep = Annotated[Service, Depends(_service)]
ReadCaller = Annotated[Caller, Depends(Requires("read"))]
SocketCaller = Annotated[Caller, Depends(SocketRequires("read"))]


def own_site(connection: Connection, caller: Caller, code: str) -> int:
    """The key of a site that the caller may see.

    Raises:
        QuartermasterError: ``request.not-found``, the same for a foreign and an unknown site.
    """
    site_id = catalog.site_ids(connection, [code]).get(code)
    if site_id is None or not caller.sees(site_id):
        raise QuartermasterError("request.not-found", f"site {code}", where="site")
    return site_id


def rules(app: FastAPI) -> list[Rule]:
    """Every route's rule.

    Raises:
        RuntimeError: a route without one, or with two; a programming error, found at start-up.
    """
    found: list[Rule] = []
    for route in iter_route_contexts(app.routes):
        path = str(route.path)
        if path == app.openapi_url:
            continue
        dependant: object = getattr(route, "dependant", None)
        calls = list(_calls(dependant)) if isinstance(dependant, Dependant) else []
        guards = [call for call in calls if isinstance(call, Requires | SocketRequires | Public)]
        if len(guards) != 1:
            raise RuntimeError(f"{path} has {len(guards)} access rules; it needs one")
        guard = guards[0]
        scope = None if isinstance(guard, Public) else guard.scope
        methods = ["SOCKET"] if isinstance(guard, SocketRequires) else sorted(route.methods or ())
        found += [Rule(method, path, scope) for method in methods]
    return found


def _calls(dependant: Dependant) -> Iterator[Callable[..., object] | None]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)
