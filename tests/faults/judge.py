"""Runs faults while people work, and reads the books after each.

Floors and cells go on side by side, each with its own faults, one after the other. What runs at
the same time is judged apart, site by site.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

import psycopg

from shared.errors import QuartermasterError
from tests.faults.evidence import arrived, cloud_heads, outbox_of
from tests.faults.fault import WITHIN_S, EndedError, Fault, Run, UnexpectedError, Verdict
from tests.faults.house import FLOORS
from tests.faults.invariants import Findings, Known, i5
from tests.faults.trial import Trial

EVERYWHERE: Final = "all"
_CELLS_AT_A_TIME: Final = 3
_LOOKS_S: Final = 0.1
_WITNESS_LOOKS_S: Final = 0.3
_RESTS_S: Final = 5.0
"""A gateway that has nothing to do writes down by then what it was told."""

OnFloor = Callable[[str], None]
"""Something to be done on one of the floors, by its site."""
InCell = Callable[[], None]
"""Something to be done on a site of its own."""
Work = TypeVar("Work", OnFloor, InCell)


class Judge:
    """Everything that happens to the house passes here.

    Args:
        trial: what faults work with.
        seed: what is drawn by chance follows from this and the fault's name.
    """

    def __init__(self, trial: Trial, *, seed: int) -> None:
        self._trial = trial
        self._house = trial.house
        self._seed = seed
        self._early: dict[str, set[str]] = {}

    def side_by_side(self, on_floors: Sequence[OnFloor], in_cells: Sequence[InCell]) -> None:
        """Work these off, each floor one after the other, and a few cells beside them."""
        floors, cells = deque(on_floors), deque(in_cells)

        def floor(site: str) -> None:
            while (work := self._next(floors)) is not None:
                work(site)

        def cell() -> None:
            while (work := self._next(cells)) is not None:
                work()

        with ThreadPoolExecutor(len(FLOORS) + _CELLS_AT_A_TIME) as threads:
            lanes = [threads.submit(floor, site) for site in FLOORS]
            lanes += [threads.submit(cell) for _ in range(_CELLS_AT_A_TIME)]
            for lane in lanes:
                lane.result()

    def _next(self, waiting: deque[Work]) -> Work | None:
        with suppress(IndexError):
            return None if self._trial.ended.is_set() else waiting.popleft()
        return None

    def floor(self, fault: Fault, site: str) -> Verdict:
        """Run a fault that one floor feels."""
        run = self._at_work(fault, site, (site,))
        if run.says:
            self._house.mend_floor(site)
        return self._verdict(fault, site, run)

    def cell(self, fault: Fault) -> Verdict:
        """Run a fault on a site of its own, which nobody uses afterwards."""
        try:
            site = self._house.cell(running=fault.scope == "cell")
        except QuartermasterError as error:
            return self._told(fault, "none", Run(0, 0.0, str(error), []), Findings())
        with self._witness(site):
            run = self._inject(fault, site)
            if run.injected:
                run = self._healed(run, (site,))
        verdict = self._verdict(fault, site, run)
        self._house.gateway(site).stop()
        return verdict

    def whole_house(self, fault: Fault) -> Verdict:
        """Run a fault that everybody feels; everybody is judged."""
        run = self._at_work(fault, EVERYWHERE, FLOORS)
        if run.says:
            self._house.mend()
        rests_at = time.monotonic()
        verdicts = [self._verdict(fault, site, run._replace(says=""), rests_at) for site in FLOORS]
        merged = Findings(other=[run.says] if run.says else [])
        for verdict in verdicts:
            merged.lost |= verdict.findings.lost
            merged.doubled |= verdict.findings.doubled
            merged.unnamed_gaps += verdict.findings.unnamed_gaps
            merged.named += verdict.findings.named
            merged.other += [f"{verdict.site}: {line}" for line in verdict.findings.other]
        return verdicts[0]._replace(site=EVERYWHERE, findings=merged)

    def mutant(self, fault: Fault) -> Findings:
        """Run a known bug on a site of its own; what was found when all believed to be done.

        Raises:
            UnexpectedError: the bug could not be brought to bear.
        """
        site = self._house.cell()
        with self._witness(site):
            run = self._inject(fault, site)
            if not run.injected:
                raise UnexpectedError(run.says)
            self._trial.wait(
                lambda: bool(self._early.get(site)) or self._believes_all_sent(site),
                says="it has been seen, or the gateway believes that all is safe",
            )
            if not self._early.get(site):
                self._trial.sleep(_RESTS_S)
        early = sorted(self._early.pop(site, set()))
        findings = Findings(other=early) if early else self._trial.examine(site)
        self._house.gateway(site).stop()
        return findings

    # Injecting

    def _at_work(self, fault: Fault, where: str, sites: Sequence[str]) -> Run:
        """Inject while people work on these sites, and until what they did has arrived."""
        run = Run(0, 0.0, "", [])
        try:
            with self._trial.work(*sites), self._witness(*sites):
                run = self._inject(fault, where)
                if run.injected:
                    run = self._healed(run, sites)
        except EndedError:
            raise
        except Exception:  # noqa: BLE001 - what becomes of the scans is part of the verdict
            return run._replace(injected=0, says=run.says or traceback.format_exc())
        return run

    def _inject(self, fault: Fault, site: str) -> Run:
        """Inject and heal; whatever happens on the way is the fault's verdict."""
        with self._trial.chance(f"{self._seed}/{fault.name}") as notes:
            try:
                injected = fault.inject(self._trial, site)
            except EndedError:
                raise
            except UnexpectedError as error:
                return Run(0, 0.0, str(error), notes)
            except Exception:  # noqa: BLE001 - as above
                return Run(0, 0.0, traceback.format_exc(), notes)
            return Run(injected, 0.0, "" if injected else "it was not injected", notes)

    def _healed(self, run: Run, sites: Sequence[str]) -> Run:
        """Measure until all that had been answered when the fault was healed is in the ledger."""
        healed_at = time.monotonic()
        wanted = {site: self._answered(site) for site in sites}
        while seconds_since(healed_at) < WITHIN_S:
            with suppress(psycopg.OperationalError), self._house.database() as connection:
                wanted = {site: ids - arrived(connection, site) for site, ids in wanted.items()}
            if not any(wanted.values()):
                break
            self._trial.sleep(_LOOKS_S)
        return run._replace(healed_s=seconds_since(healed_at))

    # Judging

    def _answered(self, site: str) -> set[str]:
        """The scans of a site that have been answered OK, but for those known to be elsewhere."""
        oracle, known = self._trial.oracle_of(site), self._trial.known.get(site, Known())
        if known.named or known.set_aside or not known.gateway:
            return set()
        return {scan for scan, noted in oracle.scans.copy().items() if noted.outcome == "accepted"}

    def _verdict(self, fault: Fault, site: str, run: Run, rests_at: float | None = None) -> Verdict:
        """Read the books once everything has come to rest."""
        rests_at = time.monotonic() if rests_at is None else rests_at
        while not (findings := self._examined(site)).clean and seconds_since(rests_at) < WITHIN_S:
            self._trial.sleep(_LOOKS_S)
        findings.other += sorted(self._early.pop(site, set()))
        return self._told(fault, site, run, findings)

    def _told(self, fault: Fault, site: str, run: Run, findings: Findings) -> Verdict:
        findings.other += [run.says] if run.says else []
        short = " --short" if self._trial.short else ""
        again = f"python -m tests.faults --only '{fault.name}' --seed {self._seed}{short}"
        logs = str(self._house.logs)
        return Verdict(fault, site, run.injected, run.healed_s, findings, run.notes, again, logs)

    def _examined(self, site: str) -> Findings:
        try:
            return self._trial.examine(site)
        except (psycopg.Error, sqlite3.Error, OSError) as error:
            return Findings(other=[f"the books cannot be read: {error}"])

    def _believes_all_sent(self, site: str) -> bool:
        """Whether the gateway has been told, as it understands it, that everything is safe."""
        outbox = outbox_of(self._house.sites[site].folder)
        mark = outbox.watermarks.get(outbox.epoch)
        return not outbox.waiting and mark is not None and mark.seq >= outbox.head.seq

    @contextmanager
    def _witness(self, *sites: str) -> Iterator[None]:
        """Watch I5 all the time: no gateway is ever told more than is committed."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(_WITNESS_LOOKS_S):
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
        place = self._house.sites[site]
        outbox = outbox_of(place.folder)
        with psycopg.connect(self._house.database_url, connect_timeout=2) as connection:
            heads = cloud_heads(connection, place.gateway)
        if not self._trial.known.get(site, Known()).past_disputed:
            self._early.setdefault(site, set()).update(i5(outbox, heads))


def seconds_since(moment: float) -> float:
    """On the monotonic clock."""
    return time.monotonic() - moment
