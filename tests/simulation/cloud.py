"""The cloud: real verification, real services, real settlement, over the database in memory.

Only the worker's threads are modelled, as turns: collect what has arrived, examine, settle,
acknowledge, advance, sweep once a second. A kill takes the worker away at a named point.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from cloud.ingest.model import Arrived, Verified
from cloud.ingest.registry import Registry
from cloud.ingest.settlement import Rooms, Settlement
from cloud.ingest.verification import ABOUT_REGISTRY, examine
from shared.cose import key_id
from shared.downlink import Watermark, sign_message
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.topics import gateway_of
from tests.simulation import memory_ledger
from tests.simulation.keys import PrivateKey
from tests.simulation.loop import VirtualLoop
from tests.simulation.memory import Killed, MemoryDatabase, lookup
from tests.simulation.network import Broker

TRUST_DOMAIN = "quartermaster.local"
QUEUE = 40
"""Messages that a worker's session holds before the broker drops."""
BATCH = 16
_NO_METRICS: Any = SimpleNamespace(
    batch_seconds=SimpleNamespace(time=nullcontext),
    retries=SimpleNamespace(inc=lambda: None),
    count=lambda _: None,
    count_reversal=lambda _: None,
)


class Worker:
    """One ingest worker; implements the broker's Subscriber."""

    def __init__(self, cloud: Cloud, name: str, settle: Callable[..., Settlement]) -> None:
        self._cloud = cloud
        self._loop = cloud.loop
        self.name = name
        self.connected = True
        self.slowness = 0.0
        self.room = QUEUE
        self.doom = ""
        """Where it is killed next: ``verify``, ``committed`` or ``acknowledged``."""
        self._inbox: list[Arrived] = []
        self._turning = False
        self._settlement = settle(
            cloud.database,
            Rooms(memory_ledger.routes(), lookup, lambda *_: None, memory_ledger.taken_back),  # type: ignore[arg-type]
            cloud.publish,
            clock=cloud.clock,
            pause=self._pause,
            randomness=cloud.rng.random,
            worker=name,
            generation=cloud.generation,
            metrics=_NO_METRICS,
        )
        self._registry = Registry(cloud.database, lookup, cloud.clock)  # type: ignore[arg-type]
        self._pauses = 0
        self._loop.call_later(1.0, self._sweep)

    def deliver(self, topic_name: str, payload: bytes) -> bool:
        """Take a message, if there is room."""
        if len(self._inbox) >= self.room:
            return False
        self._inbox.append(Arrived(topic_name, payload))
        self._wake()
        return True

    def _wake(self) -> None:
        if not self._turning and self.connected:
            self._turning = True
            self._loop.call_later(0.002 + self.slowness, self._turn)

    def _pause(self, _: float) -> bool:
        self._pauses += 1
        return self._pauses > 3

    def _turn(self) -> None:
        self._turning = False
        if not self.connected or not self._inbox:
            return
        batch, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
        self._pauses = 0
        try:
            self._doomed("verify")
            examined = [self._examine(arrived) for arrived in batch]
            due = self._settlement.settle(examined)
            if due is None:
                self.die()  # told to end: nothing was acknowledged, the session's messages go
                return
            self._doomed("committed")
            self._cloud.settled += len(batch)
            self._doomed("acknowledged")
            self._settlement.advance(due)
        except (Killed, QuartermasterError):
            self.die()
            return
        if self._inbox:
            self._wake()

    def _doomed(self, point: str) -> None:
        if self.doom == point:
            self.doom = ""
            raise Killed

    def _examine(self, arrived: Arrived) -> Any:
        """As the worker judges: the registry is asked again before a message is blamed."""
        for doubted in (False, True):
            try:
                name = gateway_of(arrived.topic, "seg")
            except QuartermasterError:
                senders: dict[GatewayId, Any] = {}
            else:
                sender = self._registry.sender(name, doubted=doubted)
                senders = {} if sender is None else {name: sender}
            item = examine(arrived, senders, trust_domain=TRUST_DOMAIN)
            if isinstance(item, Verified) or item.error.code not in ABOUT_REGISTRY:
                break
        return item

    def _sweep(self) -> None:
        if self.connected:
            try:
                self._settlement.sweep()
            except Killed:
                self.die()
                return
            self._loop.call_later(1.0, self._sweep)

    def die(self) -> None:
        """End, with everything that was not settled; another one starts in a moment."""
        if self.connected:
            self.connected = False
            self._inbox.clear()
            self._loop.call_later(0.2 + self._cloud.rng.random(), self._cloud.replace, self)


class Cloud:
    """Database, workers and the key that signs watermarks."""

    def __init__(
        self,
        loop: VirtualLoop,
        broker: Broker,
        rng: random.Random,
        clock: Any,
        *,
        settlement: Callable[..., Settlement] = Settlement,
    ) -> None:
        self.loop = loop
        self.broker = broker
        self.rng = rng
        self.clock = clock
        self.generation = 1
        self.database = MemoryDatabase()
        self.settled = 0
        self.unsound: list[str] = []
        self._settlement = settlement
        self._key = PrivateKey("downlink")
        self.key = self._key.public_key()
        self._kid = key_id(self.key)
        self.workers = [Worker(self, f"w{number}", settlement) for number in range(2)]
        broker.workers = list(self.workers)

    def publish(self, gateway: GatewayId, watermark: Watermark) -> None:
        """Sign and send; what it says must have been committed."""
        known = self.database.tables.gateways[gateway]
        head = self.database.committed_heads.get((known.gateway_id, watermark.epoch))
        if head is None or (watermark.contiguous_seq, watermark.head_hash) != head[:2]:
            self.unsound.append(
                f"I5 watermark {watermark.contiguous_seq} of {gateway} epoch {watermark.epoch} "
                f"says more than is committed ({head and head.contiguous_seq})"
            )
        message = sign_message(
            self._key.sign,
            kid=self._kid,
            trust_domain=TRUST_DOMAIN,
            gateway=gateway,
            body=watermark,
            issued_at=self.clock.now(),
        )
        self.broker.say(gateway, message)

    def replace(self, worker: Worker) -> None:
        """Start a worker in the place of a dead one."""
        number = self.workers.index(worker)
        fresh = Worker(self, worker.name, self._settlement)
        fresh.slowness = worker.slowness
        self.workers[number] = fresh
        self.broker.workers = list(self.workers)

    def restore(self, backup: dict[str, dict[Any, Any]]) -> None:
        """The database is lost and comes back from a backup, as a new generation."""
        self.database.restore(backup)
        self.generation += 1
        for worker in self.workers:
            worker.die()
