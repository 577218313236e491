"""One gateway: the real outbox, database, unit of work and uplink on a simulated machine.

Modelled are the machine (process, disk, clock), the identity folder (key, epoch in force, highest
epoch used) and the connection to the broker; whatever decides is the product's own code.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from edge.db import Connection
from edge.link.uplink import Cloud, Pace, Uplink
from edge.outbox import Opening, Outbox, Signer
from edge.pipeline.keeping import Accepted, Moment
from edge.pipeline.scan import ScanRequest
from edge.pipeline.unit import Recording, Scanning
from shared import gs1
from shared.clock import ClockState
from shared.cose import key_id
from shared.events import EventData, GatewayHealth
from shared.ids import GatewayId
from shared.units import Micros
from tests.simulation.cloud import TRUST_DOMAIN
from tests.simulation.disk import Disk, SteppedDatabase
from tests.simulation.keys import PrivateKey
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Broker, Link

START = 1_763_650_000_000_000
YEAR = 365 * 86_400 * 1_000_000
_SCANNED = {sku: gs1.read(sku) for sku in (f"SKU-{number}" for number in range(5))}


class MachineClock:
    """A wall clock that may jump, lifted to a floor as the gateway's own is."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.offset = 0
        self.floor = 0

    def _raw(self) -> int:
        return START + int(self._loop.time() * 1_000_000) + self.offset

    def now(self) -> Micros:
        return Micros(max(self._raw(), self.floor, 0))

    def state(self) -> ClockState:
        return ClockState.FLOORED if self._raw() < self.floor else ClockState.SYNCHRONIZED

    def reset_to_1970(self) -> None:
        self.offset = -START


@dataclass
class Parts:
    """What a mutant replaces: the classes and hooks a gateway is made of."""

    outbox: type[Outbox] = Outbox
    uplink: type[Uplink] = Uplink
    scanning: type[Scanning] = Scanning
    synchronous: str | None = None
    answers_early: bool = False
    puback_frees: bool = False


@dataclass
class Identity:
    """The identity folder: it survives the database."""

    name: str
    key: PrivateKey
    epoch: int = 1
    used_epoch: int = 0
    opening: Opening | None = None
    """The first event of ``epoch``, where it follows another."""


