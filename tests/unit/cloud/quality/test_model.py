"""From findings to whether planning can stand on the data."""

from __future__ import annotations

import pytest

from cloud.quality.model import CHECKS, PROXIES, drift, fields_of, judged, odd_packs


def test_an_area_is_ready_usable_or_to_be_fixed_first() -> None:
    found = [
        ("no-cost", "catalog", "all items", False),
        ("pack-does-not-multiply", "catalog", "OAT", True),
        ("lead-time-unseen", "suppliers", "MILL", False),
    ]
    verdicts = {each.area: each for each in judged(found)}  # pyright: ignore[reportArgumentType]
    assert {area: each.verdict for area, each in verdicts.items()} == {
        "feeds": "ready",
        "catalog": "fix first",
        "demand": "ready",
        "stock": "ready",
        "suppliers": "usable with proxies",
    }
    assert verdicts["catalog"].fix_first == (
        "A pack does not hold a whole number of the next smaller one. (1: OAT)",
    )
    assert "stands in" in verdicts["suppliers"].proxies[0]


def test_what_never_blocks_has_a_proxy() -> None:
    always_blocking = {"feed-silent", "stock-below-zero", "moved-beyond", "pack-does-not-multiply"}
    assert CHECKS.keys() - always_blocking == PROXIES.keys()


def test_a_pack_holds_a_whole_number_of_the_next_smaller_one() -> None:
    assert odd_packs([1, 12, 144, 12]) == []
    assert odd_packs([1, 12, 150]) == [(12, 150)]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b'{"id": 1, "lines": [{"sku": 1}]}', {"id", "lines", "lines.sku"}),
        (b"\xef\xbb\xbfid,store\n1,7\n", {"id", "store"}),
        (b"ISA*00*", set()),
        (b'{"id":', set()),
        (b"\xff\xfe", set()),
        (b"", set()),
    ],
)
def test_the_fields_of_a_delivery_are_its_members_or_columns(
    content: bytes, fields: set[str]
) -> None:
    assert fields_of(content) == fields


def test_fields_that_were_always_there_and_are_no_more_are_a_drift() -> None:
    older = [frozenset({"id", "sku", "note"}), frozenset({"id", "sku"}), frozenset({"id", "sku"})]
    newer = [
        frozenset({"id", "code"}),
        frozenset({"id", "code", "note"}),
        frozenset({"id", "code"}),
    ]
    assert drift(older, newer) == (["sku"], ["code"])
    assert drift(older, older) == ([], [])
    assert drift(older[:2], newer) == ([], []), "too few to say"
