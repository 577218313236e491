"""F10: the disk gives back something else than was written. What is lost is named, to the event."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from deploy.clock import SystemClock
from deploy.demo.site import pair
from shared.errors import QuartermasterError
from tests.faults.evidence import places_of
from tests.faults.fault import Fault, UnexpectedError
from tests.faults.invariants import Known
from tests.faults.trial import Trial
from tests.support.damage import cut_log, flip_bit_in, garbage_page

_UNSENT = 12
_DAMAGED = 5
"""Which of the events that have not been sent."""


def _flip(database: Path) -> None:
    """One bit of one event that waits: SQLite notices nothing."""
    with closing(sqlite3.connect(database)) as file:
        (body,) = file.execute(
            "SELECT body FROM waiting ORDER BY seq LIMIT 1 OFFSET ?", [_DAMAGED]
        ).fetchone()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    flip_bit_in(database, body)


def _cut(database: Path) -> None:
    """Half of the write-ahead log is gone: a database that is whole, and older."""
    cut_log(database, 0.5)


def _garbage(database: Path, *, page: int) -> None:
    with closing(sqlite3.connect(database)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    garbage_page(database, page)


def _damaged(trial: Trial, site: str, *, damage: Callable[[Path], None]) -> int:
    """A dozen answered scans have not been sent when the power goes and the disk is damaged."""
    house = trial.house
    place = house.sites[site]
    trial.scan(site, 15)
    trial.settled(site)
    place.wire.cut()
    trial.wait(lambda: not trial.status(site)["link"]["up"], says="the line is cut")
    before = trial.oracle_of(site).accepted_ids(site)
    trial.scan(site, _UNSENT)
    unsent = trial.oracle_of(site).accepted_ids(site) - before
    house.gateway(site).kill()
    held = places_of(place.folder)
    damage(place.folder / "gateway.db")
    house.run_gateway(site)
    place.wire.heal()
    _noticed(trial, site)
    trial.wait(lambda: trial.epoch(site) == 2, says="a new epoch is in force")
    house.wait_ready(site)
    lost = {
        (epoch, seq)
        for told in _told(trial, site)
        for epoch, first, last in told["lost"]
        for seq in range(first, last + 1)
    }
    named = {scan for scan, where in held.items() if where in lost}
    trial.known[site] = Known(past_disputed=True, named=named)
    trial.note(f"{site}: {len(named & unsent)} of {len(unsent)} unsent scans lost, each named")
    trial.scan(site, 10)
    return 1


def _noticed(trial: Trial, site: str) -> None:
    """By reading what was written, or by the scrub that else comes once a day."""
    try:
        trial.wait(lambda: bool(_told(trial, site)), says="", seconds=5.0)
    except UnexpectedError:
        folder = trial.house.sites[site].folder
        with suppress(QuartermasterError):  # it finds something: that is its exit code
            trial.house.command("gateway", "scrub", "--data", str(folder))
        trial.wait(lambda: bool(_told(trial, site)), says="it says what happened")


def _told(trial: Trial, site: str) -> list[dict[str, Any]]:
    """What the gateway says of its damage; its devices are paired anew when they are gone, too."""
    place = trial.house.sites[site]
    try:
        return list(trial.status(site)["damage"])
    except QuartermasterError as error:
        if "401" not in error.detail:
            return []
    fresh = pair(place.folder, place.port, list(place.doors), now=SystemClock().now())
    place.doors.clear()
    place.doors.update(fresh)
    return []


FAULTS: list[Fault] = [
    Fault("a bit flips in an event", "F10", "cell", partial(_damaged, damage=_flip)),
    Fault("write-ahead log cut in half", "F10", "cell", partial(_damaged, damage=_cut)),
    *(
        Fault(
            f"garbage in page {page} of the database",
            "F10",
            "cell",
            partial(_damaged, damage=partial(_garbage, page=page)),
            short=False,
        )
        for page in (1, 7, 30)
    ),
]
