"""The door to partners on a disk: ``<partner>/in``, ``out``, ``done`` and ``refused``.

What carries the files (AS2, SFTP, a VAN's program) is not ours. Two rules keep both sides from
reading half a file: what comes is read once it has not changed for a while; what goes is written
beside and renamed. Nothing is deleted here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

from cloud.feeds.x12.envelope import MAX_BYTES
from shared.errors import QuartermasterError
from shared.units import SECOND, Micros

SETTLED_AFTER: Final = Micros(5 * SECOND)
_PLACES: Final = ("in", "out", "done", "refused")
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload")
_MOST_FILES: Final = 200


class _Seen(NamedTuple):
    size: int
    changed_ns: int
    since: Micros


class Folder:
    """All partners' folders below one root."""

    def __init__(self, root: Path, *, settled_after: Micros = SETTLED_AFTER) -> None:
        self._root = root
        self._settled_after = settled_after
        self._seen: dict[Path, _Seen] = {}

    def prepare(self, partner: str) -> None:
        """Make a partner's folders where they are missing.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        for place in _PLACES:
            path = self._root / partner / place
            try:
                path.mkdir(mode=0o770, parents=True, exist_ok=True)
            except OSError as error:
                raise _unreadable(path, error) from None

    def arrived(self, partner: str, *, now: Micros) -> list[Path]:
        """Files that have not changed for long enough, by name.

        Hidden ones, those that a program marks as unfinished, and links are left alone.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        folder = self._root / partner / "in"
        found: list[Path] = []
        here: set[Path] = set()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(folder, error) from None
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                continue
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone again
            if not stat.S_ISREG(state.st_mode):
                continue
            path = Path(entry.path)
            here.add(path)
            if self._settled(path, state, now) and len(found) < _MOST_FILES:
                found.append(path)
        for path in [known for known in self._seen if known.parent == folder]:
            if path not in here:
                del self._seen[path]
        return found

    def _settled(self, path: Path, state: os.stat_result, now: Micros) -> bool:
        seen = self._seen.get(path)
        if seen is None or (seen.size, seen.changed_ns) != (state.st_size, state.st_mtime_ns):
            self._seen[path] = seen = _Seen(state.st_size, state.st_mtime_ns, now)
        return now - seen.since >= self._settled_after

    def content(self, path: Path) -> bytes:
        """What a file holds.

        Raises:
            QuartermasterError: ``payload.too-large`` or ``file.unreadable``.
        """
        try:
            with path.open("rb") as file:
                found = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise _unreadable(path, error) from None
        if len(found) > MAX_BYTES:
            raise QuartermasterError("payload.too-large", "16 MiB at most", where=path.name[:80])
        return found

    def done(self, path: Path, mark: str) -> Path:
        """Put a file away that was taken in; ``mark`` goes before its name."""
        return self._away(path, "done", mark)

    def refused(self, path: Path, mark: str, why: str) -> Path:
        """Put a file away of which nothing could be taken, with the reason beside it."""
        target = self._away(path, "refused", mark)
        try:
            target.with_name(target.name + ".why.txt").write_text(why + "\n", "utf-8")
        except OSError as error:
            raise _unreadable(target, error) from None
        return target

    def _away(self, path: Path, place: str, mark: str) -> Path:
        folder = path.parent.parent / place
        target = folder / f"{mark}-{path.name}"
        count = 1
        while target.exists():
            count += 1
            target = folder / f"{mark}-{count}-{path.name}"
        try:
            path.replace(target)
        except OSError as error:
            raise _unreadable(path, error) from None
        self._seen.pop(path, None)
        return target

    def lay(self, partner: str, name: str, content: bytes) -> Path:
        """Lay a file into a partner's ``out``: whole or not there.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        target = self._root / partner / "out" / name
        beside = target.with_name(f".{name}.tmp")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:
            raise _unreadable(target, error) from None
        return target


def _unreadable(path: Path, error: OSError) -> QuartermasterError:
    says = error.strerror or type(error).__name__
    return QuartermasterError("file.unreadable", says, where=str(path))
