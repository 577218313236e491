"""A backup is unreadable without its key, refused when damaged, restored whole or not at all."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from cloud.db import open_pool, pending, unit_of_work
from cloud.ledger.rebuild import recompute
from shared.events import Line, Received
from shared.units import Micros
from tests.integration.ledger.test_rebuild import deliver, read
from tests.support.servers import libpq, programs
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


class Vault:
    """The scripts as an operator runs them, with a key file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "backup.qm"
        self.key = folder / "key"
        self.key.write_text("correct horse battery staple, and much longer\n")
        self.bin = programs(folder / "bin")

    def run(self, script: str, url: str, **over: str) -> subprocess.CompletedProcess[str]:
        given = {
            "PATH": os.environ["PATH"],
            "PGBIN": str(self.bin),
            "QM_BACKUP_KEY_FILE": str(self.key),
        }
        return subprocess.run(
            [f"deploy/backup/{script}.sh", str(self.file)],
            env=given | libpq(url) | over,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


@pytest.fixture
def hand(pool: ConnectionPool[Connection]) -> Hand:
    hand = Hand("gw-a")
    with unit_of_work(pool) as connection:
        stage(connection, [hand])
    for _ in range(3):
        deliver(pool, hand, *[Received(Line("SKU-0", 4, lot="SECRET-LOT"), "L0")] * 20)
    return hand


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    return 0 if row is None else int(row[0])


def test_a_restored_backup_is_the_same_ledger(
    vault: Vault, hand: Hand, database_url: str, empty_database_url: str
) -> None:
    done = vault.run("backup", database_url)
    assert (done.returncode, done.stderr.count("failed")) == (0, 0), done.stderr
    assert vault.file.stat().st_mode & 0o077 == 0
    assert b"SECRET-LOT" not in vault.file.read_bytes()
    done = vault.run("restore", empty_database_url)
    assert done.returncode == 0, done.stderr
    assert pending(empty_database_url) == []
    with open_pool(empty_database_url, size=2) as pool:
        with unit_of_work(pool) as connection:
            found = recompute(connection, apply=False, at=Micros(0))
        assert (found.movements, found.differing) == (hand.seq, 0)
        again = read(pool)
        assert (again.events, again.flawed, again.comparison.differing) == (hand.seq, 0, 0)
        deliver(pool, hand, Received(Line("SKU-0", 4), "L0"))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), unit_of_work(pool) as connection:
            connection.execute("DELETE FROM movement")
    assert vault.run("restore", empty_database_url).returncode != 0
    left = {path.name for path in vault.folder.iterdir()}
    assert left <= {"backup.qm", "key", "bin", "pki"}


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("how", ["altered", "cut short", "another key"])
def test_a_damaged_backup_restores_nothing(
    vault: Vault, database_url: str, empty_database_url: str, how: str
) -> None:
    assert vault.run("backup", database_url).returncode == 0
    body = bytearray(vault.file.read_bytes())
    if how == "altered":
        body[len(body) // 2] ^= 1
    elif how == "cut short":
        del body[-5000:]
    else:
        vault.key.write_text("another key that is long enough to be taken\n")
    vault.file.write_bytes(body)
    before = tables(empty_database_url)
    done = vault.run("restore", empty_database_url)
    assert done.returncode != 0
    assert "nothing was restored" in done.stderr
    assert tables(empty_database_url) == before


def test_a_backup_that_failed_leaves_no_file(vault: Vault, database_url: str) -> None:
    done = vault.run("backup", database_url, PGPASSWORD="wrong")
    assert done.returncode != 0
    assert "nothing was kept" in done.stderr
    assert not vault.file.exists()
    vault.key.write_text("short\n")
    assert vault.run("backup", database_url).returncode != 0
