"""A gateway's floor, with the room that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edge.app.store import Store
    from tests.support.alone import Alone


@pytest.fixture
def alone(bare_store: Store) -> Alone:
    """An enrolled gateway with docks, shelves and reserve."""
    from tests.support.alone import Alone

    return Alone(bare_store)
