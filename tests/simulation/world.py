"""One seed: gateways, broker and cloud, a floor that scans, faults, healing, judgement."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache, lru_cache
from typing import Any

from edge import stock
from edge.db import Connection
from edge.outbox import Opening
from edge.pipeline.keeping import Accepted
from shared.cose import key_id
from shared.downlink import Catalog, Item, Location, Offer, digest, encode
from shared.events import EpochOpened
from shared.ids import SiteId
from shared.segment import GENESIS
from tests.simulation import faults, healing
from tests.simulation.cloud import Cloud
from tests.simulation.disk import Disk, new_image
from tests.simulation.gateway import START, Gateway, Identity, MachineClock, scan_request
from tests.simulation.keys import PrivateKey
from tests.simulation.loop import VirtualLoop
from tests.simulation.memory_ledger import ITEMS, LOCATIONS
from tests.simulation.mutants import HONEST, Mutant
from tests.simulation.network import Broker
from tests.simulation.oracle import Oracle, Scan, Verdict, meaning, places_on

_SKUS, _PLACES = tuple(ITEMS), tuple(LOCATIONS)
_STEPS = ("receive", "receive", "move", "pick", "adjust")


@cache
def _first_image(name: str) -> bytes:
    """A gateway's database on its first day: schema and catalog."""
    catalog = encode(
        Catalog(
            f"S-{name}",
            [Item(sku, sku, []) for sku in _SKUS],
            [Location(code, "dock") for code in _PLACES],
        )
    )
    offer = Offer("catalog", 0, 1, digest(catalog), len(catalog), catalog)

    def fill(connection: Connection) -> None:
        stock.put_in_force(connection, offer, catalog, site=SiteId(f"S-{name}"), now=START)

    return new_image(fill)


