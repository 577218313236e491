"""The gateway's store and pipeline, opened from its data folder: for the process and for commands.

A command may open them while the gateway runs: transactions of both take turns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge import settings as settings_file
from edge.app import swapping
from edge.app.safe_mode import Choice, chosen
from edge.app.space import Space
from edge.clock import GatewayClock
from edge.db import LOG_BYTES, Ballast, Connection, Database
from edge.db.faults import translated
from edge.link import epoch as epochs
from edge.link.identity import Identity
from edge.outbox import HeadNote, Noted, Opening, Outbox, Signer
from edge.outbox.scrub import scrub
from edge.pipeline import Floor, Pipeline
from edge.ports import KernelTime, SystemIds, system_boot, system_steady, system_wall
from edge.settings import Settings
from edge.tasks import Photos
from shared.clock import Clock
from shared.enrolment import EpochGranted
from shared.errors import QuartermasterError
from shared.events import EpochOpened

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What a gateway holds, and who it is."""

    data: Path
    settings: Settings
    identity: Identity
    clock: GatewayClock
    database: Database
    outbox: Outbox
    pipeline: Pipeline
    floor: Floor
    photos: Photos
    space: Space
    choice: Choice
    """Where the settings are from."""
    epoch: int
    """The epoch in which events are sealed; 0 while a new one has to be granted."""


def signer_of(identity: Identity) -> Signer:
    """What the outbox needs of an identity."""
    return Signer(
        identity.event_key.sign,
        identity.kid,
        identity.trust_domain,
        identity.gateway,
        identity.epoch,
    )


def opening_of(
    grant: EpochGranted | None, epoch: int, event_id: bytes, clock: Clock
) -> Opening | None:
    """The first event of ``epoch``, when it was granted after another."""
    if grant is None or grant.epoch != epoch:
        return None
    data = EpochOpened(grant.previous_epoch, grant.previous_seq, grant.previous_hash, grant.reason)
    return Opening(data, event_id, int(clock.state()))


@contextmanager
def opened(data: Path, choice: Choice | None = None) -> Generator[Store]:
    """Open the gateway in this data folder.

    Args:
        data: the data folder.
        choice: the settings to use; else those that its files tell.

    Raises:
        QuartermasterError: ``gateway.not-enrolled``, ``file.unreadable``, ``store.failed`` or
            ``gateway.in-use`` while a backup is put in place.
    """
    swapping.finish(data)
    with swapping.in_use(data):
        yield from _opened(data, choice or chosen(data))


def _opened(data: Path, choice: Choice) -> Generator[Store]:
    settings = choice.settings
    folder = data / settings_file.IDENTITY
    identity = Identity.load(folder)
    note = HeadNote(data / settings_file.HEAD_NOTE, system_boot())
    noted, logged = note.read(), Path(f"{data / settings_file.DATABASE}-wal").exists()
    database = open_database(data, settings)
    try:
        with _reading(data, database):
            space = Space(data, database, ballast_of(data, settings), quota_of(settings))
            outbox = Outbox(signer_of(identity))
            database.around(outbox.begin, outbox.end)
            clock = GatewayClock(
                system_wall,
                system_steady,
                KernelTime(),
                floor=max(outbox.floor(database.reader), identity.not_before),
            )
            _freeze_if_behind(database, outbox, noted, logged=logged)
            database.after_commits(lambda connection: note_reached(connection, outbox, note))
            ids = SystemIds()
            photos = Photos(data / settings_file.PHOTOS)
            opening = opening_of(identity.opened, identity.epoch, ids.uuid7(), clock)
            epoch = database.run_blocking(
                lambda connection: outbox.open(
                    connection, clock.now(), used_epoch=epochs.used(folder), opening=opening
                )
            )
            if epoch:
                epochs.note_use(folder, epoch)
            store = Store(
                data=data,
                settings=settings,
                identity=identity,
                clock=clock,
                database=database,
                outbox=outbox,
                pipeline=Pipeline(database, outbox, clock, ids, level=lambda: space.level),
                floor=Floor(database, outbox, clock, ids, photos, level=lambda: space.level),
                photos=photos,
                space=space,
                choice=choice,
                epoch=epoch,
            )
        yield store
    finally:
        database.close()
        note.close()


