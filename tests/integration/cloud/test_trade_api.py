"""The trade on the API: who may see what it costs, pages, past moments, and files both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloud import catalog
from cloud.api.shapes import moment
from cloud.catalog import IMPORT_KINDS
from cloud.tables import WORKBOOK, lines, written_workbook
from shared.units import HOUR
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


@pytest.fixture
def planner(pool: ConnectionPool[Connection], clock: FakeClock) -> Planner:
    """A planner over a catalog that holds every kind's example."""
    planner = Planner(pool, clock)
    for kind in IMPORT_KINDS:
        send(planner, kind, catalog.template(kind))
    return planner


def send(planner: Planner, kind: str, text: str, status: int = 200) -> Any:
    answer = post(planner, f"/v1/catalog/{kind}", text)
    assert answer.status_code == status, answer.text
    return answer.json()


def post(planner: Planner, path: str, text: str, **key: Any) -> Any:
    headers = bearer(planner.key("catalog:write", **key)) | {"content-type": "text/csv"}
    return planner.client.post(path, content=text, headers=headers)


def test_the_answers_are_those_that_the_document_gives_as_examples(planner: Planner) -> None:
    key = planner.key("read")
    schemas = planner.client.get("/v1/openapi.json").json()["components"]["schemas"]
    (supplier,) = planner.get("/v1/suppliers", key)["items"]
    assert supplier == schemas["SupplierLine"]["example"]
    (link,) = planner.get("/v1/item-links", key, sku="OAT-500", kind="substitute")["items"]
    assert link == schemas["LinkLine"]["example"]
    (offer,) = planner.get("/v1/offers", key, supplier="MILL", sku="OAT-500")["items"]
    first, second = offer.pop("breaks")
    example = schemas["OfferLine"]["example"]
    assert ([first], offer) == (example.pop("breaks"), example)
    assert second == {"from_quantity": 480, "cost": {"minor": 81, "currency": "EUR"}}
    (bill,) = planner.get("/v1/bills", key, sku="BREAKFAST")["items"]
    assert bill["components"] == [
        {"sku": "OAT-1000", "quantity": 2},
        {"sku": "OAT-500", "quantity": 1},
    ]
    (item,) = planner.get("/v1/items", key, sku="OAT-500")["items"]
    each, case = item.pop("codes")
    example = schemas["ItemLine"]["example"]
    assert ([case], item) == (example.pop("codes"), example)
    assert each == {"gtin": "04006381333931", "quantity": 1, "level": "each"}


def test_a_key_of_one_site_sees_what_it_sells_but_not_what_that_costs(planner: Planner) -> None:
    key = planner.key("read", sites=("S-gw-a",))
    (item,) = planner.get("/v1/items", key, sku="OAT-500")["items"]
    assert item["price"] == {"minor": 179, "currency": "EUR"}
    assert (item["cost"], item["margin"], item["margin_basis_points"]) == (None, None, None)
    assert planner.get("/v1/bills", key)["items"]
    for path in ("/v1/suppliers", "/v1/offers", "/v1/catalog/offers/export"):
        answer = planner.client.get(path, headers=bearer(key))
        assert (answer.status_code, answer.json()["code"]) == (403, "request.forbidden"), path
    answer = post(planner, "/v1/catalog/bills/corrected", "", sites=("S-gw-a",))
    assert answer.status_code == 403


def test_a_past_moment_is_answered_as_it_stood(planner: Planner, clock: FakeClock) -> None:
    key = planner.key("read")
    then = catalog_moment(planner)
    clock.advance(HOUR)
    send(planner, "assortment", "sku,category,cost,price,currency\nOAT-500,Food,1,2,EUR\n")
    send(planner, "items", "sku,name,gtin\nOAT-500,Oats,4006381333931\n")
    send(planner, "suppliers", "code,name,removed\nMILL,The Mill,yes\n")
    (now,) = planner.get("/v1/items", key, sku="OAT-500")["items"]
    assert (now["name"], now["margin"]["minor"], len(now["codes"])) == ("Oats", 100, 1)
    (past,) = planner.get("/v1/items", key, gtin="14006381333938", at=then)["items"]
    assert (past["name"], past["margin"]["minor"]) == ("Rolled oats 500 g", 90)
    assert [code["level"] for code in past["codes"]] == ["each", "case"]
    assert planner.get("/v1/items", key, gtin="14006381333938")["items"] == []
    (supplier,) = planner.get("/v1/suppliers", key, at=then)["items"]
    assert not supplier["removed"]
    early = "2001-01-01T00:00:00Z"
    assert planner.get("/v1/suppliers", key, at=early)["items"] == []


def test_sites_and_locations_are_told_as_they_stood_to_who_may_see_them(
    planner: Planner, clock: FakeClock
) -> None:
    everywhere, then = planner.key("read"), catalog_moment(planner)
    clock.advance(HOUR)
    send(planner, "sites", "code,name\nAMS1,Amsterdam West\n")
    send(planner, "sites", "code,name\nS-gw-a,A\n")
    send(planner, "locations", "site,code,capacity\nAMS1,A-01-1,500\nS-gw-a,L7,1\n")
    (line,) = planner.get("/v1/locations", everywhere, site="AMS1", at=then, limit=1)["items"]
    schemas = planner.client.get("/v1/openapi.json").json()["components"]["schemas"]
    assert line == schemas["LocationLine"]["example"]
    held = planner.get("/v1/locations", everywhere)["items"]
    assert [(line["site"], line["code"], line["capacity"]) for line in held] == [
        ("AMS1", "A-01-1", 500),
        ("AMS1", "DOCK-1", 0),
        ("S-gw-a", "L7", 1),
    ]
    (past,) = planner.get("/v1/sites", everywhere, at=then)["items"]
    assert (past["code"], past["name"], past["currency"]) == ("AMS1", "Amsterdam", "EUR")
    own = planner.key("read", sites=("S-gw-a",))
    assert [line["code"] for line in planner.get("/v1/locations", own)["items"]] == ["L7"]
    assert planner.get("/v1/sites", own, at=then)["items"] == []
    foreign = planner.client.get("/v1/locations?site=AMS1", headers=bearer(own))
    assert foreign.status_code == 404


