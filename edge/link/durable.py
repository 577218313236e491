"""Files that survive a power cut: forced to disk before anything points to them."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Put new content in place in one step: after a power cut the old or the new one is there.

    Root leaves it to whom the folder belongs: the gateway must be able to read it.
    """
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    write_new(aside, content, mode=mode)
    leave_to_owner(aside)
    aside.replace(path)
    sync_folder(path.parent)


def write_new(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file that is not there yet; keys get mode 0600."""
    mode = mode or (0o600 if path.suffix == ".key" else 0o644)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def leave_to_owner(path: Path) -> None:
    """Give what root has made to whom the folder around it belongs."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
