"""A database that gives back something else than was written is set aside; what verifies goes on.

Steps, each of which a power cut may interrupt: the new database is built beside the old one and
forced to disk; then it is named ``gateway.db.recovered``, which is the decision; then the old files
are moved to ``gateway.db.damaged-<n>`` and the new one takes their place. A start that finds the
decision finishes the moves.

Everything is read by its own hashes and marks, also where the layout of the file had to be put back
first (:mod:`edge.db.salvage`). All tables of this version are copied, whoever's they are.

The new database is in no epoch: the gateway asks the cloud for one, as after a loss. What could not
be read is named: in ``gateway.db.damaged-<n>.json``, in ``/v1/status``, and in the first events of
the new epoch, range by range, for the cloud to tell it from what is only late.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge import settings as settings_file
from edge import stock
from edge.app.safe_mode import chosen
from edge.app.scrubbing import SUSPECT
from edge.app.store import note_reached, quota_of, signer_of
from edge.db import Connection, Database
from edge.db.layout import SUFFIX as LAYOUT
from edge.db.salvage import FIRST_PAGE, Copied, copy_rows, open_damaged, tables
from edge.link import epoch as epochs
from edge.link.durable import sync_folder
from edge.link.identity import Identity
from edge.outbox import HeadNote, Outbox
from edge.outbox.recorded import recorded
from edge.outbox.salvage import Taken, take_over
from edge.outbox.statements import Statement, statement_id
from edge.outbox.succession import remember
from edge.ports import Ids, system_boot
from edge.tasks import rebuild
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, EventsCarried, EventsLost
from shared.ids import GatewayId

_log: Final[Any] = structlog.get_logger("edge.recovery")
_OUTBOX: Final = frozenset({"head", "waiting", "segment", "watermark"})
"""Taken over event by event."""
_ANEW: Final = frozenset({"age", "freed"})
"""What is kept for a time is kept for all of it again."""
_NOT_COPIED: Final = _OUTBOX | _ANEW
_CATALOG: Final = frozenset({"item", "item_code", "location", "document"})
_OWN: Final = frozenset(
    {"device", "answered", "reading", "balance", "tally", "head_witness", "floor"}
)
"""What no document of the cloud has brought."""
_PROGRESS: Final = frozenset({"task", "task_line"})
"""Made from the events again, as far as it is not there."""
_KEPT: Final = 3
"""Databases set aside; the oldest beyond go, so that a dying disk does not fill itself."""
_SAID: Final = 12
"""Lost ranges and changed rows that are told one by one in an event."""
_NAMED: Final = 1000
"""Changed rows that are named in the record of a damage."""
STATUS: Final = "store-damaged"
_BUILDING: Final = ".building"
_NOTE: Final = "-head"


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a database that was set aside.

    ``lost`` are closed ranges of sequence numbers, (epoch, first, last), that could not be read and
    that the cloud had not covered; ``carried`` such as go on in the next epoch; from each number of
    ``unknown_from``, (epoch, first), on nobody knows how far it had gone. ``incomplete`` names
    other tables that were read in part only, ``changed`` their rows that were not those written,
    and were left out.
    """

    at: int
    why: str
    epoch: int
    events: int
    segments: int
    lost: list[tuple[int, int, int]]
    end_known: bool
    incomplete: list[str]
    carried: list[tuple[int, int, int]] = []
    unknown_from: list[tuple[int, int]] = []
    changed: list[str] = []

    def statements(self) -> list[Statement]:
        """For the cloud, in the first events of the next epoch."""
        lost: list[tuple[int, int, int | None]] = [*self.lost]
        lost.extend((epoch, first, None) for epoch, first in self.unknown_from)
        detail = self.why[:200]
        return [
            *(EventsLost(epoch, first, last, STATUS, detail) for epoch, first, last in lost),
            *(EventsCarried(epoch, first, last, STATUS) for epoch, first, last in self.carried),
        ]

    def in_words(self) -> str:
        """For a status line."""
        ranges = [f"epoch {epoch}: {first}-{last}" for epoch, first, last in self.lost[:_SAID]]
        more = len(self.lost) - len(ranges)
        lost = ", ".join([*ranges, *([f"{more} more"] if more > 0 else [])])
        words = [f"not recovered: {lost}" if lost else "every event was recovered"]
        if not self.end_known:
            words.append("how far it had gone is not known")
        if self.incomplete:
            words.append(f"read in part: {', '.join(self.incomplete)}")
        if self.changed:
            more = len(self.changed) - _SAID
            rest = [f"{more} more"] if more > 0 else []
            words.append(f"changed and left out: {', '.join([*self.changed[:_SAID], *rest])}")
        return "; ".join(words)


