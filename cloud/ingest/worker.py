"""One ingest worker: network → examine → settle → advance, on threads of their own.

Decoding and verifying (the processor's work) overlap with transactions (the database's): libpq
waits without holding Python's lock. Two batches are settled at a time, so that one prepares its
rows while the other waits for the database. Everything that waits is bounded: at most
``RECEIVE_MAXIMUM`` messages are unacknowledged, at most one examined batch lies on the desk. When
the database is slow, nothing is acknowledged, the broker stops sending, and the gateways keep what
they have.

A message is acknowledged after its batch is committed, whether applied, duplicate or quarantined.
"""

from __future__ import annotations

import threading
from queue import Empty, Full, Queue
from typing import Any, Final

import structlog

from cloud.bus import Bus, Delivery
from cloud.bus.mqtt import RECEIVE_MAXIMUM
from cloud.ingest.desk import Desk
from cloud.ingest.metrics import Metrics
from cloud.ingest.model import Arrived, Examined, Sender, Verified
from cloud.ingest.registry import Registry
from cloud.ingest.settlement import Settlement
from cloud.ingest.verification import ABOUT_REGISTRY, examine
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.topics import SHARED_SEGMENTS, gateway_of
from shared.units import SECOND

_log: Final[Any] = structlog.get_logger("cloud.ingest")

SETTLERS: Final = 2
_POLL_S: Final = 0.2


class Worker:
    """A running worker; several may share the subscription.

    Args:
        bus: not yet started.
        registry: who may send.
        settlement: the database side.
        clock: paces the sweeps.
        stopping: set to end; ``settlement``'s pause waits on it too.
        trust_domain: what segments are bound to.
        metrics: the worker's counters.
    """

    def __init__(
        self,
        bus: Bus,
        registry: Registry,
        settlement: Settlement,
        *,
        clock: Clock,
        stopping: threading.Event,
        trust_domain: str,
        metrics: Metrics,
    ) -> None:
        self._bus = bus
        self._registry = registry
        self._settlement = settlement
        self._clock = clock
        self._swept_at = 0
        self._stopping = stopping
        self._trust_domain = trust_domain
        self._metrics = metrics
        self._arrived: Queue[Delivery] = Queue(2 * RECEIVE_MAXIMUM)
        self._desk = Desk()
        steps = (self._examine, *[self._settle] * SETTLERS, self._advance)
        self._threads = [
            threading.Thread(target=self._guard, args=(step,), name=f"ingest{step.__name__}")
            for step in steps
        ]

    def start(self) -> None:
        """Start the threads and the connection to the broker."""
        for thread in self._threads:
            thread.start()
        self._bus.subscribe(SHARED_SEGMENTS, self._on_delivery)
        self._bus.start()

    def stop(self) -> None:
        """Finish the batch in hand, leave the rest unacknowledged, disconnect."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if chains := self._desk.due(seconds=0):
            self._settlement.advance(chains)
        self._bus.stop()

    def _on_delivery(self, delivery: Delivery) -> None:
        try:
            self._arrived.put_nowait(delivery)
        except Full:  # only messages of sessions that have ended can fill it: they are sent again
            self._metrics.shed.inc()

    def _guard(self, step: Any) -> None:
        """Run a thread's step for ever; what it cannot handle ends the process, not just it."""
        try:
            while not self._stopping.is_set():
                step()
        except Exception as error:  # noqa: BLE001 - a worker with a dead thread must not look alive
            _log.error("internal.unexpected", exc_info=error)
            self._stopping.set()

    def _examine(self) -> None:
        """Examine one message and lay it on the desk when there is room."""
        try:
            delivery = self._arrived.get(timeout=_POLL_S)
        except Empty:
            return
        self._metrics.waiting.set(self._arrived.qsize())
        item = self._judge(Arrived(delivery.topic, delivery.payload))
        while item is not None and not self._stopping.is_set():
            if self._desk.add(item, delivery, seconds=_POLL_S):
                return

    def _judge(self, arrived: Arrived) -> Examined | None:
        """Examine one message, asking the registry again before it is blamed."""
        while not self._stopping.is_set():
            try:
                item = examine(
                    arrived, self._senders(arrived, doubted=False), trust_domain=self._trust_domain
                )
                if isinstance(item, Verified) or item.error.code not in ABOUT_REGISTRY:
                    return item
                return examine(
                    arrived, self._senders(arrived, doubted=True), trust_domain=self._trust_domain
                )
            except QuartermasterError as error:
                _log.warning("ingest.registry-later", code=error.code, detail=error.detail)
                self._stopping.wait(_POLL_S)
        return None

    def _senders(self, arrived: Arrived, *, doubted: bool) -> dict[GatewayId, Sender]:
        try:
            name = gateway_of(arrived.topic, "seg")
        except QuartermasterError:
            return {}  # examine refuses the topic with its reason
        sender = self._registry.sender(name, doubted=doubted)
        return {} if sender is None else {name: sender}

    def _settle(self) -> None:
        """Commit what lies on the desk and acknowledge it."""
        work = self._desk.take(seconds=_POLL_S)
        if work is None:
            return
        due = self._settlement.settle(work.examined)
        if due is None:
            return  # told to end before it could be committed: nothing is acknowledged
        self._desk.settled(work.number, due)
        for delivery in work.deliveries:
            self._bus.acknowledge(delivery)

    def _advance(self) -> None:
        """Move and tell the watermarks that are due; sweep once a second."""
        due = self._desk.due(seconds=_POLL_S)
        if due:
            self._settlement.advance(due)
        self._sweep_when_due()

    def _sweep_when_due(self) -> None:
        now = self._clock.now()
        if not 0 <= now - self._swept_at < SECOND:
            self._swept_at = now
            self._settlement.sweep()
