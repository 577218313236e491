"""The demo's parts that need no process: options, names, assortments, paced crews."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from argon2 import PasswordHasher

from cloud.catalog.table import read
from deploy.demo.assortment import demo_assortment, derived_assortment, endless_sales
from deploy.demo.cli import database_kind, read_columns
from deploy.demo.crew import percentile
from deploy.demo.replay import gateway_names
from deploy.demo.staff import staff_of, work_of
from deploy.demo.verdict import judge
from edge.simulator.floor import Planned, places
from edge.simulator.oracle import Key, Oracle
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.ids import gateway_id
from shared.people import decode_people
from shared.plan import decode_plan


def test_columns_are_named_in_pairs() -> None:
    assert read_columns("site=wo, item=was") == {"site": "wo", "item": "was"}
    assert read_columns("") == {}
    for text in ("site", "site=", "=wo"):
        with pytest.raises(QuartermasterError, match=r"demand\.file"):
            read_columns(text)


def test_only_two_databases_can_be_asked_for() -> None:
    assert database_kind("timescale") == "timescale"
    with pytest.raises(QuartermasterError, match=r"settings\.invalid"):
        database_kind("oracle")


def test_the_staff_and_its_work_survive_the_way_to_a_gateway() -> None:
    staff = decode_people(encode(staff_of("AMS1", "a secret")))
    assert PasswordHasher().verify(staff.people[0].secret, "a secret")
    assert [bool(person.secret) for person in staff.people] == [True, False, False]
    goods = demo_assortment().goods
    work = decode_plan(encode(work_of("AMS1", goods)))
    places_there = {place.code for place in places()}
    for task in work.tasks:
        assert {line.sku for line in task.lines} <= {*goods, ""}
        named = {place for line in task.lines for place in (line.location, line.to) if place}
        assert named <= places_there


def test_every_site_gets_a_gateway_with_a_name_of_its_own() -> None:
    names = gateway_names(["2277", "Köln", "koln", "K.ln", "___", "x" * 64])

    assert len(set(names.values())) == 6
    for name in names.values():
        assert gateway_id(name)


@pytest.mark.parametrize("kind", ["sites", "items", "locations"])
def test_assortments_import_without_a_flaw(kind: str) -> None:
    derived = derived_assortment(["7500", "HOBBIES_2_001", "1111009477"], ["367", "S-2"])
    for assortment in (demo_assortment(), derived):
        text = getattr(assortment, f"{kind}_csv")()

        assert not read(kind, text).errors.found  # pyright: ignore[reportArgumentType]


def test_sales_go_on_for_ever_and_are_the_same_each_time() -> None:
    skus = demo_assortment().goods

    def some() -> list[object]:
        return list(islice(endless_sales("AMS1", skus), 500))

    assert some() == some()
    assert some() != list(islice(endless_sales("VIE1", skus), 500))


def test_percentiles_are_nearest_ranks() -> None:
    values = [float(n) for n in range(100)]

    assert percentile(values, 0.95) == 95.0
    assert percentile([], 0.5) == 0.0
    assert percentile([3.0], 0.99) == 3.0


def test_keys_of_the_oracle_sort_by_site_first() -> None:
    assert Key("A", "z", "", "", "") < Key("B", "a", "", "", "")


def _row(device: str, event: str, quantity: int) -> dict[str, Any]:
    return {
        "device": device, "event_id": event, "reversal": False, "sku": "TEA", "location": "A-01",
        "lot": None, "state": "available", "quantity": quantity,
    }  # fmt: skip


class _Cloud:
    """Answers as the public API does."""

    def __init__(self, movements: list[dict[str, Any]]) -> None:
        self.movements = movements

    def rows(self, path: str, *, site: str) -> list[dict[str, Any]]:
        assert site == "VIE1"
        if path == "/v1/movements":
            return self.movements
        total = sum(row["quantity"] for row in self.movements)
        return [{**self.movements[0], "quantity": total}]

    def get(self, _path: str) -> dict[str, Any]:
        return {"gateways": [{"missing": [], "quarantined": 0}]}


def test_what_visitors_scan_is_told_apart_and_judged_by_nobody() -> None:
    oracle = Oracle()
    oracle.sending("scan-1", "VIE1", Planned("receive", "raw", "A-01", None, 5, "TEA", "", 5))
    oracle.answered("scan-1", {"outcome": "accepted", "understood": {"sku": "TEA", "quantity": 5}})
    cloud: Any = _Cloud([_row("sc-01", "scan-1", 5), _row("visitor", "scan-2", 3)])

    everybody, crew = judge(cloud, oracle), judge(cloud, oracle, crew={"sc-01"})

    assert (everybody.doubled, len(everybody.stock), everybody.clean) == (1, 1, False)
    assert (crew.doubled, crew.stock, crew.visitors, crew.clean) == (0, (), 1, True)
