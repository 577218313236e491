"""The demo and the replay of a demand table, in short."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deploy.demo.play import CHAPTERS, Play

pytestmark = [pytest.mark.broker]


def test_the_demo_loses_nothing_and_tells_so(tmp_path: Path) -> None:
    told = io.StringIO()
    short = tuple(chapter._replace(seconds=min(chapter.seconds, 4)) for chapter in CHAPTERS)
    play = Play(
        tmp_path / "run",
        console=Console(file=told, width=200),
        once=True,
        database="embedded",
        chapters=short,
    )

    outcome = play.run()

    assert outcome.good, outcome.as_dict()
    assert outcome.backlog >= 40
    assert outcome.verdict.made > 200
    assert "[cut off]" in told.getvalue()
    for site in play.stack.sites.values():
        assert f"{site.code}  https://localhost:{site.port}/scan/#pair=" in told.getvalue()
        assert f"{site.code}  https://localhost:{site.port}/console/" in told.getvalue()
    secret = play.stack.secret_file.read_text("ascii")
    assert f"sign in as olga with {secret}" in told.getvalue()
    assert not [process for process in play.stack.services.values() if process.pid]


def test_a_demand_table_is_replayed_through_real_gateways(tmp_path: Path) -> None:
    demand = tmp_path / "weekly.csv"
    demand.write_text(
        "store,sku,week_end_date,units\n"
        + "".join(
            f"S{store},ART-{sku},2024-01-{day:02d},{(day * sku) % 17}\n"
            for day in range(1, 29)
            for store in (1, 2, 3)
            for sku in range(1, 9)
        )
        + "S1,ART-1,2024-02-01,-2\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "simulate", "--demand", str(demand), "--sites", "2",
         "--rate", "500", "--limit", "600", "--json"],
        check=False, capture_output=True, text=True, cwd=tmp_path, timeout=100,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin",
             "HOME": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"]
    assert len(told["sites"]) == 2
    assert told["events_made"] == told["in_ledger"] == 600
    assert not list((tmp_path / ".run").iterdir())
