"""``quartermaster cloud worker``: closes the gap between what gateways hold and should hold.

Each second it compares, prepares, signs and publishes, and sees to what revocations ask for
(:mod:`cloud.app.revocation`), to the daily heads (:mod:`cloud.app.witness`), to what other systems
have delivered (:mod:`cloud.app.documents`) and to who is told of what has changed
(:mod:`cloud.app.changes`). It remembers only what it has offered and not yet seen echoed: a worker
that dies is replaced by any other, two at once merely offer twice. A missing broker or database is
logged once per outage and waited out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Final

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg_pool import ConnectionPool

from cloud import feeds, fleet, quality
from cloud.app import revocation
from cloud.app.changes import Sender, Telling
from cloud.app.documents import ROUTES
from cloud.app.feeds import SHOP_TIMEOUT_S, Drop, Shops, secrets_in
from cloud.app.ingest import signing_key
from cloud.app.partners import Partners
from cloud.app.privacy import Sweeper
from cloud.app.promises import free_reservations
from cloud.app.promising import Promising, senders
from cloud.app.selling import Selling
from cloud.app.trail import Trail
from cloud.app.witness import Witness, sealer
from cloud.bus import Bus, Endpoint
from cloud.db import Connection, demand_schema, open_pool, unit_of_work
from cloud.feeds.x12 import Folder
from cloud.fleet import Attempts, Shelf
from cloud.gateways.authority import demand_trust_domain
from cloud.ledger.snapshots import service as snapshots
from cloud.ledger.transit import service as transit
from cloud.orders import purchases
from cloud.settings import Settings
from shared.clock import Clock
from shared.cose import key_id
from shared.downlink import Offer, sign_message
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.topics import topic
from shared.units import DAY, HOUR, MINUTE, Micros

TICK_S: Final = 1.0
VALID_FOR: Final = Micros(7 * DAY)
"""As long as a gateway's certificate: a clock that is off by hours refuses nothing."""
_SWEEP_EVERY: Final = HOUR

Publish = Callable[[str, bytes], None]

_log = structlog.stdlib.get_logger(__name__)


class Offering:
    """Offers to every gateway what it lacks; :meth:`tick` is to be called each second."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        *,
        key: Ed25519PrivateKey,
        trust_domain: str,
        publish: Publish,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._sign = key.sign
        self._kid = key_id(key.public_key())
        self._trust_domain = trust_domain
        self._publish = publish
        self._clock = clock
        self._attempts: Attempts = {}
        self._shelf: Shelf = {}
        self._swept_at = 0
        self._snapshot_at = 0

    def tick(self) -> int:
        """Make the offers that are due; returns how many.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        offers = self._prepare(now)
        for gateway, offer in offers:
            message = sign_message(
                self._sign,
                kid=self._kid,
                trust_domain=self._trust_domain,
                gateway=gateway,
                body=offer,
                issued_at=now,
                not_after=now + VALID_FOR,
            )
            self._publish(topic(gateway, "cmd"), message)
            _log.info(
                "fleet.offered",
                gateway=gateway,
                kind=offer.kind,
                base=offer.base,
                version=offer.version,
                bytes=offer.size,
            )
        return len(offers)

    def snapshot(self) -> None:
        """Make the ledger's next snapshot, if one is due: one a turn, so that offers go on.

        Each hour, too: what should have arrived long ago is told.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now < self._snapshot_at:
            return
        with unit_of_work(self._pool) as connection:
            made = snapshots.make_next(connection, now=now)
            if made is None:
                transit.overdue(connection, at=now)
        if made is None:
            self._snapshot_at = now + _SWEEP_EVERY
        else:
            _log.info("ledger.snapshot", at=made)

    def _prepare(self, now: Micros) -> list[tuple[GatewayId, Offer]]:
        """What to offer; large documents lie ready at the door when this returns."""
        with unit_of_work(self._pool) as connection:
            wanted = fleet.desired(connection)
            if fleet.catch_up(connection, wanted, now=now):
                wanted = fleet.desired(connection)
            floor = fleet.floor(connection)
            steps = fleet.due(wanted, self._attempts, floor=floor, now=now)
            if now - self._swept_at > _SWEEP_EVERY:
                fleet.sweep(connection, now=now)
                self._swept_at = now
            offers: list[tuple[GatewayId, Offer]] = []
            for step in steps:
                try:
                    offer = fleet.offer(connection, step, self._shelf, now=now)
                except QuartermasterError as error:
                    if error.code != "payload.too-large":
                        raise
                    _log.error("fleet.too-large", gateway=step.wanted.gateway, detail=error.detail)
                else:
                    offers.append((GatewayId(step.wanted.gateway), offer))
            return offers


def run(
    settings: Settings, clock: Clock, stop: Event, *, name: str, randomness: Callable[[], float]
) -> None:
    """Work until ``stop`` is set. ``name`` tells this worker from its sisters at the broker.

    Raises:
        QuartermasterError: ``database.unreachable`` or ``database.schema`` at the start,
            ``settings.invalid`` for a key that cannot be read or another house's trust domain.
    """
    demand_trust_domain(settings.pki, settings.trust_domain)
    key = signing_key(settings)
    endpoint = Endpoint(settings.broker_host, settings.broker_port, settings.pki)
    bus = Bus(endpoint, f"cloud-worker-{name}", randomness)
    with open_pool(settings.database_url, size=4) as pool:
        with unit_of_work(pool) as connection:
            demand_schema(connection)
            fleet.begin_generation(connection, settings.generation, now=clock.now())
            feeds.take_up(connection, now=clock.now())
        bus.start()
        try:
            offering = Offering(
                pool, key=key, trust_domain=settings.trust_domain, publish=bus.publish, clock=clock
            )
            witness = Witness(
                pool,
                sealer(key, settings.trust_domain, clock),
                bus.publish,
                clock,
                generation=settings.generation,
            )
            parts: dict[str, Callable[[], object]] = {
                "offers": _when_connected(bus, offering.tick),
                "heads": _when_connected(bus, witness.tick),
                "quality": Looking(pool, clock).tick,
                "purchases": Purchases(pool, clock).tick,
                "reservations": lambda: free_reservations(pool, clock),
                "promises": Promising(
                    pool, clock, senders(settings, pool), _names(settings.segments)
                ).tick,
                "demand": Selling(pool, clock).tick,
                "partners": Partners(pool, _folder(settings), clock).tick,
            }
            telling = Telling(
                pool,
                generation=settings.generation,
                publish=bus.publish,
                connected=lambda: bus.connected,
                send=Sender(secrets_in(settings.feed_secrets)),
                clock=clock,
            )
            parts["changes"] = telling.tick
            shops = Shops(
                pool, secrets_in(settings.feed_secrets), httpx.Client(timeout=SHOP_TIMEOUT_S), clock
            )
            inbox = {"feeds": Inbox(pool, clock).tick}
            beside = [
                _Beside("shops", shops.run, stop),
                _Beside("inbox", lambda stopped: _loop(inbox, stopped), stop),
            ]
            if settings.feed_drop is not None:
                parts["files"] = Drop(settings.feed_drop, pool, clock).tick
            trail = Trail(
                pool,
                key,
                trust_domain=settings.trust_domain,
                clock=clock,
                file=settings.audit_heads,
            )
            parts["audit"] = trail.tick
            parts["privacy"] = Sweeper(pool, clock).tick
            if (revocations := revocation.start(settings, pool, clock)) is not None:
                parts["revocations"] = revocations.tick
            try:
                _loop(parts, stop)
                telling.close()
            finally:
                stop.set()
                for thread in beside:
                    thread.end()
        finally:
            bus.stop()


def _folder(settings: Settings) -> Folder | None:
    return None if settings.x12_folder is None else Folder(settings.x12_folder)


class Purchases:
    """Says hourly what has become late, and learns each six hours how long suppliers take."""

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._swept_at = self._learnt_at = 0

    def tick(self) -> None:
        """Do it when it is due.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._swept_at >= HOUR:
            after: int | None = 0
            while after is not None:
                with unit_of_work(self._pool) as connection:
                    after = purchases.sweep(connection, now=now, after=after)
            self._swept_at = now
        if now - self._learnt_at >= 6 * HOUR:
            with unit_of_work(self._pool) as connection:
                purchases.relearn(connection, now=now)
            self._learnt_at = now


