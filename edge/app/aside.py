"""How a gateway stands that does not run: read from its folder alone, and nothing is changed there.

What cannot be read is named and left out; the rest is told all the same.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge import settings as settings_file
from edge.app.gateway import held_in, software
from edge.app.recovery import damages, refuse_suspect
from edge.app.safe_mode import chosen
from edge.app.store import ballast_of, quota_of
from edge.app.timekeeping import clock_report
from edge.clock import GatewayClock
from edge.db import Connection, Level, Measure, level_after
from edge.db.looking import looking
from edge.link.identity import Identity
from edge.outbox import Outbox
from edge.pipeline.keeping import SQL
from edge.ports import KernelTime, system_steady, system_wall
from edge.settings import Settings
from shared.errors import QuartermasterError


class Aside(NamedTuple):
    """What could be read, under the names of :func:`edge.app.gateway.state_of`, and what not."""

    state: dict[str, Any]
    troubles: list[QuartermasterError]


def state_aside(data: Path) -> Aside:
    """The state of the gateway in this folder, whatever is wrong with it.

    Raises:
        QuartermasterError: ``file.unreadable`` where there is no such folder.
    """
    if not data.is_dir():
        raise QuartermasterError("file.unreadable", "no such folder", where=str(data))
    troubles: list[QuartermasterError] = []
    choice = chosen(data)
    if choice.fault:
        troubles.append(QuartermasterError("settings.invalid", choice.fault))
    identity: Identity | None = None
    with _noting(troubles):
        identity = Identity.load(data / settings_file.IDENTITY)
    state: dict[str, Any] = {
        "gateway": identity.gateway if identity else None,
        "site": identity.site if identity else None,
        "software": software(),
        "safe_mode": choice.as_dict(),
        "damage": [msgspec.to_builtins(damage) for damage in damages(data)],
        "certificate_not_after": identity.not_after if identity else None,
    }
    not_before = identity.not_before if identity else 0
    floor = 0
    with _noting(troubles):
        refuse_suspect(data)
    if _has_store(data, troubles):
        with _noting(troubles), looking(data / settings_file.DATABASE) as reader:
            floor = Outbox.floor(reader)
            state |= _stored(reader) | {"disk": _disk(data, choice.settings, reader)}
    clock = GatewayClock(system_wall, system_steady, KernelTime(), floor=max(floor, not_before))
    return Aside(state | {"clock": clock_report(clock)}, troubles)


def _has_store(data: Path, troubles: list[QuartermasterError]) -> bool:
    """A gateway that never ran has none; one whose note is there has lost it."""
    file = data / settings_file.DATABASE
    if file.exists():
        return True
    if (data / settings_file.HEAD_NOTE).exists():
        troubles.append(QuartermasterError("store.damaged", "the file is gone", where=file.name))
    return False


@contextmanager
def _noting(troubles: list[QuartermasterError]) -> Generator[None]:
    try:
        yield
    except QuartermasterError as error:
        troubles.append(error)


def _stored(reader: Connection) -> dict[str, Any]:
    totals: dict[str, int] = dict(reader.execute(SQL["totals"]).fetchall())
    counted = {name: totals.get(name, 0) for name in ("scans", "refused")}
    return held_in(reader) | counted


def _disk(data: Path, settings: Settings, reader: Connection) -> dict[str, Any]:
    """As :meth:`edge.app.space.Space.report`; a ballast that is not there yet is to be made."""
    (pages,) = reader.execute("PRAGMA page_count").fetchone()
    (spare,) = reader.execute("PRAGMA freelist_count").fetchone()
    (size,) = reader.execute("PRAGMA page_size").fetchone()
    ballast = ballast_of(data, settings)
    disk = os.statvfs(data)
    free = disk.f_bavail * disk.f_frsize + spare * size - (0 if ballast.stands else ballast.size)
    measure = Measure(
        (pages - spare) * size, quota_of(settings), disk.f_blocks * disk.f_frsize, free
    )
    return {
        "level": level_after(Level.PLENTY, measure).name.lower(),
        "used_percent": round(measure.percent, 1),
        "store_bytes": measure.held,
        "quota_bytes": measure.quota,
        "free_bytes": max(measure.free, 0),
        "ballast": ballast.stands,
        "freed_early": 0,
    }
