"""Offers are repeated until echoed, further and further apart, and end in a snapshot."""

from __future__ import annotations

from cloud.fleet import Attempts, Wanted, due
from cloud.fleet.model import PLAUSIBLE, ahead
from shared.downlink import DOCUMENT_KINDS, DocumentKind
from shared.units import SECOND, Micros

START = Micros(1_000 * SECOND)


def gateway(
    *, catalog: int = 0, policy: int = 0, held: int = 0, held_policy: int = 0, name: str = "gw-a"
) -> Wanted:
    desired: dict[DocumentKind, int] = {"catalog": catalog, "policy": policy}
    reported: dict[DocumentKind, int] = {"catalog": held, "policy": held_policy}
    return Wanted(1, name, 1, desired, reported)


def offers_until(
    wanted: Wanted, seconds: int, attempts: Attempts, *, floor: int = 0
) -> list[tuple[int, int]]:
    """(second, base) of each catalog offer when nothing is echoed."""
    return [
        (second, step.base)
        for second in range(seconds)
        for step in due([wanted], attempts, floor=floor, now=Micros(START + second * SECOND))
        if step.kind == "catalog"
    ]


def test_a_gateway_that_holds_what_it_should_is_offered_nothing() -> None:
    attempts: Attempts = {}
    wanted = gateway(catalog=5, policy=2, held=5, held_policy=2)
    assert due([wanted], attempts, floor=0, now=START) == []
    assert attempts == {}


def test_a_new_gateway_is_offered_snapshots_of_both_kinds() -> None:
    steps = due([gateway(catalog=5, policy=2)], {}, floor=0, now=START)
    assert [(step.kind, step.base) for step in steps] == [("catalog", 0), ("policy", 0)]


def test_every_kind_goes_down_and_only_the_catalog_as_a_change() -> None:
    desired: dict[DocumentKind, int] = dict.fromkeys(DOCUMENT_KINDS, 7)
    reported: dict[DocumentKind, int] = dict.fromkeys(DOCUMENT_KINDS, 6)
    steps = due([Wanted(1, "gw-a", 1, desired, reported)], {}, floor=0, now=START)
    assert [(step.kind, step.base) for step in steps] == [
        ("catalog", 6),
        ("policy", 0),
        ("people", 0),
        ("plan", 0),
        ("leases", 0),
        ("heads", 0),
    ]


def test_offers_are_repeated_at_doubling_pauses_of_at_most_ten_seconds() -> None:
    seconds = [second for second, _ in offers_until(gateway(catalog=5, held=4), 60, {})]
    assert seconds == [0, 1, 3, 7, 15, 25, 35, 45, 55]


def test_after_three_deltas_without_an_echo_comes_a_snapshot() -> None:
    bases = [base for _, base in offers_until(gateway(catalog=5, held=4), 30, {})]
    assert bases[:5] == [4, 4, 4, 0, 0]


def test_an_echo_ends_the_offers_and_the_next_version_starts_anew() -> None:
    attempts: Attempts = {}
    offers_until(gateway(catalog=5, held=4), 30, attempts)
    assert offers_until(gateway(catalog=5, held=5), 3, attempts) == []
    assert attempts == {}
    assert offers_until(gateway(catalog=6, held=5), 2, attempts) == [(0, 5), (1, 5)]


def test_no_delta_starts_below_the_floor() -> None:
    assert offers_until(gateway(catalog=50, held=9), 1, {}, floor=10) == [(0, 0)]
    assert offers_until(gateway(catalog=50, held=10), 1, {}, floor=10) == [(0, 10)]


def test_a_revoked_gateway_is_forgotten() -> None:
    attempts: Attempts = {}
    due([gateway(catalog=5)], attempts, floor=0, now=START)
    due([], attempts, floor=0, now=START)
    assert attempts == {}


def test_only_a_plausible_claim_to_be_ahead_counts() -> None:
    assert ahead(gateway(catalog=5, held=6), "catalog")
    assert not ahead(gateway(catalog=5, held=5), "catalog")
    assert not ahead(gateway(catalog=5, held=6 + PLAUSIBLE), "catalog")
