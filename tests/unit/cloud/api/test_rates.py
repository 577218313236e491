"""A good key pays for itself; whatever else comes from an address, that address pays for."""

from __future__ import annotations

from typing import Any

from cloud.api.rates import KNOWN, Rates, Turnstile


def _request(key: str | None = None, address: str = "192.0.2.1") -> dict[str, Any]:
    headers = [] if key is None else [(b"authorization", b"Bearer " + key.encode())]
    client = (address, 1)
    return {"type": "http", "path": "/v1/stock", "client": client, "headers": headers}


def _asked(turnstile: Turnstile, request: dict[str, Any], *, good: bool, now: float) -> bool:
    """Whether the request came through; if so it is answered."""
    if turnstile.wait(request, now):
        return False
    turnstile.answered({**request, KNOWN: good})
    return True


def test_a_good_key_has_a_bucket_of_its_own_once_it_is_known() -> None:
    turnstile = Turnstile(Rates(known=5, unknown=1))
    through = [_asked(turnstile, _request("k"), good=True, now=0.0) for _ in range(60)]
    assert through == [True] * 51 + [False] * 9, "one at the address's cost, fifty at its own"
    assert _asked(turnstile, _request("other"), good=True, now=0.0)


def test_made_up_keys_have_no_more_than_their_address() -> None:
    turnstile = Turnstile(Rates(known=5, unknown=1))
    through = [
        _asked(turnstile, _request(f"made-up-{number}"), good=False, now=0.0)
        for number in range(30)
    ]
    assert through == [True] * 10 + [False] * 20
    assert not _asked(turnstile, _request(), good=False, now=0.5)
    assert turnstile.wait(_request(address="192.0.2.2"), 0.5) == 0.0, "nobody else pays"


def test_a_key_that_was_good_and_is_revoked_is_a_stranger_again() -> None:
    turnstile = Turnstile(Rates(known=5, unknown=1))
    assert _asked(turnstile, _request("k"), good=True, now=0.0)
    assert _asked(turnstile, _request("k"), good=False, now=0.0)
    through = [_asked(turnstile, _request("k"), good=False, now=0.0) for _ in range(20)]
    assert through == [True] * 9 + [False] * 11


def test_who_comes_back_when_told_is_let_through() -> None:
    turnstile = Turnstile(Rates(known=5, unknown=1))
    for _ in range(10):
        assert turnstile.wait(_request(), 0.0) == 0.0
    wait = turnstile.wait(_request(), 0.0)
    assert 0 < wait <= 1
    assert turnstile.wait(_request(), wait) == 0.0
