"""People sign in, do what their roles allow at their sites, and stop at once when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloud.db import unit_of_work
from shared.rates import RateLimit
from shared.units import HOUR, MINUTE, SECOND
from tests.support import FakeClock
from tests.support.planner import PASSWORD, Planner, bearer

if TYPE_CHECKING:
    import httpx
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

CLOCK = FakeClock()


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    planner = Planner(shared_pool, CLOCK)
    for gateway in ("gw-a", "gw-b"):
        planner.receive(gateway, ("SKU-0", 5, "L0", None))
    return planner


def asked(planner: Planner, method: str, path: str, token: str, **how: Any) -> httpx.Response:
    return planner.client.request(method, path, headers=bearer(token), **how)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_role_holds_at_its_site_and_nowhere_else(planner: Planner) -> None:
    token = planner.person("pat", "planner@S-gw-a", "scanner@S-gw-b")
    rows = planner.get("/v1/stock", token)["items"]
    assert {row["site"] for row in rows} == {"S-gw-a"}
    assert code(asked(planner, "GET", "/v1/stock?site=S-gw-b", token)) == (404, "request.not-found")
    me = planner.get("/v1/me", token)
    assert (me["kind"], me["grants"]) == ("person", ["planner@S-gw-a", "scanner@S-gw-b"])
    scanner = planner.person("sam", "scanner@S-gw-a")
    assert code(asked(planner, "GET", "/v1/stock", scanner)) == (403, "request.forbidden")
    assert planner.get("/v1/me", scanner)["permissions"] == ["self"]


def test_a_token_lasts_ten_minutes_and_a_session_twelve_hours(planner: Planner) -> None:
    planner.person("rita", "buyer")
    first = planner.sign_in("rita")
    assert planner.get("/v1/me", first["access_token"])["id"] == first["person"]
    CLOCK.advance(11 * MINUTE)
    assert asked(planner, "GET", "/v1/me", first["access_token"]).status_code == 401
    body = {"refresh_token": first["refresh_token"]}
    second = planner.client.post("/v1/session/refresh", json=body).json()
    assert planner.get("/v1/me", second["access_token"])["id"] == first["person"]
    CLOCK.advance(12 * HOUR)
    body = {"refresh_token": second["refresh_token"]}
    late = planner.client.post("/v1/session/refresh", json=body)
    assert code(late) == (401, "people.session")


def test_a_refresh_secret_that_comes_twice_ends_the_session_for_both(planner: Planner) -> None:
    planner.person("rosa", "buyer")
    stolen = {"refresh_token": planner.sign_in("rosa")["refresh_token"]}
    thief = planner.client.post("/v1/session/refresh", json=stolen).json()
    assert code(planner.client.post("/v1/session/refresh", json=stolen)) == (401, "people.session")
    assert asked(planner, "GET", "/v1/me", thief["access_token"]).status_code == 401
    body = {"refresh_token": thief["refresh_token"]}
    assert planner.client.post("/v1/session/refresh", json=body).status_code == 401


def test_what_is_taken_away_counts_from_the_next_request(planner: Planner) -> None:
    admin, token = planner.person("ada", "admin"), planner.person("bo", "planner")
    person = planner.get("/v1/me", token)["id"]
    assert asked(planner, "GET", "/v1/stock", token).status_code == 200
    path = f"/v1/people/{person}"
    changed = asked(planner, "PUT", f"{path}/grants", admin, json={"grants": ["scanner@S-gw-a"]})
    assert changed.json()["grants"] == ["scanner@S-gw-a"]
    assert asked(planner, "GET", "/v1/stock", token).status_code == 403
    assert asked(planner, "DELETE", path, admin).status_code == 204
    assert asked(planner, "GET", "/v1/me", token).status_code == 401
    with unit_of_work(planner.pool) as connection:
        kept = connection.execute(
            "SELECT account, name, secret FROM person WHERE person_id = %s", [person]
        ).fetchone()
    assert kept == (None, "", None)
    signed = planner.client.post("/v1/session", json={"account": "bo", "password": PASSWORD})
    assert code(signed) == (403, "people.wrong-secret")


def test_signing_out_ends_the_access_token_too(planner: Planner) -> None:
    token = planner.person("uma", "buyer")
    assert asked(planner, "DELETE", "/v1/session", token).status_code == 204
    assert asked(planner, "GET", "/v1/me", token).status_code == 401


def test_wrong_tries_slow_down_and_do_not_tell_which_accounts_exist(planner: Planner) -> None:
    planner.person("val", "buyer")
    told: dict[str, list[tuple[int, str]]] = {}
    for account in ("val", "nobody"):
        body = {"account": account, "password": "not the right one"}
        told[account] = [code(planner.client.post("/v1/session", json=body)) for _ in range(7)]
    assert told["val"] == told["nobody"]
    assert told["val"] == [(403, "people.wrong-secret")] * 5 + [(429, "people.too-many-tries")] * 2
    right = {"account": "VAL", "password": PASSWORD}
    assert code(planner.client.post("/v1/session", json=right))[0] == 429
    CLOCK.advance(2 * SECOND)
    assert planner.client.post("/v1/session", json=right).status_code == 200


def test_one_address_does_not_try_many_accounts(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(planner.desk.__dict__, "addresses", RateLimit(0.2, 3))
    answers = [
        planner.client.post("/v1/session", json={"account": f"a{n}", "password": "x"})
        for n in range(5)
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429, 429]


def test_who_administers_one_site_gives_away_no_other(planner: Planner) -> None:
    local, house = planner.person("lea", "admin@S-gw-a"), planner.person("hal", "admin")
    made = {"account": "new", "password": PASSWORD}
    for grants in (["planner"], ["planner@S-gw-b"], ["planner@S-gw-a", "admin@S-gw-b"]):
        refused = asked(planner, "POST", "/v1/people", local, json={**made, "grants": grants})
        assert code(refused) == (404, "request.not-found"), grants
    own = asked(planner, "POST", "/v1/people", local, json={**made, "grants": ["planner@S-gw-a"]})
    assert own.status_code == 201
    listed = {row["id"] for row in planner.get("/v1/people", local)["items"]}
    everybody = {row["id"] for row in planner.get("/v1/people", house)["items"]}
    assert own.json()["id"] in listed < everybody
    foreign = f"/v1/people/{planner.get('/v1/me', house)['id']}"
    assert code(asked(planner, "DELETE", foreign, local)) == (404, "request.not-found")
    myself = f"/v1/people/{planner.get('/v1/me', house)['id']}"
    body = {"grants": ["admin", "buyer"]}
    assert code(asked(planner, "PUT", f"{myself}/grants", house, json=body))[0] == 403
    for sites, status in (([], 404), (["S-gw-b"], 404), (["S-gw-a"], 201)):
        key = {"name": "erp", "roles": ["planner"], "sites": sites}
        assert asked(planner, "POST", "/v1/keys", local, json=key).status_code == status


def test_a_key_made_over_the_api_works_is_listed_and_revoked(planner: Planner) -> None:
    house, local = planner.person("kim", "admin"), planner.person("kit", "admin@S-gw-b")
    body = {"name": "erp", "scopes": ["feeds:write"], "roles": ["planner"], "sites": ["S-gw-a"]}
    made = asked(planner, "POST", "/v1/keys", house, json=body).json()
    rows = planner.get("/v1/stock", made["key"])["items"]
    assert {row["site"] for row in rows} == {"S-gw-a"}
    assert "feeds:write" in planner.get("/v1/me", made["key"])["permissions"]
    (row,) = [each for each in planner.get("/v1/keys", house)["items"] if each["id"] == made["id"]]
    assert row["made_by"] == planner.get("/v1/me", house)["id"]
    assert made["key"] not in str(row)
    assert made["id"] not in str(planner.get("/v1/keys", local))
    path = f"/v1/keys/{made['id']}"
    assert asked(planner, "DELETE", path, local).status_code == 404
    assert asked(planner, "DELETE", path, house).status_code == 204
    assert asked(planner, "GET", "/v1/stock", made["key"]).status_code == 401


def test_a_new_password_ends_all_sessions_and_must_not_be_guessable(planner: Planner) -> None:
    token = planner.person("zoe", "buyer")
    other = planner.sign_in("zoe")["access_token"]
    change = {"old": PASSWORD, "new": "passwordpassword"}
    refused = asked(planner, "POST", "/v1/me/password", token, json=change)
    assert code(refused) == (422, "request.invalid")
    change["new"] = "seven otters juggle at dawn"
    wrong = asked(planner, "POST", "/v1/me/password", token, json=change | {"old": "x"})
    assert code(wrong) == (403, "people.wrong-secret")
    assert asked(planner, "POST", "/v1/me/password", token, json=change).status_code == 204
    assert asked(planner, "GET", "/v1/me", other).status_code == 401
    body = {"account": "zoe", "password": change["new"]}
    assert planner.client.post("/v1/session", json=body).status_code == 200


def test_nothing_secret_is_stored_or_answered(planner: Planner) -> None:
    planner.person("zoe2", "buyer")
    signed = planner.sign_in("zoe2")
    with unit_of_work(planner.pool) as connection:
        tables = ("person", "person_session", "token_key", "sign_in_try", "api_key")
        rows = [connection.execute(f"SELECT t::text FROM {table} t").fetchall() for table in tables]
    for secret in (PASSWORD, signed["refresh_token"], signed["access_token"]):
        assert secret not in str(rows)
