"""What every request passes first and every answer last: size, headers, metrics, the last net.

A plain ASGI layer around all that the framework answers by itself, problems included.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final
from urllib.parse import parse_qsl

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.problem import problem, respond
from cloud.api.rates import Turnstile
from cloud.circuits import Circuits
from shared.errors import QuartermasterError

MAX_BODY: Final = 64 * 1024
MAX_PARAMETERS: Final = 50
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.stdlib.get_logger(__name__)


class Metrics:
    """Counts and durations of requests, by route, never by what a client made up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "qm_api_requests", "Requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "qm_api_request_seconds",
            "Time to answer.",
            ["route"],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
        )
        self.circuits = Circuits(self.registry)


@dataclass
class _Exchange:
    """One request on its way through."""

    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self.send(message)


class Edge:
    """The layer.

    Args:
        app: the application inside.
        limits: bytes allowed in the body by path prefix; else ``MAX_BODY``.
        turnstile: who may ask how often.
        reference: makes a short random name for an unforeseen error.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        limits: dict[str, int],
        turnstile: Turnstile,
        reference: Callable[[], str],
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._limits = limits
        self._turnstile = turnstile
        self._reference = reference

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = _Exchange(send)
        limit = self._limit(scope["path"])
        try:
            if wait := self._turnstile.wait(scope, time.monotonic()):
                answer = problem(QuartermasterError("request.too-many"))
                await respond(answer, {"retry-after": str(ceil(wait))})(scope, receive, exchange)
            elif (refusal := _refusal(scope, limit)) is not None:
                await respond(problem(refusal))(scope, receive, exchange)
            else:
                await self._app(scope, _bounded(receive, limit), exchange)
                self._turnstile.answered(scope)
        except Exception:  # noqa: BLE001 - the last net: logged whole, answered with a reference
            await self._unforeseen(scope, receive, exchange)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, exchange.status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    def _limit(self, path: str) -> int:
        matching = [limit for prefix, limit in self._limits.items() if path.startswith(prefix)]
        return max(matching, default=MAX_BODY)

    async def _unforeseen(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        reference = self._reference()
        # The trace as text: a pretty renderer would show local variables, keys among them.
        trace = traceback.format_exc()
        _log.error("api.unexpected", reference=reference, path=scope["path"], trace=trace)
        if exchange.status == 0:
            answer = problem(QuartermasterError("internal.unexpected"), reference=reference)
            await respond(answer)(scope, receive, exchange)


def _refusal(scope: Scope, limit: int) -> QuartermasterError | None:
    """What can be said before the body is read.

    A parameter that stands twice is refused: who reads which of the two is anybody's guess.
    """
    if _announced(scope) > limit:
        return QuartermasterError("payload.too-large", f"at most {limit} bytes")
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        return QuartermasterError("request.invalid", f"at most {MAX_PARAMETERS} parameters")
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            return QuartermasterError("request.invalid", "stands twice", where=name)
    return None


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value[:19]) if value.isdigit() else 0
    return 0


def _bounded(receive: Receive, limit: int) -> Receive:
    """Counts what arrives: a body may come without, or with a lying, length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413)
        return message

    return counted
