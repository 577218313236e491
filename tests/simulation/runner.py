"""Many seeds on all cores: what was injected, what was found, which seed to replay."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context

import structlog

from tests.simulation.memory_ledger import installed
from tests.simulation.mutants import BY_NAME, HONEST
from tests.simulation.oracle import Verdict
from tests.simulation.world import World

SEEDS = 2_000
STEPS = 200
_CHUNK = 50


@dataclass
class Report:
    """What a number of seeds did and found; the fields that ``make faults`` adds up."""

    seeds: int = 0
    faults: int = 0
    """Different kinds of fault that were injected."""
    injected: int = 0
    lost: int = 0
    doubled: int = 0
    unnamed_gaps: int = 0
    fewest_faults: int = 1_000
    """In any one seed."""
    scans: int = 0
    cpu_s: float = 0.0
    """Processor time of all processes together."""
    kinds: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    """Answered scans that are not in the ledger, and what says where they are."""
    failures: dict[int, list[str]] = field(default_factory=dict)
    """What was violated, by seed."""

    def add(self, other: Report) -> None:
        """Add another part of the seeds."""
        self.seeds += other.seeds
        self.injected += other.injected
        self.lost += other.lost
        self.doubled += other.doubled
        self.unnamed_gaps += other.unnamed_gaps
        self.scans += other.scans
        self.cpu_s += other.cpu_s
        self.fewest_faults = min(self.fewest_faults, other.fewest_faults)
        self.kinds += other.kinds
        self.named += other.named
        self.failures |= other.failures
        self.faults = len(self.kinds)


def run_seed(seed: int, steps: int = STEPS, *, mutant: str = "none", trace: bool = False) -> Report:
    """One seed in this process."""
    build = BY_NAME.get(mutant, HONEST)
    with installed(), build.patched():
        world = World(seed, steps, mutant=build, trace=trace)
        try:
            verdict = world.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed must be named
            verdict = Verdict(broken=[f"the run ended with {error!r}"])
        finally:
            world.close()
    report = Report(seeds=1, kinds=world.injected, named=verdict.named)
    report.injected = report.fewest_faults = sum(world.injected.values())
    report.faults = len(world.injected)
    report.scans = len(world.oracle.scans)
    report.lost, report.doubled = len(verdict.lost), len(verdict.doubled)
    report.unnamed_gaps = len(verdict.unnamed_gaps)
    if found := verdict.all():
        report.failures[seed] = found
    return report


def _quiet() -> None:
    """A process of its own: no log, and no garbage collector in the middle of a seed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    gc.disable()


def _run_some(seeds: Iterable[int], steps: int, mutant: str) -> Report:
    _quiet()
    report = Report()
    started = time.process_time()
    for seed in seeds:
        report.add(run_seed(seed, steps, mutant=mutant))
        if seed % 10 == 0:
            gc.collect()
    report.cpu_s = time.process_time() - started
    return report


def _hunt(mutant: str, seeds: int, steps: int) -> tuple[int, str] | None:
    _quiet()
    for seed in range(seeds):
        if found := run_seed(seed, steps, mutant=mutant).failures:
            return seed, found[seed][0]
    return None


def _pool(processes: int | None) -> ProcessPoolExecutor:
    cores = processes or max(2, os.cpu_count() or 2)
    return ProcessPoolExecutor(cores, mp_context=get_context("spawn"))


def run(
    seeds: int | Iterable[int] = SEEDS, steps: int = STEPS, *, mutant: str = "none",
    processes: int | None = None,
) -> Report:  # fmt: skip
    """Run these seeds (a number counts from 0); nothing is printed and nothing raised."""
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    chunks = [wanted[at : at + _CHUNK] for at in range(0, len(wanted), _CHUNK)]
    total = Report()
    with _pool(processes) as pool:
        for part in pool.map(_run_some, chunks, repeat(steps), repeat(mutant)):
            total.add(part)
    return total


def hunt(
    mutants: Iterable[str], seeds: int = SEEDS, steps: int = STEPS, *, processes: int | None = None
) -> dict[str, tuple[int, str] | None]:
    """The first seed that catches each mutant, and by what; None for one that lives."""
    names = list(mutants)
    with _pool(processes) as pool:
        caught = pool.map(_hunt, names, repeat(seeds), repeat(steps))
        return dict(zip(names, caught, strict=True))
