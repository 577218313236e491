"""The downlink: what the cloud offers is verified, fetched where it is large, put in force, echoed.

Refused is what is not signed for this gateway, older than what is in force, a delta from another
version, or other bytes than announced; the last good document stays, and for an hour a notice says
so. After each change the gateway's heartbeat is made at once, so that the cloud stops offering.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import httpx
import structlog

from edge import stock
from edge.db import Database
from edge.link.identity import Identity
from edge.link.tls import client_context
from shared.clock import Clock
from shared.downlink import MAX_DOCUMENT, DocumentKind, Offer, verify_message
from shared.errors import QuartermasterError
from shared.ids import SiteId
from shared.units import HOUR

_log: Final[Any] = structlog.get_logger("edge.downlink")
_TIMEOUT_S: Final = 30.0
_TELL_FOR: Final = HOUR
_ROUTINE: Final = {"downlink.base", "cloud.unreachable", "disk.full"}
"""Refusals that mend themselves or are told elsewhere; the others are somebody's doing."""


class _Alarm(NamedTuple):
    """A document that should not have come, and until when that is told."""

    error: QuartermasterError
    until: int


class Downlink:
    """Keeps the documents in force.

    Args:
        database: the store.
        identity: the one in force, asked each time.
        clock: for expiry and what is stored.
        announce: makes the next heartbeat come now.
        entering: what other rooms do with a document that comes into force.
        judge: raises for one that cannot be used here; in a thread, it may take its time.
    """

    def __init__(
        self,
        database: Database,
        identity: Callable[[], Identity],
        clock: Clock,
        announce: Callable[[], None],
        entering: stock.Entering = stock.Entering(),  # noqa: B008 - a tuple is not changed
        *,
        judge: Callable[[stock.Document], None] = lambda _document: None,
    ) -> None:
        self._database = database
        self._identity = identity
        self._clock = clock
        self._announce = announce
        self._entering = entering
        self._judge = judge
        self._alarms: dict[DocumentKind | None, _Alarm] = {}
        self._offers: dict[DocumentKind, Offer] = {}
        self._offered = asyncio.Event()
        self.refused: Counter[str] = Counter()
        """Refusals by code since the process started."""
        self.last_refusal = ""

    def heard(self, payload: bytes) -> None:
        """A message on the cmd topic; the latest good offer of each kind is worked on."""
        identity = self._identity()
        try:
            offer = verify_message(
                payload,
                identity.cloud_key,
                Offer,
                trust_domain=identity.trust_domain,
                gateway=identity.gateway,
                now=self._clock.now(),
            )
        except QuartermasterError as error:
            self._refuse(error, None)
            return
        self._offers[offer.kind] = offer
        self._offered.set()

    async def run(self) -> None:
        """Work on offers until cancelled."""
        while True:
            await self._offered.wait()
            self._offered.clear()
            while self._offers:
                _, offer = self._offers.popitem()
                try:
                    await self._take(offer)
                except QuartermasterError as error:
                    self._refuse(error, offer.kind)
                    if error.code == "downlink.base":
                        self._announce()

    async def _take(self, offer: Offer) -> None:
        present = stock.in_force(self._database.reader, offer.kind)
        if offer.version == present.version:
            return
        stock.refuse_stale(offer, present)
        content = offer.content if offer.content is not None else await self._fetch(offer)
        site, now = self._identity().site, self._clock.now()
        document = await asyncio.to_thread(self._read, offer, content, site)
        changed = await self._database.run(
            lambda connection: stock.put_in_force(
                connection,
                offer,
                content,
                site=site,
                now=now,
                document=document,
                entering=self._entering,
            )
        )
        self._alarms.pop(offer.kind, None)
        if changed:
            _log.info("downlink.in-force", kind=offer.kind, version=offer.version)
            self._announce()

    def _read(self, offer: Offer, content: bytes, site: SiteId) -> stock.Document:
        document = stock.read_document(offer, content, site=site)
        self._judge(document)
        return document

    async def _fetch(self, offer: Offer) -> bytes:
        """Get a large document from the gateway door, never more of it than was announced."""
        if offer.size > MAX_DOCUMENT:
            raise QuartermasterError("downlink.hash", f"{offer.size} bytes")
        identity = self._identity()
        url = f"{identity.door_url.rstrip('/')}/v1/documents/{offer.sha256.hex()}"
        content = bytearray()
        try:
            async with _answer(identity, url) as answer:
                if answer.status_code != 200:
                    raise QuartermasterError("cloud.unreachable", f"status {answer.status_code}")
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > offer.size:
                        raise QuartermasterError("downlink.hash", "longer than announced")
        except httpx.HTTPError as error:
            raise QuartermasterError("cloud.unreachable", type(error).__name__) from None
        return bytes(content)

    def notices(self) -> list[QuartermasterError]:
        """What was refused in the last hour and is not made good: somebody should look into it."""
        now = self._clock.now()
        return [alarm.error for alarm in self._alarms.values() if now < alarm.until]

    def _refuse(self, error: QuartermasterError, kind: DocumentKind | None) -> None:
        self.refused[error.code] += 1
        self.last_refusal = str(error)
        _log.warning("downlink.refused", code=error.code, detail=error.detail)
        if error.code in _ROUTINE:
            return
        before = self._alarms.get(kind)
        self._alarms[kind] = _Alarm(error, self._clock.now() + _TELL_FOR)
        if before is None or before.error.code != error.code:
            self._announce()


@asynccontextmanager
async def _answer(identity: Identity, url: str) -> AsyncGenerator[httpx.Response]:
    async with (
        httpx.AsyncClient(
            verify=client_context(identity), timeout=_TIMEOUT_S, trust_env=False
        ) as client,
        client.stream("GET", url) as answer,
    ):
        yield answer
