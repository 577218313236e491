"""Mappings are kept by name in versions, and a file of theirs comes in by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud import catalog
from cloud.catalog import IMPORT_KINDS
from cloud.cli import app
from cloud.db import unit_of_work
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

PRICES = "Prices of March;;\nArtikel;Unit cost;Menge ab\nOAT-500;1.000,50;48\nOAT-9;1.5;x\n"
MAPPING = {
    "kind": "offers",
    "columns": {"sku": "artikel", "cost": "Unit cost", "from": "Menge ab"},
    "constants": {"supplier": "MILL", "currency": "EUR"},
    "header": 2,
    "decimal": ",",
    "delimiter": ";",
}


@pytest.fixture
def planner(pool: ConnectionPool[Connection], clock: FakeClock) -> Planner:
    planner = Planner(pool, clock)
    with unit_of_work(pool) as connection:
        for kind in IMPORT_KINDS:
            content = catalog.template(kind)
            assert not catalog.import_csv(connection, kind=kind, content=content).errors
    return planner


def put(planner: Planner, name: str, mapping: dict[str, Any], key: str) -> Any:
    headers = bearer(key) | {"content-type": "application/json"}
    content = json.dumps(mapping)  # a half character as an escape, which no client would write
    return planner.client.request("PUT", f"/v1/mappings/{name}", content=content, headers=headers)


def send(planner: Planner, path: str, text: str, key: str, **asked: Any) -> Any:
    headers = bearer(key) | {"content-type": "text/csv"}
    return planner.client.post(path, content=text, headers=headers, params=asked)


def test_a_file_of_theirs_comes_in_by_a_mapping_that_is_kept_in_versions(
    planner: Planner,
) -> None:
    key = planner.key("read", "catalog:write")
    first = put(planner, "mill-prices", MAPPING, key).json()
    assert (first["version"], first["saved_by"]) == (1, "test")
    assert put(planner, "mill-prices", MAPPING, key).json() == first

    refused = send(planner, "/v1/catalog/offers", PRICES, key, mapping="mill-prices")
    assert refused.status_code == 422
    assert [flaw["where"] for flaw in refused.json()["errors"]] == ["line 4 cost", "line 4 from"]
    corrected = send(planner, "/v1/catalog/offers/corrected", PRICES, key, mapping="mill-prices")
    assert corrected.text.splitlines()[:3] == [
        "Prices of March;;",
        "Artikel;Unit cost;Menge ab;errors",
        "OAT-500;1.000,50;48;",
    ]
    assert corrected.text.splitlines()[3].startswith("OAT-9;1.5;x;cost: '1.5 (with a point)'")

    good = corrected.text.partition("OAT-9;")[0]
    report = send(planner, "/v1/catalog/offers", good, key, mapping="mill-prices").json()
    assert (report["rows"], report["changed"]) == (1, 1)
    again = send(planner, "/v1/catalog/offers", good, key, mapping="mill-prices").json()
    assert (again["unchanged"], again["revision"]) == (1, report["revision"])
    (offer,) = planner.get("/v1/offers", key, sku="OAT-500")["items"]
    assert offer["breaks"] == [{"from_quantity": 48, "cost": {"minor": 100050, "currency": "EUR"}}]

    second = put(planner, "mill-prices", MAPPING | {"decimal": "."}, key).json()
    assert second["version"] == 2
    old = planner.get("/v1/mappings/mill-prices", key, version=1)
    assert old["mapping"]["decimal"] == ","
    assert planner.get("/v1/mappings", key, kind="offers")["items"] == [second]
    gone = planner.client.request("DELETE", "/v1/mappings/mill-prices", headers=bearer(key))
    assert gone.status_code == 204
    assert planner.get("/v1/mappings", key)["items"] == []
    lost = send(planner, "/v1/catalog/offers", good, key, mapping="mill-prices")
    assert (lost.status_code, lost.json()["code"]) == (404, "request.not-found")
    assert planner.get("/v1/mappings/mill-prices", key, version=1) == old


CANNOT_WORK: list[tuple[dict[str, Any], str]] = [
    ({"kind": "nonsense"}, "no kind"),
    ({"columns": {"sku": "A", "bogus": "B"}}, "'bogus' is no column"),
    ({"constants": {"supplier": "MILL"}}, "nothing is said of currency"),
    ({"constants": {"supplier": "M", "currency": "EUR", "sku": "A"}}, "a column and a const"),
    ({"header": 0}, "header"),
    ({"sheet": "a\0b"}, "control character"),
    ({"columns": {"sku": "A\ud800", "cost": "B"}}, ""),
]


def test_a_mapping_that_cannot_work_is_refused_before_it_is_kept(planner: Planner) -> None:
    key = planner.key("read", "catalog:write")
    for change, says in CANNOT_WORK:
        refused = put(planner, "x", MAPPING | change, key)
        assert refused.status_code == 422, change
        assert says in json.dumps(refused.json())
    assert planner.get("/v1/mappings", key)["items"] == []
    one_site = planner.key("catalog:write", sites=("S-gw-a",))
    assert put(planner, "x", MAPPING, one_site).status_code == 403


def test_a_mapping_reads_only_its_own_kind_and_a_header_is_enough_for_a_proposal(
    planner: Planner,
) -> None:
    key = planner.key("read", "catalog:write")
    put(planner, "mill-prices", MAPPING, key)
    wrong = send(planner, "/v1/catalog/items", PRICES, key, mapping="mill-prices")
    assert wrong.status_code == 422
    assert "reads offers, not items" in wrong.text
    found = send(planner, "/v1/catalog/offers/proposal", PRICES, key, header=2).json()
    assert found["columns"] == {"sku": "Artikel", "cost": "Unit cost"}
    assert found["header"] == 2


def test_the_commands_propose_save_use_and_remove_a_mapping_and_write_excel(
    planner: Planner, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del planner  # its catalog is what the commands work on
    monkeypatch.setenv("QM_DATABASE_URL", database_url)

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == status, (done.output, done.exception)
        return done.stdout

    theirs = tmp_path / "prices.csv"
    theirs.write_text(PRICES.replace("OAT-9;1.5;x\n", ""))
    first = json.loads(run("mappings", "propose", "offers", str(theirs), "--header", "2"))
    assert first["columns"] == {"sku": "Artikel", "cost": "Unit cost"}
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(first | MAPPING))
    assert "version 1" in run("mappings", "save", "mill", str(file), "--by", "ada")
    assert json.loads(run("mappings", "show", "mill"))["decimal"] == ","
    (kept,) = json.loads(run("mappings", "list", "--json"))
    assert (kept["name"], kept["saved_by"]) == ("mill", "ada")
    said = run("catalog", "import", "offers", str(theirs), "--mapping", "mill", "--json")
    assert json.loads(said)["changed"] == 1

    book = tmp_path / "offers.xlsx"
    run("catalog", "export", "offers", "--output", str(book))
    assert json.loads(run("catalog", "import", "offers", str(book), "--json"))["unchanged"] == 1
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(PRICES)
    mended = tmp_path / "mended.csv"
    run(
        *("catalog", "correct", "offers", str(wrong), "--mapping", "mill"),
        *("--output", str(mended)),
        status=65,
    )
    assert mended.read_text().splitlines()[1] == "Artikel;Unit cost;Menge ab;errors"
    run("mappings", "remove", "mill")
    assert json.loads(run("mappings", "list", "--json")) == []
