"""F11: the gateway's clock is wrong, jumps, or has lost its battery."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from shared.clock import ClockState
from tests.faults.fault import Fault, expect
from tests.faults.trial import Trial

YEAR_S = 365 * 86_400


def _jumps(trial: Trial, site: str, *, seconds: float) -> int:
    """The clock jumps while people scan, and is put right again."""
    told = _clock(trial, site, 0)
    trial.house.gateway(site).stop()
    trial.house.run_gateway(site, FAULT_CLOCK=str(told))
    for shift in (0.0, seconds, 0.0):
        _set(told, shift)
        trial.sleep(0.4)
        trial.scan(site, 12)
    trial.settled(site)
    _in_order_of_sequence(trial, site)
    return 2


def _boots_wrong(trial: Trial, site: str, *, seconds: float) -> int:
    """It starts with a wrong clock, works, says so, and is put right while it runs."""
    trial.scan(site, 12)
    trial.settled(site)
    trial.house.gateway(site).stop()
    told = _clock(trial, site, seconds)
    trial.house.run_gateway(site, FAULT_CLOCK=str(told))
    trial.scan(site, 12)
    trial.settled(site)
    if seconds < 0:
        states = _states(trial, site)
        expect(ClockState.FLOORED in states, f"no event says that the clock is off: {states}")
    _set(told, 0.0)
    trial.sleep(0.4)
    trial.scan(site, 12)
    trial.settled(site)
    _in_order_of_sequence(trial, site)
    return 1


def _clock(trial: Trial, site: str, seconds: float) -> Path:
    path = trial.house.folder / f"clock-{site}"
    _set(path, seconds)
    return path


def _set(path: Path, seconds: float) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{seconds}", "ascii")
    fresh.replace(path)


def _states(trial: Trial, site: str) -> set[int]:
    with trial.house.database() as connection:
        rows = connection.execute(
            "SELECT DISTINCT clock_state FROM movement JOIN site USING (site_id) WHERE code = %s",
            [site],
        ).fetchall()
    return {state for (state,) in rows}


def _in_order_of_sequence(trial: Trial, site: str) -> None:
    """Whatever the clock said: the sequence is the order in which each device was answered."""
    with trial.house.database() as connection:
        rows = connection.execute(
            "SELECT device, event_id::text FROM movement JOIN site USING (site_id)"
            " WHERE code = %s AND leg = 0 ORDER BY epoch, seq",
            [site],
        ).fetchall()
    by_device: dict[str, list[str]] = {}
    for device, scan in rows:
        by_device.setdefault(device, []).append(scan)
    for device, scans in by_device.items():
        # A scanner makes one scan after the other, each with a UUIDv7 of its own, right clock.
        expect(scans == sorted(scans), f"{device}: the sequence is not the order of the scans")


FAULTS: list[Fault] = [
    Fault("clock jumps a year ahead", "F11", "cell", partial(_jumps, seconds=YEAR_S)),
    Fault("clock jumps a year back", "F11", "cell", partial(_jumps, seconds=-YEAR_S), short=False),
    Fault("clock jumps to 1970", "F11", "cell", partial(_jumps, seconds=-time.time()), short=False),
    Fault("boots in 1970", "F11", "cell", partial(_boots_wrong, seconds=-time.time())),
    Fault("boots a year ahead", "F11", "cell", partial(_boots_wrong, seconds=YEAR_S), short=False),
]
