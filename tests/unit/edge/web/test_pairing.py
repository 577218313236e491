"""Pairing: one use, ten minutes, five tries; the token that comes of it works at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from edge.app.store import Store
from edge.web import devices, pairing
from edge.web.guard import guarded
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, decode_event

NOW = 1_768_000_000_000_000


class Pairing:
    """Codes of one gateway's database, at a time that stands still."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def begin(self, device: str = "ph-1", now: int = NOW) -> str:
        return self.store.database.run_blocking(
            lambda connection: pairing.begin(connection, device, now=now)
        ).code

    def redeem(self, code: str, now: int = NOW) -> Any:
        return self.store.database.run_blocking(
            lambda connection: pairing.redeem(connection, code, now=now)
        )

    def device_of(self, token: str) -> str:
        return devices.authenticate(self.store.database.reader, f"Bearer {token}")


@pytest.fixture
def codes(store: Store) -> Pairing:
    return Pairing(store)


def test_a_code_pairs_once_and_its_token_works(codes: Pairing) -> None:
    code = codes.begin()
    paired = codes.redeem(code)
    assert paired.device == "ph-1"
    assert codes.device_of(paired.token) == "ph-1"
    assert codes.redeem(code) == "pair.code"
    assert codes.device_of(paired.token) == "ph-1"


def test_a_code_may_be_typed_in_small_letters_without_dashes_and_with_look_alikes(
    codes: Pairing,
) -> None:
    typed = codes.begin().lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert codes.redeem(typed).device == "ph-1"


@pytest.mark.parametrize(
    ("later", "pairs"), [(pairing.LIFETIME - 1, True), (pairing.LIFETIME, False)]
)
def test_a_code_is_good_for_ten_minutes(codes: Pairing, later: int, pairs: bool) -> None:  # noqa: FBT001
    redeemed = codes.redeem(codes.begin(), now=NOW + later)
    assert isinstance(redeemed, pairing.Paired) is pairs


def test_the_sixth_try_is_refused_even_with_the_right_code(codes: Pairing) -> None:
    code = codes.begin()
    wrong = f"{code[:-1]}{'X' if code[-1] != 'X' else 'Y'}"
    for _ in range(pairing.MAX_TRIES):
        assert codes.redeem(wrong) == "pair.code"
    assert codes.redeem(code) == "pair.too-many-tries"
    assert codes.redeem(codes.begin()).device == "ph-1"


def test_wrong_tries_count_against_one_pairing_only(codes: Pairing) -> None:
    mine, other = codes.begin("ph-1"), codes.begin("ph-2")
    for _ in range(pairing.MAX_TRIES + 1):
        codes.redeem(f"{other[:4]}-AAAAA-AAAAA")
    assert codes.redeem(mine).device == "ph-1"


def test_a_new_code_for_a_device_ends_the_earlier_one_and_its_token_stays(codes: Pairing) -> None:
    token = codes.redeem(codes.begin()).token
    earlier, later = codes.begin(), codes.begin()
    assert codes.redeem(earlier) == "pair.code"
    assert codes.device_of(token) == "ph-1"
    fresh = codes.redeem(later).token
    assert codes.device_of(fresh) == "ph-1"
    with pytest.raises(QuartermasterError):
        codes.device_of(token)


def test_only_a_hash_of_the_secret_is_kept(codes: Pairing, tmp_path: Path) -> None:
    secret = codes.begin().replace("-", "")[4:]
    codes.store.database.run_blocking(lambda c: c.execute("SELECT 1").fetchone())
    files = [path for path in tmp_path.rglob("gateway.db*") if path.is_file()]
    assert files
    assert all(secret.encode() not in path.read_bytes() for path in files)


def test_a_device_needs_a_name_that_can_be_told(codes: Pairing) -> None:
    with pytest.raises(QuartermasterError) as refused:
        codes.begin("no name")
    assert refused.value.code == "request.invalid"


# Over HTTP


def ask(store: Store, *bodies: Any) -> list[httpx.Response]:
    """The answers to some requests for pairing, from one address."""
    room = pairing.routes(store.database, store.pipeline, store.clock)
    app = Starlette(routes=room(lambda handler: guarded(handler, store.database.noticed)))

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
            return [await client.post("/v1/pair", json=body) for body in bodies]

    return asyncio.run(go())


def test_pairing_is_an_event_and_leaves_a_witness_that_proves_nothing(store: Store) -> None:
    code = Pairing(store).begin(now=store.clock.now())
    [answer] = ask(store, {"code": code})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("qm_device=ph-1;")
    assert "Path=/scan/" in cookie
    assert "Secure" in cookie
    assert answer.json()["token"] not in cookie
    (body,) = store.database.reader.execute(
        "SELECT body FROM waiting ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    assert decode_event(body).data == DeviceHealth("ph-1", "paired")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"code": "AAAA-AAAAA-AAAAA"}, 403, "pair.code"),
        ({"code": ""}, 403, "pair.code"),
        ({"code": "\x00\ud7ff💥"}, 403, "pair.code"),
        ({"code": "A" * 65}, 422, "payload.malformed"),
        ({"code": 7}, 422, "payload.malformed"),
        ({"code": "A", "name": "me"}, 422, "payload.malformed"),
        ([], 422, "payload.malformed"),
    ],
)
def test_what_is_no_good_code_is_refused(store: Store, body: Any, status: int, code: str) -> None:
    [answer] = ask(store, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_who_guesses_too_fast_waits(store: Store) -> None:
    answers = ask(store, *[{"code": "AAAA-AAAAA-AAAAA"}] * 25)
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"
