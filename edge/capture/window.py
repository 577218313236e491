"""Memory that a camera's worker and the gateway share: its newest state, and a still.

Bounded (:data:`BYTES` a camera), without a name that could be left behind, and reserved when it is
made: where ``/dev/shm`` is too small, that is said then, and no process dies later of a page that
is not there. Neither side waits for the other. A part that is being written while it is read does
not match its checksum; the reader then keeps what it had.

This module is the gateway's, too: it imports nothing that a gateway without cameras lacks.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Final

from shared.errors import QuartermasterError

FOLDER: Final = Path("/dev/shm")  # noqa: S108 - POSIX shared memory; the file in it has no name
MAX_STATE: Final = 32 * 1024
MAX_STILL: Final = 64 * 1024

_ASKED: Final = struct.Struct("<d")
_HEAD: Final = struct.Struct("<II")
_BEING_WRITTEN: Final = 1
"""No checksum of nothing."""
_TRIES: Final = 3
_STATE_AT: Final = 64
_STILL_AT: Final = _STATE_AT + _HEAD.size + MAX_STATE
BYTES: Final = _STILL_AT + _HEAD.size + MAX_STILL


class Window:
    """Looks into a camera's worker; made by :func:`make`, joined by :func:`join`."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._seen: dict[int, bytes] = {}

    def show_state(self, state: bytes) -> bool:
        """Put the newest state there; False where it is too large."""
        return self._write(_STATE_AT, MAX_STATE, state)

    def show_still(self, still: bytes) -> bool:
        """Put the newest still there, an empty one takes it away; False where it is too large."""
        return self._write(_STILL_AT, MAX_STILL, still)

    def state(self) -> bytes:
        """The newest state that was there as a whole."""
        return self._read(_STATE_AT, MAX_STATE)

    def still(self, now: float) -> bytes:
        """The newest still that was there as a whole; asked for at ``now`` (monotonic)."""
        _ASKED.pack_into(self._memory, 0, now)
        return self._read(_STILL_AT, MAX_STILL)

    @property
    def asked_at(self) -> float:
        """When somebody last asked for a still (monotonic); 0 for never."""
        return _ASKED.unpack_from(self._memory)[0]

    def close(self) -> None:
        """Let go of it."""
        self._memory.close()

    def _write(self, at: int, most: int, content: bytes) -> bool:
        if len(content) > most:
            return False
        _HEAD.pack_into(self._memory, at, 0, _BEING_WRITTEN)
        start = at + _HEAD.size
        self._memory[start : start + len(content)] = content
        _HEAD.pack_into(self._memory, at, len(content), zlib.crc32(content))
        return True

    def _read(self, at: int, most: int) -> bytes:
        for _ in range(_TRIES):
            length, checksum = _HEAD.unpack_from(self._memory, at)
            start = at + _HEAD.size
            content = self._memory[start : start + min(length, most)]
            if zlib.crc32(content) == checksum:
                self._seen[at] = content
                break
        return self._seen.get(at, b"")


def make(folder: Path = FOLDER) -> tuple[Window, int]:
    """A new one, and the file descriptor to join it by; it is the caller's to close.

    Raises:
        QuartermasterError: ``camera.memory`` where the folder is missing, may not be written, or
            has too little room.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, BYTES)
            descriptor = os.dup(file.fileno())
    except OSError as error:
        detail = f"{BYTES // 1024} KiB a camera: {error.strerror or type(error).__name__}"
        raise QuartermasterError("camera.memory", detail, where=str(folder)) from None
    return join(descriptor), descriptor


def join(descriptor: int) -> Window:
    """The one behind a file descriptor."""
    return Window(mmap.mmap(descriptor, BYTES))
