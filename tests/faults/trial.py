"""What a fault has to work with: the house, the people who scan, the truth, and patience.

A fault is a function of the trial and a site. It injects, it heals, and it says how often it
injected. Several run at the same time, each in a thread of its own; whatever waits here ends when
everybody was told to end.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from uuid_utils import uuid7

from deploy.demo.assortment import endless_sales
from deploy.demo.crew import Crew, Post
from deploy.demo.probe import PROBE_DEVICE
from deploy.demo.reader import Reader
from edge.simulator.floor import Floor, Planned
from edge.simulator.oracle import Oracle
from edge.simulator.scanner import Connection, Door, scan_body
from shared.errors import QuartermasterError
from tests.faults.evidence import Signed, alarms, cloud_heads, quarantine_of, stands
from tests.faults.fault import WITHIN_S, EndedError, expect
from tests.faults.house import House, Watched
from tests.faults.invariants import Case, Findings, Known, examine

SCANS_PER_S: Final = 8.0
_LOOKS_S: Final = 0.1
_NOT_YET: Final = (
    OSError, EOFError, QuartermasterError, psycopg.OperationalError, sqlite3.OperationalError,
)  # fmt: skip
"""What somebody who is down, or busy, answers with."""


class Trial:
    """Everything that faults need.

    Args:
        house: built and running.
        short: whether faults keep themselves short.
        ended: set when everybody is to end.
    """

    def __init__(self, house: House, *, short: bool, ended: threading.Event) -> None:
        self.house = house
        self.short = short
        self.ended = ended
        self.known: dict[str, Known] = {}
        self._here = threading.local()
        self._one = threading.Lock()
        self._oracles: dict[str, Oracle] = {}
        self._plans: dict[str, Iterator[Planned]] = {}
        self._signed = Signed()

    @contextmanager
    def chance(self, seed: str) -> Iterator[list[str]]:
        """A fault of this thread begins: what it draws follows from the seed alone.

        Yields what it notes.
        """
        self._here.rng, self._here.notes = random.Random(seed), []
        yield self._here.notes

    @property
    def rng(self) -> random.Random:
        """What the fault of this thread draws by chance."""
        rng: random.Random = self._here.rng
        return rng

    def note(self, says: str) -> None:
        """Something worth a line of its own."""
        self._here.notes.append(says)

    # The floor

    def oracle_of(self, site: str) -> Oracle:
        """Who knows the truth about a site."""
        with self._one:
            if site not in self._oracles:
                self._oracles[site] = Oracle(self.house.folder / f"scans-{site}.jsonl")
            return self._oracles[site]

    def plans(self, site: str) -> Iterator[Planned]:
        """The work of a site's floor, going on where it stopped."""
        with self._one:
            if site not in self._plans:
                goods = self.house.assortment.goods
                floor = Floor(site, goods, today=datetime.now(tz=UTC).date())
                self._plans[site] = floor.scans(endless_sales(site, goods))
            return self._plans[site]

    @contextmanager
    def work(self, *sites: str, rate: float = SCANS_PER_S) -> Iterator[list[Crew]]:
        """People scan on these sites until the block ends and every scan is answered.

        Raises:
            TimeoutError: scans remain unanswered.
        """
        with ExitStack() as crews:
            yield [crews.enter_context(self._crew(site, rate)) for site in sites]

    @contextmanager
    def _crew(self, site: str, rate: float) -> Iterator[Crew]:
        oracle = self.oracle_of(site)
        doors = self.house.sites[site].doors
        paired = {name: door for name, door in doors.items() if name != PROBE_DEVICE}
        crew = Crew([Post(site, self.plans(site), paired, rate)], oracle)
        crew.start()
        try:
            yield crew
        finally:
            answered = self._finished(crew)
        if not answered:
            raise TimeoutError(f"{oracle.open} scans of {site} are unanswered")

    def _finished(self, crew: Crew) -> bool:
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline and not self.ended.is_set():
            if crew.finish(timeout=_LOOKS_S):
                return True
        crew.abandon()
        return False

    def scan(self, site: str, number: int) -> None:
        """Have so many scans of a cell made and answered, as fast as people can."""
        oracle = self.oracle_of(site)
        goal = len(oracle.scans) + number
        with self.work(site, rate=100.0) as (crew,):
            while len(oracle.scans) < goal and crew.failure is None:
                self.sleep(0.02)

    def attempt(self, site: str, device: str = "", door: Door | None = None) -> str:
        """One scan, tried once; the code of its refusal, empty when it was accepted."""
        if door is None:
            device, door = next(iter(self.house.sites[site].doors.items()))
        return asyncio.run(
            _attempt(self.oracle_of(site), site, next(self.plans(site)), device, door)
        )

    # Patience

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            EndedError: everybody was told to end.
        """
        if self.ended.wait(seconds):
            raise EndedError

    def wait(self, holds: Callable[[], bool], *, says: str, seconds: float = WITHIN_S) -> None:
        """Wait until something holds; whoever is down or busy meanwhile is asked again.

        Raises:
            EndedError: everybody was told to end.
            UnexpectedError: it does not in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            why = ""
            try:
                if holds():
                    return
            except _NOT_YET as error:
                why = f" ({error})"
            expect(time.monotonic() < deadline, f"not within {seconds:.0f} s: {says}{why}")
            self.sleep(_LOOKS_S)

    def dies(self, process: Watched) -> None:
        """Wait until a process has met the step at which it dies.

        Raises:
            EndedError: everybody was told to end.
            UnexpectedError: it lives on.
        """
        self.wait(process.has_ended, says=f"{process.name} dies")

    def settled(self, site: str) -> None:
        """Wait until a site's books are in order."""
        self.wait(lambda: self.examine(site).clean, says=f"{site} has settled")

    # Looking

    def examine(self, site: str) -> Findings:
        """All invariants of one site, now."""
        place = self.house.sites[site]
        with self.house.database() as connection:
            known = self.known.get(site, Known())
            return examine(Case(connection, place, self.oracle_of(site), self._signed, known))

    def status(self, site: str) -> dict[str, Any]:
        """What a site's gateway says of itself."""
        with closing(Reader(next(iter(self.house.sites[site].doors.values())))) as reader:
            return reader.get("/v1/status")

    def epoch(self, site: str) -> int:
        """The epoch that a site's gateway seals in."""
        return int(self.status(site)["epoch"])

    def head(self, site: str) -> int:
        """How far the cloud has the newest epoch of a site's gateway."""
        with self.house.database() as connection:
            heads = cloud_heads(connection, self.house.sites[site].gateway)
        return heads[max(heads)].seq if heads else 0

    def quarantine(self, site: str) -> Counter[str]:
        """What was set aside of a site's gateway, by reason."""
        with self.house.database() as connection:
            return quarantine_of(connection, self.house.sites[site].gateway)

    def stand(self, events: set[str]) -> bool:
        """Whether the ledger holds all of these events."""
        with self.house.database() as connection:
            return stands(connection, events)

    def alarms(self, site: str) -> set[str]:
        """What was raised about a site's gateway."""
        with self.house.database() as connection:
            return alarms(connection, self.house.sites[site].gateway)


async def _attempt(oracle: Oracle, site: str, planned: Planned, device: str, door: Door) -> str:
    scan_id = str(uuid7())
    connection = Connection(door)
    oracle.sending(scan_id, site, planned)
    try:
        answer = await connection.request("POST", "/v1/scans", scan_body(scan_id, device, planned))
    finally:
        await connection.drop()
    oracle.answered(scan_id, answer.body)
    return str((answer.body.get("error") or {}).get("code", ""))
