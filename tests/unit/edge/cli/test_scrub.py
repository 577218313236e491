"""``quartermaster gateway scrub`` reads everything, and leaves word of damage for the gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.app import recovery, store
from edge.cli import app
from shared.errors import QuartermasterError
from tests.support.damage import garbage_page
from tests.support.gateway import enrol, equip

SUSPECT = "gateway.db.suspect"


def test_a_whole_database_is_said_to_be_whole(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    equip(tmp_path)
    done = CliRunner().invoke(app, ["scrub", "--data", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told.pop("rows") > 0, "the catalog's, at least"
    assert told == {"ok": True, "segments": 0, "waiting": 0, "damage": []}
    assert not (tmp_path / SUSPECT).exists()


def test_damage_is_named_and_the_gateway_will_not_open_it_again(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    equip(tmp_path)
    with store.opened(tmp_path) as opened:
        root = opened.database.reader.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'item'"
        ).fetchone()[0]
    garbage_page(tmp_path / "gateway.db", root)
    done = CliRunner().invoke(app, ["scrub", "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert "damaged: item" in done.stdout
    assert (tmp_path / SUSPECT).exists()
    with pytest.raises(QuartermasterError, match=r"store\.damaged"):
        recovery.refuse_suspect(tmp_path)
