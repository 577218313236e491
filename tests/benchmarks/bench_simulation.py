"""How long the deterministic simulation takes: 2,000 seeds of 200 steps, at least 3 faults in each.

``cpu_s`` is the processor time of all processes together, which what else the machine does does not
lengthen as much as ``wall_s``. Bar on two cores: wall < 60 s.
"""

from __future__ import annotations

import json
import sys
import time

from tests.simulation.runner import SEEDS, STEPS, run

WALL_S = 60.0


def main() -> int:
    """Run all seeds; returns the exit code."""
    started = time.monotonic()
    report = run(SEEDS, STEPS)
    wall_s = time.monotonic() - started
    clean = not report.failures and (report.lost, report.doubled, report.unnamed_gaps) == (0, 0, 0)
    print(
        json.dumps(
            {
                "seeds": report.seeds,
                "steps": STEPS,
                "fewest_faults": report.fewest_faults,
                "injected": report.injected,
                "lost": report.lost,
                "doubled": report.doubled,
                "unnamed_gaps": report.unnamed_gaps,
                "cpu_s": round(report.cpu_s, 1),
                "wall_s": round(wall_s, 1),
                "ok": clean and wall_s < WALL_S,
            }
        )
    )
    return 0 if clean and wall_s < WALL_S else 1


if __name__ == "__main__":
    sys.exit(main())
