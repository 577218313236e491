"""Composition of an ingest worker: settings in, a running worker out."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from contextlib import ExitStack
from functools import partial
from random import SystemRandom  # noqa: TID251 - composition root: jitter for the rooms below
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from prometheus_client import CollectorRegistry, start_http_server

from cloud.app.handlers import covered, routes, taken_back
from cloud.bus import Bus, Endpoint
from cloud.circuits import Circuits
from cloud.db import Connection, open_pool, pending
from cloud.gateways.authority import demand_trust_domain
from cloud.gateways.service import lookup
from cloud.ingest.metrics import Metrics
from cloud.ingest.registry import Registry
from cloud.ingest.settlement import Rooms, Settlement
from cloud.ingest.worker import SETTLERS, Worker
from cloud.settings import Settings
from shared.clock import Clock
from shared.cose import key_id
from shared.downlink import Watermark, sign_message
from shared.errors import CATALOGUE, QuartermasterError
from shared.ids import GatewayId
from shared.topics import topic

_log: Final[Any] = structlog.get_logger("cloud.ingest")
_LONGEST_DELAY_S: Final = 10.0
_SWITCH_INTERVAL_S: Final = 0.0005
"""Between the threads: the default of 5 ms would make each answer of the database wait for the
decoding thread's turn to end."""
_COLLECT: Final = (50_000, 20, 50)
"""A batch makes a hundred thousand short-lived records and no cycles: collect seldom."""


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs watermarks.

    Raises:
        QuartermasterError: ``settings.invalid``.
    """
    path = settings.pki / "downlink.key"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise QuartermasterError(
            "settings.invalid", type(error).__name__, where=str(path)
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise QuartermasterError("settings.invalid", "not an Ed25519 key", where=str(path))
    return key


class Acknowledger:
    """Signs watermarks and sends each to its gateway."""

    def __init__(self, bus: Bus, key: Ed25519PrivateKey, trust_domain: str, clock: Clock) -> None:
        self._bus = bus
        self._sign = key.sign
        self._kid = key_id(key.public_key())
        self._trust_domain = trust_domain
        self._clock = clock

    def __call__(self, gateway: GatewayId, watermark: Watermark) -> None:
        """Publish one; a lost one is sent again when the gateway resends."""
        message = sign_message(
            self._sign,
            kid=self._kid,
            trust_domain=self._trust_domain,
            gateway=gateway,
            body=watermark,
            issued_at=self._clock.now(),
        )
        self._bus.publish(topic(gateway, "ack"), message)


def build(
    settings: Settings,
    *,
    worker_id: str,
    clock: Clock,
    stopping: threading.Event,
    closing: ExitStack,
    registry: CollectorRegistry,
) -> Worker:
    """A worker, not yet started; what it opened is closed with ``closing``.

    Raises:
        QuartermasterError: ``database.unreachable``, ``database.schema`` or ``settings.invalid``.
    """
    demand_trust_domain(settings.pki, settings.trust_domain)
    key = signing_key(settings)
    jitter = SystemRandom().random
    if missing := pending(settings.database_url):
        raise QuartermasterError("database.schema", ", ".join(missing))
    pool = closing.enter_context(open_pool(settings.database_url, size=SETTLERS + 2))
    endpoint = Endpoint(settings.broker_host, settings.broker_port, settings.pki)
    bus = Bus(endpoint, f"ingest-{worker_id}", jitter)
    metrics = Metrics(registry)
    circuits = Circuits(registry)
    circuits.watch(pool.breaker)
    circuits.watch(bus.breaker)

    def check(connection: Connection, through: Any) -> None:
        covered(connection, through, clock.now())

    settlement = Settlement(
        pool,
        Rooms(routes(), lookup, check, taken_back),
        Acknowledger(bus, key, settings.trust_domain, clock),
        clock=clock,
        pause=stopping.wait,
        randomness=jitter,
        worker=worker_id,
        generation=settings.generation,
        metrics=metrics,
    )
    return Worker(
        bus,
        Registry(pool, lookup, clock),
        settlement,
        clock=clock,
        stopping=stopping,
        trust_domain=settings.trust_domain,
        metrics=metrics,
    )


def run(
    settings: Settings, *, worker_id: str, clock: Clock, metrics_port: int | None = None
) -> None:
    """Run a worker until SIGTERM or SIGINT; a database that is away is waited for.

    Raises:
        QuartermasterError: ``settings.invalid`` or ``database.schema``; ``internal.unexpected``
            when one of its threads died.
    """
    stopping = threading.Event()
    signalled = threading.Event()

    def on_signal(*_: object) -> None:
        signalled.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(*_COLLECT)
    registry = CollectorRegistry()
    if metrics_port is not None:
        start_http_server(metrics_port, "127.0.0.1", registry)
    with ExitStack() as closing:
        assemble = partial(
            build,
            settings,
            worker_id=worker_id,
            clock=clock,
            stopping=stopping,
            closing=closing,
            registry=registry,
        )
        worker = _patiently(assemble, stopping)
        if worker is None:
            return
        worker.start()
        _log.info("ingest.started", worker=worker_id)
        stopping.wait()
        worker.stop()
        _log.info("ingest.stopped", worker=worker_id)
    if not signalled.is_set():
        raise QuartermasterError("internal.unexpected", "a thread of the worker died")


def _patiently(assemble: partial[Worker], stopping: threading.Event) -> Worker | None:
    """Try again, with full jitter, while the database is away; None when told to end."""
    jitter = SystemRandom().random
    attempt = 0
    while not stopping.is_set():
        try:
            return assemble()
        except QuartermasterError as error:
            if error.code != "database.unreachable":
                raise
            entry = CATALOGUE[error.code]
            _log.error(error.code, says=entry.says, do=entry.do, detail=error.detail)
        attempt += 1
        stopping.wait(min(_LONGEST_DELAY_S, 0.5 * 2 ** min(attempt, 8)) * jitter())
    return None
