"""People sign in at an OpenID provider; only what it signed, for us and now, is believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from cloud.access.oidc import Provider, read_mapping
from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, SECOND
from tests.support import FakeClock, WallClock
from tests.support.oidc import (
    CLIENT,
    REDIRECT,
    SmallProvider,
    package_provider,
    sign_in_at_package,
)
from tests.support.planner import Planner

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

CLOCK = FakeClock(WallClock().now())
USERS: dict[str, dict[str, Any]] = {
    "u-1": {"name": "Olga", "groups": ["buyers", "ams", "others"]},
    "u-2": {"name": "Nick", "groups": ["others"]},
}
ROLES = read_mapping("buyers=buyer, ams=planner@S-gw-a")


class House(NamedTuple):
    """A cloud, and how somebody says yes at its provider."""

    planner: Planner
    say_yes: Callable[[str, str], dict[str, str]]
    small: SmallProvider


def _provider(issuer: str, http: httpx.Client, secret: str = "") -> Provider:
    return Provider(
        issuer=issuer,
        client_secret=secret,
        client_id=CLIENT,
        redirect=REDIRECT,
        roles=ROLES,
        http=http,
    )


@pytest.fixture(scope="module")
def planner(shared_pool: ConnectionPool[Connection]) -> Planner:
    return Planner(shared_pool, CLOCK)


@pytest.fixture(scope="module", params=["a package's", "the tests' own"])
def house(planner: Planner, request: pytest.FixtureRequest) -> Iterator[House]:
    small = SmallProvider(USERS, lambda: CLOCK.now() // SECOND)
    if request.param == "the tests' own":
        planner.desk.__dict__["provider"] = _provider(small.ISSUER, small.http)
        yield House(planner, small.sign_in, small)
        return
    CLOCK.set(WallClock().now())  # what the package signs, it dates by the machine's clock
    with (
        package_provider(*({"sub": sub} | claims for sub, claims in USERS.items())) as issuer,
        httpx.Client() as http,
    ):
        planner.desk.__dict__["provider"] = _provider(issuer, http, "s")
        yield House(planner, sign_in_at_package, small)


@pytest.fixture
def small(planner: Planner) -> SmallProvider:
    """A fresh provider of the tests' own."""
    small = SmallProvider(USERS, lambda: CLOCK.now() // SECOND)
    planner.desk.__dict__["provider"] = _provider(small.ISSUER, small.http)
    return small


def begin(planner: Planner) -> dict[str, str]:
    answer = planner.client.post("/v1/session/provider")
    assert answer.status_code == 200, answer.text
    return answer.json()


def back(planner: Planner, begun: dict[str, str], brought: dict[str, str]) -> httpx.Response:
    body = {"state": brought["state"], "code": brought["code"], "flow": begun["flow"]}
    return planner.client.post("/v1/session/provider/back", json=body)


def test_groups_become_roles_each_time_one_signs_in(house: House) -> None:
    planner = house.planner
    for _ in range(2):
        begun = begin(planner)
        answer = back(planner, begun, house.say_yes(begun["url"], "u-1"))
        assert answer.status_code == 200, answer.text
        me = planner.get("/v1/me", answer.json()["access_token"])
        assert me["grants"] == ["buyer", "planner@S-gw-a"]
    begun = begin(planner)
    refused = back(planner, begun, house.say_yes(begun["url"], "u-2"))
    assert (refused.status_code, refused.json()["code"]) == (403, "people.no-role")


def test_a_flow_ends_where_it_began_once_and_in_ten_minutes(house: House) -> None:
    planner = house.planner
    begun, other = begin(planner), begin(planner)
    brought = house.say_yes(begun["url"], "u-1")
    assert back(planner, other, brought).json()["code"] == "people.session"
    assert back(planner, begun, brought).json()["code"] == "people.session"
    begun = begin(planner)
    brought = house.say_yes(begun["url"], "u-1")
    assert back(planner, begun, brought).status_code == 200
    assert back(planner, begun, brought).status_code == 401
    begun = begin(planner)
    wrong = house.say_yes(begun["url"], "u-1") | {"code": "made-up"}
    assert back(planner, begun, wrong).json()["code"] == "people.provider"


def test_a_flow_that_took_too_long_begins_anew(planner: Planner, small: SmallProvider) -> None:
    begun = begin(planner)
    brought = small.sign_in(begun["url"], "u-1")
    CLOCK.advance(11 * MINUTE)
    assert back(planner, begun, brought).status_code == 401


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (header | {"alg": "none"}, claims)
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return b".".join((*texts, b"")).decode()


def _by_shared_secret(header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = OctKey.import_key("the public key as if it were a secret..")
    return jwt.encode(header | {"alg": "HS256"}, claims, key, algorithms=["HS256"])


@pytest.mark.parametrize(
    "bend",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"], "azp": None},
        {"azp": "another"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": CLOCK.now() // SECOND - 3600},
        {"exp": None},
        {"iat": CLOCK.now() // SECOND + 86_400},
        {"sub": None},
        {"sub": 7},
    ],
    ids=" ".join,
)
def test_an_id_token_that_is_not_for_this_sign_in_is_not_believed(
    planner: Planner, small: SmallProvider, bend: dict[str, Any]
) -> None:
    small.bend = bend
    begun = begin(planner)
    answer = back(planner, begun, small.sign_in(begun["url"], "u-1"))
    assert (answer.status_code, answer.json()["code"]) == (503, "people.provider")


@pytest.mark.parametrize("sign", [_unsigned, _by_shared_secret])
def test_an_id_token_without_the_providers_signature_is_not_believed(
    planner: Planner, small: SmallProvider, sign: Any
) -> None:
    small.sign = sign
    begun = begin(planner)
    answer = back(planner, begun, small.sign_in(begun["url"], "u-1"))
    assert answer.json()["code"] == "people.provider"


def test_a_key_that_the_provider_changed_is_fetched_but_not_at_every_turn(
    planner: Planner, small: SmallProvider
) -> None:
    def turn() -> int:
        begun = begin(planner)
        return back(planner, begun, small.sign_in(begun["url"], "u-1")).status_code

    assert turn() == 200
    small.rotate("k2")
    assert turn() == 503, "fetched less than a minute ago"
    CLOCK.advance(2 * MINUTE)
    assert turn() == 200
    small.published = []
    fetched = small.asked.count("/jwks")
    assert [turn() for _ in range(4)] == [200] * 4, "known keys hold for an hour"
    assert small.asked.count("/jwks") == fetched
    CLOCK.advance(2 * HOUR)
    assert turn() == 503


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example.org"},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": None},
    ],
    ids=" ".join,
)
def test_a_provider_that_points_elsewhere_is_not_followed(
    planner: Planner, small: SmallProvider, metadata: dict[str, Any]
) -> None:
    small.metadata = metadata
    begun = planner.client.post("/v1/session/provider")
    if begun.status_code == 200:
        begun = back(planner, begun.json(), small.sign_in(begun.json()["url"], "u-1"))
    assert (begun.status_code, begun.json()["code"]) == (503, "people.provider")


def test_a_mapping_that_names_no_role_stops_the_start() -> None:
    assert read_mapping("a=b=admin@X, c=buyer,c=planner") == {
        "a=b": ["admin@X"],
        "c": ["buyer", "planner"],
    }
    for wrong in ("x", "=admin", "x=chief"):
        with pytest.raises(QuartermasterError):
            read_mapping(wrong)
