"""Cases are raised once, seen by whom they concern, and closed by a person for a reason."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from cloud.api import rules
from cloud.cli.exceptions import app as command
from cloud.db import unit_of_work
from cloud.exceptions import Case, cases, close, raise_exception
from shared.errors import QuartermasterError
from shared.units import SECOND, Micros
from tests.support import FakeClock
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
AT = Micros(1_763_650_500_000_000)


class Desk:
    """The cases of one database."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.planner = Planner(pool, FakeClock())
        with unit_of_work(pool) as connection:
            self.sites = dict(connection.execute("SELECT code, site_id FROM site").fetchall())

    def happens(
        self, subject: str, site: str | None = "S-gw-a", at: int = AT, detail: str = "why"
    ) -> None:
        with unit_of_work(self.pool) as connection:
            site_id = None if site is None else self.sites[site]
            raise_exception(
                connection, "segment.fork", subject, detail, at=Micros(at), site_id=site_id
            )

    def all(self) -> list[Case]:
        with unit_of_work(self.pool) as connection:
            return cases(connection, sites=None, standing="all")

    def close(self, number: int, reason: str = "found the clone", by: str = "ada") -> Case:
        with unit_of_work(self.pool) as connection:
            return close(
                connection, number, reason=reason, by=by, sites=None, at=Micros(AT + SECOND)
            )


@pytest.fixture
def desk(pool: ConnectionPool[Connection]) -> Desk:
    return Desk(pool)


def test_what_happens_while_a_case_is_open_is_counted(desk: Desk) -> None:
    desk.happens("gw-a", detail="first")
    desk.happens("gw-a", at=AT + SECOND, detail="second")
    (found,) = desk.all()
    assert (found.times, found.detail, found.site) == (2, "second", "S-gw-a")
    assert (found.raised_at, found.last_at, found.closed_at) == (AT, AT + SECOND, None)


def test_what_happens_after_it_was_closed_opens_a_new_case(desk: Desk) -> None:
    desk.happens("gw-a")
    (first,) = desk.all()
    desk.close(first.exception_id)
    desk.happens("gw-a")
    again, before = desk.all()
    assert (again.closed_at, again.times) == (None, 1)
    assert (before.closed_at, before.closed_by, before.closed_reason) == (
        AT + SECOND, "ada", "found the clone",
    )  # fmt: skip


def test_a_closed_case_is_never_changed_or_deleted(desk: Desk) -> None:
    desk.happens("gw-a")
    (found,) = desk.all()
    desk.close(found.exception_id)
    before = desk.all()
    for statement in (
        "UPDATE exception SET closed_reason = 'never mind'",
        "UPDATE exception SET closed_at = NULL, closed_by = NULL, closed_reason = NULL",
        "DELETE FROM exception",
        "TRUNCATE exception",
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            unit_of_work(desk.pool) as connection,
        ):
            connection.execute(statement)  # type: ignore[arg-type]
    assert desk.all() == before


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "two\nlines", "nul\0"])
def test_a_case_is_not_closed_without_a_reason(desk: Desk, reason: str) -> None:
    desk.happens("gw-a")
    (found,) = desk.all()
    with pytest.raises(QuartermasterError) as refusal:
        desk.close(found.exception_id, reason)
    assert (refusal.value.code, refusal.value.where) == ("request.invalid", "reason")
    assert desk.all() == [found]


def test_closing_twice_changes_nothing_and_closing_otherwise_is_refused(desk: Desk) -> None:
    desk.happens("gw-a")
    (found,) = desk.all()
    first = desk.close(found.exception_id)
    assert desk.close(found.exception_id, " found the clone ") == first
    for reason, by in (("found the clone", "eve"), ("no clone", "ada")):
        with pytest.raises(QuartermasterError) as refusal:
            desk.close(found.exception_id, reason, by)
        assert refusal.value.code == "request.conflict"
        assert "closed by ada: found the clone" in refusal.value.detail
    assert desk.all() == [first]


def test_what_happens_while_a_case_is_being_closed_is_not_lost(desk: Desk) -> None:
    desk.happens("gw-a")
    (found,) = desk.all()
    with unit_of_work(desk.pool) as connection:
        close(connection, found.exception_id, reason="r", by="ada", sites=None, at=AT)
        again = threading.Thread(target=desk.happens, args=("gw-a",))
        again.start()
        again.join(0.3)
        assert again.is_alive()
    again.join(20)
    assert [case.closed_by for case in desk.all()] == [None, "ada"]


# Over the API


