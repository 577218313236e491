"""A person registers feeds, sees how they do, and has refused deliveries read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud.app.documents import ROUTES
from cloud.cli import app
from cloud.db import open_pool
from cloud.feeds import work
from shared.errors import QuartermasterError
from shared.webhooks import read_secret
from tests.support import WallClock

pytestmark = pytest.mark.database

FILE = "id,store,sku,quantity,start,until\n1,7,NONE,{},2025-11-20T12:00:00Z,2025-11-20T13:00:00Z\n"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["feeds", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def asked(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["feeds", *arguments])
    assert isinstance(result.exception, QuartermasterError), result.output
    return result.exception.code


def test_a_feed_from_its_registration_to_a_delivery_that_is_mended(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_FEED_SECRETS", str(tmp_path / "secrets"))
    made = asked("add", "till", "pos", "--set", 'stores={"7":"AMS1"}', "--expected", "90")
    assert len(read_secret(made["secret"])) == 32
    kept = tmp_path / "secrets" / "till"
    assert (kept.read_text().strip(), kept.stat().st_mode & 0o777) == (made["secret"], 0o600)
    assert made["secret"] not in run("list", "--json") + run("show", "till", "--json")
    assert refused("add", "till", "pos") == "feed.exists"
    assert refused("add", "post", "pigeon") == "request.invalid"
    assert refused("add", "shop", "shopify", "--set", "shop=not a domain") == "request.invalid"
    assert refused("show", "nobody") == "feed.unknown"

    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(FILE.format(1))
    bad.write_text(FILE.format("many"))
    would = asked("send", "till", str(bad), "--dry-run")
    assert (would["standing"], would["errors"][0]["where"]) == ("refused", "line 2 quantity")
    assert asked("show", "till")["deliveries"] == []
    sent = asked("send", "till", str(bad))
    assert asked("send", "till", str(bad)) == sent | {"fresh": False}
    with open_pool(database_url, size=2) as pool:
        work(pool, ROUTES, now=WallClock().now())
        (delivery,) = asked("show", "till")["deliveries"]
        assert (delivery["standing"], delivery["error_where"]) == ("refused", "line 2 quantity")
        assert run("show", "till", "--content", str(sent["delivery"])) == bad.read_text()
        assert "1 will be read again" in run("retry", "till")
    run("switch", "till", "off")
    assert refused("send", "till", str(good)) == "feed.off"
    run("change", "till", "--channel", "stores")
    (feed,) = asked("list")
    assert (feed["standing"], feed["channel"], feed["interval_seconds"]) == ("off", "stores", 5400)
    assert "till (off)" in run("list")
    assert refused("map", "till", "V1", "NONE", "--by", "ada") == "request.not-found"
