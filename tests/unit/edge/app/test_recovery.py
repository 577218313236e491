"""A damaged database is set aside; what verifies goes on; what does not is named exactly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.app import recovery, store
from edge.app.recovery import Damage, recover
from edge.link import epoch as epochs
from edge.outbox import HeadNote, head
from edge.outbox.headnote import Furthest
from edge.outbox.scrub import scrub
from edge.ports import SystemIds
from shared.downlink import Watermark
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, EventsCarried, EventsLost, decode_event
from shared.segment import header, parse
from tests.support import FakeClock
from tests.support.damage import (
    cut_log,
    flip_bit_in,
    garbage_page,
    make_illegible,
    pages,
    spoil,
)
from tests.support.gateway import enrol, equip, scan

if TYPE_CHECKING:
    from edge.app.store import Store

COVERED, SEALED, WAITING = 40, 40, 40


def scans(opened: Store, number: int) -> list[dict[str, Any]]:
    """Accepted scans, with their answers."""
    done: list[dict[str, Any]] = []
    for _ in range(number):
        request = scan(quantity=1)
        answer = asyncio.run(opened.pipeline.scan(json.dumps(request).encode(), device="sc-01"))
        assert answer.status == 200, answer.body
        done.append({"request": request, "answer": json.loads(answer.body)})
    return done


class Gateway:
    """A data folder with covered, sealed and waiting scans, as after a kill of the process."""

    def __init__(self, folder: Path, pki: Path) -> None:
        pattern, self.scanned = self.once(pki)
        self.data = folder / "data"
        shutil.copytree(pattern, self.data, symlinks=True)

    @classmethod
    @cache
    def once(cls, pki: Path) -> tuple[Path, list[dict[str, Any]]]:
        """The folder that all tests copy, and what was scanned there."""
        living, killed = pki.parent / "living", pki.parent / "killed"
        enrol(living, pki)
        equip(living)
        with store.opened(living) as opened:
            scanned = scans(opened, COVERED)
            cls.seal(opened)
            cls.cover(opened, COVERED)
            scanned += scans(opened, SEALED)
            cls.seal(opened)
            scanned += scans(opened, WAITING)
            shutil.copytree(living, killed, symlinks=True)
        return killed, scanned

    @property
    def database(self) -> Path:
        return self.data / "gateway.db"

    @staticmethod
    def seal(opened: Store) -> None:
        unit = opened.database.run_blocking
        while unit(lambda c: opened.outbox.seal(c, 1, limit=10)) is not None:
            pass

    @staticmethod
    def cover(opened: Store, seq: int) -> None:
        (last_hash,) = opened.database.reader.execute(
            "SELECT last_hash FROM segment WHERE last_seq = ?", (seq,)
        ).fetchone()
        word = Watermark(1, 1, seq, last_hash)
        opened.database.run_blocking(lambda c: opened.outbox.acknowledge(c, word, 1))

    def checkpoint(self) -> None:
        """Bring the log into the file, so that its pages are there to be damaged."""
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.close()

    def body(self, statement: str, *values: object) -> bytes:
        connection = sqlite3.connect(self.database)
        (found,) = connection.execute(statement, values).fetchone()
        connection.close()
        return found

    def recover(self) -> Damage:
        return recover(self.data, "a test", clock=FakeClock(), ids=SystemIds())

    def seq_of(self, scanned: dict[str, Any]) -> int:
        return int(scanned["answer"]["seq"])


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Gateway:
    return Gateway(tmp_path, pki)


def waiting_ids(opened: Store) -> list[str]:
    rows = opened.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    events = [decode_event(body) for (body,) in rows]
    own = DeviceHealth | EventsLost | EventsCarried
    return [event.id.hex() for event in events if not isinstance(event.data, own)]


def covers(lost: list[tuple[int, int, int]], seq: int) -> bool:
    return any(first <= seq <= last for epoch, first, last in lost if epoch == 1)


def judge(gateway: Gateway, damage: Damage) -> set[int]:
    """Every uncovered scan goes on in the new database, or its number is named as lost."""
    with store.opened(gateway.data) as opened:
        assert head(opened.database.reader).epoch == 0, "it waits for a new epoch"
        assert opened.outbox.depth(opened.database.reader).frozen == ""
        went_on = waiting_ids(opened)
        assert len(went_on) == len(set(went_on))
        lost: set[int] = set()
        for each in gateway.scanned[COVERED:]:
            seq, scan_id = gateway.seq_of(each), each["request"]["id"].replace("-", "")
            assert (scan_id in went_on) != covers(damage.lost, seq), f"sequence {seq}"
            if scan_id not in went_on:
                lost.add(seq)
        told = opened.database.reader.execute("SELECT body FROM waiting ORDER BY seq DESC LIMIT 1")
        last = decode_event(told.fetchone()[0])
        assert isinstance(last.data, DeviceHealth)
        assert (last.data.device, last.data.status) == ("gw-01", "store-damaged")
        assert recovery.damages(gateway.data)[0] == damage
    assert epochs.used(gateway.data / "identity") == 1
    return lost


def answers_as_before(gateway: Gateway) -> None:
    with store.opened(gateway.data) as opened:
        for each in gateway.scanned:
            body = json.dumps(each["request"]).encode()
            answer = asyncio.run(opened.pipeline.scan(body, device="sc-01"))
            assert json.loads(answer.body) == each["answer"]


def test_a_bit_flipped_in_a_waiting_event_loses_that_event_alone(gateway: Gateway) -> None:
    seq = gateway.seq_of(gateway.scanned[COVERED + SEALED + 7])
    body = gateway.body("SELECT body FROM waiting WHERE seq = ?", seq)
    flip_bit_in(gateway.database, body)
    damage = gateway.recover()
    assert damage.lost == [(1, seq, seq)]
    assert damage.events == SEALED + WAITING - 1
    assert judge(gateway, damage) == {seq}
    answers_as_before(gateway)
    assert (gateway.data / "gateway.db.damaged-1").exists()
    assert json.loads((gateway.data / "gateway.db.damaged-1.json").read_bytes())["lost"]


def test_a_bit_flipped_in_an_unsent_segment_loses_that_segment_alone(gateway: Gateway) -> None:
    gateway.checkpoint()
    first = COVERED + 11
    body = gateway.body("SELECT body FROM segment WHERE first_seq = ?", first)
    flip_bit_in(gateway.database, body[100:200])
    damage = gateway.recover()
    assert damage.lost == [(1, first, first + 9)]
    assert judge(gateway, damage) == set(range(first, first + 10))


def test_what_the_cloud_has_is_kept_as_it_was_and_its_damage_loses_nothing(
    gateway: Gateway,
) -> None:
    gateway.checkpoint()
    body = gateway.body("SELECT body FROM segment WHERE first_seq = 1")
    flip_bit_in(gateway.database, body[100:200])
    damage = gateway.recover()
    assert damage.lost == []
    assert damage.segments == COVERED // 10 - 1
    assert judge(gateway, damage) == set()
    with store.opened(gateway.data) as opened:
        kept = opened.database.reader.execute("SELECT first_seq, body FROM segment").fetchall()
        assert [first for first, _ in kept] == list(range(11, COVERED, 10))
        assert all(header(parse(body)).first_seq == first for first, body in kept)
        assert opened.outbox.unacknowledged(opened.database.reader) == []


def test_a_log_cut_short_is_noticed_at_the_start_and_its_end_is_named(gateway: Gateway) -> None:
    cut_log(gateway.database, 0.9)
    with pytest.raises(QuartermasterError) as refused, store.opened(gateway.data):
        pass
    assert refused.value.code == "store.damaged"
    assert "had been committed" in refused.value.detail
    damage = gateway.recover()
    lost = judge(gateway, damage)
    last = gateway.seq_of(gateway.scanned[-1])
    assert last in lost
    assert lost == set(range(min(lost), last + 1)), "the end, and nothing else"


def test_a_log_that_is_gone_altogether_is_an_old_copy_and_freezes(gateway: Gateway) -> None:
    gateway.checkpoint()
    (gateway.data / "gateway.db-wal").unlink(missing_ok=True)
    noted = gateway.data / "gateway.db-head"
    told = HeadNote(noted).read()
    assert told is not None
    now = told.furthest.now
    HeadNote(noted).write(Furthest(now._replace(seq=now.seq + 5)))
    with store.opened(gateway.data) as opened:
        assert "had been committed" in opened.outbox.depth(opened.database.reader).frozen
        assert opened.epoch == 0


@pytest.mark.parametrize("seed", range(12))
def test_a_garbage_page_loses_only_what_is_named(gateway: Gateway, seed: int) -> None:
    gateway.checkpoint()
    chance = random.Random(seed)
    number = chance.randrange(2, pages(gateway.database) + 1)
    garbage_page(gateway.database, number, seed)
    judge(gateway, gateway.recover())


@pytest.mark.parametrize("seed", range(18))
def test_however_it_is_damaged_it_is_recovered_and_never_damaged_again(
    gateway: Gateway, seed: int
) -> None:
    if seed % 3:
        gateway.checkpoint()
    log = Path(f"{gateway.database}-wal")
    way = spoil(gateway.database if seed % 3 else log, seed)
    with contextlib.suppress(QuartermasterError), store.opened(gateway.data):
        pass
    judge(gateway, gateway.recover())
    with store.opened(gateway.data) as opened:
        assert scrub(opened.database.reader).damage == [], way


def test_where_nothing_can_be_read_the_note_beside_the_database_names_what_is_lost(
    gateway: Gateway,
) -> None:
    gateway.checkpoint()
    make_illegible(gateway.database)
    damage = gateway.recover()
    last = gateway.seq_of(gateway.scanned[-1])
    assert damage.lost == [(1, COVERED + 1, last)]
    assert damage.end_known
    judge(gateway, damage)


def test_without_even_the_note_it_says_that_the_end_is_not_known(gateway: Gateway) -> None:
    gateway.checkpoint()
    make_illegible(gateway.database)
    (gateway.data / "gateway.db-head").unlink()
    damage = gateway.recover()
    assert not damage.end_known
    assert "not known" in damage.in_words()
    with store.opened(gateway.data) as opened:
        assert waiting_ids(opened) == []


def test_half_a_catalog_is_forgotten_so_that_the_cloud_sends_it_anew(gateway: Gateway) -> None:
    gateway.checkpoint()
    root = int(gateway.body("SELECT rootpage FROM sqlite_schema WHERE name = 'item'"))
    garbage_page(gateway.database, root)
    damage = gateway.recover()
    assert "item" in damage.incomplete
    assert judge(gateway, damage) == set()
    with store.opened(gateway.data) as opened:
        from edge import stock

        assert stock.versions(opened.database.reader)["catalog"] == 0


Stop = Callable[[Path], bool]


@pytest.mark.parametrize("steps", range(8))
def test_a_power_cut_between_any_two_moves_is_made_good_at_the_next_start(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    left = steps
    rename = Path.rename

    class PowerCut(BaseException):
        pass

    def counted(self: Path, target: Path | str) -> Path:
        nonlocal left
        if left == 0:
            raise PowerCut
        left -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", counted)
    with contextlib.suppress(PowerCut):
        gateway.recover()
    monkeypatch.undo()
    recovery.finish(gateway.data)
    if steps == 0:  # the new one had not been decided on: the old one is still there
        gateway.recover()
    damage = recovery.damages(gateway.data)[0]
    assert judge(gateway, damage) == set()
    assert not list(gateway.data.glob("gateway.db.recovered*"))


def test_a_disk_that_damages_again_and_again_keeps_three_databases_aside(gateway: Gateway) -> None:
    for _ in range(5):
        gateway.recover()
    aside = sorted(file.name for file in gateway.data.glob("gateway.db.damaged-?"))
    assert aside == ["gateway.db.damaged-3", "gateway.db.damaged-4", "gateway.db.damaged-5"]
    assert judge(gateway, recovery.damages(gateway.data)[0]) == set()


def test_every_table_of_this_version_comes_over_whoever_it_belongs_to(gateway: Gateway) -> None:
    with store.opened(gateway.data) as opened:
        tables = [
            name
            for (name,) in opened.database.reader.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            ).fetchall()
        ]
        filled = set(tables) - {"head", "waiting", "segment", "watermark", "age", "freed"}
        for table in filled:
            opened.database.run_blocking(partial(fill, table=table))
        before = contents(opened, filled)
    gateway.checkpoint()
    seq = gateway.seq_of(gateway.scanned[-3])
    flip_bit_in(gateway.database, gateway.body("SELECT body FROM waiting WHERE seq = ?", seq))
    damage = gateway.recover()
    assert (damage.lost, damage.incomplete, damage.changed) == ([(1, seq, seq)], [], [])
    with store.opened(gateway.data) as opened:
        assert contents(opened, filled) == before
    assert sum(bool(rows) for rows in before.values()) > 20


def fill(connection: sqlite3.Connection, table: str) -> None:
    """One row more, of the least that the table asks for."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    values = {
        name: 1 if kind == "INTEGER" else "x" if kind == "TEXT" else bytes(32)
        for _, name, kind, needed, default, key in columns
        if (needed or key) and default is None
    }
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    with contextlib.suppress(sqlite3.IntegrityError):  # it asks for more than types
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*values.values()])


def contents(opened: Store, tables: set[str]) -> dict[str, list[tuple[Any, ...]]]:
    reader = opened.database.reader
    return {table: reader.execute(f"SELECT * FROM {table}").fetchall() for table in sorted(tables)}
