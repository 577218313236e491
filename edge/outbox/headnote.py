"""A note beside the database of how far it went: what of its end is missing can then be named.

Written after each commit, not forced to the medium: it can lag behind the database, never run
ahead of it. A database that is behind its note has lost what it had committed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, NamedTuple

_LENGTH: Final = 64


class Reached(NamedTuple):
    """The last event that was committed, and through where the cloud had covered the epoch."""

    epoch: int
    seq: int
    covered: int


class HeadNote:
    """One small file, overwritten in place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._written: Reached | None = None

    def read(self) -> Reached | None:
        """What was noted; None where nothing was, or nothing legible."""
        try:
            words = self._path.read_text("ascii").split()
            epoch, seq, covered = (int(word) for word in words)
        except (OSError, ValueError):
            return None
        return Reached(epoch, seq, covered)

    def write(self, reached: Reached) -> None:
        """Note it, if it can be: a full disk must not fail what was committed."""
        if reached == self._written:
            return
        with contextlib.suppress(OSError):
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
            os.pwrite(self._descriptor, " ".join(map(str, reached)).ljust(_LENGTH).encode(), 0)
            self._written = reached

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
