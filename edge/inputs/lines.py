"""Bytes to lines: whole ones only, none longer than allowed."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 8192
"""Bytes of a line: a scan in JSON has no more."""


class Lines:
    """Cuts one connection's bytes into lines; empty ones are nothing.

    Args:
        terminator: what ends a line; empty for CR, LF or both.
        prefix: what is taken off in front.
        most: bytes of a line; a longer one is told as None, once, and thrown away.
    """

    def __init__(self, terminator: bytes = b"", prefix: bytes = b"", *, most: int = MOST) -> None:
        self._ends = re.compile(re.escape(terminator) if terminator else rb"[\r\n]")
        self._overlap = max(len(terminator) - 1, 0)
        self._prefix = prefix
        self._most = most
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that these bytes complete."""
        *ended, self._rest = self._ends.split(self._rest + data)
        found: list[bytes | None] = []
        for line in ended:
            if self._skipping:  # the end of one that has been refused
                self._skipping = False
            elif len(line) > self._most:
                found.append(None)
            elif taken := line.removeprefix(self._prefix):
                found.append(taken)
        if len(self._rest) > self._most:
            if not self._skipping:
                found.append(None)
            self._skipping = True
        if self._skipping:
            self._rest = self._rest[-self._overlap :] if self._overlap else b""
        return found

    @property
    def unfinished(self) -> bool:
        """Whether there is a beginning without an end: half a code is no code."""
        return not self._skipping and bool(self._rest.strip())
