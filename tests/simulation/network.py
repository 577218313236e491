"""The broker and the wires to it: what takes messages and does not always deliver them.

A broker here holds nothing that survives: a restart forgets sessions and queues, a full queue
drops, a message without a subscriber is gone although its sender has its PUBACK. Wires delay,
reorder, lose, repeat, break, or swallow everything while looking connected.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

from edge.link.uplink import Uplink
from shared.errors import QuartermasterError
from shared.topics import topic
from tests.simulation.loop import VirtualLoop


class Subscriber(Protocol):
    """A worker of the shared subscription."""

    connected: bool

    def deliver(self, topic_name: str, payload: bytes) -> bool:
        """Take a message; false when the queue is full."""
        ...


class Broker:
    """The only broker. ``chaos`` holds the probabilities of one message's bad luck."""

    def __init__(self, loop: VirtualLoop, rng: random.Random) -> None:
        self.loop = loop
        self.rng = rng
        self.up = True
        self.life = 0
        self.sessions: dict[str, Link] = {}
        self.workers: list[Subscriber] = []
        self.swallow = 0.0
        self.repeat = 0.0
        self.slowest = 0.05
        self.tap: list[tuple[str, bytes]] = []
        """The last segments that passed, for those who replay them."""
        self.counts = {"taken": 0, "swallowed": 0, "overflowed": 0, "unheard": 0}

    def delay(self) -> float:
        """How long one message takes; unequal delays reorder."""
        return 0.001 + self.rng.random() ** 3 * self.slowest

    def take(self, topic_name: str, payload: bytes) -> None:
        """A message has been taken (and its sender told so): hand it on, or not."""
        self.counts["taken"] += 1
        self.tap.append((topic_name, payload))
        del self.tap[:-12]
        rng = self.rng
        if rng.random() < self.swallow:
            self.counts["swallowed"] += 1
            return
        copies = rng.randint(2, 5) if rng.random() < self.repeat else 1
        for _ in range(copies):
            self.loop.call_later(self.delay(), self._hand_on, self.life, topic_name, payload)

    def _hand_on(self, life: int, topic_name: str, payload: bytes) -> None:
        if life != self.life or not self.up:
            return
        there = [worker for worker in self.workers if worker.connected]
        if not there:
            self.counts["unheard"] += 1
        elif not self.rng.choice(there).deliver(topic_name, payload):
            self.counts["overflowed"] += 1

    def say(self, gateway: str, payload: bytes) -> None:
        """A watermark on its way down: to whoever holds the gateway's session now."""
        link = self.sessions.get(gateway)
        if self.up and link is not None:
            copies = 2 if self.rng.random() < self.repeat else 1
            for _ in range(copies):
                self.loop.call_later(self.delay(), link.hear, link.session, payload)

    def stop(self) -> None:
        """Die, with everything queued."""
        self.up = False
        self.life += 1
        for link in list(self.sessions.values()):
            link.drop()
        self.sessions.clear()

    def start(self) -> None:
        """Come back empty."""
        self.up = True


class Link:
    """One gateway's way to the broker; implements the port BrokerLink.

    ``wire``: ``ok``, ``cut`` (nothing connects), ``half-open`` (looks connected, swallows both
    ways), ``up-only`` and ``down-only``.
    """

    def __init__(self, broker: Broker, gateway: str) -> None:
        self._broker = broker
        self._gateway = gateway
        self._loop = broker.loop
        self.wire = "ok"
        self.session = 0
        self.connected = False
        self.last_error = ""
        self.plugged = True
        self._listener: Uplink | None = None
        self._hear: Callable[[bytes], None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self.on_taken: Callable[[bytes], Any] | None = None
        """Told of each PUBACK (only a mutant listens)."""

    def attach(self, listener: Uplink, hear: Callable[[bytes], None]) -> None:
        """A process has started: connect for it."""
        self._listener, self._hear = listener, hear
        self._later(0.05)

    def detach(self) -> None:
        """The process has ended, and with it the session."""
        self._listener = None
        self.drop()

    def _later(self, longest: float) -> None:
        delay = self._broker.rng.random() * longest
        self._loop.call_later(delay, self._connect, self._listener)

    def _connect(self, listener: Uplink | None) -> None:
        if listener is None or listener is not self._listener or self.connected:
            return
        if not (self._broker.up and self.wire != "cut" and self.plugged):
            self._later(3.0)
            return
        other = self._broker.sessions.get(self._gateway)
        if other is not None and other is not self:
            other.drop()
        self._broker.sessions[self._gateway] = self
        self.session += 1
        self.connected = True
        listener.up()

    def drop(self) -> None:
        """The connection has ended; a new one will be tried."""
        if not self.connected:
            return
        self.connected = False
        self.session += 1
        if self._broker.sessions.get(self._gateway) is self:
            del self._broker.sessions[self._gateway]
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(QuartermasterError("broker.unreachable"))
        self._waiting.clear()
        if self._listener is not None:
            self._listener.down()
            self._later(3.0)

    def interrupt(self) -> None:
        """The watchdog has had enough."""
        self.drop()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send at QoS 1; returns with the PUBACK, which is not delivery."""
        del retain
        if not self.connected:
            raise QuartermasterError("broker.unreachable")
        taken: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(taken)
        self._loop.call_later(
            self._broker.delay(), self._arrive, self.session, topic, payload, taken
        )
        try:
            await taken
        finally:
            self._waiting.discard(taken)
        if self.on_taken is not None:
            self.on_taken(payload)

    def _arrive(
        self, session: int, topic: str, payload: bytes, taken: asyncio.Future[None]
    ) -> None:
        if session != self.session or self.wire in {"half-open", "down-only", "cut"}:
            return
        self._broker.take(topic, payload)
        if self.wire == "ok" and not taken.done():
            taken.set_result(None)

    def hear(self, session: int, payload: bytes) -> None:
        """A message comes down, if the wire lets it."""
        if session == self.session and self._hear is not None and self.wire in {"ok", "down-only"}:
            self._hear(payload)

    async def run(self, listener: Uplink) -> None:
        """Not used: :meth:`attach` keeps the connection."""
        raise NotImplementedError


def segments_of(gateway: str) -> str:
    """The topic of a gateway's segments."""
    return topic(gateway, "seg")  # type: ignore[arg-type]
