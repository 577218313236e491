"""``make faults``: one line per fault, then one JSON object; exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from functools import partial
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
from tests.faults.fault import Fault, UnexpectedError, Verdict
from tests.faults.house import House
from tests.faults.judge import Judge
from tests.faults.trial import Trial

FAULTS: list[Fault] = [
    fault
    for module in (
        kills,
        outages,
        pressure,
        hostile,
        clocks,
        storage,
        damage,
        pasts,
        identity,
        failover,
    )
    for fault in module.FAULTS
]


class Asked(NamedTuple):
    """The command line."""

    short: bool
    only: str
    seed: int
    keep: bool
    layer: int

    @property
    def faults(self) -> list[Fault]:
        """Those to be injected."""
        return [
            fault
            for fault in FAULTS
            if self.only in f"{fault.matrix} {fault.name}" and (fault.short or not self.short)
        ]

    @property
    def mutants(self) -> list[Fault]:
        """Those to be hunted in real processes."""
        return [each for each in mutants.MUTANTS if self.only in f"mutant {each.name}"]


class Done(NamedTuple):
    """Everything that happened in real processes."""

    verdicts: list[Verdict]
    mutants: dict[str, str]
    """How each was caught; empty for one that lives."""
    broken: bool = False
    """Whether the run ended before its end."""

    @property
    def good(self) -> bool:
        """Nothing was violated and every mutant caught."""
        fine = all(verdict.good for verdict in self.verdicts) and all(self.mutants.values())
        return fine and not self.broken


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    asked = _asked()
    ended = _told_to_end()
    started = time.monotonic()
    layer1 = None
    if asked.layer in {0, 1} and not asked.only:
        layer1 = simulated.simulate(short=asked.short)
        print(*layer1.lines(), sep="\n", flush=True)
    done = _layer2(asked, ended) if asked.layer in {0, 2} else Done([], {})
    summary = _summary(layer1, done) | {"seconds": round(time.monotonic() - started)}
    good = done.good and (layer1 is None or layer1.good)
    print(json.dumps(summary | {"ok": good}), flush=True)
    return 0 if good else 1


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form for every change")
    parser.add_argument("--only", default="", help="faults whose row or name contains this")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn by chance")
    parser.add_argument("--keep", action="store_true", help="keep data and logs")
    parser.add_argument("--layer", type=int, default=0, choices=(0, 1, 2), help="only this one")
    asked = Asked(**vars(parser.parse_args()))
    if not asked.faults and not asked.mutants:
        parser.error(f"no fault is called {asked.only!r}")
    return asked


def _told_to_end() -> threading.Event:
    """SIGTERM and Ctrl-C take everything down that was started, once."""
    ended = threading.Event()

    def end(number: int, _frame: object) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        ended.set()
        print(f"told to end by {signal.Signals(number).name}; taking everything down", flush=True)
        raise SystemExit(128 + number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    return ended


def _layer2(asked: Asked, ended: threading.Event) -> Done:
    folder = Path(tempfile.mkdtemp(prefix="quartermaster-faults-"))
    done = Done([], {})
    try:
        with House(folder) as house:
            house.build()
            trial = Trial(house, short=asked.short, ended=ended)
            judge = Judge(trial, seed=asked.seed)
            _run(judge, asked, done)
    except Exception:  # noqa: BLE001 - whatever it is, the last line says how far it came
        traceback.print_exc(file=sys.stdout)
        print(f"logs: {folder / 'logs'}", flush=True)
        done = done._replace(broken=True)
    finally:
        if not asked.keep and (done.good or ended.is_set()):
            shutil.rmtree(folder)
    return done


class _Teller:
    """Prints what becomes of each fault and mutant, one at a time, and keeps it."""

    def __init__(self, judge: Judge, done: Done) -> None:
        self._judge = judge
        self._done = done
        self._one = threading.Lock()

    def floor(self, fault: Fault, site: str) -> None:
        self._tell(self._judge.floor(fault, site))

    def cell(self, fault: Fault) -> None:
        self._tell(self._judge.cell(fault))

    def house(self, fault: Fault) -> None:
        self._tell(self._judge.whole_house(fault))

    def mutant(self, mutant: Fault) -> None:
        try:
            found = self._judge.mutant(mutant).lines()
        except UnexpectedError as error:
            found, says = [], f"LIVES, it did not come to bear: {error}"
        else:
            says = f"caught: {found[0]}"[:110] if found else "LIVES"
        with self._one:
            self._done.mutants[mutant.name] = "; ".join(found[:1])
            print(f"L2  mutant {mutant.name:<28} {says}", flush=True)

    def _tell(self, verdict: Verdict) -> None:
        with self._one:
            self._done.verdicts.append(verdict)
            print(*verdict.lines(), sep="\n", flush=True)


def _run(judge: Judge, asked: Asked, done: Done) -> None:
    """Floors and cells first, side by side; then what all share, one after the other."""
    tell = _Teller(judge, done)
    on_floors = [partial(tell.floor, fault) for fault in asked.faults if fault.scope == "floor"]
    in_cells = [
        *(partial(tell.cell, fault) for fault in asked.faults if fault.scope in {"cell", "vacant"}),
        *(partial(tell.mutant, each) for each in asked.mutants if each.scope == "cell"),
    ]
    judge.side_by_side(on_floors, in_cells)
    for fault in asked.faults:
        if fault.scope == "house":
            tell.house(fault)
    for mutant in asked.mutants:
        if mutant.scope == "house":
            tell.mutant(mutant)


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
