"""A row of which a value has changed is used by nobody, found by the scrub, named, and left out."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from edge import stock
from edge.app import recovery, store
from edge.app.store import Store
from edge.db.marks import COVERED
from edge.outbox import head
from edge.outbox.scrub import scrub
from edge.stock import on_hand, on_hand_at
from shared.errors import QuartermasterError
from shared.movements import Position
from tests.support.gateway import GTIN, scan
from tests.unit.edge.app.test_recovery import COVERED as SCANS_COVERED
from tests.unit.edge.app.test_recovery import Gateway, judge, scans

AT = Position("TEA-1", "DOCK-1", "L2025A", "", 0)


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Gateway:
    return Gateway(tmp_path, pki)


def change(gateway: Gateway, statement: str, *values: object) -> None:
    """What a flipped bit does: the value is another, the mark is not."""
    connection = sqlite3.connect(gateway.database)
    assert connection.execute(statement, values).rowcount == 1
    connection.commit()
    connection.close()


def asked(opened: Store, request: dict[str, Any]) -> dict[str, Any]:
    """A scan's answer, and whether it told of damage."""
    answer = asyncio.run(opened.pipeline.scan(json.dumps(request).encode(), device="sc-01"))
    return {"status": answer.status, **json.loads(answer.body)}


CHANGES = {
    "balance": "UPDATE balance SET quantity = quantity + 64 WHERE lot = 'L2025A'",
    "item": "UPDATE item SET name = 'Grean tea' WHERE sku = 'TEA-1'",
    "item_code": "UPDATE item_code SET quantity = 17 WHERE quantity = 1",
    "location": "UPDATE location SET removed = 0 WHERE code = 'GONE-1'",
    "document": "UPDATE document SET version = version + 1 WHERE kind = 'catalog'",
}


@pytest.mark.parametrize("table", CHANGES)
def test_a_scan_that_would_use_it_is_not_answered_and_damage_is_told(
    gateway: Gateway, table: str
) -> None:
    change(gateway, CHANGES[table])
    with store.opened(gateway.data) as opened:
        told: list[str] = []
        opened.database.when_damaged(lambda error: told.append(error.where))
        before = opened.outbox.depth(opened.database.reader).seq
        place = {"location": "GONE-1"} if table == "location" else {}
        try:
            answer = asked(opened, scan(quantity=1, **place))
        except QuartermasterError as error:  # of what is read outside the unit
            answer = {"outcome": "refused", "error": {"code": error.code}}
        assert answer["outcome"] == "refused"
        assert answer["error"]["code"] == "store.damaged"
        assert told == [] or told[0].startswith(table)
        assert opened.outbox.depth(opened.database.reader).seq == before
        assert scrub(opened.database.reader).damage != []


def test_a_changed_answer_is_not_given_again(gateway: Gateway) -> None:
    first = gateway.scanned[0]
    answer = json.dumps({**first["answer"], "on_hand": 4711}).encode()
    scan_id = bytes.fromhex(first["request"]["id"].replace("-", ""))
    change(gateway, "UPDATE answered SET answer = ? WHERE id = ?", answer, scan_id)
    with store.opened(gateway.data) as opened:
        assert asked(opened, first["request"])["error"]["code"] == "store.damaged"
        assert asked(opened, gateway.scanned[1]["request"])["on_hand"] != 4711


@pytest.mark.parametrize("column", ["quantity", "again"])
def test_a_sum_over_changed_rows_is_not_told(gateway: Gateway, column: str) -> None:
    change(gateway, f"UPDATE balance SET {column} = {column} + 1 WHERE lot = 'L2025A'")
    with store.opened(gateway.data) as opened:
        reader = opened.database.reader
        for ask in (
            lambda: on_hand(reader, "TEA-1"),
            lambda: on_hand_at(reader, "TEA-1", "DOCK-1"),
        ):
            with pytest.raises(QuartermasterError, match=r"store\.damaged"):
                ask()


@pytest.mark.parametrize("place", ["location", "lot", "serial", "sku"])
def test_a_position_that_says_it_lies_elsewhere_is_not_believed(
    gateway: Gateway, place: str
) -> None:
    change(gateway, f"UPDATE balance SET {place} = {place} || 'X'")
    with store.opened(gateway.data) as opened:
        with pytest.raises(QuartermasterError, match=r"store\.damaged"):
            stock.lines(opened.database.reader)
        (told,) = scrub(opened.database.reader).damage
        assert told.startswith("balance ")
        assert "X" in told