def catalog_moment(planner: Planner) -> str:
    """When all came in: the clock stands still."""
    return moment(planner.clock.now()).isoformat()


def test_lists_come_in_pages_and_a_made_up_cursor_is_refused(planner: Planner) -> None:
    key = planner.key("read")
    send(planner, "links", "sku,kind,other\nOAT-500,sibling,BREAKFAST\nOAT-1000,sibling,OAT-500\n")
    found: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = planner.get("/v1/item-links", key, limit=1, **cursor)
        found += [(line["sku"], line["kind"]) for line in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == [("OAT-1000", "sibling"), ("OAT-500", "sibling"), ("OAT-500", "substitute")]
    foreign = planner.client.get("/v1/bills", params=cursor, headers=bearer(key))
    assert (foreign.status_code, foreign.json()["code"]) == (422, "request.invalid")


def test_a_demand_for_a_kit_is_told_by_component(planner: Planner) -> None:
    key = planner.key("read")
    path = "/v1/bills/BREAKFAST/explosion"
    told = planner.get(path, key, quantity=10, on="2026-01-01")
    assert told["needs"] == [
        {"sku": "OAT-1000", "quantity": 20, "made": False},
        {"sku": "OAT-500", "quantity": 10, "made": False},
    ]
    assert planner.get(path, key, on="2025-12-31")["needs"] == []
    unknown = planner.client.get("/v1/bills/NONE/explosion", headers=bearer(key))
    assert unknown.status_code == 404
    refusal = send(
        planner, "bills", "sku,version,component,quantity\nOAT-500,1,BREAKFAST,1\n", status=422
    )
    (flaw,) = refusal["errors"]
    assert (flaw["where"], flaw["code"]) == ("line 2 component", "catalog.cycle")
    assert "OAT-500 → BREAKFAST → OAT-500" in flaw["says"]


def test_files_go_out_come_back_and_come_back_corrected(planner: Planner) -> None:
    key = planner.key("read")
    for kind in IMPORT_KINDS:
        template = planner.client.get(f"/v1/catalog/{kind}/template", headers=bearer(key))
        assert (template.status_code, template.text) == (200, catalog.template(kind))
        held = planner.client.get(f"/v1/catalog/{kind}/export", headers=bearer(key))
        assert held.headers["content-type"].startswith("text/csv")
        assert f'filename="{kind}.csv"' in held.headers["content-disposition"]
        report = send(planner, kind, held.text)
        assert (report["inserted"], report["changed"]) == (0, 0), kind
    corrected = post(planner, "/v1/catalog/packs/corrected", "gtin,level\n4006381333931,box\n")
    assert corrected.text.splitlines()[1].startswith('4006381333931,box,"level: ')
    mended = corrected.text.replace(",box,", ",each,")
    assert send(planner, "packs", mended)["unchanged"] == 1


def test_an_export_longer_than_a_page_is_whole(planner: Planner) -> None:
    rows = "".join(f"S{number:04},x\n" for number in range(2500))
    send(planner, "items", "sku,name\n" + rows)
    held = planner.client.get("/v1/catalog/items/export", headers=bearer(planner.key("read"))).text
    skus = [line.partition(",")[0] for line in held.splitlines()]
    assert [sku for sku in skus if sku.startswith(("S0", "S1"))] == [
        f"S{number:04}" for number in range(2000)
    ]
    assert skus.count("sku") == 1


def test_every_kind_goes_out_as_excel_comes_back_and_comes_back_corrected(
    planner: Planner,
) -> None:
    key = planner.key("read")
    for kind in IMPORT_KINDS:
        for path in ("template", "export"):
            url = f"/v1/catalog/{kind}/{path}"
            held = planner.client.get(url, params={"format": "xlsx"}, headers=bearer(key))
            assert held.headers["content-type"] == WORKBOOK
            assert '.xlsx"' in held.headers["content-disposition"]
            report = post_excel(planner, f"/v1/catalog/{kind}", held.content).json()
            assert (report["inserted"], report["changed"]) == (0, 0), kind
    wrong = written_workbook(
        [["gtin", "level"], ["4006381333931", "box"]], {}, name="packs", code="catalog.file"
    )
    corrected = post_excel(planner, "/v1/catalog/packs/corrected", wrong)
    assert corrected.headers["content-type"] == WORKBOOK
    (_, header), (_, row) = lines(corrected.content, code="catalog.file")
    assert (header, row[:2]) == (["gtin", "level", "errors"], ["4006381333931", "box"])
    assert row[2].startswith("level: 'box' is none of each")


def post_excel(planner: Planner, path: str, content: bytes) -> Any:
    headers = bearer(planner.key("catalog:write")) | {"content-type": WORKBOOK}
    return planner.client.post(path, content=content, headers=headers)
