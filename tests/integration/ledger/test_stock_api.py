"""Stock that people change through the API, and where every number comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloud.catalog.service import item_ids, location_ids
from cloud.db import unit_of_work
from cloud.ledger.names import Names
from cloud.ledger.rebuild import EventFold, begin_comparison
from tests.support.book import NOON
from tests.support.planner import Planner, bearer
from tests.support.uplink import Hand, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from tests.support import FakeClock

pytestmark = pytest.mark.database


@pytest.fixture
def planner(pool: ConnectionPool[Connection], clock: FakeClock) -> Planner:
    clock.set(NOON)
    planner = Planner(pool, clock)
    with pool.connection() as connection:
        stage(connection, [Hand("gw-a")], items=3, locations=2)
        connection.execute("INSERT INTO site (code) VALUES ('3PL'), ('3PL-2')")
    return planner


def send(planner: Planner, key: str, path: str, body: Any, status: int = 200, **more: Any) -> Any:
    head = bearer(key) | {"idempotency-key": more.pop("idempotency", "k1")}
    answer = planner.client.post(path, json=body, headers=head, params=more)
    assert answer.status_code == status, answer.text
    return answer.json()


def stock(planner: Planner, key: str, **asked: str) -> dict[str, int]:
    rows = planner.get("/v1/stock", key, **asked)["items"]
    return {f"{row['site']} {row['sku']} {row['state']}": row["quantity"] for row in rows}


def test_a_correction_is_tried_made_once_followed_back_and_undone(planner: Planner) -> None:
    key = planner.key("read", "stock:write", sites=("3PL",))
    said = {"site": "3PL", "item": "SKU-0", "quantity": 7, "reason": "counted by hand"}
    tried = send(planner, key, "/v1/stock/corrections", said, dry_run="true")
    assert tried == {"posting": None, "before": 0, "after": 7}
    assert stock(planner, key) == {}
    done = send(planner, key, "/v1/stock/corrections", said)
    assert (done["before"], done["after"]) == (0, 7)
    again = send(planner, key, "/v1/stock/corrections", said)
    assert again["posting"] == done["posting"]
    assert stock(planner, key) == {"3PL SKU-0 available": 7}
    other = send(planner, key, "/v1/stock/corrections", {**said, "quantity": 8}, status=409)
    assert other["code"] == "stock.contradicts"
    (moved,) = planner.get("/v1/movements", key, posting=done["posting"])["items"]
    assert (moved["event"], moved["gateway"], moved["quantity"]) == ("ADJUSTED", None, 7)
    assert moved["posting"]["reason"] == "counted by hand"
    assert "key" in moved["posting"]["person"]
    undo = f"/v1/stock/corrections/{done['posting']}/undo"
    planner.clock.advance(60)
    back = send(planner, key, undo, {"reason": "the wrong shelf"})
    assert back["reverses"] == done["posting"]
    assert send(planner, key, undo, {"reason": "the wrong shelf"})["id"] == back["id"]
    assert stock(planner, key) == {}
    newest, first = planner.get("/v1/stock/postings", key)["items"]
    assert (newest["id"], first["reversed_by"]) == (back["id"], back["id"])
    refused = send(planner, key, f"/v1/stock/corrections/{back['id']}/undo", {"reason": "no"}, 409)
    assert refused["code"] == "stock.undone"


def test_a_correction_does_not_fight_the_gateway_nor_reach_another_site(planner: Planner) -> None:
    key = planner.key("read", "stock:write")
    said = {"site": "S-gw-a", "item": "SKU-0", "quantity": 7, "reason": "counted"}
    refused = send(planner, key, "/v1/stock/corrections", said, 409)
    assert refused["code"] == "stock.gateway-owns"
    assert "gw-a" in refused["detail"]
    foreign = planner.key("read", "stock:write", sites=("3PL-2",))
    at_3pl = {**said, "site": "3PL"}
    assert send(planner, foreign, "/v1/stock/corrections", at_3pl, 404)["code"]
    both = {**at_3pl, "difference": 1}
    assert send(planner, key, "/v1/stock/corrections", both, 422)["code"] == "request.invalid"
    assert send(planner, planner.key("read"), "/v1/stock/corrections", at_3pl, 403)["code"]
    done = send(planner, key, "/v1/stock/corrections", at_3pl)
    undo = f"/v1/stock/corrections/{done['posting']}/undo"
    assert send(planner, foreign, undo, {"reason": "mine"}, 404)["code"] == "request.not-found"
    assert stock(planner, key) == {"3PL SKU-0 available": 7}


def test_a_transfer_is_sent_seen_on_its_way_received_and_its_rest_written_off(
    planner: Planner,
) -> None:
    key = planner.key("read", "stock:write", "exceptions:write")
    said = {"site": "3PL", "item": "SKU-0", "quantity": 9, "reason": "first stock"}
    send(planner, key, "/v1/stock/corrections", said)
    transfer = {
        "reference": "TO-1",
        "from_site": "3PL",
        "site": "3PL-2",
        "shipped_at": "2025-11-20T10:00:00Z",
        "goods": [{"item": "SKU-0", "quantity": 5, "sscc": "095000000000000017"}],
    }
    opened = send(planner, key, "/v1/transfers", transfer)
    assert send(planner, key, "/v1/transfers", transfer) == opened
    on_its_way = {"3PL SKU-0 available": 4, "3PL-2 SKU-0 in_transit": 5}
    assert stock(planner, key) == on_its_way
    first, second = planner.get("/v1/stock/summary", key, item="SKU-0")["items"]
    assert (first["on_hand"], first["available"], first["in_transit"]) == (4, 4, 0)
    assert (second["site"], second["on_hand"], second["in_transit"]) == ("3PL-2", 0, 5)
    assert planner.get("/v1/stock/summary", key, limit=1)["items"] == [first]
    (line,) = planner.get("/v1/stock/in-transit", key, sscc="095000000000000017")["items"]
    assert (line["reference"], line["from_site"], line["quantity"]) == ("TO-1", "3PL", 5)
    theirs = planner.key("read", sites=("3PL",))
    assert planner.get("/v1/stock/in-transit", theirs)["items"] == []
    here = f"/v1/consignments/{opened['consignment']}"
    arrival = {
        "occurred_at": "2025-11-20T12:00:00Z",
        "goods": [{"item": "SKU-0", "quantity": 3}],
    }
    for _ in range(2):
        send(planner, key, f"{here}/arrivals", arrival)
    closed = send(planner, key, f"{here}/close", {"reason": "two fell off"})
    assert closed == {"lost": 2}
    assert stock(planner, key) == {"3PL SKU-0 available": 4, "3PL-2 SKU-0 available": 3}
    (case,) = planner.get("/v1/exceptions", key)["items"]
    assert case["code"] == "transit.short"
    assert send(planner, key, f"{here}/close", {"reason": "again"}, 409)["code"] == "transit.closed"
    assert send(planner, key, "/v1/consignments/77/close", {"reason": "x"}, 404)["code"]


def test_what_is_on_a_pallet_is_asked_by_its_label(planner: Planner) -> None:
    key = planner.key("read")
    with planner.pool.connection() as connection:
        connection.execute(
            "INSERT INTO unit_fact (key, sscc, what, item_id, quantity, site_id, location, "
            "occurred_at, received_at) SELECT 'k', '095000000000000017', 'packed', item_id, 4, "
            "site_id, 'L0', to_timestamp(1763640000), to_timestamp(1763640000) "
            "FROM item, site WHERE sku = 'SKU-1' AND code = 'S-gw-a'"
        )
    told = planner.get("/v1/units/095000000000000017", key)
    assert (told["site"], told["location"], told["left"]) == ("S-gw-a", "L0", False)
    assert [(c["item"], c["quantity"]) for c in told["contents"]] == [("SKU-1", 4)]
    assert [u["sscc"] for u in planner.get("/v1/units", key, item="SKU-1")["items"]] == [
        told["sscc"]
    ]
    other = planner.key("read", sites=("3PL",))
    gone = planner.client.get("/v1/units/095000000000000017", headers=bearer(other))
    assert gone.status_code == 404
    earlier = planner.client.get(
        "/v1/units/095000000000000017?at=2025-01-01T00:00:00Z", headers=bearer(key)
    )
    assert earlier.status_code == 404


def test_a_slice_is_paged_or_streamed_as_epcis_and_postings_are_evidence_of_their_own(
    planner: Planner,
) -> None:
    planner.receive("gw-a", *((f"SKU-{n % 3}", n + 1, "L0", "") for n in range(24)))
    key = planner.key("read", "stock:write")
    said = {"site": "3PL", "item": "SKU-0", "quantity": 7, "reason": "first stock"}
    send(planner, key, "/v1/stock/corrections", said)
    answer = planner.client.get("/v1/epcis/document", headers=bearer(key))
    assert answer.headers["content-type"].startswith("application/ld+json")
    assert answer.headers["gs1-epcis-version"] == "2.0"
    whole = answer.json()["epcisBody"]["eventList"]
    assert len(whole) == 25
    paged: list[Any] = []
    path = "/v1/epcis/events?limit=20"
    for _ in range(9):
        page = planner.client.get(path, headers=bearer(key))
        paged += page.json()["epcisBody"]["eventList"]
        if "link" not in page.headers:
            break
        cursor = page.headers["link"].removeprefix("<?cursor=").split(">")[0]
        path = f"/v1/epcis/events?limit=20&cursor={cursor}"
    assert paged == whole
    theirs = planner.key("read", sites=("3PL",))
    (own,) = planner.get("/v1/epcis/events", theirs)["epcisBody"]["eventList"]
    assert own["qm:posting"] > 0
    refused = planner.client.get("/v1/epcis/document?site=S-gw-a", headers=bearer(theirs))
    assert refused.status_code == 404
    with unit_of_work(planner.pool) as connection:
        moved = connection.execute("SELECT count(*) FROM movement").fetchone()
    with unit_of_work(planner.pool) as connection:
        begin_comparison(connection)
        fold = EventFold(Names(item_ids, location_ids))
        found = fold.compare(connection)
        # What was posted is its own evidence; of what gateways state there is none here.
        assert moved == (25,)
        assert found.movements == 1
        assert {row.site for row in found.drift} == {"S-gw-a"}
