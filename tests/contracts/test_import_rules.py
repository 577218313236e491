"""The import rules name every room; import-linter itself checks that they are kept."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def contracts() -> list[dict[str, Any]]:
    configuration = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return contracts


def test_every_rooms_store_is_protected(contracts: list[dict[str, Any]]) -> None:
    stores = {".".join(path.with_suffix("").parts) for path in Path("cloud").rglob("store.py")}
    protected = {
        module: contract["allowed_importers"]
        for contract in contracts
        if contract["type"] == "protected"
        for module in contract["protected_modules"]
        if module.endswith(".store")
    }
    assert stores
    assert protected == {store: [store.removesuffix(".store")] for store in stores}


def test_an_uncharted_room_fails_the_build(contracts: list[dict[str, Any]]) -> None:
    charted = {
        container
        for contract in contracts
        if contract["type"] == "layers" and contract.get("exhaustive")
        for container in contract.get("containers", [])
    }
    assert charted == {"edge", "cloud"}


def test_every_room_of_the_system_has_its_readme() -> None:
    rooms = [
        path
        for side in ("shared", "edge", "cloud", "deploy")
        for path in (Path(side), *Path(side).iterdir())
        if (path / "__init__.py").is_file()
    ]
    assert [str(room) for room in rooms if not (room / "README.md").is_file()] == []
