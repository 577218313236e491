"""Slices of the ledger as EPCIS 2.0: valid by GS1's own schema, whole, each event once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from cloud.app import floor
from cloud.app.stock_documents import receipt_advice
from cloud.feeds.documents import ReceiptAdvice
from cloud.ingest.model import Chain, Provisional
from cloud.ledger.epcis.model import is_gln
from cloud.ledger.epcis.service import START, Slice, document, page, written
from cloud.ledger.postings.model import Source
from cloud.ledger.transit import service as transit
from cloud.ledger.transit.model import Consignment, Goods
from shared.events import (
    Adjusted,
    Counted,
    Inspected,
    Line,
    Packed,
    Picked,
    Received,
    ScanUndone,
    Shipped,
    StockState,
    Undone,
)
from shared.units import DAY, HOUR, Micros
from tests.support.book import (
    GATEWAY_SITE,
    NOON,
    OTHER,
    THIRD,
    Floor,
    book,
    delivery,
    line,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Connection

pytestmark = pytest.mark.database
GTIN = "09506000134352"
"""An item of GS1's own examples."""
PALLET = "095000000000000017"


@pytest.fixture(scope="module")
def is_valid() -> Any:
    """GS1's schema, as deploy/install/epcis-schema.sh lays it."""
    file = Path(sys.prefix) / "share" / "epcis" / "EPCIS-JSON-Schema.json"
    schema = json.loads(file.read_text("utf-8"))
    assert schema["$id"] == "https://gs1.github.io/EPCIS/EPCIS-JSON-Schema.json"
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@pytest.fixture(scope="module")
def connection(database_server: str, database_template: str) -> Iterator[Connection]:
    with book(database_server, database_template, "qm_epcis") as connection:
        connection.execute(
            "INSERT INTO item_code (gtin, item_id) SELECT %s, item_id FROM item "
            "WHERE sku = 'SKU-1'",
            [GTIN],
        )
        connection.execute(
            "UPDATE site SET timezone = 'Europe/Amsterdam' WHERE code = %s", [GATEWAY_SITE]
        )
        live(connection)
        yield connection


def live(connection: Connection) -> None:
    """A day at one site, some of it taken back, and another system's word on a second one."""
    gate = Floor(connection)
    gate.scan(Received(Line("SKU-1", 12, lot="L 1"), "L0", document="PO 7"), at=NOON)
    gate.scan(Received(Line("SKU-1", 1, serial="S1"), "L0"), at=NOON + 1)
    gate.scan(Picked(Line("SKU-1", 2, lot="L 1"), "L0", "L1"), at=NOON + 2)
    gate.scan(Packed(Line("SKU-1", 2, lot="L 1", sscc=PALLET), "L1"), at=NOON + 3)
    gate.scan(Shipped(Line("SKU-1", 2, lot="L 1", sscc=PALLET), "L1"), at=NOON + 4)
    gate.scan(Counted(Line("SKU-2", 3), "L0", expected=0), at=NOON + 5)
    gate.scan(Adjusted(Line("SKU-2", 1), "L0", -1, "broken"), at=NOON + 6)
    state = (StockState.AVAILABLE, StockState.DAMAGED)
    gate.scan(Inspected(Line("SKU-2", 1), "L0", *state), at=NOON + 7)
    wrong = gate.scan(Received(Line("SKU-3", 5), "L0"), at=NOON + HOUR)
    back = [Undone("L0", "", "", StockState.AVAILABLE, -5)]
    gate.scan(ScanUndone(wrong, "SKU-3", back), at=NOON + 2 * HOUR)
    advice = ReceiptAdvice(
        references=(reference("R 1"),),
        order=(),
        site=THIRD,
        received_at=Micros(NOON),
        lines=(line("SKU-0", 5),),
    )
    receipt_advice(connection, advice, delivery(1))
    said = Consignment("transfer", "T1", OTHER, Micros(NOON + HOUR), from_site=THIRD)
    source = Source("person", "transfer", "T1", "sent", person="ida")
    transit.announce(connection, said, [Goods("SKU-0", 5)], source, at=Micros(NOON + 3 * HOUR))


