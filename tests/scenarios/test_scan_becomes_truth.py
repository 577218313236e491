"""The whole path: a label is read on the floor, and the cloud's API shows what that means."""

from __future__ import annotations

from uuid import UUID

import pytest

from deploy.demo.verdict import judge
from edge.simulator.floor import DOCK, STAGE, Planned
from tests.scenarios.conftest import Floor, eventually, received

pytestmark = [pytest.mark.database, pytest.mark.broker]


def test_a_scan_becomes_one_line_of_truth(floor: Floor) -> None:
    arrival = received(floor.stack, "COF-500", cases=2)

    (answer,) = floor.scan(arrival)

    assert answer["outcome"] == "accepted"
    assert answer["understood"]["name"] == "Ground coffee 500 g"
    assert answer["understood"]["quantity"] == answer["on_hand"] == arrival.units
    eventually(lambda: floor.on_hand("COF-500") == arrival.units, says="the API shows it")
    (movement,) = floor.cloud.rows("/v1/movements", site="AMS1")
    assert movement["event_id"] == str(UUID(answer["id"]))
    assert (movement["event"], movement["location"]) == ("RECEIVED", DOCK)
    assert movement["gateway"] == "gw-amsterdam"


def test_a_days_work_folds_to_the_same_stock_on_both_sides(floor: Floor) -> None:
    arrival = received(floor.stack, "OAT-500", cases=3)
    good = floor.stack.assortment.goods["OAT-500"]
    each = f"]E0{good.each}"
    put_away = arrival._replace(step="put_away", to="A-01")
    pick = Planned("pick", each, "A-01", STAGE, 5, "OAT-500", "", 5)
    ship = Planned("ship", each, STAGE, None, 4, "OAT-500", "", 4)
    back = Planned("return", each, DOCK, None, 1, "OAT-500", "", 1)

    answers = floor.scan(arrival, put_away, pick, ship, back)

    assert [answer["outcome"] for answer in answers] == ["accepted"] * 5
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="ledger and oracle agree")
    assert floor.on_hand("OAT-500") == arrival.units - 4 + 1 == answers[-1]["on_hand"]


def test_what_the_gateway_refuses_never_reaches_the_ledger(floor: Floor) -> None:
    arrival = received(floor.stack)
    wrong_digit = arrival._replace(raw=arrival.raw[:-1] + str((int(arrival.raw[-1]) + 1) % 10))
    unknown = arrival._replace(raw="]E04006381333931")
    nowhere = arrival._replace(location="NOWHERE")

    answers = floor.scan(wrong_digit, unknown, nowhere, arrival)

    codes = [(answer.get("error") or {}).get("code") for answer in answers]
    assert codes == ["gs1.check-digit", "scan.unknown-item", "scan.unknown-location", None]
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="only the good scan counts")
    assert judge(floor.cloud, floor.oracle).made == 1


def test_an_article_imported_later_becomes_known_on_the_floor(floor: Floor) -> None:
    new = floor.stack.assortment.with_article("NEW-1", "A new article")
    arrival = received(floor.stack)._replace(
        raw=f"]E0{new.goods['NEW-1'].each}", sku="NEW-1", quantity=1, units=1
    )
    before = floor.scan(arrival)[0]
    version = before["versions"]["catalog"]
    assert before["error"]["code"] == "scan.unknown-item"

    floor.stack.import_catalog(new)

    eventually(lambda: floor.status()["versions"]["catalog"] > version, says="the delta came down")
    after = floor.scan(arrival)[0]
    assert after["outcome"] == "accepted"
    assert after["versions"]["catalog"] > version
    eventually(lambda: floor.on_hand("NEW-1") == 1, says="the new article is in the ledger")
