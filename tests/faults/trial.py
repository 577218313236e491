"""Faults while people work: the floors scan all the time, and after each fault the books are read.

A fault is a function of the trial and a site. It injects, it heals, and it says how often it
injected. What runs on different floors at the same time is judged apart, floor by floor.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
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
from tests.faults.evidence import Signed, alarms, arrived, cloud_heads, outbox_of, quarantine_of
from tests.faults.fault import WITHIN_S, Fault, Run, UnexpectedError, Verdict, expect
from tests.faults.house import FLOORS, House
from tests.faults.invariants import Case, Findings, Known, examine, i5

SCANS_PER_S: Final = 8.0
EVERYWHERE: Final = "all"
_UNANSWERED_S: Final = 45.0
_MUTANT_S: Final = 5.0
"""A healthy gateway has settled by then."""


class Trial:
    """Everything that faults need: the house, the crews, the truth.

    Args:
        house: built and running.
        seed: what is drawn by chance.
        short: whether faults keep themselves short.
    """

    def __init__(self, house: House, *, seed: int, short: bool) -> None:
        self.house = house
        self.short = short
        self.rng = random.Random(seed)
        self.oracle = Oracle(house.folder / "scans.jsonl")
        self.known: dict[str, Known] = {}
        self._cells: dict[str, Oracle] = {}
        self.notes: list[str] = []
        self._signed = Signed()
        self._plans: dict[str, Iterator[Planned]] = {}
        self._early: dict[str, list[str]] = defaultdict(list)

    def plans(self, site: str) -> Iterator[Planned]:
        """The work of a site's floor, going on where it stopped."""
        if site not in self._plans:
            goods = self.house.assortment.goods
            floor = Floor(site, goods, today=datetime.now(tz=UTC).date())
            self._plans[site] = floor.scans(endless_sales(site, goods))
        return self._plans[site]

    def oracle_of(self, site: str) -> Oracle:
        """Who knows the truth about a site: the floors have one oracle, each cell its own."""
        if site in FLOORS:
            return self.oracle
        return self._cells.setdefault(site, Oracle(self.house.folder / f"scans-{site}.jsonl"))

    @contextmanager
    def work(self, *sites: str, rate: float = SCANS_PER_S) -> Iterator[Crew]:
        """People scan on these sites until the block ends and every scan is answered.

        Raises:
            TimeoutError: scans remain unanswered.
        """
        oracle = self.oracle_of(sites[0])
        crew = Crew([self._post(site, rate) for site in sites], oracle)
        crew.start()
        try:
            yield crew
        finally:
            answered = crew.finish(timeout=_UNANSWERED_S)
            if not answered:
                crew.abandon()
        if not answered:
            raise TimeoutError(f"{oracle.open} scans are unanswered")

    def _post(self, site: str, rate: float) -> Post:
        doors = self.house.sites[site].doors
        paired = {name: door for name, door in doors.items() if name != PROBE_DEVICE}
        return Post(site, self.plans(site), paired, rate)

    def scan(self, site: str, number: int) -> None:
        """Have so many scans of a cell made and answered, as fast as people can."""
        oracle = self.oracle_of(site)
        goal = len(oracle.scans) + number
        with self.work(site, rate=100.0) as crew:
            while len(oracle.scans) < goal and crew.failure is None:
                time.sleep(0.02)

    def attempt(self, site: str, device: str = "", door: Door | None = None) -> str:
        """One scan, tried once; the code of its refusal, empty when it was accepted."""
        if door is None:
            device, door = next(iter(self.house.sites[site].doors.items()))
        return asyncio.run(
            _attempt(self.oracle_of(site), site, next(self.plans(site)), device, door)
        )

    def note(self, says: str) -> None:
        """Something worth a line of its own."""
        self.notes.append(says)

    # Looking

    def wait(self, holds: Callable[[], bool], *, says: str, seconds: float = 30.0) -> None:
        """Wait until something holds.

        Raises:
            UnexpectedError: it does not in time.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            expect(time.monotonic() < deadline, f"not within {seconds:.0f} s: {says}")
            time.sleep(0.1)

    def settled(self, site: str) -> None:
        """Wait until a site's books are in order."""
        self.wait(lambda: self.examine(site).clean, says=f"{site} has settled")

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

    def alarms(self, site: str) -> set[str]:
        """What was raised about a site's gateway."""
        with self.house.database() as connection:
            return alarms(connection, self.house.sites[site].gateway)

    # Judging

    def floors(self, faults: Sequence[Fault]) -> list[Verdict]:
        """Run up to as many faults side by side as there are floors."""
        pairs = list(zip(faults, FLOORS, strict=False))
        with self.work(*FLOORS), self.witness(*FLOORS), ThreadPoolExecutor(len(pairs)) as threads:
            runs = [threads.submit(self._run, fault, site) for fault, site in pairs]
            done = [run.result() for run in runs]
        return [
            self._judge(fault, site, run) for (fault, site), run in zip(pairs, done, strict=True)
        ]

    def whole_house(self, fault: Fault) -> Verdict:
        """Run a fault that everybody feels; everybody is judged."""
        with self.work(*FLOORS), self.witness(*FLOORS):
            run = self._run(fault, EVERYWHERE)
        verdicts = [self._judge(fault, site, run) for site in FLOORS]
        merged = Findings()
        for verdict in verdicts:
            merged.lost |= verdict.findings.lost
            merged.doubled |= verdict.findings.doubled
            merged.unnamed_gaps += verdict.findings.unnamed_gaps
            merged.other += [f"{verdict.site}: {line}" for line in verdict.findings.other]
        return verdicts[0]._replace(site=EVERYWHERE, findings=merged)

    def cells(self, faults: Sequence[Fault]) -> list[Verdict]:
        """Run faults side by side, each on a site of its own that nobody uses afterwards."""
        sites = [self.house.cell(running=fault.scope == "cell") for fault in faults]
        with self.witness(*sites), ThreadPoolExecutor(len(faults)) as threads:
            return list(threads.map(self._cell, faults, sites))

    def _cell(self, fault: Fault, site: str) -> Verdict:
        verdict = self._judge(fault, site, self._run(fault, site))
        self.house.gateway(site).stop()
        return verdict

    def mutant(self, fault: Fault) -> Findings:
        """Run a known bug on a site of its own; what was found within a few seconds."""
        site = self.house.cell()
        with self.witness(site):
            run = self._run(fault, site)
            time.sleep(_MUTANT_S)
        findings = self.examine(site)
        findings.other += [*self._early.pop(site, []), *([run.says] if run.says else [])]
        self.house.gateway(site).stop()
        return findings

    def _run(self, fault: Fault, site: str) -> Run:
        """Inject, heal, and measure until what had been answered by then is in the ledger."""
        try:
            injected = fault.inject(self, site)
        except Exception as error:  # noqa: BLE001 - whatever happens to a fault is its verdict
            says = str(error) if isinstance(error, UnexpectedError) else traceback.format_exc()
            return Run(0, 0.0, says)
        healed_at = time.monotonic()
        sites = FLOORS if site == EVERYWHERE else (site,)
        wanted = {each: self._answered(each) for each in sites}
        while seconds_since(healed_at) < WITHIN_S:
            with self.house.database() as connection:
                wanted = {each: ids - arrived(connection, each) for each, ids in wanted.items()}
            if not any(wanted.values()):
                break
            time.sleep(0.1)
        return Run(injected, seconds_since(healed_at), "")

    def _answered(self, site: str) -> set[str]:
        """The scans of a site that have been answered OK, but for those known to be elsewhere."""
        oracle, known = self.oracle_of(site), self.known.get(site, Known())
        if known.named or known.set_aside or not known.gateway:
            return set()
        return {
            scan
            for scan, noted in oracle.scans.copy().items()
            if noted.site == site and noted.outcome == "accepted"
        }

    def _judge(self, fault: Fault, site: str, run: Run) -> Verdict:
        """Read the books once everything has come to rest."""
        rests_at = time.monotonic()
        while not (findings := self.examine(site)).clean and seconds_since(rests_at) < WITHIN_S:
            time.sleep(0.1)
        findings.other += [run.says] if run.says else []
        findings.other += self._early.pop(site, [])
        return Verdict(fault, site, run.injected, run.healed_s, findings, f"{self.house.logs}")

    def examine(self, site: str) -> Findings:
        """All invariants of one site, now."""
        place = self.house.sites[site]
        with self.house.database() as connection:
            known = self.known.get(site, Known())
            return examine(Case(connection, place, self.oracle_of(site), self._signed, known))

    @contextmanager
    def witness(self, *sites: str) -> Iterator[None]:
        """Watch I5 all the time: no gateway is ever told more than is committed."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.3):
                for site in sites:
                    # One side is down, or the file is just being replaced.
                    with suppress(psycopg.Error, sqlite3.Error, OSError):
                        self._look(site)

        thread = threading.Thread(target=look, name="witness", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _look(self, site: str) -> None:
        place = self.house.sites[site]
        outbox = outbox_of(place.folder)
        with psycopg.connect(self.house.database_url, connect_timeout=2) as connection:
            heads = cloud_heads(connection, place.gateway)
        if not self.known.get(site, Known()).past_disputed:
            self._early[site] += i5(outbox, heads)


def seconds_since(moment: float) -> float:
    """On the monotonic clock."""
    return time.monotonic() - moment


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