def recover(data: Path, why: str, *, clock: Clock, ids: Ids) -> Damage:
    """Set the database of this data folder aside and begin a new one with what verifies.

    Raises:
        QuartermasterError: ``disk.full`` while there is no room for the new one, and what loading
            settings and identity refuses.
    """
    try:
        return _recover(data, why, clock, ids)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise QuartermasterError("disk.full" if full else "store.failed", str(error)) from error


def _recover(data: Path, why: str, clock: Clock, ids: Ids) -> Damage:
    finish(data)
    settings = chosen(data).settings
    identity = Identity.load(data / settings_file.IDENTITY)
    folder = data / settings_file.IDENTITY
    used = max(epochs.used(folder), identity.epoch, _granted(folder))
    epochs.note_use(folder, used)
    building = data / f"{settings_file.DATABASE}{_BUILDING}"
    _remove(building)
    noted = HeadNote(data / settings_file.HEAD_NOTE, system_boot()).read()
    fresh = Database(building, max_bytes=quota_of(settings))
    outbox, note = Outbox(signer_of(identity)), HeadNote(Path(f"{building}{_NOTE}"), system_boot())
    fresh.around(outbox.begin, outbox.end)
    fresh.after_commits(lambda connection: note_reached(connection, outbox, note))
    (data / SUSPECT).touch()  # what is put back into the file is for reading only
    sync_folder(data)
    damaged = open_damaged(data / settings_file.DATABASE)
    try:
        fresh.run_blocking(lambda connection: outbox.open(connection, clock.now(), used_epoch=used))
        taken = fresh.run_blocking(lambda connection: take_over(damaged, connection, noted, used))
        copied = _copy(damaged, fresh)
        report = _report(why, clock.now(), taken, copied)

        def tell(connection: Connection) -> int:
            now, state = clock.now(), int(clock.state())
            outbox.say(connection, report.statements(), now, state, occasion=report.at)
            for each in damages(data):
                unsaid = _perhaps_unsaid(each, taken, outbox.gateway)
                outbox.say(connection, unsaid, now, state, occasion=each.at)
            remember(connection, used)
            outbox.adopt(connection, taken.bodies)
            return outbox.append(
                connection,
                DeviceHealth(identity.gateway, STATUS, report.in_words()[:200]),
                event_id=ids.uuid7(),
                device=identity.gateway,
                occurred_at=now,
                clock_state=state,
            )

        fresh.run_blocking(tell)
        if _PROGRESS.intersection(report.incomplete):
            fresh.run_blocking(
                lambda connection: rebuild(connection, recorded(connection), now=clock.now())
            )
    finally:
        with contextlib.suppress(Exception):
            damaged.close()
        fresh.close()
        note.close()
    Path(f"{_recovered(data)}.json").write_bytes(msgspec.json.encode(report))
    building.rename(_recovered(data))
    sync_folder(data)
    finish(data)
    _log.error("store.recovered", why=why, says=report.in_words())
    return report


def refuse_suspect(data: Path) -> None:
    """Do not open a database in which a scrub has found damage.

    Raises:
        QuartermasterError: ``store.damaged``.
    """
    if (data / SUSPECT).exists():
        raise QuartermasterError("store.damaged", "found by a scrub", where=SUSPECT)