class Gateway:
    """A gateway's machine; ``process`` parts exist while it is up."""

    def __init__(
        self, broker: Broker, identity: Identity, disk: Disk, *, cloud_key: Any, parts: Parts
    ) -> None:
        self.loop = broker.loop
        self.identity = identity
        self.disk = disk
        self.parts = parts
        self.clock = MachineClock(self.loop)
        self.link = Link(broker, identity.name)
        self._cloud_key = cloud_key
        self.running = False
        self.crashes: list[str] = []
        self.database: SteppedDatabase
        self.outbox: Outbox
        self.uplink: Uplink
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.identity.name

    def signer(self) -> Signer:
        key = self.identity.key
        return Signer(
            key.sign, key_id(key.public_key()), TRUST_DOMAIN, GatewayId(self.name),
            self.identity.epoch,
        )  # fmt: skip

    def boot(self) -> bool:
        """Start the process, as ``edge.app`` does; false when the disk does not let it."""
        if self.running:
            return True
        database = SteppedDatabase(self.disk, synchronous=self.parts.synchronous)
        outbox = self.parts.outbox(self.signer())
        database.around(outbox.begin, outbox.end)
        self.clock.floor = outbox.last_sealed_at(database.reader)
        now = self.clock.now()
        opening: Future[int] = database.submit(
            lambda connection: outbox.open(
                connection,
                now,
                used_epoch=self.identity.used_epoch,
                opening=self.identity.opening,
            )
        )
        database.pump()
        if opening.exception() is not None:
            self.disk.unmount()
            return False
        if epoch := opening.result():
            self.identity.used_epoch = epoch
        cloud = Cloud(GatewayId(self.name), TRUST_DOMAIN, self._cloud_key)
        self.database, self.outbox, self.running = database, outbox, True
        self.uplink = self.parts.uplink(
            database, outbox, self.link, cloud, self.clock,
            pace=Pace(window=4, resend=2.0, watchdog=10.0), monotonic=self.loop.time,
        )  # fmt: skip
        if self.parts.puback_frees:
            self.link.on_taken = self._free_what_the_broker_took
        self.loop.idle.append(database.pump)
        self._run()
        self.link.attach(self.uplink, self.uplink.heard)
        return True

    def _run(self) -> None:
        self._task = self.loop.create_task(self.uplink.run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """As ``edge.app`` keeps its parts up: one that fails is started again."""
        if task is not self._task or task.cancelled():
            return
        error = task.exception()
        self.crashes.append(repr(error))
        self.loop.call_later(1.0, lambda: self._run() if self._task is task else None)

    # Ends of a process

    def kill(self) -> None:
        """Kill -9: memory is gone, what was committed stays."""
        self._end()
        self.disk.unmount()

    def cut_power(self, rng: Any) -> None:
        """The machine loses power."""
        self._end()
        self.disk.cut_power(rng)

    def _end(self) -> None:
        if not self.running:
            return
        self.running = False
        self.database.alive = False
        self.loop.idle.remove(self.database.pump)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self.link.detach()
        self.loop.settle()

    # What happens on the floor

    def scan(self, request: ScanRequest) -> Future[Accepted | Any] | None:
        """Hand a scan to the writer; the future settles after the commit. None while down."""
        if not self.running:
            return None
        moment = Moment(int(self.clock.now()), self.clock.state())
        unit = self.parts.scanning(self.outbox, request, _SCANNED[request.raw], "sc-1", moment)
        future = self.database.submit(unit)
        if self.parts.answers_early:
            early: Future[Any] = Future()
            early.set_result(Accepted(b"{}", repeated=False))
            return early
        return future

    def record(self, data: EventData, event_id: bytes) -> Future[int] | None:
        """A fact that is no scan."""
        if not self.running:
            return None
        moment = Moment(int(self.clock.now()), self.clock.state())
        return self.database.submit(Recording(self.outbox, data, event_id, "gateway", moment))

    def heartbeat(self, event_id: bytes) -> None:
        """What makes a cut tail visible."""
        self.record(GatewayHealth("simulated", catalog=1, policy=0), event_id)

    def use_epoch(self, epoch: int, opening: Opening) -> None:
        """A new epoch has been granted: the process starts again with it."""
        self.identity.epoch, self.identity.opening = epoch, opening
        self.kill()
        self.boot()

    def frozen(self) -> str:
        """Why nothing more is sealed, or nothing."""
        row = self.disk.contents().execute("SELECT epoch, frozen FROM head").fetchone()
        if row is None:
            return ""
        return row[1] or ("no epoch" if row[0] == 0 else "")

    def _free_what_the_broker_took(self, payload: bytes) -> None:
        """The mutant that takes a PUBACK for delivery."""

        def free(connection: Connection) -> None:
            connection.execute(
                "UPDATE watermark SET mark = NULL, "
                "contiguous_seq = max(contiguous_seq, s.last_seq) "
                "FROM segment s WHERE s.body = ? AND s.epoch = watermark.epoch",
                (payload,),
            )

        if self.running:
            self.database.submit(free)
            for key, flight in list(self.uplink._flights.items()):
                if flight.sealed.body == payload:
                    del self.uplink._flights[key]


def scan_request(
    uuid: bytes, step: str, sku: str, quantity: int, *, places: tuple[str, str | None]
) -> ScanRequest:
    """A pull of a trigger, as the local API decodes it."""
    return ScanRequest(
        id=UUID(bytes=uuid),
        raw=sku,
        step=step,  # type: ignore[arg-type]
        location=places[0],
        to=places[1],
        quantity=quantity,
        reason="recount" if step == "adjust" else "",
    )
