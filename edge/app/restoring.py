"""Puts a backup in the place of what a data folder holds. Nothing forks, nothing is lost unsaid.

1. A backup that does not prove itself is not used (:mod:`edge.app.archive`).
2. What was restored seals nothing in the epoch that it was made in: another database of this
   gateway went further. It takes scans, keeps them, and asks the cloud for a new epoch; a person
   decides there.
3. Events of the present database that the cloud has not confirmed and the backup does not hold are
   carried over, with their ids. Where they cannot be read, nothing is restored unless by force.
4. A device that was revoked since the backup stays revoked.
5. Keys stay where they are. On a machine without any, the gateway is enrolled anew.
6. All is put in place or nothing, and what was there is kept (:mod:`edge.app.swapping`).
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from edge import settings as settings_file
from edge import stock
from edge.app import archive, recovery, swapping
from edge.app.archive import Manifest
from edge.app.safe_mode import chosen
from edge.app.store import note_reached, quota_of
from edge.db import Connection, Database
from edge.db.copying import copy_whole
from edge.db.looking import looking
from edge.link import epoch as epochs
from edge.link.durable import leave_to_owner
from edge.link.identity import Identity
from edge.outbox import HeadNote, Outbox, Signer
from edge.outbox.carrying import (
    Chain,
    all_ids,
    chain_of,
    leave_epochs,
    stop_here,
    uncovered,
)
from edge.outbox.standing import head_if_any
from edge.ports import Ids, system_boot
from edge.web import devices
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, decode_event
from shared.ids import GatewayId, gateway_id
from shared.words import moment

STATUS: Final = "store-restored"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_NAMED: Final = 200
_FILES: Final = tuple(name for name in swapping.REPLACED if name != settings_file.HEAD_NOTE)


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder holds now. ``illegible`` says why its events cannot be read; else empty."""

    gateway: str
    chain: Chain | None = None
    versions: dict[str, int] = {}
    illegible: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore does.

    ``carried`` events go over, ``lost`` (with force only; None: nobody knows how many) do not;
    ``newer_by`` are events of the same epoch that the backup does not have. ``unpaired`` are
    devices paired since.
    """

    backup: Manifest
    present: Present | None
    foreign: bool
    minutes_old: int
    newer_by: int | None
    carried: int
    lost: int | None
    unpaired: list[str]
    still_revoked: list[str]
    replaces: list[str]
    enrol: bool
    aside: str = ""


class _Found(NamedTuple):
    """What the plan is carried out with."""

    plan: Plan
    bodies: list[bytes]


def look(data: Path, backup: Path, *, clock: Clock) -> Plan:
    """What a restore of this backup would do. Nothing is changed, whether or not it runs.

    Raises:
        QuartermasterError: ``backup.unverified``, ``file.unreadable`` or ``disk.full``.
    """
    with _errors(backup), _scratch(backup) as folder:
        manifest = archive.unpack(backup, folder)
        with archive.verified(manifest, folder) as copy:
            return _compare(data, manifest, folder, copy, clock).plan


def restore(
    data: Path,
    backup: Path,
    *,
    clock: Clock,
    ids: Ids,
    force: bool = False,
    other_gateway: bool = False,
) -> Plan:
    """Put a backup in place.

    Args:
        data: the gateway's data folder; made where there is none.
        backup: the archive.
        clock: for what is told.
        ids: for the event that tells it.
        force: also where present events cannot be read, and are lost by it.
        other_gateway: also with a backup of another gateway, whose place this one takes.

    Raises:
        QuartermasterError: ``gateway.in-use``, ``backup.unverified``, ``backup.foreign``,
            ``backup.loses``, ``file.unreadable``, ``store.failed`` for a backup of a newer version,
            or ``disk.full``. What was there is in force.
    """
    with _errors(backup), _folder(data):
        with backup.open("rb"):  # before anything is made
            pass
        data.mkdir(mode=0o700, exist_ok=True)
        with swapping.in_use(data, alone=True):
            swapping.finish_alone(data)
            recovery.finish(data)
            building = swapping.clear(data)
            try:
                plan = _build(
                    data,
                    backup,
                    building,
                    clock=clock,
                    ids=ids,
                    force=force,
                    other_gateway=other_gateway,
                )
                swapping.decide(data)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            aside = swapping.finish_alone(data)
            return msgspec.structs.replace(plan, aside=aside.name if aside else "")


def undo(data: Path, *, clock: Clock, ids: Ids) -> str:
    """Put back what the last restore has replaced; what happened since goes with it.

    Returns:
        Where what was in force until now is kept.

    Raises:
        QuartermasterError: ``file.unreadable`` where nothing was kept, ``gateway.in-use``,
            ``store.damaged`` where either cannot be read, or ``disk.full``.
    """
    with _errors(data), swapping.in_use(data, alone=True):
        swapping.finish_alone(data)
        aside = swapping.newest_aside(data)
        if aside is None or not (aside / settings_file.DATABASE).exists():
            raise QuartermasterError("file.unreadable", "nothing was kept", where=str(data))
        building = swapping.clear(data)
        try:
            _take_back(data, aside, building, clock, ids)
            swapping.decide(data)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        kept = swapping.finish_alone(data)
        return kept.name if kept else ""


def _take_back(data: Path, aside: Path, building: Path, clock: Clock, ids: Ids) -> None:
    copy = building / settings_file.DATABASE
    with looking(aside / settings_file.DATABASE) as earlier:
        earlier.execute("BEGIN")
        copy_whole(earlier, copy)
    for name in (settings_file.FILE, settings_file.LAST_GOOD):
        if (aside / name).exists():
            shutil.copy2(aside / name, building / name)
    if (aside / settings_file.PHOTOS).is_dir():
        shutil.copytree(aside / settings_file.PHOTOS, building / settings_file.PHOTOS)
    with looking(data / settings_file.DATABASE) as here, looking(copy) as there:
        known = {each.name for each in devices.known(there) if not each.revoked_at}
        change = _Change(
            gateway=Identity.load(data / settings_file.IDENTITY).gateway,
            why=f"a restore was undone: {aside.name}",
            says=f"a restore was undone: {aside.name}",
            bodies=_missing(here, there),
            revoked=[
                each.name for each in devices.known(here) if each.revoked_at and each.name in known
            ],
        )
    _adapt(building, change, clock, ids)


def _build(
    data: Path,
    backup: Path,
    building: Path,
    *,
    clock: Clock,
    ids: Ids,
    force: bool,
    other_gateway: bool,
) -> Plan:
    """Make in ``building`` what shall be in force."""
    manifest = archive.unpack(backup, building)
    with archive.verified(manifest, building) as copy:
        plan, bodies = _compare(data, manifest, building, copy, clock)
    if plan.foreign and not other_gateway:
        assert plan.present is not None  # noqa: S101 - else it could not be another's
        says = f"of {manifest.gateway}, this is {plan.present.gateway}"
        raise QuartermasterError("backup.foreign", says)
    if plan.lost != 0 and not force:
        assert plan.present is not None  # noqa: S101 - else nothing could be lost
        raise QuartermasterError("backup.loses", plan.present.illegible)
    of = moment(manifest.made_at)
    chain = manifest.chain
    change = _Change(
        gateway=gateway_id(
            plan.present.gateway if plan.foreign and plan.present else manifest.gateway
        ),
        why=f"restored from the backup of {of}",
        says=f"backup of {of}, epoch {chain.epoch} through {chain.seq}",
        bodies=bodies,
        revoked=plan.still_revoked,
        foreign=plan.foreign,
    )
    _adapt(building, change, clock, ids)
    identity = data / settings_file.IDENTITY
    if not identity.exists():
        identity.mkdir(mode=0o700)
        leave_to_owner(identity)
    if not plan.foreign:
        epochs.note_use(identity, manifest.used_epoch)
    return plan


def _compare(
    data: Path, manifest: Manifest, folder: Path, copy: Connection, clock: Clock
) -> _Found:
    present, bodies, gone = _present(data), list[bytes](), list[devices.Device]()
    if present is not None and present.chain is not None:
        with looking(data / settings_file.DATABASE) as here:
            bodies = _missing(here, copy)
            gone = devices.known(here)
    known = {device.name: device for device in devices.known(copy)}
    gateway = "" if present is None else present.gateway
    same = present is not None and present.chain is not None
    plan = Plan(
        backup=manifest,
        present=present,
        foreign=bool(gateway) and gateway != manifest.gateway,
        minutes_old=max(0, clock.now() - manifest.made_at) // 60_000_000,
        newer_by=_newer_by(present, manifest) if same else None,
        carried=len(bodies),
        lost=None if present is not None and present.illegible else 0,
        unpaired=[each.name for each in gone if each.name not in known and not each.revoked_at],
        still_revoked=[
            each.name
            for each in gone
            if each.revoked_at and each.name in known and not known[each.name].revoked_at
        ],
        replaces=[name for name in _FILES if _differs(data / name, folder / name)],
        enrol=not gateway,
    )
    return _Found(plan, bodies)


def _present(data: Path) -> Present | None:
    """What is there; None where there is nothing."""
    gateway = ""
    with contextlib.suppress(QuartermasterError):
        gateway = str(Identity.load(data / settings_file.IDENTITY).gateway)
    file = data / settings_file.DATABASE
    noted = HeadNote(data / settings_file.HEAD_NOTE).read()
    if not file.exists() and noted is None:
        return Present(gateway=gateway) if gateway else None
    try:
        with looking(file) as here:
            return Present(gateway=gateway, chain=chain_of(here), versions=stock.versions(here))
    except (QuartermasterError, sqlite3.Error, TypeError, ValueError) as error:
        says = error.detail if isinstance(error, QuartermasterError) else str(error)
        return Present(gateway=gateway, illegible=f"the present database cannot be read: {says}")


def _missing(here: Connection, copy: Connection) -> list[bytes]:
    """Events that the cloud has not confirmed and the backup does not hold."""
    bodies = list(uncovered(here))
    if not bodies:
        return []
    there = all_ids(copy)
    return [body for body in bodies if decode_event(body).id not in there]


def _newer_by(present: Present | None, manifest: Manifest) -> int | None:
    """By how many events the present is ahead; None where they are of different epochs."""
    if present is None or present.chain is None or present.chain.epoch != manifest.chain.epoch:
        return None
    return present.chain.seq - manifest.chain.seq


def _differs(here: Path, there: Path) -> bool:
    """Whether what is in force changes by it."""
    if not here.exists() and not there.exists():
        return False
    if here.is_dir() or there.is_dir():
        return {file.name for file in here.glob("*.jpg")} != {
            file.name for file in there.glob("*.jpg")
        }
    if not here.exists() or not there.exists():
        return True
    return archive.measure(here) != archive.measure(there)


class _Change(NamedTuple):
    """What becomes of a copy before it may go on."""

    gateway: GatewayId
    why: str
    says: str
    bodies: list[bytes]
    revoked: list[str]
    foreign: bool = False


def _adapt(building: Path, change: _Change, clock: Clock, ids: Ids) -> None:
    """Make of the copy a database that may go on.

    Raises:
        QuartermasterError: ``store.failed`` or ``disk.full``.
    """
    file = building / settings_file.DATABASE
    database = Database(file, max_bytes=quota_of(chosen(building).settings))
    outbox = Outbox(_nobody(change.gateway))
    note = HeadNote(building / settings_file.HEAD_NOTE, system_boot())
    database.around(outbox.begin, outbox.end)
    database.after_commits(lambda connection: note_reached(connection, outbox, note))

    def unit(connection: Connection) -> None:
        if head_if_any(connection) is None:  # never opened for events
            return
        if change.foreign:
            outbox.adopt(connection, leave_epochs(connection))
            stock.forget_documents(connection)
        stop_here(connection, change.why)
        outbox.adopt(connection, change.bodies)
        for name in change.revoked:
            devices.revoke(connection, name, now=clock.now())
        says = f"{change.says}; {len(change.bodies)} events carried over"
        outbox.append(
            connection,
            DeviceHealth(change.gateway, STATUS, says[:_NAMED]),
            event_id=ids.uuid7(),
            device=change.gateway,
            occurred_at=clock.now(),
            clock_state=int(clock.state()),
        )

    try:
        database.run_blocking(unit)
    finally:
        database.close()
        note.close()
    log = Path(f"{file}-wal")
    if log.exists() and log.stat().st_size:
        raise QuartermasterError("store.failed", "its log was not brought in", where=log.name)


def _nobody(gateway: GatewayId) -> Signer:
    """Who signs nothing: what is restored is sealed by the gateway itself, in another epoch."""

    def sign(_message: bytes) -> bytes:
        raise AssertionError("nothing is sealed here")

    return Signer(sign, b"", "", gateway, 0)


@contextmanager
def _folder(data: Path) -> Generator[None]:
    """Leave no empty data folder where nothing was restored."""
    made = not data.exists()
    try:
        yield
    except BaseException:
        if made and data.is_dir():
            shutil.rmtree(data, ignore_errors=True)
        raise


@contextmanager
def _scratch(backup: Path) -> Generator[Path]:
    """A folder for looking, beside the backup where that may be, that is gone afterwards."""
    try:
        work = tempfile.TemporaryDirectory(prefix=".quartermaster-", dir=backup.parent)
    except OSError:
        work = tempfile.TemporaryDirectory(prefix="quartermaster-")
    with work as folder:
        yield Path(folder)


@contextmanager
def _errors(backup: Path) -> Generator[None]:
    """What the disk says, in the words of the catalogue.

    Raises:
        QuartermasterError: ``disk.full`` or ``file.unreadable``.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise QuartermasterError("disk.full", where=str(error.filename or "")) from None
        detail = error.strerror or type(error).__name__
        raise QuartermasterError(
            "file.unreadable", detail, where=str(error.filename or backup)
        ) from None


def known_facts(plan: Plan) -> dict[str, Any]:
    """The plan for ``--json``: without the hash of each member."""
    told = msgspec.to_builtins(plan)
    told["backup"]["members"] = len(plan.backup.members)
    return told