def test_a_key_sees_and_closes_the_cases_of_its_own_sites_only(desk: Desk) -> None:
    for subject, site in (("gw-a", "S-gw-a"), ("gw-b", "S-gw-b"), ("gw-none", None)):
        desk.happens(subject, site)
    planner = desk.planner
    own = planner.key("read", "exceptions:write", sites=("S-gw-a",))
    everywhere = planner.key("read", "exceptions:write")
    listed = planner.get("/v1/exceptions", own)["items"]
    assert [(line["subject"], line["site"]) for line in listed] == [("gw-a", "S-gw-a")]
    assert len(planner.get("/v1/exceptions", everywhere)["items"]) == 3
    assert listed[0]["says"].startswith("The gateway sent two different events")
    by_subject = {row.subject: row.exception_id for row in desk.all()}
    for subject in ("gw-b", "gw-none"):
        path = f"/v1/exceptions/{by_subject[subject]}"
        shown = planner.client.get(path, headers=bearer(own))
        closed = planner.client.post(f"{path}/close", headers=bearer(own), json={"reason": "r"})
        for answer in (shown, closed):
            assert (answer.status_code, answer.json()["code"]) == (404, "request.not-found")
    assert {row.closed_at for row in desk.all()} == {None}
    foreign = planner.client.get("/v1/exceptions?site=S-gw-b", headers=bearer(own))
    assert foreign.status_code == 404


def test_a_case_is_closed_over_the_api_and_says_by_which_key(desk: Desk) -> None:
    desk.happens("gw-a")
    (case,) = desk.all()
    planner = desk.planner
    key = planner.key("read", "exceptions:write")
    path = f"/v1/exceptions/{case.exception_id}"
    answer = planner.client.post(
        f"{path}/close", headers=bearer(key), json={"reason": "clone switched off"}
    )
    assert answer.status_code == 200
    assert answer.json()["closed_reason"] == "clone switched off"
    assert key.split("_")[2] in answer.json()["closed_by"]
    assert planner.get("/v1/exceptions", key)["items"] == []
    desk.happens("gw-a")
    (line,) = planner.get("/v1/exceptions", key)["items"]
    shown = planner.get(f"/v1/exceptions/{line['id']}", key)
    assert [row["id"] for row in shown["earlier"]] == [case.exception_id]
    assert len(planner.get("/v1/exceptions", key, standing="all")["items"]) == 2
    again = planner.client.post(
        f"{path}/close", headers=bearer(key), json={"reason": "something else"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "request.conflict")


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "r", "by": "eve"}]
)
def test_a_body_without_a_good_reason_closes_nothing(desk: Desk, body: Any) -> None:
    desk.happens("gw-a")
    (case,) = desk.all()
    key = desk.planner.key("exceptions:write")
    path = f"/v1/exceptions/{case.exception_id}/close"
    answer = desk.planner.client.post(path, headers=bearer(key), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert desk.all() == [case]


def test_reading_does_not_allow_closing(desk: Desk) -> None:
    found = {rule.path: rule.scope for rule in rules(desk.planner.app) if "exceptions" in rule.path}
    assert found == {
        "/v1/exceptions": "read",
        "/v1/exceptions/{case}": "read",
        "/v1/exceptions/{case}/close": "exceptions:write",
    }


def test_pages_of_cases_put_together_are_the_whole_list(desk: Desk) -> None:
    for number in range(7):
        desk.happens(f"gw-{number}")
    key = desk.planner.key("read")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = desk.planner.get("/v1/exceptions", key, limit=3, **cursor)
        seen += [line["subject"] for line in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [f"gw-{number}" for number in reversed(range(7))]


# As a command


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str, pki: Path) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_PKI", str(pki))


def ask(*words: str) -> Any:
    done = CliRunner().invoke(command, [*words, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def refused(*words: str) -> str:
    error = CliRunner().invoke(command, words).exception
    assert isinstance(error, QuartermasterError), error
    return error.code


@pytest.mark.usefixtures("settings")
def test_the_commands_list_show_and_close(desk: Desk) -> None:
    desk.happens("gw-a")
    desk.happens("gw-b", "S-gw-b")
    assert [row["subject"] for row in ask("list")] == ["gw-b", "gw-a"]
    (row,) = ask("list", "--site", "S-gw-a", "--code", "segment.fork")
    number = str(row["id"])
    assert ask("show", number)["do"].startswith("A clone or a restored backup")
    (closed,) = ask("close", number, "--reason", "the clone is off", "--by", "ada@example.org")
    assert (closed["closed_by"], closed["closed_reason"]) == ("ada@example.org", "the clone is off")
    assert [row["subject"] for row in ask("list")] == ["gw-b"]
    assert len(ask("list", "--all")) == 2
    desk.happens("gw-a")
    newest = str(ask("list", "--subject", "gw-a")[0]["id"])
    assert [row["id"] for row in ask("show", newest)["earlier"]] == [int(number)]
    for words in (("list",), ("show", newest), ("close", newest, "--reason", "once more")):
        assert CliRunner().invoke(command, words).exit_code == 0


@pytest.mark.usefixtures("settings")
def test_several_cases_are_closed_together_or_not_at_all(desk: Desk) -> None:
    desk.happens("gw-a")
    (case,) = desk.all()
    number = str(case.exception_id)
    assert refused("close", number, "999", "--reason", "r") == "request.not-found"
    assert refused("close", number, "--reason", "  ") == "request.invalid"
    assert refused("show", "999") == "request.not-found"
    assert desk.all() == [case]
    ask("close", number, "--reason", "r", "--by", "ada")
    assert refused("close", number, "--reason", "r", "--by", "eve") == "request.conflict"
