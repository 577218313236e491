"""``quartermaster cloud leases``, as a person or a script runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud import fleet
from cloud.cli import app
from cloud.db import unit_of_work
from shared.errors import QuartermasterError
from shared.events import Line, Received
from shared.leases import decode_leases
from tests.support.intake import Intake
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SITE = "S-gw-a"


@pytest.fixture
def house(
    pool: ConnectionPool[Connection], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> Intake:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    hand = Hand("gw-a")
    intake = Intake(pool, hand)
    intake.say(hand, Received(Line("SKU-0", 100), "L0"))
    return intake


def answer(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["leases", *arguments, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["leases", *arguments])
    assert isinstance(result.exception, QuartermasterError), result.output
    return result.exception.code


def published(house: Intake) -> list[str]:
    with unit_of_work(house.pool) as connection:
        found = fleet.in_force(connection, "leases", SITE)
    return [] if found is None else [lease.code for lease in decode_leases(found[1]).leases]


def test_a_lease_is_granted_listed_recalled_and_taken(house: Intake) -> None:
    granted = answer("grant", SITE, "SKU-0", "60", "--channel", "web", "--by", "pat")
    code = granted["code"]
    assert (granted["quantity"], granted["free"], granted["standing"]) == (60, 40, "in force")
    assert (granted["channel"], granted["granted_by"], granted["version"]) == ("web", "pat", 1)
    assert published(house) == [code]
    assert refused("grant", SITE, "SKU-0", "41") == "lease.not-free"

    assert answer("reclaim", code)["standing"] == "recalled"
    assert published(house) == []
    assert refused("grant", SITE, "SKU-0", "41") == "lease.not-free"
    assert refused("reclaim", code, "--force") == "request.invalid"
    assert refused("reclaim", code, "--reason", "no force") == "request.invalid"
    assert refused("reclaim", "LE-none") == "request.not-found"

    taken = answer("reclaim", code, "--force", "--reason", "the site has burnt", "--by", "pat")
    assert (taken["standing"], taken["forced_why"]) == ("taken", "the site has burnt")
    assert answer("grant", SITE, "SKU-0", "100")["free"] == 0
    assert len(answer("list")) == 1
    assert [row["standing"] for row in answer("list", "--all")] == ["in force", "taken"]


@pytest.mark.usefixtures("house")
def test_people_read_the_same() -> None:
    runner = CliRunner()
    granted = runner.invoke(app, ["leases", "grant", SITE, "SKU-0", "60", "--hours", "2"])
    assert "60 of SKU-0 to gw-a for 2 h" in granted.output
    assert "40 of 100 available at S-gw-a are still free" in granted.output
    code = answer("list")[0]["code"]
    assert code[:6] in runner.invoke(app, ["leases", "list"]).output
    assert "recalled" in runner.invoke(app, ["leases", "reclaim", code]).output
