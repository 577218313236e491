"""Layer 1, the deterministic simulation, told in the same words as layer 2."""

from __future__ import annotations

from typing import NamedTuple

from tests.simulation.mutants import MUTANTS
from tests.simulation.runner import STEPS, Report, hunt, run

_SEEDS = 500
"""The normal tests run all 2,000; these are for the sum of both layers."""
_SHORT_SEEDS = 100


class Simulated(NamedTuple):
    """What the simulation did."""

    report: Report
    caught: dict[str, tuple[int, str] | None]

    @property
    def good(self) -> bool:
        """No seed failed and every mutant was caught."""
        return not self.report.failures and all(self.caught.values())

    def lines(self) -> list[str]:
        """One line per kind of fault, one per mutant, and what failed."""
        report = self.report
        lines = [
            f"L1  {kind.replace('_', ' '):<66}{number:>4} injected"
            for kind, number in sorted(report.kinds.items())
        ]
        lines.append(
            f"L1  {report.seeds} seeds of {STEPS} steps, at least {report.fewest_faults} faults in "
            f"each, {report.scans} scans: {'ok' if not report.failures else 'VIOLATED'}"
        )
        for seed, found in sorted(report.failures.items()):
            lines += [f"      {line}" for line in found[:5]]
            lines.append(f"      again: python -m tests.simulation --seed {seed} --trace")
        for name, by in self.caught.items():
            says = f"caught by seed {by[0]}: {by[1]}" if by else "LIVES"
            lines.append(f"L1  mutant {name:<28} {says}"[:150])
        return lines


def simulate(*, short: bool) -> Simulated:
    """Run the seeds and hunt the mutants, on all cores."""
    seeds = _SHORT_SEEDS if short else _SEEDS
    return Simulated(run(seeds, STEPS), hunt([mutant.name for mutant in MUTANTS]))
