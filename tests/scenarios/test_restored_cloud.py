"""The cloud's database is lost and comes back from an older backup: the gateways refill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from deploy.demo.verdict import judge
from tests.integration.test_backup import Vault
from tests.scenarios.conftest import Floor, eventually, received

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.broker]


def completeness(floor: Floor) -> dict[str, Any]:
    return floor.cloud.get("/v1/sites/AMS1/completeness")


def test_what_came_after_the_backup_is_sent_again_and_the_cloud_says_so(
    floor: Floor, database_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = floor.stack
    arrival = received(stack)
    floor.scan(*[arrival] * 5)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="before the backup")
    (tmp_path / "vault").mkdir()
    vault = Vault(tmp_path / "vault")
    done = vault.run("backup", stack.database_url)
    assert done.returncode == 0, done.stderr
    floor.scan(*[arrival] * 12)
    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="after the backup")
    eventually(lambda: floor.status()["unacknowledged"] == 0, says="the gateway freed all of it")
    assert completeness(floor)["refilled"] is None

    for service in stack.services.values():
        service.kill()
    name = urlsplit(stack.database_url).path.lstrip("/")
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    answers = floor.scan(*[arrival] * 3)
    assert [answer["outcome"] for answer in answers] == ["accepted"] * 3
    done = vault.run("restore", stack.database_url)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM movement").fetchone() == (5,)

    raised = stack.cloud_variables() | {"QM_GENERATION": "2"}
    monkeypatch.setattr(stack, "cloud_variables", lambda: raised)
    stack.start_cloud()
    floor.scan(arrival)

    eventually(lambda: judge(floor.cloud, floor.oracle).clean, says="all is there", seconds=60)
    assert floor.on_hand("COF-500") == 21 * arrival.units
    eventually(lambda: completeness(floor)["refilled"] is True, says="the cloud says refilled")
    eventually(lambda: completeness(floor)["complete"], says="complete")
    answer = completeness(floor)
    assert (answer["generation"], answer["complete"]) == (2, True)
    assert floor.cloud.get("/v1/about")["generation"] == 2