@contextmanager
def _reading(data: Path, database: Database) -> Generator[None]:
    """What torn pages do to whoever reads them first, in the words of damage.

    Raises:
        QuartermasterError: ``store.damaged``, or what SQLite's error means.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise translated(error, data / settings_file.DATABASE) from error
    except (TypeError, ValueError) as error:  # of a torn page any type may be read
        if not scrub(database.reader).damage:
            raise
        raise QuartermasterError("store.damaged", str(error)) from error


def _freeze_if_behind(
    database: Database, outbox: Outbox, noted: Noted | None, *, logged: bool
) -> None:
    """Seal no more in a database that lacks what was committed: it is an old copy.

    Args:
        database: the store.
        outbox: its outbox.
        noted: how far it had gone, by the note beside it.
        logged: its log was there when it was opened: then it is no copy, but has been cut short.

    Raises:
        QuartermasterError: ``store.damaged`` when the end of its log is gone.
    """
    here = outbox.depth(database.reader)
    then = noted.furthest.now if noted is not None else None
    if then is None or here.frozen or then.epoch != here.epoch or then.seq <= here.seq:
        return
    why = f"epoch {here.epoch} ends at {here.seq}, {then.seq} had been committed"
    if logged:
        raise QuartermasterError("store.damaged", why, where="gateway.db-wal")
    database.run_blocking(lambda connection: outbox.freeze(connection, why))


def note_reached(connection: Connection, outbox: Outbox, note: HeadNote) -> None:
    """Note how far the transaction went that was just committed.

    Raises:
        QuartermasterError: ``store.damaged``; there is no note then.
        sqlite3.DatabaseError: as before.
    """
    try:
        reached = outbox.reached(connection)
    except (QuartermasterError, sqlite3.DatabaseError):
        note.give_up()
        raise
    if reached is not None:
        note.write(reached)


def open_database(data: Path, settings: Settings) -> Database:
    """The database alone: for commands that need no identity.

    Raises:
        QuartermasterError: ``file.unreadable`` without a data folder, ``store.damaged``,
            ``disk.full``, ``store.failed`` or ``gateway.in-use`` while a backup is put in place.
    """
    if not data.is_dir():
        raise QuartermasterError("file.unreadable", "no such folder", where=str(data))
    swapping.finish(data)
    with swapping.in_use(data):
        _refuse_gone(data)
    ballast = ballast_of(data, settings)
    try:
        return _database(data, settings, ballast)
    except QuartermasterError as error:
        if error.code != "disk.full":
            raise
        ballast.drop()
        return _database(data, settings, ballast)


def _refuse_gone(data: Path) -> None:
    """A new database in place of one that is gone would not know what went with it; its note does.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    file = data / settings_file.DATABASE
    if file.exists() and file.stat().st_size > 0:
        return
    if HeadNote(data / settings_file.HEAD_NOTE).read() is not None:
        raise QuartermasterError("store.damaged", "the file is gone", where=file.name)


def _database(data: Path, settings: Settings, ballast: Ballast) -> Database:
    return Database(
        data / settings_file.DATABASE,
        max_bytes=quota_of(settings),
        log_bytes=min(max(ballast.size // 2, MEBIBYTE), LOG_BYTES),
    )


def ballast_of(data: Path, settings: Settings) -> Ballast:
    """The ballast of a data folder, standing or not."""
    return Ballast(data / settings_file.BALLAST, settings.store.ballast_mebibytes * MEBIBYTE)


def quota_of(settings: Settings) -> int:
    """Bytes that the database may hold."""
    return settings.store.max_mebibytes * MEBIBYTE