def _names(text: str) -> tuple[str, ...]:
    """Names that commas separate."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


class Inbox:
    """Reads what other systems have delivered; each minute it looks after all feeds."""

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._watched_at = 0

    def tick(self) -> int:
        """Read what is due; returns how many deliveries.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._watched_at >= MINUTE:
            with unit_of_work(self._pool) as connection:
                feeds.watch(connection, now=now)
            self._watched_at = now
        return feeds.work(self._pool, ROUTES, now=now)


class Looking:
    """Looks each hour at how good the data is."""

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._looked_at = 0

    def tick(self) -> None:
        """Look when it is time.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._looked_at >= HOUR:
            self._looked_at = now
            with unit_of_work(self._pool) as connection:
                quality.look(connection, now=now)


class _Beside(Thread):
    """Works in a thread of its own, so that a burst or a slow shop delays nobody's offers.

    What nobody foresaw ends the whole worker, as it does elsewhere: whoever watches it starts anew.
    """

    def __init__(self, name: str, work: Callable[[Event], None], stop: Event) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._stop_all = stop
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Work until all is to stop."""
        try:
            self._work(self._stop_all)
        except Exception as error:  # noqa: BLE001 - raised again by whoever ends this
            self._error = error
            self._stop_all.set()

    def end(self) -> None:
        """Wait for the end; what nobody foresaw is raised here."""
        self.join(SHOP_TIMEOUT_S)
        if self._error is not None:
            raise self._error


def _when_connected(bus: Bus, tick: Callable[[], object]) -> Callable[[], object]:
    """What is said needs the broker."""
    return lambda: tick() if bus.connected else None


def _loop(parts: Mapping[str, Callable[[], object]], stop: Event) -> None:
    """Tick each second."""
    lost: set[str] = set()
    while not stop.wait(TICK_S):
        for name, part in parts.items():
            _tick(name, part, lost)


def _tick(name: str, part: Callable[[], object], lost: set[str]) -> None:
    """One part's turn; what is lost is said once and waited for."""
    try:
        part()
    except QuartermasterError as error:
        if name not in lost:
            says, detail = error.entry.says, error.detail
            _log.error("worker.waiting", part=name, code=error.code, says=says, why=detail)
        lost.add(name)
    else:
        lost.discard(name)
