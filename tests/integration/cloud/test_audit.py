"""What was done stands in a trail that nobody alters unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from cloud import access
from cloud.access import Caller, audit
from cloud.access.model import AuditEntry, Link
from cloud.app.trail import Trail
from cloud.cli import app
from cloud.db import before_commit, unit_of_work
from shared.errors import QuartermasterError
from shared.units import MINUTE, Micros
from tests.support import FakeClock
from tests.support.planner import PASSWORD, Planner, bearer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

CLOCK = FakeClock()
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
HOUSE = "quartermaster.local"


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    return Planner(shared_pool, CLOCK)


def told(planner: Planner, **asked: Any) -> list[AuditEntry]:
    with unit_of_work(planner.pool) as connection:
        return audit.entries(connection, **asked)


def verified(planner: Planner, *heads: Any) -> list[str]:
    with unit_of_work(planner.pool) as connection:
        while audit.seal(connection):
            pass
        return [flaw.says for flaw in audit.verify(connection, heads)[1]]


def test_what_was_changed_and_who_was_refused_is_told_with_it(planner: Planner) -> None:
    admin = planner.person("ada", "admin")
    me = planner.get("/v1/me", admin)["id"]
    made = planner.client.post(
        "/v1/keys", headers=bearer(admin), json={"name": "erp", "scopes": ["read"]}
    ).json()
    planner.client.get("/v1/keys", headers=bearer(admin))
    planner.client.post("/v1/catalog/items", headers=bearer(made["key"]), content="sku,name\n")
    wrong = {"account": "ada", "password": "seven wrong words here"}
    planner.client.post("/v1/session", json=wrong)
    assert [entry[2:] for entry in reversed(told(planner))] == [
        (me, "api", "loopback", "", "POST /v1/session", "", "done"),
        (me, "api", "loopback", "keys:write", "POST /v1/keys", f"key {made['id']}", "done"),
        (
            made["id"],
            "api",
            "loopback",
            "catalog:write",
            "POST /v1/catalog/{kind}",
            "items",
            "request.forbidden",
        ),
        ("somebody", "api", "loopback", "", "POST /v1/session", "", "people.wrong-secret"),
    ]
    rows = planner.get("/v1/audit", admin, who=made["id"])["items"]
    assert [row["outcome"] for row in rows] == ["request.forbidden"]
    assert PASSWORD not in str(told(planner)) + str(rows)
    assert "ada" not in str(told(planner))


def test_what_was_rolled_back_is_not_told_as_done(planner: Planner) -> None:
    admin = planner.person("al", "admin")
    before = told(planner)
    body = {"account": "al", "password": PASSWORD, "grants": ["buyer"]}
    twice = planner.client.post("/v1/people", headers=bearer(admin), json=body)
    assert twice.status_code == 409
    assert told(planner) == before


def test_neither_the_api_nor_the_owner_changes_what_was_told(planner: Planner) -> None:
    planner.person("ann", "buyer")
    assert verified(planner) == []
    for caller in (Caller("k", "k", frozenset(), None), None):
        for statement in (
            "UPDATE audit_entry SET who = 'x'",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry CASCADE",
            "UPDATE audit_link SET seq = seq",
            "DELETE FROM audit_link",
        ):
            with unit_of_work(planner.pool) as connection:
                if caller is not None:
                    access.enter(connection, caller)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
                connection.rollback()
    assert verified(planner) == []


def test_whoever_may_do_everything_is_found_out(planner: Planner) -> None:
    planner.person("abe", "buyer")
    assert verified(planner) == []
    with unit_of_work(planner.pool) as connection:
        sign, kid = audit.signer(KEY)
        head = audit.head(connection, sign=sign, kid=kid, trust_domain=HOUSE, at=CLOCK.now())
    assert head is not None
    drills = {
        "changed": "UPDATE audit_entry SET who = 'another' WHERE entry_id = 1",
        "missing": "DELETE FROM audit_link WHERE seq = 1",
        "in no link": "INSERT INTO audit_entry (at, who, via, origin, permission, action, object,"
        " outcome) VALUES (now(), 'x', 'api', '', '', '', '', 'done'); DELETE FROM audit_waiting",
        "gone": f"DELETE FROM audit_link WHERE seq = {head.seq}",
    }
    for found, drill in drills.items():
        with unit_of_work(planner.pool) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(drill.encode())
            flaws = audit.verify(connection, [head])[1]
            connection.rollback()
        assert any(found in flaw.says for flaw in flaws), found
    assert verified(planner, head) == []


def test_a_chain_that_was_written_anew_does_not_fit_the_head_that_was_told() -> None:
    def chain(*whos: str) -> list[Link]:
        links: list[Link] = []
        last = audit.GENESIS
        for seq, who in enumerate(whos, 1):
            entry = AuditEntry(seq, Micros(seq), who, "api", "", "", "POST /x", "", "done")
            last = audit.link_hash(last, seq, entry)
            links.append(Link(seq, last, entry))
        return links

    true, false = chain("a", "b", "c"), chain("a", "z", "c")
    head = audit.AuditHead(3, true[-1].hash.hex(), Micros(9), "", "")
    assert audit.broken(true, [head]) == (3, [])
    assert audit.broken(false, []) == (3, [])
    assert [flaw.seq for flaw in audit.broken(false, [head])[1]] == [3]


def test_the_worker_chains_and_tells_heads_that_only_this_house_signs(
    planner: Planner, tmp_path: Path
) -> None:
    file = tmp_path / "heads"
    trail = Trail(planner.pool, KEY, trust_domain=HOUSE, clock=CLOCK, file=file)
    planner.person("amy", "buyer")
    assert trail.tick() >= 1
    planner.sign_in("amy")
    trail.tick()
    CLOCK.advance(MINUTE)
    trail.tick()
    heads = audit.read_heads(file.read_bytes(), public=KEY.public_key(), trust_domain=HOUSE)
    first, second = heads
    assert first.seq < second.seq
    assert verified(planner, *heads) == []
    for content in (b"x", file.read_bytes().replace(b'"seq":', b'"seq":1')):
        with pytest.raises(QuartermasterError):
            audit.read_heads(content, public=KEY.public_key(), trust_domain=HOUSE)


def test_commands_that_change_something_are_told_and_the_trail_is_verified(
    database_url: str, pki: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_PKI", str(pki))

    def run(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == status, (result.output, result.exception)
        return result.stdout

    key = json.loads(run("keys", "add", "planner", "--json"))["key_id"]
    assert before_commit.get() is None, "the next command's transactions are not this one's"
    run("keys", "list")
    (entry,) = json.loads(run("audit", "list", "--json"))
    assert (entry["action"], entry["object"], entry["via"]) == ("keys add", f"key {key}", "cli")
    file = tmp_path / "heads"
    file.write_text(run("audit", "head"))
    assert json.loads(run("audit", "verify", "--heads", str(file), "--json"))["flaws"] == []
    assert json.loads(run("audit", "export")) == entry
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entry SET object = 'another'")
    assert "ALTERED" in run("audit", "verify", "--heads", str(file), status=1)
