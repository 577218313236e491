"""How soon a gateway tries again depends on how it lost the broker, seen at a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.broker import Broker
from deploy.demo.proxy import FAIR, Weather, Wire
from edge.app.identities import Identities
from edge.link import backoff
from edge.link.mqtt import MqttLink
from edge.settings import Broker as Settings
from tests.support.gateway import enrol

pytestmark = pytest.mark.broker

LONGEST = 40.0
DEAF = Weather(swallows=frozenset({"up", "down"}))


class Watched:
    """A link of which each loss is counted, with the ceiling of the wait that follows."""

    def __init__(self, folder: Path, pki: Path, wire: Wire) -> None:
        identity = enrol(folder, pki)
        identities = Identities(folder, identity, Settings(host="localhost", port=wire.port))
        self.ceilings: list[float] = []
        self.ups = 0
        self._changed = asyncio.Event()
        self.before_a_try: Callable[[], None] = lambda: None
        self.link = MqttLink(
            identity.gateway,
            identities.endpoint,
            longest_delay=LONGEST,
            keepalive=1,
            jitter=self._jitter,
        )

    def _jitter(self, ceiling: float) -> float:
        self.ceilings.append(ceiling)
        self.before_a_try()
        return 0.05

    def up(self) -> None:
        self.ups += 1
        self._changed.set()

    def down(self) -> None:
        return

    def received(self, *_: object) -> None:
        return

    async def until_up(self, times: int) -> None:
        async with asyncio.timeout(20):
            while self.ups < times:
                self._changed.clear()
                await self._changed.wait()


async def _lose(watched: Watched, wire: Wire, broker: Broker) -> None:
    running = asyncio.create_task(watched.link.run(watched))
    await watched.until_up(1)

    wire.under(DEAF)
    watched.before_a_try = lambda: wire.under(FAIR)
    await watched.until_up(2)
    assert watched.ceilings == [10.0], "silence: nobody else need have noticed"

    await asyncio.to_thread(broker.stop)
    watched.before_a_try = lambda: broker.start() if len(watched.ceilings) == 4 else None
    await watched.until_up(3)
    assert watched.ceilings[1:] == [LONGEST] * 3, "a broker that goes takes everybody with it"

    watched.link.interrupt()
    await watched.until_up(4)
    assert watched.ceilings[4:] == [10.0], "ended from here"

    running.cancel()
    await asyncio.wait((running,))


# A TLS handshake that fails leaves its socket to the collector, in the library.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_silence_is_tried_at_once_and_a_broker_that_went_is_not(
    tmp_path: Path, pki: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "_SETTLED_S", 0.0)
    with Wire("localhost", broker.gateway_port) as wire:
        asyncio.run(_lose(Watched(tmp_path / "gw", pki, wire), wire, broker))