def test_a_changed_balance_is_named_and_left_out_and_the_rest_goes_on(gateway: Gateway) -> None:
    with store.opened(gateway.data) as opened:
        scans_elsewhere(opened)
    change(gateway, CHANGES["balance"] + " AND location = 'DOCK-1'")
    damage = gateway.recover()
    assert damage.changed == ["balance TEA-1 DOCK-1 L2025A - 0"]
    assert "changed and left out: balance TEA-1 DOCK-1 L2025A" in damage.in_words()
    assert (damage.lost, damage.incomplete) == ([], [])
    with store.opened(gateway.data) as opened:
        reader = opened.database.reader
        assert stock.at(reader, AT) == 0, "nobody knows: it has to be counted"
        assert stock.at(reader, AT._replace(location="A-01")) == 3
        assert scrub(reader).damage == []
        assert any("balance TEA-1" in str(each) for each in recovery.damages(gateway.data))


def scans_elsewhere(opened: Store) -> None:
    answer = asked(opened, scan(location="A-01", quantity=3))
    assert answer["outcome"] == "accepted"


def test_a_changed_line_of_the_catalog_has_the_catalog_come_anew(gateway: Gateway) -> None:
    change(gateway, CHANGES["item_code"])
    damage = gateway.recover()
    assert damage.changed == [f"item_code {GTIN} TEA-1 17"]
    assert judge(gateway, damage) == set()
    with store.opened(gateway.data) as opened:
        assert stock.versions(opened.database.reader)["catalog"] == 0


def test_how_far_the_cloud_has_it_is_not_believed_when_it_has_changed(gateway: Gateway) -> None:
    """A number too high would free what nobody has; the note beside the database knows better."""
    change(gateway, "UPDATE watermark SET contiguous_seq = contiguous_seq + 8")
    with pytest.raises(QuartermasterError, match=r"store\.damaged"), store.opened(gateway.data):
        pass
    damage = gateway.recover()
    assert (damage.lost, damage.unknown_from) == ([], [])
    assert damage.segments == SCANS_COVERED // 10
    assert judge(gateway, damage) == set()


def test_an_end_that_has_changed_is_chained_to_by_nobody(gateway: Gateway) -> None:
    change(gateway, "UPDATE head SET seq = seq - 1")
    with pytest.raises(QuartermasterError, match=r"store\.damaged"), store.opened(gateway.data):
        pass
    damage = gateway.recover()
    assert judge(gateway, damage) == set()
    with store.opened(gateway.data) as opened:
        assert head(opened.database.reader).epoch == 0


def test_an_event_that_waited_and_vanished_is_missed_when_it_is_sealed(gateway: Gateway) -> None:
    seq = gateway.seq_of(gateway.scanned[-5])
    change(gateway, "DELETE FROM waiting WHERE seq = ?", seq)
    with store.opened(gateway.data) as opened:
        with pytest.raises(QuartermasterError, match=r"store\.damaged"):
            opened.database.run_blocking(lambda c: opened.outbox.seal(c, 1))
        assert opened.outbox.depth(opened.database.reader).waiting == 40
    damage = gateway.recover()
    assert damage.lost == [(1, seq, seq)]
    assert judge(gateway, damage) == {seq}


def test_a_segment_whose_numbers_have_changed_is_found_and_goes_on_by_its_own(
    gateway: Gateway,
) -> None:
    first = SCANS_COVERED + 1
    change(gateway, "UPDATE segment SET last_seq = last_seq + 4 WHERE first_seq = ?", first)
    with store.opened(gateway.data) as opened:
        assert any("other numbers" in each for each in scrub(opened.database.reader).damage)
    damage = gateway.recover()
    assert damage.lost == []
    assert judge(gateway, damage) == set()


def test_every_covered_column_is_one_of_its_table_and_rows_of_old_versions_pass(
    gateway: Gateway,
) -> None:
    connection = sqlite3.connect(gateway.database)
    for table, columns in COVERED.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        assert {*columns, "mark"} <= there
        connection.execute(f"UPDATE {table} SET mark = NULL")
    connection.commit()
    connection.close()
    with store.opened(gateway.data) as opened:
        assert scrub(opened.database.reader).damage == []
        assert len(scans(opened, 1)) == 1
        (marked,) = opened.database.reader.execute(
            "SELECT count(*) FROM balance WHERE mark IS NOT NULL"
        ).fetchone()
        assert marked == 1, "what is written anew has one"
