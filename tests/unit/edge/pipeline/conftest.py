"""A floor to work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edge.app.store import Store
    from tests.support.floor import FloorAt


@pytest.fixture
def floor(bare_store: Store) -> FloorAt:
    """A gateway with goods, zones, and no plan yet."""
    from tests.support.floor import FloorAt

    return FloorAt(bare_store)
