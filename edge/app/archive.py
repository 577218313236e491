"""A backup of a gateway: one file that proves itself.

A gzipped tar of ``manifest.json`` and what it names: the database as of one moment, the settings,
the photos of exceptions. The manifest has the hash of each member, how many rows each table holds,
where the chain of events ends and a digest over all of it. What does not agree with it is not used.

Never in it: keys (``identity/``). A restored gateway on another machine is enrolled anew, and so
gets keys and an epoch of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tarfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from edge import settings as settings_file
from edge.db import Connection
from edge.db.copying import counts, open_copy, schema_of
from edge.outbox.carrying import Chain, chain_of
from edge.outbox.scrub import scrub
from shared.errors import QuartermasterError
from shared.units import SECOND

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_MOST_MANIFEST: Final = 16 << 20
_PIECE: Final = 1 << 20
_LEVEL: Final = 3
_MEMBER: Final = re.compile(
    rf"(?:{re.escape(settings_file.DATABASE)}|{re.escape(settings_file.FILE)}"
    rf"|{re.escape(settings_file.LAST_GOOD)}|{settings_file.PHOTOS}/[0-9a-f]{{64}}\.jpg)\Z"
)


class Member(msgspec.Struct, frozen=True):
    """A file of the archive."""

    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of. ``used_epoch`` is the highest in which that gateway had sealed."""

    format: int
    made_at: int
    software: str
    schema: int
    gateway: str
    site: str
    used_epoch: int
    chain: Chain
    uncovered: int
    versions: dict[str, int]
    counts: dict[str, int]
    members: dict[str, Member]


def measure(path: Path) -> Member:
    """A file's hash and size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return Member(digest.hexdigest(), size)


def write(path: Path, manifest: Manifest, folder: Path) -> None:
    """Write an archive of what lies in a folder, with mode 0600, forced to disk.

    Raises:
        OSError: it could not be written.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with tarfile.open(
            fileobj=raw, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT
        ) as archive:
            head = folder / MANIFEST
            head.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            for name in (MANIFEST, *manifest.members):
                _add(archive, name, folder / name, manifest.made_at)
        raw.flush()
        os.fsync(raw.fileno())


def _add(archive: tarfile.TarFile, name: str, path: Path, made_at: int) -> None:
    with path.open("rb") as file:
        entry = tarfile.TarInfo(name)
        entry.size = os.fstat(file.fileno()).st_size
        entry.mode, entry.mtime = 0o600, made_at // SECOND
        archive.addfile(entry, file)


def unpack(path: Path, folder: Path) -> Manifest:
    """Take an archive apart into an empty folder; every byte is compared with the manifest.

    Raises:
        QuartermasterError: ``file.unreadable``, or ``backup.unverified`` saying what differs.
    """
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as archive:
            return _unpack(archive, folder)
    except (tarfile.TarError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        raise QuartermasterError("backup.unverified", str(error), where=path.name) from None
    except OSError as error:
        if error.errno is None:  # of gzip: not the disk's
            raise QuartermasterError("backup.unverified", str(error), where=path.name) from None
        if error.filename is not None and Path(error.filename) == path:
            detail = error.strerror or type(error).__name__
            raise QuartermasterError("file.unreadable", detail, where=str(path)) from None
        raise


def _unpack(archive: tarfile.TarFile, folder: Path) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or first.size > _MOST_MANIFEST:
        raise QuartermasterError("backup.unverified", "it does not begin with a manifest")
    text = _stream(archive, first).read(_MOST_MANIFEST)
    manifest = msgspec.json.decode(text, type=Manifest)
    if manifest.format != FORMAT:
        says = f"format {manifest.format}, made by {manifest.software}"
        raise QuartermasterError("backup.unverified", says)
    missing = dict(manifest.members)
    while (entry := archive.next()) is not None:
        known = missing.pop(entry.name, None)
        if known is None or not _MEMBER.match(entry.name) or not entry.isreg():
            raise QuartermasterError("backup.unverified", "not in the manifest", where=entry.name)
        if entry.size != known.bytes or _extract(archive, entry, folder) != known:
            raise QuartermasterError("backup.unverified", "its bytes differ", where=entry.name)
    if missing or settings_file.DATABASE not in manifest.members:
        names = ", ".join(missing) or settings_file.DATABASE
        raise QuartermasterError("backup.unverified", "is missing", where=names)
    return manifest


def _stream(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(entry)
    if found is None:
        raise QuartermasterError("backup.unverified", "is no file", where=entry.name)
    return found


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> Member:
    target = folder / entry.name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    source = _stream(archive, entry)
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    return Member(digest.hexdigest(), size)


@contextmanager
def verified(manifest: Manifest, folder: Path) -> Generator[Connection]:
    """The database of an archive that was taken apart, once it agrees with the manifest.

    Raises:
        QuartermasterError: ``backup.unverified``.
    """
    with contextlib.ExitStack() as closing:
        try:
            connection = open_copy(folder / settings_file.DATABASE)
            closing.callback(connection.close)
            found: tuple[Any, ...] = (
                schema_of(connection),
                counts(connection),
                chain_of(connection),
            )
            damage = scrub(connection).damage
        except QuartermasterError as error:
            says = "; ".join(part for part in (error.where, error.detail) if part)
            raise QuartermasterError("backup.unverified", says) from None
        if damage:
            raise QuartermasterError("backup.unverified", "; ".join(damage))
        if found != (manifest.schema, manifest.counts, manifest.chain):
            raise QuartermasterError("backup.unverified", "the database is not the one described")
        yield connection