class World:
    """Everything of one run."""

    def __init__(
        self, seed: int, steps: int = 200, *, mutant: Mutant = HONEST, trace: bool = False
    ) -> None:
        self.rng = random.Random(f"integrity/{seed}")
        self.steps = steps
        self.mutant = mutant
        self.tracing = trace
        self.loop = VirtualLoop()
        self.broker = Broker(self.loop, self.rng)
        self.cloud = Cloud(
            self.loop, self.broker, self.rng, MachineClock(self.loop), settlement=mutant.settlement
        )
        self.oracle = Oracle(self)
        self.distrusted: set[str] = set()
        """Gateways whose disk or key has met a fault after which a fork may be honest work."""
        self.renewing: set[str] = set()
        """Gateways whose disk was replaced and whose next epoch has not been granted yet."""
        self.stored_when_revoked: dict[str, set[bytes]] = {}
        self.machines: list[Gateway] = []
        self.retired: list[Gateway] = []
        self.names = ["gw-a", "gw-b"][: self.rng.randint(1, 2)]
        for number, name in enumerate(self.names, start=1):
            key = PrivateKey(name)
            self.cloud.database.register(
                name, number, number, {key_id(key.public_key()): key.public_key()}
            )
            self.add_machine(Identity(name, key), Disk(_first_image(name)))
        self.backups: dict[str, bytes] = {}
        self.cloud_backup = self.cloud.database.tables.copy()
        self.injected: Counter[str] = Counter()
        self.undo: list[tuple[int, Callable[[], None]]] = []
        self.step = 0
        self._ids = 0
        self.unanswered: list[Scan] = []
        self._asked: list[tuple[Future[Any], Scan, Gateway]] = []

    def say(self, text: str) -> None:
        """One line of the trace."""
        if self.tracing:
            print(f"{self.step:4d} {self.loop.time():8.3f}  {text}")

    @staticmethod
    def new_image(name: str) -> bytes:
        """An empty database for a gateway that lost its own."""
        return _first_image(name)

    @staticmethod
    @lru_cache(maxsize=4096)
    def sha256(body: bytes) -> bytes:
        return hashlib.sha256(body).digest()

    def add_machine(self, identity: Identity, disk: Disk) -> Gateway:
        """Start a gateway."""
        machine = Gateway(
            self.broker, identity, disk, cloud_key=self.cloud.key, parts=self.mutant.parts()
        )
        self.machines.append(machine)
        machine.boot()
        return machine

    def new_id(self) -> bytes:
        """A UUIDv7 that no other event of the run has."""
        self._ids += 1
        number = (START // 1000 << 80) | 7 << 76 | 2 << 62 | self._ids
        return number.to_bytes(16, "big")

    # The floor

    def scan(self) -> None:
        """Somebody scans; the oracle hears of it first."""
        rng = self.rng
        machine = rng.choice(self.machines)
        step, sku, place = rng.choice(_STEPS), rng.choice(_SKUS), rng.choice(_PLACES)
        to = rng.choice([code for code in _PLACES if code != place])
        quantity = rng.randint(1, 9)
        if step == "adjust" and rng.random() < 0.5:
            quantity = -quantity
        uuid = self.new_id()
        target = to if step in {"move", "pick"} else None
        request = scan_request(uuid, step, sku, quantity, places=(place, target))
        scan = Scan(uuid, machine.name, request, meaning(step, sku, quantity, place, target))
        self.oracle.scans[uuid] = scan
        self.ask(scan, machine)

    def ask(self, scan: Scan, machine: Gateway) -> None:
        """Send a scan, for the first time or again, with the same id."""
        future = machine.scan(scan.request)
        if future is None:
            self.unanswered.append(scan)
        else:
            self._asked.append((future, scan, machine))

    def retry(self) -> None:
        """Scanners ask again for what was not answered."""
        again, self.unanswered = self.unanswered, []
        for scan in again:
            there = [machine for machine in self.machines if machine.name == scan.gateway]
            self.ask(scan, self.rng.choice(there))

    def hear(self, *, lose: float = 0.05) -> None:
        """Scanners take their answers; some answers are lost on the way."""
        asked, self._asked = self._asked, []
        for future, scan, _ in asked:
            accepted = (
                future.done()
                and not future.cancelled()
                and future.exception() is None
                and isinstance(future.result(), Accepted)
            )
            if accepted and self.rng.random() >= lose:
                scan.answered = True
            else:
                self.unanswered.append(scan)

    def heartbeats(self) -> None:
        """Each gateway tells where it stands."""
        for machine in self.machines:
            beat = self.new_id()
            self.oracle.beats.add(beat)
            machine.heartbeat(beat)

    # A run

    def run(self) -> Verdict:
        """All steps, then healing; the verdict."""
        rng = self.rng
        plan = set(rng.sample(range(5, self.steps - 10), rng.randint(4, 12)))
        menu = faults.menu(rng, self.mutant.faults)
        for step in range(self.steps):
            self.step = step
            self.end_faults()
            if self.step in plan:
                fault = rng.choice(menu)
                if fault(self):
                    self.injected[fault.__name__] += 1
                    self.say(f"FAULT {fault.__name__}")
            self._live(rng.random())
            self.loop.advance(rng.expovariate(20) if rng.random() < 0.97 else rng.random() * 4)
            self.hear()
            if self.step % 40 == 39 and (freed := self.oracle.unsent_rows_freed()):
                return Verdict(broken=freed)
        while sum(self.injected.values()) < 3:
            fault = rng.choice(menu)
            if fault(self):
                self.injected[fault.__name__] += 1
        return self._judge_after(healing.heal(self))

    def _live(self, chance: float) -> None:
        if chance < 0.12:
            for _ in range(self.rng.choice((1, 1, 2, 2, 4))):
                self.scan()
        elif chance < 0.26:
            self.retry()
        elif chance < 0.28:
            self.heartbeats()
        elif chance < 0.31:
            machine = self.rng.choice(self.machines)
            self.backups[machine.name] = machine.disk.copy()
        elif chance < 0.33:
            self.cloud_backup = self.cloud.database.tables.copy()
        elif chance < 0.36:
            self.grant_epochs()
        for machine in self.machines:
            if not machine.running and self.rng.random() < 0.15:
                machine.boot()

    def end_faults(self, *, all_of_them: bool = False) -> None:
        due = [item for item in self.undo if all_of_them or item[0] <= self.step]
        self.undo = [item for item in self.undo if item not in due]
        for _, undo in due:
            undo()

    def grant_epochs(self) -> None:
        """A person sees a frozen gateway, or knows of a replaced disk, and grants a new epoch."""
        for machine in self.machines:
            if machine.name in self.revoked:
                continue
            if machine.running and (machine.name in self.renewing or machine.frozen()):
                reason = "database replaced" if machine.name in self.renewing else "frozen"
                granted = self.cloud.database.grant(machine.name, reason, self.cloud.clock.now())
                self.renewing.discard(machine.name)
                self.say(f"epoch {granted} for {machine.name}: {reason} ({machine.frozen()})")
                machine.use_epoch(granted, self._opening(machine.name, granted, reason))

    def _opening(self, name: str, epoch: int, reason: str) -> Opening:
        """The first event of a granted epoch: it names the head that the cloud has before it."""
        tables = self.cloud.database.tables
        before = (tables.gateways[name].gateway_id, epoch - 1)
        head = tables.heads.get(before)
        data = EpochOpened(
            epoch - 1, tables.openings[before].previous_seq,
            GENESIS if head is None else head.head_hash, reason,
        )  # fmt: skip
        event = self.new_id()
        self.oracle.beats.add(event)
        return Opening(data, event, 1)

    @property
    def revoked(self) -> set[str]:
        """Gateways that are revoked."""
        known = self.cloud.database.tables.gateways
        return {name for name, row in known.items() if row.status == "revoked"}

    def close(self) -> None:
        """End every process of the run."""
        for machine in {*self.machines, *self.retired}:
            machine.kill()

    def _judge_after(self, late: list[str]) -> Verdict:
        self.machines += [machine for machine in self.retired if machine not in self.machines]
        verdict = self.oracle.judge()
        verdict.broken += late
        verdict.broken += self.loop.failures
        for machine in self.machines:
            verdict.broken += [f"{machine.name}: uplink failed: {text}" for text in machine.crashes]
        return verdict


def note_destroyed(world: World, machine: Gateway, image: bytes) -> None:
    """The disk of ``machine`` is replaced by ``image``: what only it held is gone."""
    copy = Disk(image)
    kept = places_on(copy)
    gone = {event: place for event, place in places_on(machine.disk).items() if event not in kept}
    world.oracle.destroyed[machine.name] |= gone
    if copy.contents().execute("SELECT epoch FROM head").fetchone() is None:
        world.oracle.emptied[machine.name] |= gone.keys()
