"""Wherever the power goes during a restore, afterwards the old is there, whole, or the new."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.app import swapping
from edge.app.swapping import BUILDING, REPLACED

_BESIDE = ("gateway.db-wal", "gateway.db-shm", "gateway.db-schema", "gateway.db.suspect")
_STEPS = ("rename", "fsync", "unlink", "mkdir", "rmdir", "chown")


class PowerCut(BaseException):
    """Nothing is done any more."""


@contextmanager
def power_for(steps: int) -> Iterator[None]:
    """So many changes of the disk are made; at the next one the power goes."""
    real = {name: getattr(os, name) for name in _STEPS}
    left = steps

    def counted(name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise PowerCut
            return real[name](*arguments, **named)

        return call

    for name in _STEPS:
        setattr(os, name, counted(name))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def put(folder: Path, names: set[str], content: str) -> None:
    for name in names:
        if name == "photos":
            (folder / name).mkdir()
            (folder / name / "one.jpg").write_text(content)
        else:
            (folder / name).write_text(content)


def held(folder: Path) -> dict[str, str]:
    """What of a data folder a restore replaces, by what it says."""
    names = [*REPLACED, *_BESIDE, "gateway.toml.applied"]
    found = {name: folder / name for name in names if (folder / name).exists()}
    return {
        name: (path / "one.jpg").read_text() if path.is_dir() else path.read_text()
        for name, path in found.items()
    }


names_of_old = st.sets(st.sampled_from([*REPLACED, *_BESIDE]))
names_of_new = st.sets(st.sampled_from(REPLACED)).map(lambda names: names | {"gateway.db"})


@settings(max_examples=150, deadline=None)
@given(
    old=names_of_old,
    new=names_of_new,
    first=st.integers(0, 60),
    later=st.lists(st.integers(0, 30), max_size=3),
)
def test_a_restore_is_done_or_not_done_wherever_the_power_goes(
    old: set[str], new: set[str], first: int, later: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as work:
        data = Path(work)
        put(data, old, "old")
        building = swapping.clear(data)
        put(building, new, "new")
        decided = False
        with contextlib.suppress(PowerCut), power_for(first):
            swapping.decide(data)
            decided = True
            swapping.finish_alone(data)
        decided = decided or not (data / BUILDING).exists()
        for steps in later:
            with contextlib.suppress(PowerCut), power_for(steps):
                swapping.finish(data)
        swapping.finish(data)
        if decided:
            assert held(data) == dict.fromkeys(new, "new")
            aside = swapping.newest_aside(data)
            assert aside is not None
            assert held(aside) == dict.fromkeys(old, "old")
        else:
            assert held(data) == dict.fromkeys(old, "old")
            assert swapping.newest_aside(data) is None
        assert not (data / "restore.ready").exists()
        swapping.clear(data)
        assert {path.name for path in data.iterdir()} - {BUILDING} == set(held(data)) | (
            {"before-restore-1"} if decided else set()
        )


def test_only_what_the_last_two_restores_replaced_is_kept(tmp_path: Path) -> None:
    for number in range(4):
        building = swapping.clear(tmp_path)
        put(building, {"gateway.db"}, str(number))
        swapping.decide(tmp_path)
        swapping.finish(tmp_path)
    assert held(tmp_path) == {"gateway.db": "3"}
    kept = sorted(path.name for path in tmp_path.glob("before-restore-*"))
    assert kept == ["before-restore-3", "before-restore-4"]
    assert held(tmp_path / "before-restore-4") == {"gateway.db": "2"}
