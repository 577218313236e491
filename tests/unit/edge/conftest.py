"""A gateway's store, with a catalog in force, for tests of its rooms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edge.app.store import Store


@pytest.fixture
def bare_store(tmp_path: Path, pki: Path) -> Iterator[Store]:
    """An enrolled gateway that has received nothing yet."""
    from edge.app.store import opened
    from tests.support.gateway import enrol

    enrol(tmp_path / "gw", pki)
    with opened(tmp_path / "gw") as store:
        yield store


@pytest.fixture
def store(bare_store: Store) -> Store:
    """An enrolled gateway with catalog version 1 and the device sc-01."""
    from tests.support.gateway import equip_store

    equip_store(bare_store)
    return bare_store
