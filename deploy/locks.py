"""Locks that the kernel frees when their holder dies: they tell a killed run from a live one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Generator[None]:
    """Hold the lock ``path`` for the length of the block, waiting for another holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def abandoned(folder: Path) -> Iterator[Path]:
    """The locks in ``folder`` that nobody holds any more, each held while it is handed out.

    The lock file is removed once its turn is over.
    """
    for path in sorted(folder.glob("*")):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # another process cleaned it up meanwhile
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                yield path
                path.unlink()
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the lock just won is the file that others see, not one removed while waiting."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (seen.st_dev, seen.st_ino) == (mine.st_dev, mine.st_ino)
