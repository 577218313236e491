"""Lists as tables, and answers that are sent only where they are new."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from cloud.api import representing
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    planner = Planner(shared_pool, FakeClock())
    lines = [(f"SKU-{n}", n + 1, "L0", None) for n in range(5)]
    planner.receive("gw-a", *lines, ("SKU-0", 2, "L1", "=1+1"))
    return planner


def test_a_whole_list_is_a_table_of_all_its_pages(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(representing, "MAX_LIMIT", 2)
    key = planner.key()
    asked = bearer(key) | {"accept": "text/csv"}
    answer = planner.client.get("/v1/stock?site=S-gw-a", headers=asked)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="stock.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = planner.get("/v1/stock", key, site="S-gw-a")["items"]
    assert [(row["sku"], int(row["quantity"])) for row in rows] == [
        (each["sku"], each["quantity"]) for each in items
    ]
    assert [row["lot"] for row in rows if row["lot"]] == ["'=1+1"]  # no spreadsheet runs it


def test_an_empty_list_has_its_header_and_a_refusal_stays_a_problem(planner: Planner) -> None:
    asked = bearer(planner.key(sites=("S-gw-b",))) | {"accept": "text/csv"}
    answer = planner.client.get("/v1/stock", headers=asked)
    assert answer.text.startswith("site,sku,")
    assert answer.text.count("\n") == 1
    for path, status in (("/v1/stock?nothing=1", 422), ("/v1/stock?site=S-gw-a", 404)):
        refused = planner.client.get(path, headers=asked)
        assert (refused.status_code, refused.json()["status"]) == (status, status)
    assert planner.client.get("/v1/stock", headers={"accept": "text/csv"}).status_code == 401


def test_every_list_can_be_had_as_a_table_and_the_document_says_so(planner: Planner) -> None:
    paths = planner.client.get("/v1/openapi.json").json()["paths"]
    asked = bearer(planner.key("read", "webhooks:write")) | {"accept": "text/csv"}
    listed = [
        path
        for path, operations in paths.items()
        if "text/csv"
        in operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        and "{" not in path
    ]
    assert {"/v1/items", "/v1/movements", "/v1/webhooks"} <= set(listed)
    for path in listed:
        answer = planner.client.get(path, headers=asked)
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in {"text/csv", "application/problem+json"}, path


def test_what_has_not_changed_is_not_sent_again(planner: Planner) -> None:
    key = bearer(planner.key())
    first = planner.client.get("/v1/movements", headers=key)
    again = {**key, "if-none-match": f'"other", W/{first.headers["etag"]}'}
    answer = planner.client.get("/v1/movements", headers=again)
    assert (answer.status_code, answer.content) == (304, b"")
    planner.receive("gw-b", ("SKU-1", 1, "L0", None))
    answer = planner.client.get("/v1/movements", headers=again)
    assert (answer.status_code, answer.headers["etag"] != first.headers["etag"]) == (200, True)
