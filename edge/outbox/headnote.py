"""A note beside the database of how far it went: what of its end is missing can then be named.

Rules, of which the guarantee in this room's README follows:

1. it is written after each commit that went further, and before anybody is told of that commit; it
   is never ahead of what was committed, and of several processes the furthest counts;
2. it is not forced to the medium (that would double the cost of a commit), so after a power cut it
   may lag. It carries the machine's boot: read in the same boot, or after an orderly end, it is
   *exact*, else a lower bound. That an end was orderly, and that it is over, is forced;
3. it names every epoch of which the cloud does not have all, not only the one in force;
4. one that cannot be written is removed, one that does not verify is none.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final, NamedTuple

_LENGTH: Final = 512
"""One sector: it is never half written."""
_MOST: Final = 6
"""Earlier epochs that find room in it."""
_CLOSED: Final = "closed"
_PARTLY: Final = "partly"
_DIGEST_BYTES: Final = 8
TAIL_BYTES: Final = 8


class Reached(NamedTuple):
    """The last event of an epoch that was committed, and through where the cloud had covered it."""

    epoch: int
    seq: int
    covered: int


class Furthest(NamedTuple):
    """How far a database went: in its epoch, and in earlier ones that are not covered yet.

    ``tail`` are the first bytes of the last event's hash: by it the event is known again.
    """

    now: Reached
    earlier: tuple[Reached, ...] = ()
    tail: bytes = b""


class Noted(NamedTuple):
    """What a note says; ``exact`` when nothing can have been committed beyond it."""

    furthest: Furthest
    exact: bool

    @property
    def epochs(self) -> tuple[Reached, ...]:
        """All that it names."""
        return (self.furthest.now, *self.furthest.earlier)


class HeadNote:
    """One small file, overwritten in place.

    Args:
        path: the file.
        boot: what is the same until the machine starts anew; empty where nobody knows.
    """

    def __init__(self, path: Path, boot: str = "") -> None:
        self._path = path
        self._boot = boot
        self._descriptor = -1
        self._written: Furthest | None = None

    def read(self) -> Noted | None:
        """What was noted; None where nothing was, or nothing that verifies."""
        try:
            found = _parsed(self._path.read_bytes())
        except OSError:
            return None
        if found is None:
            return None
        furthest, ending = found
        return Noted(furthest, ending == _CLOSED or (bool(self._boot) and ending == self._boot))

    def write(self, furthest: Furthest) -> None:
        """Note it, if it can be: a full disk must not fail what was committed."""
        if furthest != self._written:
            self._put(furthest, self._boot)

    def close(self) -> None:
        """Force it to the medium, and let go of the file."""
        if self._descriptor < 0:
            return
        if self._written is not None:
            self._put(self._written, _CLOSED, force=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _put(self, furthest: Furthest, ending: str, *, force: bool = False) -> None:
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                there, ended = _parsed(os.pread(self._descriptor, _LENGTH, 0)) or (furthest, "")
                os.pwrite(self._descriptor, _text(_furthest(there, furthest), ending), 0)
                if force or ended == _CLOSED:
                    os.fsync(self._descriptor)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._written = furthest
        except OSError:
            self.give_up()

    def give_up(self) -> None:
        """Have no note: better than one that lags and does not say so."""
        self._written = None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


def _furthest(there: Furthest, here: Furthest) -> Furthest:
    """What is known here, unless another process has committed more meanwhile."""
    if there.now.epoch != here.now.epoch:
        return here
    if there.now.seq <= here.now.seq:
        return here
    return here._replace(now=here.now._replace(seq=there.now.seq), tail=there.tail)


def _text(furthest: Furthest, ending: str) -> bytes:
    earlier = furthest.earlier[-_MOST:]
    whole = len(earlier) == len(furthest.earlier)
    numbers = ";".join(",".join(map(str, each)) for each in (furthest.now, *earlier))
    end = (ending or "-") if whole else _PARTLY
    body = f"{numbers} {furthest.tail.hex() or '-'} {end}".encode("ascii")
    return (body + b" " + _digest(body)).ljust(_LENGTH)


def _parsed(raw: bytes) -> tuple[Furthest, str] | None:
    """What a note says, and how it ends."""
    body, _, digest = raw.strip().rpartition(b" ")
    if digest != _digest(body):
        return None
    try:
        numbers, tail, ending = body.decode("ascii").split(" ")
        now, *earlier = (Reached(*map(int, each.split(","))) for each in numbers.split(";"))
        known = b"" if tail == "-" else bytes.fromhex(tail)
    except (ValueError, TypeError):
        return None
    return Furthest(now, tuple(earlier), known), ending


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).hexdigest().encode("ascii")
