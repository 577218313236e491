"""A file that only takes room, so that there is some to give when the disk is full.

On a full disk even a DELETE and a checkpoint fail: both write before they free. The ballast is
removed then, and made again, really allocated, as soon as there is room for it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class Ballast:
    """One file of a given size; a size of 0 means that none is wanted, and that all is well."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    @property
    def stands(self) -> bool:
        """Whether it takes its room."""
        if not self.size:
            return True
        try:
            return self._path.stat().st_size >= self.size
        except OSError:
            return False

    def make(self) -> bool:
        """Take the room; False, with nothing taken, when it is not there."""
        if self.stands:
            return True
        aside = self._path.with_name(f"{self._path.name}.new")
        try:
            descriptor = os.open(aside, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            aside.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            return False
        return True

    def drop(self) -> None:
        """Give the room back."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
