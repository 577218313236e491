"""What a scan is answered, and what state it leaves."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from edge import stock
from edge.app.store import Store
from edge.outbox import retention
from shared.downlink import encode
from shared.events import (
    Adjusted,
    CodeSeen,
    Counted,
    Event,
    Inspected,
    Moved,
    Packed,
    Picked,
    PutAway,
    Received,
    Returned,
    Shipped,
    StockState,
    decode_event,
)
from shared.movements import Position
from shared.policy import Policy
from shared.units import DAY, HOUR, MINUTE
from tests.support.gateway import CARTON, GTIN, LABEL, offer_of, scan

LOT = "L2025A"


def ask(store: Store, request: dict[str, Any] | bytes, device: str = "sc-01") -> dict[str, Any]:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = asyncio.run(store.pipeline.scan(body, device=device))
    return {"status": answer.status, **json.loads(answer.body)}


def events(store: Store) -> list[Event]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def balances(store: Store) -> dict[tuple[str, str, str], int]:
    return {
        (line.position.location, line.position.lot, StockState(line.position.state).name): (
            line.quantity
        )
        for line in stock.lines(store.database.reader)
    }


def trace(store: Store) -> tuple[Any, ...]:
    """All that a scan may change."""
    reader = store.database.reader
    tables = ("waiting", "balance", "answered", "tally", "segment", "head")
    return tuple(reader.execute(f"SELECT * FROM {table}").fetchall() for table in tables)


def test_a_scan_is_understood_recorded_and_answered_in_one(store: Store) -> None:
    request = scan(LABEL, quantity=5)
    answer = ask(store, request)
    assert answer["status"] == 200
    assert answer["outcome"] == "accepted"
    assert answer["understood"] == {
        "sku": "TEA-1",
        "name": "Green tea",
        "gtin": GTIN,
        "lot": LOT,
        "expiry": "2048-01-31",
        "serial": None,
        "sscc": None,
        "quantity": 5,
        "location": "DOCK-1",
        "to": None,
    }
    assert (answer["on_hand"], answer["on_hand_here"]) == (5, 5)
    assert answer["versions"] == {
        "catalog": 1,
        "policy": 0,
        "people": 0,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    (event,) = events(store)
    assert event.seq == answer["seq"] == 1
    assert event.id == uuid.UUID(request["id"]).bytes
    assert event.device == "sc-01"
    assert isinstance(event.data, Received)
    assert event.data.line.raw == LABEL
    assert event.data.line.catalog == 1
    assert balances(store) == {("DOCK-1", LOT, "AVAILABLE"): 5}


def test_a_carton_counts_the_pieces_it_holds(store: Store) -> None:
    answer = ask(store, scan(CARTON, quantity=2))
    assert answer["understood"]["quantity"] == 24
    assert answer["on_hand"] == 24


def test_a_labels_own_count_is_used_unless_a_person_says_another(store: Store) -> None:
    label = f"]C102{GTIN}37000008"
    assert ask(store, scan(label))["understood"]["quantity"] == 8
    assert ask(store, scan(label, quantity=3))["understood"]["quantity"] == 3


def test_the_whole_way_of_the_goods(store: Store) -> None:
    steps: list[tuple[dict[str, Any], type]] = [
        ({"step": "receive", "quantity": 10, "location": "DOCK-1"}, Received),
        ({"step": "put_away", "quantity": 10, "to": "A-01"}, PutAway),
        ({"step": "move", "quantity": 4, "location": "A-01", "to": "A-02"}, Moved),
        ({"step": "pick", "quantity": 3, "location": "A-01", "document": "SO-7"}, Picked),
        ({"step": "pack", "quantity": 3}, Packed),
        ({"step": "ship", "quantity": 2, "document": "SO-7"}, Shipped),
        ({"step": "return", "quantity": 1}, Returned),
        (
            {
                "step": "inspect",
                "quantity": 1,
                "location": "DOCK-1",
                "from_state": "quarantined",
                "state": "damaged",
                "reason": "wet",
            },
            Inspected,
        ),
        ({"step": "count", "quantity": 5, "location": "A-02"}, Counted),
        ({"step": "adjust", "quantity": -1, "location": "A-02", "reason": "broken"}, Adjusted),
    ]
    for fields, kind in steps:
        answer = ask(store, scan(**fields))
        assert answer["outcome"] == "accepted", answer
        assert answer["warnings"] == []
        assert isinstance(events(store)[-1].data, kind)
    assert balances(store) == {
        ("A-01", LOT, "AVAILABLE"): 3,
        ("A-02", LOT, "AVAILABLE"): 4,
        ("STAGE-1", LOT, "ALLOCATED"): 1,
        ("DOCK-1", LOT, "DAMAGED"): 1,
    }
    assert answer["on_hand"] == 9
    counted = events(store)[8].data
    assert isinstance(counted, Counted)
    assert (counted.expected, counted.line.quantity) == (4, 5)


def test_a_retry_gets_the_same_answer_and_makes_no_second_event(store: Store) -> None:
    request = scan(quantity=2)
    first = ask(store, request)
    before = trace(store)
    assert ask(store, request) == first
    assert trace(store) == before


def test_the_same_id_with_other_content_is_refused(store: Store) -> None:
    request = scan(quantity=2)
    ask(store, request)
    before = trace(store)
    answer = ask(store, {**request, "quantity": 3})
    assert (answer["status"], answer["error"]["code"]) == (409, "scan.id-reused")
    assert ask(store, request, device="sc-02")["error"]["code"] == "scan.id-reused"
    assert trace(store) == before


def test_two_identical_scans_at_once_make_one_event(store: Store) -> None:
    body = json.dumps(scan(quantity=2)).encode()

    async def both() -> list[bytes]:
        return [
            answer.body
            for answer in await asyncio.gather(
                *(store.pipeline.scan(body, device="sc-01") for _ in range(8))
            )
        ]

    assert len(set(asyncio.run(both()))) == 1
    assert len(events(store)) == 1


@pytest.mark.parametrize(
    ("request_", "status", "code", "where"),
    [
        (b"", 422, "scan.malformed", ""),
        (b"{", 422, "scan.malformed", ""),
        (b"[1]", 422, "scan.malformed", ""),
        (b"\xff\xfe", 422, "scan.malformed", ""),
        (b"[" * 2000, 422, "payload.too-deep", ""),
        (b'{"raw":' + b"[" * 500 + b"]" * 500 + b"}", 422, "payload.too-deep", ""),
        (b'{"raw":"' + b"x" * 9000 + b'"}', 413, "payload.too-large", ""),
        (scan(id="no uuid"), 422, "scan.malformed", "id"),
        (scan(step="steal"), 422, "scan.malformed", "step"),
        (scan(quantity=1.5), 422, "scan.malformed", "quantity"),
        (scan(quantity="5"), 422, "scan.malformed", "quantity"),
        (scan(quantity=10**12), 422, "scan.malformed", "quantity"),
        (scan(location="A 01"), 422, "scan.malformed", "location"),
        (scan(location="A-01\n"), 422, "scan.malformed", "location"),
        (scan(unknown=1), 422, "scan.malformed", ""),
        (scan(raw=""), 422, "scan.empty", ""),
        (scan(raw="x" * 600), 422, "scan.too-long", ""),
        (scan(raw="a\x00b"), 422, "scan.malformed", ""),
        (scan(raw="09506000134353"), 422, "gs1.check-digit", "GTIN"),
        (scan(raw="4006381333931"), 422, "scan.unknown-item", ""),
        (scan(raw="no such thing"), 422, "scan.unknown-item", ""),
        (scan(raw="OLD-1"), 422, "scan.item-removed", ""),
        (scan(location="NOWHERE"), 422, "scan.unknown-location", "location"),
        (scan(location="GONE-1"), 422, "scan.unknown-location", "location"),
        (scan(step="put_away", to="NOWHERE"), 422, "scan.unknown-location", "to"),
        (scan(step="put_away"), 422, "scan.location-missing", "to"),
        (scan(step="pick"), 422, "scan.location-missing", "location"),
        (scan(step="count", quantity=1), 422, "scan.location-missing", "location"),
        (scan(quantity=0), 422, "scan.quantity", ""),
        (scan(quantity=-1), 422, "scan.quantity", ""),
        (scan(CARTON, quantity=9_000_000), 422, "scan.quantity", "quantity"),
        (scan(step="adjust", location="A-01", quantity=-1), 422, "scan.reason-missing", ""),
        (scan(step="inspect", location="A-01"), 422, "scan.malformed", "state"),
        (scan(device="sc-99"), 403, "scan.other-device", "device"),
    ],
)
def test_a_bad_scan_is_refused_with_its_code_and_changes_nothing(
    store: Store, request_: dict[str, Any] | bytes, status: int, code: str, where: str
) -> None:
    before = trace(store)
    answer = ask(store, request_)
    assert (answer["status"], answer["outcome"], answer["error"]["code"]) == (
        status,
        "refused",
        code,
    )
    assert answer["error"]["where"] == where
    assert answer["error"]["says"]
    assert answer["error"]["do"]
    assert answer["seq"] is None
    assert answer["versions"] == {
        "catalog": 1,
        "policy": 0,
        "people": 0,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    assert trace(store) == before
    assert store.pipeline.totals_now() == (0, 1)


def test_a_refused_scan_may_be_sent_again_when_the_reason_has_gone(bare_store: Store) -> None:
    from tests.support.gateway import equip_store

    request = scan()
    answer = ask(bare_store, request)
    assert (answer["status"], answer["error"]["code"]) == (503, "scan.no-catalog")
    equip_store(bare_store)
    assert ask(bare_store, request)["outcome"] == "accepted"


def test_refusals_are_counted_over_a_restart(store: Store) -> None:
    ask(store, scan(raw=""))
    ask(store, scan())
    assert asyncio.run(store.pipeline.totals()) == (1, 1)
    assert store.pipeline.totals_now() == (1, 1)
    rows = dict(store.database.reader.execute("SELECT name, total FROM tally").fetchall())
    assert rows == {"scans": 1, "refused": 1}


def test_taking_more_than_is_on_record_is_accepted_with_a_warning(store: Store) -> None:
    answer = ask(store, scan(step="pick", location="A-01", quantity=4))
    assert answer["outcome"] == "accepted"
    assert "scan.negative-on-hand" in [warning["code"] for warning in answer["warnings"]]
    position = Position("TEA-1", "A-01", LOT, "", StockState.AVAILABLE)
    assert stock.at(store.database.reader, position) == -4


def test_a_policy_in_force_is_obeyed_and_named(store: Store) -> None:
    content = encode(Policy("strict", negative_on_hand="refuse", max_quantity=10))
    offer = offer_of(content, 3, kind="policy")
    site = store.identity.site
    store.database.run_blocking(
        lambda connection: stock.put_in_force(connection, offer, content, site=site, now=1)
    )
    answer = ask(store, scan(step="pick", location="A-01"))
    assert answer["error"]["code"] == "scan.negative-on-hand"
    assert answer["understood"]["sku"] == "TEA-1"
    assert answer["versions"] == {
        "catalog": 1,
        "policy": 3,
        "people": 0,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    assert ask(store, scan(quantity=11))["error"]["code"] == "scan.quantity"
    assert ask(store, scan(quantity=10))["outcome"] == "accepted"


def test_the_devices_time_is_used_where_it_can_be_right(store: Store) -> None:
    now = store.clock.now()
    right = ask(store, scan(occurred_at=now - HOUR))
    assert right["warnings"] == [] or "scan.device-clock" not in str(right["warnings"])
    assert events(store)[-1].occurred_at == now - HOUR
    for wrong in (now - 40 * DAY, now + 2 * MINUTE, 0):
        answer = ask(store, scan(occurred_at=wrong))
        assert answer["outcome"] == "accepted"
        assert "scan.device-clock" in [warning["code"] for warning in answer["warnings"]]
        assert abs(events(store)[-1].occurred_at - now) < MINUTE


def test_a_label_with_a_lost_separator_is_accepted_with_a_warning(store: Store) -> None:
    answer = ask(store, scan(f"]C101{GTIN}10LOTA717291231"))
    if answer["outcome"] == "accepted":
        assert "gs1.lost-separator" in [warning["code"] for warning in answer["warnings"]]
    else:
        assert answer["error"]["code"] == "gs1.lost-separator"


def test_a_full_disk_is_a_red_answer_and_never_a_false_yes(store: Store) -> None:
    (pages,) = store.database.reader.execute("PRAGMA page_count").fetchone()
    store.database.run_blocking(
        lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    )
    accepted = 0
    for _ in range(500):
        answer = ask(store, scan())
        if answer["outcome"] == "refused":
            break
        accepted += 1
    assert (answer["status"], answer["error"]["code"]) == (507, "disk.full")
    assert len(events(store)) == accepted
    assert sum(balances(store).values()) == accepted
    store.database.run_blocking(
        lambda connection: connection.execute(f"PRAGMA max_page_count = {pages * 2}").fetchall()
    )
    assert ask(store, scan())["outcome"] == "accepted"
    assert len(events(store)) == accepted + 1


def test_what_was_answered_survives_a_reopening_and_so_do_retries(store: Store) -> None:
    from edge.app.store import opened

    request = scan(quantity=2)
    first = ask(store, request)
    store.database.close()
    with opened(store.data) as again:
        assert ask(again, request) == first
        assert len(events(again)) == 1
        assert ask(again, scan(quantity=1))["on_hand"] == 3


def test_facts_that_are_no_scans_are_recorded_and_move_nothing(store: Store) -> None:
    fact = CodeSeen("cam-1", "qr", "hello")
    assert asyncio.run(store.pipeline.record(fact, device="cam-1")) == 1
    assert store.pipeline.record_blocking(fact, device="cam-1") == 2
    assert [event.data for event in events(store)] == [fact, fact]
    assert events(store)[0].id != events(store)[1].id
    assert balances(store) == {}


def test_answers_past_their_retention_are_forgotten(store: Store) -> None:
    unit, clean = store.database.run_blocking, store.pipeline.clean
    ask(store, scan())
    assert unit(lambda connection: retention.grow_older(connection, HOUR)) == HOUR
    ask(store, scan())
    assert unit(lambda connection: clean(connection, 0)) == 0
    assert unit(lambda connection: clean(connection, HOUR)) == 1
    assert unit(lambda connection: clean(connection, HOUR)) == 0