def told(connection: Connection, limit: int = 500, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = START
    while True:
        part = page(connection, Slice(None, **wanted), after, limit=limit)
        found += part.events
        if part.next is None:
            return found
        after = part.next


def test_every_event_of_every_slice_is_valid_by_gs1s_schema(
    connection: Connection, is_valid: Any
) -> None:
    whole = told(connection)
    said = document(whole, NOON)
    assert [error.message for error in is_valid.iter_errors(said)] == []
    streamed = json.loads("".join(written(iter(whole), NOON, json.dumps)))
    assert streamed == json.loads(json.dumps(said))
    empty = json.loads("".join(written(iter([]), NOON, json.dumps)))
    assert is_valid.is_valid(empty)
    broken = json.loads(json.dumps(said))
    broken["epcisBody"]["eventList"][0]["bizStep"] = "teleporting"
    assert not is_valid.is_valid(broken)


def test_the_words_are_those_of_the_cbv_and_the_names_those_of_gs1(connection: Connection) -> None:
    first, single, picked, shipped, *_ = told(connection, item="SKU-1")
    assert first["eventID"] == "urn:uuid:00000000-0000-0000-0000-000000000001"
    assert (first["bizStep"], first["disposition"]) == ("receiving", "available")
    assert first["eventTime"] == "2025-11-20T12:00:00.000000Z"
    assert first["eventTimeZoneOffset"] == "+01:00"
    lot = f"https://id.gs1.org/01/{GTIN}/10/L%201"
    assert first["quantityList"] == [{"epcClass": lot, "quantity": 12}]
    assert first["readPoint"] == {"id": "urn:quartermaster:place:S-gw-a:L0"}
    assert (first["qm:gateway"], first["qm:epoch"], first["qm:seq"]) == ("gw-a", 1, 1)
    assert single["epcList"] == [f"https://id.gs1.org/01/{GTIN}/21/S1"]
    assert (picked["bizStep"], picked["disposition"]) == ("picking", "reserved")
    assert picked["readPoint"]["id"].endswith(":L0")
    assert picked["bizLocation"]["id"].endswith(":L1")
    assert (shipped["bizStep"], shipped["disposition"]) == ("shipping", "in_transit")
    assert "bizLocation" not in shipped
    (packed,) = [each for each in told(connection) if each["type"] == "AggregationEvent"]
    assert packed["parentID"] == f"https://id.gs1.org/00/{PALLET}"
    assert (packed["action"], packed["bizStep"]) == ("ADD", "packing")
    assert packed["childQuantityList"] == [{"epcClass": lot, "quantity": 2}]
    counted, adjusted, inspected = told(connection, item="SKU-2")
    assert (counted["action"], counted["bizStep"]) == ("ADD", "cycle_counting")
    assert (adjusted["action"], adjusted["bizStep"]) == ("DELETE", "stock_taking")
    assert (inspected["bizStep"], inspected["disposition"]) == ("inspecting", "damaged")
    advised, sent = told(connection, item="SKU-0")
    assert advised["bizTransactionList"] == [
        {"type": "recadv", "bizTransaction": "urn:quartermaster:document:house:R%201"}
    ]
    assert sent["sourceList"] == [{"type": "location", "source": "urn:quartermaster:site:3PL"}]
    assert sent["destinationList"][0]["destination"] == "urn:quartermaster:site:3PL-2"


def test_what_was_taken_back_is_told_again_as_a_mistake_under_its_own_id(
    connection: Connection, is_valid: Any
) -> None:
    scanned, undone = told(connection, item="SKU-3")
    declaration = undone.pop("errorDeclaration")
    assert declaration["reason"] == "did_not_occur"
    same = ("eventID", "eventTime", "bizStep", "action", "quantityList")
    assert {name: undone[name] for name in same} == {name: scanned[name] for name in same}
    connection.commit()
    gateway = connection.execute("SELECT gateway_id FROM gateway").fetchone()
    assert gateway is not None
    floor.taken_back(
        connection, Provisional(Chain(gateway[0], 1), [(4, 4)], Micros(0)), Micros(NOON)
    )
    packed, broken = (each for each in told(connection) if each["type"] == "AggregationEvent")
    assert broken["eventID"] == packed["eventID"]
    assert "errorDeclaration" in broken
    assert is_valid.is_valid(document([packed, broken], NOON))
    connection.rollback()


def test_pages_hold_each_event_once_and_a_slice_only_what_it_asks_for(
    connection: Connection,
) -> None:
    whole = told(connection)
    assert told(connection, limit=1) == whole
    assert len(whole) == 12
    assert told(connection, site=THIRD, until=NOON + 2 * HOUR) == [whole_of(whole, "recadv")]
    assert told(connection, since=NOON + DAY) == []
    assert told(connection, lot="L 1", item="SKU-2") == []
    assert is_gln("9501101020016")
    assert not is_gln("9501101020017")


def whole_of(whole: list[dict[str, Any]], word: str) -> dict[str, Any]:
    (found,) = (
        each
        for each in whole
        if word in [t.get("type") for t in each.get("bizTransactionList", [])]
    )
    return found
