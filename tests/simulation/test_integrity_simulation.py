"""Layer 1 of the fault matrix: two thousand seeds of faults, and the bugs that they must catch."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.db import Database
from tests.simulation import faults
from tests.simulation.mutants import MUTANTS
from tests.simulation.runner import SEEDS, STEPS, hunt, run, run_seed


@pytest.mark.timeout(600)
def test_no_seed_loses_doubles_or_hides_a_scan() -> None:
    report = run(SEEDS, STEPS)
    for seed, found in sorted(report.failures.items()):
        print(f"replay: python -m tests.simulation --seed {seed} --trace", *found[:5], sep="\n  ")
    assert sorted(report.failures) == []
    assert (report.lost, report.doubled, report.unnamed_gaps) == (0, 0, 0)
    assert report.seeds == 2_000
    assert report.fewest_faults >= 3
    assert report.faults == len(set(faults.ALL))


@pytest.mark.timeout(600)
def test_every_known_bug_is_caught() -> None:
    caught = hunt([mutant.name for mutant in MUTANTS])
    for mutant in MUTANTS:
        print(f"{mutant.name}: {mutant.says}: {caught[mutant.name]}")
    assert [name for name, by in caught.items() if by is None] == []


def test_a_seed_runs_the_same_way_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    traces: list[str] = []
    for _ in range(2):
        report = run_seed(7, trace=True)
        traces.append(capsys.readouterr().out)
        assert report.failures == {}
    assert traces[0] == traces[1]
    assert "FAULT" in traces[0]
    assert "CONVERGED" in traces[0]


def test_a_failing_seed_says_what_was_violated() -> None:
    assert run_seed(0, mutant="puback-is-delivery").failures[0][0].startswith("I5")


def test_the_simulated_disk_forces_commits_because_the_product_does(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db")
    try:
        (level,) = database._connection.execute("PRAGMA synchronous").fetchone()
    finally:
        database.close()
    assert level == 2
