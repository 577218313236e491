"""Puts one gateway's files in the place of those that are there: all of them or none.

What comes is complete and forced to disk in ``restore.building`` before that is renamed to
``restore.ready``; this is the decision. Then what is there is moved to ``before-restore-<n>`` and
what comes takes its place. Whoever opens the folder next finishes what a crash has left: before the
decision the old is there, after it the new.

The folder itself is what locks are on (flock(2)): a gateway and commands share it, a restore has it
alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from edge import settings as settings_file
from edge.db.layout import SUFFIX as LAYOUT
from edge.link.durable import leave_to_owner, sync_folder
from shared.errors import QuartermasterError

BUILDING: Final = "restore.building"
_READY: Final = "restore.ready"
_DONE: Final = "restore.done"
_PLAN: Final = "plan.json"
_ASIDE: Final = "before-restore-"
_KEPT: Final = 2
"""What was replaced by the last restores; older ones go."""
_DATABASE: Final = settings_file.DATABASE
_NOT_THE_NEW: Final = (
    f"{_DATABASE}-wal",
    f"{_DATABASE}-shm",
    f"{_DATABASE}{LAYOUT}",
    f"{_DATABASE}.suspect",
    settings_file.APPLIED,
)
REPLACED: Final = (
    _DATABASE,
    settings_file.HEAD_NOTE,
    settings_file.FILE,
    settings_file.LAST_GOOD,
    settings_file.PHOTOS,
)
"""What a restore puts in place, as far as it has it."""


class _Plan(msgspec.Struct, frozen=True):
    aside: str
    away: list[str]
    put: list[str]


@contextmanager
def in_use(data: Path, *, alone: bool = False) -> Generator[None]:
    """Use a data folder, with others or alone.

    Raises:
        QuartermasterError: ``gateway.in-use``.
    """
    try:
        descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # there is none yet: whoever needs it will say so
        yield
        return
    try:
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise QuartermasterError("gateway.in-use", where=str(data)) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def decide(data: Path) -> None:
    """What is in ``restore.building`` shall be in force; from here on there is no way back.

    Raises:
        OSError: nothing is decided.
    """
    building = data / BUILDING
    put = [name for name in REPLACED if (building / name).exists()]
    away = [name for name in (*REPLACED, *_NOT_THE_NEW) if name not in put]
    plan = _Plan(f"{_ASIDE}{max(_numbers(data), default=0) + 1}", away, put)
    for name in put:
        _own(building / name)
    file = building / _PLAN
    file.write_bytes(msgspec.json.encode(plan))
    for path in (building, *building.rglob("*")):
        _sync(path)
    building.rename(data / _READY)
    sync_folder(data)


def finish(data: Path) -> Path | None:
    """Finish what was decided, if anything was; where what was replaced is kept.

    Raises:
        QuartermasterError: ``gateway.in-use`` while somebody else finishes it.
    """
    if not (data / _READY).exists():
        return None
    with in_use(data, alone=True):
        return finish_alone(data)


def finish_alone(data: Path) -> Path | None:
    """As :func:`finish`, for whom the folder is locked."""
    ready = data / _READY
    if not ready.exists():
        return None
    plan = msgspec.json.decode((ready / _PLAN).read_bytes(), type=_Plan)
    aside = data / plan.aside
    aside.mkdir(mode=0o700, exist_ok=True)
    leave_to_owner(aside)
    for name in plan.away:
        _move(data / name, aside / name)
    sync_folder(aside)
    sync_folder(data)
    for name in plan.put:
        if (ready / name).exists():  # else it is in its place already
            _move(data / name, aside / name)
            _move(data / name, aside / f"{name}.made-since")  # by whom does not know of all this
            sync_folder(aside)
            _move(ready / name, data / name)
            sync_folder(data)
    done = data / _DONE
    shutil.rmtree(done, ignore_errors=True)
    ready.rename(done)
    sync_folder(data)
    shutil.rmtree(done)
    for number in sorted(_numbers(data))[:-_KEPT]:
        shutil.rmtree(data / f"{_ASIDE}{number}")
    return aside


def clear(data: Path) -> Path:
    """An empty folder to build in; what an earlier attempt has left is removed."""
    building = data / BUILDING
    for left in (building, data / _DONE):
        shutil.rmtree(left, ignore_errors=True)
    building.mkdir(mode=0o700)
    return building


def newest_aside(data: Path) -> Path | None:
    """What the last restore has replaced; None where there was none."""
    numbers = _numbers(data)
    return data / f"{_ASIDE}{max(numbers)}" if numbers else None


def _move(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        source.rename(target)


def _own(path: Path) -> None:
    """Root leaves what it brings to whom the data folder belongs."""
    if os.geteuid() == 0:
        owner = path.parent.parent.stat()
        for each in (path, *(path.rglob("*") if path.is_dir() else ())):
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _numbers(data: Path) -> list[int]:
    found: list[int] = []
    for folder in data.glob(f"{_ASIDE}*"):
        with contextlib.suppress(ValueError):
            found.append(int(folder.name.removeprefix(_ASIDE)))
    return found
