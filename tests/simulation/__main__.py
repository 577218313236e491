"""Run or replay seeds: ``python -m tests.simulation --seed N --trace``."""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.simulation.mutants import BY_NAME
from tests.simulation.runner import SEEDS, STEPS, Report, run, run_seed


def main() -> int:
    """Exit code 1 when an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--trace", action="store_true", help="print what happens, step by step")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--mutant", choices=sorted(BY_NAME), default="none")
    given = parser.parse_args()
    started = time.monotonic()
    report: Report
    if given.seed is not None:
        report = run_seed(given.seed, given.steps, mutant=given.mutant, trace=given.trace)
    else:
        report = run(given.seeds, given.steps, mutant=given.mutant)
    for seed, found in sorted(report.failures.items()):
        print(f"seed {seed}:", *found[:6], sep="\n  ")
    summary = {key: value for key, value in vars(report).items() if key != "failures"}
    print(
        json.dumps(
            summary
            | {"failed": len(report.failures), "wall_s": round(time.monotonic() - started, 1)}
        )
    )
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
