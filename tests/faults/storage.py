"""F8 and F10: the disk is full, or gives back something else than was written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.fault import Fault, expect
from tests.faults.trial import Trial

_DISK = "96m"
_FILL = 1 << 20


def _full_disk(trial: Trial, site: str) -> int:
    """Somebody fills the gateway's disk; scans are refused in words; there is room again."""
    house = trial.house
    with _small_disk(house.sites[site].folder):
        house.run_gateway(site)
        house.wait_ready(site)
        for _ in range(1 if trial.short else 2):
            trial.scan(site, 20)
            filler = house.sites[site].folder / "somebody-elses-file"
            _fill(filler)
            refusals = _until_refused(trial, site)
            expect(refusals == {"disk.full"}, f"refused with {refusals}")
            filler.unlink()
            _until_accepted(trial, site)
            trial.scan(site, 20)
            trial.settled(site)
        house.gateway(site).stop()
    return 1 if trial.short else 2


def _full_quota(trial: Trial, site: str) -> int:
    """The database has reached the size that it may have; more room is granted."""
    house = trial.house
    settings = house.sites[site].folder / "gateway.toml"
    before = settings.read_text("utf-8")
    settings.write_text(f"{before}[store]\nmax_mebibytes = 1\n", "utf-8")
    house.run_gateway(site)
    house.wait_ready(site)
    house.sites[site].wire.cut()
    refusals = _until_refused(trial, site, 3_000)
    expect(refusals == {"disk.full"}, f"refused with {refusals}")
    house.gateway(site).stop()
    settings.write_text(before, "utf-8")
    house.sites[site].wire.heal()
    house.run_gateway(site)
    trial.scan(site, 20)
    return 1


def _fill(path: Path) -> None:
    with path.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"\0" * _FILL)
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0")


def _until_refused(trial: Trial, site: str, most: int = 500) -> set[str]:
    """Scan until three scans were refused; the codes."""
    codes: list[str] = []
    for _ in range(most):
        code = trial.attempt(site)
        codes += [code] if code else []
        if len(codes) == 3:
            break
    return set(codes)


def _until_accepted(trial: Trial, site: str) -> None:
    trial.wait(lambda: not trial.attempt(site), says="scans are taken again")


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Put a folder on a file system of its own, as large as a memory card of old."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "none", str(folder)], check=True
    )
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside, symlinks=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()
        aside.rename(folder)


FAULTS: list[Fault] = [
    *([Fault("disk full", "F8", "vacant", _full_disk)] if os.geteuid() == 0 else []),
    Fault("database at its quota", "F8", "vacant", _full_quota, short=False),
]
