"""``make faults``: one line per fault, then one JSON object; exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.faults import (
    clocks,
    damage,
    failover,
    hostile,
    identity,
    kills,
    mutants,
    outages,
    pasts,
    pressure,
    simulated,
    storage,
)
from tests.faults.fault import Fault, Verdict
from tests.faults.house import FLOORS, House
from tests.faults.trial import Trial

FAULTS: list[Fault] = [
    fault
    for module in (
        kills,
        outages,
        hostile,
        clocks,
        pressure,
        storage,
        damage,
        identity,
        pasts,
        failover,
    )
    for fault in module.FAULTS
]
_CELLS_AT_A_TIME = 3


class Asked(NamedTuple):
    """The command line."""

    short: bool
    only: str
    seed: int
    keep: bool
    layer: int


class Done(NamedTuple):
    """Everything that happened in real processes."""

    verdicts: list[Verdict]
    mutants: dict[str, str]
    """How each was caught; empty for one that lives."""


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    asked = _asked()
    signal.signal(signal.SIGTERM, _end)
    started = time.monotonic()
    layer1 = None
    if asked.layer in {0, 1} and not asked.only:
        layer1 = simulated.simulate(short=asked.short)
        print(*layer1.lines(), sep="\n", flush=True)
    done = _layer2(asked) if asked.layer in {0, 2} else Done([], {})
    summary = _summary(layer1, done) | {"seconds": round(time.monotonic() - started)}
    good = all(verdict.good for verdict in done.verdicts) and all(done.mutants.values())
    good = good and (layer1 is None or layer1.good)
    print(json.dumps(summary | {"ok": good}))
    return 0 if good else 1


def _end(*_: object) -> None:
    """Told to end: take everything down that was started."""
    raise SystemExit(1)


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form for every change")
    parser.add_argument("--only", default="", help="faults whose row or name contains this")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn by chance")
    parser.add_argument("--keep", action="store_true", help="keep data and logs")
    parser.add_argument("--layer", type=int, default=0, choices=(0, 1, 2), help="only this one")
    return Asked(**vars(parser.parse_args()))


def _layer2(asked: Asked) -> Done:
    chosen = [
        fault
        for fault in FAULTS
        if asked.only in f"{fault.matrix} {fault.name}" and (fault.short or not asked.short)
    ]
    known = [mutant for mutant in mutants.MUTANTS if asked.only in f"mutant {mutant.name}"]
    folder = Path(tempfile.mkdtemp(prefix="quartermaster-faults-"))
    with House(folder) as house:
        house.build()
        trial = Trial(house, seed=asked.seed, short=asked.short)
        done = Done(_run(trial, chosen), _hunt(trial, known))
    if all(verdict.good for verdict in done.verdicts) and not asked.keep:
        shutil.rmtree(folder)
    return done


def _run(trial: Trial, chosen: list[Fault]) -> list[Verdict]:
    verdicts: list[Verdict] = []

    def tell(*fresh: Verdict) -> None:
        verdicts.extend(fresh)
        for verdict in fresh:
            print(*verdict.lines(), sep="\n", flush=True)
        while trial.notes:
            print(f"      {trial.notes.pop(0)}", flush=True)

    floors = [fault for fault in chosen if fault.scope == "floor"]
    for first in range(0, len(floors), len(FLOORS)):
        tell(*trial.floors(floors[first : first + len(FLOORS)]))
    for fault in chosen:
        if fault.scope == "house":
            tell(trial.whole_house(fault))
    cells = [fault for fault in chosen if fault.scope in {"cell", "vacant"}]
    for first in range(0, len(cells), _CELLS_AT_A_TIME):
        tell(*trial.cells(cells[first : first + _CELLS_AT_A_TIME]))
    return verdicts


def _hunt(trial: Trial, known: list[Fault]) -> dict[str, str]:
    caught: dict[str, str] = {}
    for mutant in known:
        caught[mutant.name] = mutants.how_caught(trial.mutant(mutant))
        says = caught[mutant.name]
        print(f"L2  mutant {mutant.name:<28} {f'caught: {says}' if says else 'LIVES'}"[:150])
    return caught


def _summary(layer1: simulated.Simulated | None, done: Done) -> dict[str, int]:
    findings = [verdict.findings for verdict in done.verdicts]
    report = None if layer1 is None else layer1.report
    real = sum(verdict.injected for verdict in done.verdicts)
    caught = {} if layer1 is None else layer1.caught
    return {
        "faults": len(done.verdicts) + (report.faults if report else 0),
        "injected": real + (report.injected if report else 0),
        "injected_in_processes": real,
        "lost": len(set().union(*(each.lost for each in findings)))
        + (report.lost if report else 0),
        "doubled": len(set().union(*(each.doubled for each in findings)))
        + (report.doubled if report else 0),
        "unnamed_gaps": sum(each.unnamed_gaps for each in findings)
        + (report.unnamed_gaps if report else 0),
        "named": sum(each.named for each in findings)
        + (sum(report.named.values()) if report else 0),
        "mutants": len(caught) + len(done.mutants),
        "mutants_caught": sum(map(bool, [*caught.values(), *done.mutants.values()])),
    }


if __name__ == "__main__":
    sys.exit(main())
