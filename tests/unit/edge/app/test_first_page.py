"""Bytes lost at the beginning of the file lose nothing: the layout is kept beside it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.app import recovery, store
from edge.db import Database
from edge.db.layout import SUFFIX, LayoutCopy, layout_of, state
from shared.errors import QuartermasterError
from tests.support.damage import PAGE, garbage_page, pages
from tests.unit.edge.app.test_recovery import Gateway, answers_as_before, judge

HEADER = 100


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Gateway:
    return Gateway(tmp_path, pki)


def garbage(database: Path) -> None:
    garbage_page(database, 1)


def truncated(database: Path) -> None:
    """Cut inside the first page: what else there is lies in the log."""
    os.truncate(database, PAGE // 2)


def emptied(database: Path) -> None:
    os.truncate(database, 0)


def missing(database: Path) -> None:
    database.unlink()


def zeroed_header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(bytes(HEADER))


def zeroed_page(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(bytes(PAGE))


def schema_gone(database: Path) -> None:
    """The header is whole, what it leads to is not."""
    with database.open("r+b") as file:
        file.seek(HEADER)
        file.write(random.Random(3).randbytes(PAGE - HEADER))


def in_the_file(gateway: Gateway) -> None:
    gateway.checkpoint()


def in_the_log(gateway: Gateway) -> None:
    """All of it, from the first page on, so that the file alone holds nothing."""
    with sqlite3.connect(gateway.database) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("VACUUM")
        state(connection)
    LayoutCopy(gateway.database).keep(layout_of(connection))
    whole = gateway.database.with_name("whole")
    shutil.copy(gateway.database, whole)
    shutil.copy(f"{gateway.database}-wal", f"{whole}-wal")
    connection.close()
    whole.replace(gateway.database)
    Path(f"{whole}-wal").replace(f"{gateway.database}-wal")
    Path(f"{gateway.database}-shm").unlink(missing_ok=True)


Spoil = Callable[[Path], None]
SPOILS = [garbage, zeroed_header, zeroed_page, schema_gone]


def refused(gateway: Gateway) -> str:
    with pytest.raises(QuartermasterError) as error, store.opened(gateway.data):
        pass
    return error.value.code


@pytest.mark.parametrize("spoil", SPOILS)
def test_everything_is_recovered_without_the_first_page(gateway: Gateway, spoil: Spoil) -> None:
    gateway.checkpoint()
    spoil(gateway.database)
    found = gateway.database.read_bytes()[:PAGE]
    assert refused(gateway) == "store.damaged"
    damage = gateway.recover()
    assert (damage.lost, damage.incomplete) == ([], [])
    assert judge(gateway, damage) == set()
    answers_as_before(gateway)
    kept = gateway.data / "gateway.db.damaged-1.first-page"
    assert kept.read_bytes() == found, "what was found is kept as evidence"


@pytest.mark.parametrize("spoil", [*SPOILS, truncated, emptied, missing])
def test_what_stands_in_the_log_is_recovered_without_the_file(
    gateway: Gateway, spoil: Spoil
) -> None:
    in_the_log(gateway)
    spoil(gateway.database)
    damage = gateway.recover()
    assert (damage.lost, damage.incomplete) == ([], [])
    assert judge(gateway, damage) == set()
    answers_as_before(gateway)


@pytest.mark.parametrize("spoil", [emptied, missing])
def test_a_log_without_its_file_is_not_thrown_away(gateway: Gateway, spoil: Spoil) -> None:
    log = Path(f"{gateway.database}-wal").read_bytes()
    spoil(gateway.database)
    assert refused(gateway) == "store.damaged"
    assert Path(f"{gateway.database}-wal").read_bytes() == log


@pytest.mark.parametrize("spoil", [truncated, emptied])
def test_a_file_of_which_nothing_is_left_is_named_from_its_note(
    gateway: Gateway, spoil: Spoil
) -> None:
    gateway.checkpoint()
    Path(f"{gateway.database}-wal").unlink(missing_ok=True)
    spoil(gateway.database)
    damage = gateway.recover()
    lost = judge(gateway, damage)
    assert lost == {gateway.seq_of(each) for each in gateway.scanned if gateway.seq_of(each) > 40}


@pytest.mark.parametrize("seed", range(16))
def test_any_bit_of_the_first_page_may_flip(gateway: Gateway, seed: int) -> None:
    gateway.checkpoint()
    chance = random.Random(seed)
    where = chance.randrange(HEADER) if seed % 2 else chance.randrange(HEADER, PAGE)
    content = bytearray(gateway.database.read_bytes())
    content[where] ^= 1 << chance.randrange(8)
    gateway.database.write_bytes(content)
    with contextlib.suppress(QuartermasterError), store.opened(gateway.data):
        pass
    assert judge(gateway, gateway.recover()) == set(), f"byte {where}"


def test_a_copy_of_the_layout_that_is_torn_itself_is_not_used(gateway: Gateway) -> None:
    gateway.checkpoint()
    copy = Path(f"{gateway.database}{SUFFIX}")
    copy.write_bytes(copy.read_bytes()[:-90] + b"x" * 90)
    garbage_page(gateway.database, 1)
    damage = gateway.recover()
    last = gateway.seq_of(gateway.scanned[-1])
    assert damage.lost == [(1, 41, last)]


def test_a_schema_whose_text_has_changed_is_noticed_and_put_back(gateway: Gateway) -> None:
    gateway.checkpoint()
    content = gateway.database.read_bytes()
    assert content.count(b"CREATE TABLE waiting") == 1
    gateway.database.write_bytes(content.replace(b"CREATE TABLE waiting", b"CREATE TABLE waitinG"))
    assert refused(gateway) == "store.damaged"
    assert judge(gateway, gateway.recover()) == set()


def test_a_power_cut_while_the_layout_is_put_back_is_made_good(gateway: Gateway) -> None:
    gateway.checkpoint()
    garbage_page(gateway.database, 1)
    (gateway.data / "gateway.db.suspect").touch()
    found = gateway.database.read_bytes()[:PAGE]
    Path(f"{gateway.database}.first-page").write_bytes(found)
    with gateway.database.open("r+b") as file:
        file.write(bytes(PAGE))
    with pytest.raises(QuartermasterError, match=r"store\.damaged"):
        recovery.refuse_suspect(gateway.data)
    assert judge(gateway, gateway.recover()) == set()
    assert (gateway.data / "gateway.db.damaged-1.first-page").read_bytes() == found


def test_the_copy_follows_when_the_file_is_written_anew(tmp_path: Path) -> None:
    database = Database(tmp_path / "gateway.db")
    copy = LayoutCopy(tmp_path / "gateway.db")
    before = copy.read()
    assert before == layout_of(database.reader)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE tally")

    database.run_blocking(fill)
    database.give_back()
    database.run_blocking(lambda _: None)
    database.close()
    after = copy.read()
    assert after is not None
    assert [row[3] for row in after.rows] != [row[3] for row in before.rows], "tables have moved"
    Database(tmp_path / "gateway.db").close()


def test_a_file_without_a_copy_gets_one_and_an_old_one_is_replaced(tmp_path: Path) -> None:
    Database(tmp_path / "gateway.db").close()
    copy = tmp_path / f"gateway.db{SUFFIX}"
    whole = copy.read_bytes()
    for found in (None, b"rubbish"):
        copy.unlink()
        if found is not None:
            copy.write_bytes(found)
        Database(tmp_path / "gateway.db").close()
        assert copy.read_bytes() == whole
    assert pages(tmp_path / "gateway.db") > 1
