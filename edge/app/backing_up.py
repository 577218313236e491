"""Makes a backup of a data folder, whether or not its gateway runs, and proves it.

The database is copied as of one moment; the gateway goes on meanwhile. What was written is read
back, taken apart, opened and compared before it gets its name.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge import settings as settings_file
from edge import stock
from edge.app import archive
from edge.app.archive import FORMAT, Manifest, measure
from edge.app.gateway import software
from edge.app.safe_mode import chosen
from edge.app.store import open_database
from edge.db import Connection
from edge.db.copying import copy_whole, counts, schema_of
from edge.link import epoch as epochs
from edge.link.durable import sync_folder
from edge.link.identity import Identity
from edge.outbox.carrying import chain_of, uncovered
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.words import moment

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class Made(NamedTuple):
    """A backup that was verified. ``photos_left_out`` are such as were not what their name says."""

    path: Path
    manifest: Manifest
    bytes: int
    photos_left_out: int
    same_disk: bool


def back_up(data: Path, target: Path, *, clock: Clock) -> Made:
    """Write a backup and verify it.

    Args:
        data: the gateway's data folder.
        target: the file to make, or a folder to make it in, named by gateway and moment.
        clock: for the moment.

    Raises:
        QuartermasterError: ``gateway.not-enrolled``, ``store.damaged``, ``disk.full``,
            ``file.unreadable`` where the target cannot be written, ``request.conflict`` where it is
            there already, or ``backup.unverified``; then there is no file under its name.
    """
    identity = Identity.load(data / settings_file.IDENTITY)
    made_at = clock.now()
    stamp = moment(made_at).replace("-", "").replace(":", "")
    path = target / f"{identity.gateway}-{stamp}.tar.gz" if target.is_dir() else target
    if path.exists():
        raise QuartermasterError("request.conflict", "it is there already", where=str(path))
    try:
        with _work_beside(path) as work:
            contents, proof = work / "contents", work / "proof"
            contents.mkdir()
            proof.mkdir()
            manifest, left_out = _gather(data, contents, identity, made_at)
            partial = work / "archive"
            archive.write(partial, manifest, contents)
            shutil.rmtree(contents)
            if archive.unpack(partial, proof) != manifest:
                raise QuartermasterError("backup.unverified", "another manifest was read back")
            with archive.verified(manifest, proof):
                pass
            partial.rename(path)
            sync_folder(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise QuartermasterError("disk.full", where=str(path.parent)) from None
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", detail, where=str(path)) from None
    same = path.stat().st_dev == data.stat().st_dev
    return Made(path, manifest, path.stat().st_size, left_out, same)


@contextmanager
def _work_beside(path: Path) -> Generator[Path]:
    """A folder on the disk of the target, closed to others, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".quartermaster-", dir=path.parent) as work:
        yield Path(work)


def _gather(data: Path, contents: Path, identity: Identity, made_at: int) -> tuple[Manifest, int]:
    database = open_database(data, chosen(data).settings)
    try:
        reader = database.another_reader()
        try:
            reader.execute("BEGIN")
            facts = _facts(reader)  # the first look begins what the transaction sees
            copy_whole(reader, contents / settings_file.DATABASE)
        finally:
            reader.close()
    finally:
        database.close()
    for name in (settings_file.FILE, settings_file.LAST_GOOD):
        if (data / name).exists():
            (contents / name).write_bytes(settings_file.text_of(data / name))
    left_out = _photos(data / settings_file.PHOTOS, contents / settings_file.PHOTOS)
    files = sorted(path for path in contents.rglob("*") if path.is_file())
    manifest = Manifest(
        format=FORMAT,
        made_at=made_at,
        software=software(),
        gateway=identity.gateway,
        site=identity.site,
        used_epoch=max(epochs.used(data / settings_file.IDENTITY), facts["chain"].epoch),
        members={str(path.relative_to(contents)): measure(path) for path in files},
        **facts,
    )
    return manifest, left_out


def _facts(reader: Connection) -> dict[str, Any]:
    return {
        "schema": schema_of(reader),
        "chain": chain_of(reader),
        "uncovered": sum(1 for _ in uncovered(reader)),
        "versions": stock.versions(reader),
        "counts": counts(reader),
    }


def _photos(source: Path, target: Path) -> int:
    """Copy the photos that are what their names say; how many are not."""
    left_out = 0
    for path in sorted(source.glob("*.jpg")):
        content = path.read_bytes() if path.is_file() else b""
        target.mkdir(mode=0o700, exist_ok=True)
        copy = target / path.name
        copy.write_bytes(content)
        if measure(copy).sha256 != path.stem:
            copy.unlink()
            left_out += 1
    return left_out