def finish(data: Path) -> None:
    """Put a database that was built beside a damaged one in its place."""
    recovered, database = _recovered(data), data / settings_file.DATABASE
    if not recovered.exists():
        return
    number = max(_numbers(data), default=0) + 1
    aside = Path(f"{database}.damaged-{number}")
    Path(f"{database}{LAYOUT}").unlink(missing_ok=True)
    for suffix in (FIRST_PAGE, "-wal", ""):  # a log that stays would be taken for the new file's
        with contextlib.suppress(FileNotFoundError):
            Path(f"{database}{suffix}").rename(f"{aside}{suffix}")
    with contextlib.suppress(FileNotFoundError):
        Path(f"{recovered}.json").rename(f"{aside}.json")
    built = data / f"{settings_file.DATABASE}{_BUILDING}"
    note = data / settings_file.HEAD_NOTE
    for name in (f"{database}-shm", f"{built}{LAYOUT}", data / SUSPECT, note):
        Path(name).unlink(missing_ok=True)
    recovered.rename(database)
    with contextlib.suppress(FileNotFoundError):
        Path(f"{built}{_NOTE}").rename(note)
    sync_folder(data)
    for old in _numbers(data):
        if old <= number - _KEPT:
            _remove(Path(f"{database}.damaged-{old}"))


def damages(data: Path) -> list[Damage]:
    """What is known of databases that were set aside and not yet removed, the newest first."""
    found: list[tuple[int, Damage]] = []
    for file in data.glob(f"{settings_file.DATABASE}.damaged-*.json"):
        with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
            number = int(file.stem.rpartition("-")[2])
            found.append((number, msgspec.json.decode(file.read_bytes(), type=Damage)))
    return [damage for _, damage in sorted(found, key=lambda each: each[0], reverse=True)]


def _report(why: str, now: int, taken: Taken, copied: dict[str, Copied]) -> Damage:
    changed = [name for each in copied.values() for name in each.changed]
    return Damage(
        at=now,
        why=why,
        epoch=taken.epoch,
        events=len(taken.bodies),
        segments=taken.segments,
        lost=taken.lost,
        end_known=not taken.unknown_from,
        incomplete=[table for table, each in copied.items() if not each.whole],
        carried=taken.carried,
        unknown_from=taken.unknown_from,
        changed=changed[:_NAMED],
    )


def _perhaps_unsaid(earlier: Damage, taken: Taken, gateway: GatewayId) -> list[Statement]:
    """What was said of an earlier damage and may be among what is lost now: it is said again."""
    if not taken.lost and not taken.unknown_from:
        return []

    def survived(statement: Statement) -> bool:
        event_id = statement_id(gateway, statement, earlier.at)
        return any(event_id in body for body in taken.bodies)

    return [statement for statement in earlier.statements() if not survived(statement)]


def _copy(damaged: Connection, fresh: Database) -> dict[str, Copied]:
    """Copy what is not the outbox's: what came over of each table."""

    def copied(table: str) -> Copied:
        return fresh.run_blocking(lambda connection: copy_rows(damaged, connection, table))

    found = {table: copied(table) for table in tables(fresh.reader) if table not in _NOT_COPIED}
    torn = {table for table, each in found.items() if not each.whole or each.changed}
    if torn & _CATALOG:  # half a catalog refuses what it should know: the cloud offers it anew
        fresh.run_blocking(stock.forget_documents)
    elif torn - _OWN:
        fresh.run_blocking(stock.forget_entered_documents)
    return found


def _numbers(data: Path) -> list[int]:
    """The databases set aside so far."""
    start = f"{settings_file.DATABASE}.damaged-"
    names = (file.name.removeprefix(start) for file in data.glob(f"{start}*"))
    return [int(name) for name in names if name.isdecimal()]


def _granted(folder: Path) -> int:
    grant = epochs.granted(folder)
    return grant.epoch if grant else 0


def _recovered(data: Path) -> Path:
    return data / f"{settings_file.DATABASE}.recovered"


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".json", LAYOUT, FIRST_PAGE, _NOTE):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
