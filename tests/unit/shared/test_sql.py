"""Named SQL."""

from __future__ import annotations

import pytest

from shared.sql import statements


def test_each_statement_is_found_by_its_name() -> None:
    text = "-- name: one\n-- Counts.\nSELECT 1;\n\n-- name: two\n-- Again.\nSELECT 2;\n"
    assert statements(text, room="cloud.ledger") == {
        "one": "-- Counts.\nSELECT 1;",
        "two": "-- Again.\nSELECT 2;",
    }


def test_a_name_used_twice_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match=r"cloud\.ledger"):
        statements("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n", room="cloud.ledger")
