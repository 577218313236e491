"""Debian 13, where TimescaleDB is an ordinary package: this machine's own, or a root beside it.

On an older Debian a minimal Debian 13 root is made once with debootstrap (about 700 MB) and kept in
the cache. It is built under another name and renamed when complete, so half a root is never used.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Final

from deploy.locks import held
from deploy.processes import as_root, program, tail
from deploy.settings import environment
from shared.errors import QuartermasterError

PACKAGE: Final = "postgresql-17-timescaledb"
_NEEDED: Final = (
    "usr/lib/postgresql/17/bin/postgres",
    "usr/share/postgresql/17/extension/timescaledb.control",
)


def is_debian_13() -> bool:
    """Whether this machine itself is Debian 13 with the package's files in place."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return release.get("VERSION_CODENAME") == "trixie" and complete(Path("/"))


def complete(root: Path) -> bool:
    """Whether ``root`` holds PostgreSQL 17 with TimescaleDB."""
    return all((root / name).exists() for name in _NEEDED)


def debian_13_root(cache: Path) -> Path:
    """The Debian 13 root in ``cache``, made now when it is not there yet.

    Raises:
        QuartermasterError: ``program.missing`` without debootstrap, ``program.failed`` with the
            end of its log.
    """
    root = cache / "trixie"
    if complete(root):
        return root
    with held(cache / "trixie.lock"):
        if not complete(root):  # it may have been made while this process waited
            _make(root)
    return root


def _make(root: Path) -> None:
    debootstrap = str(program("debootstrap"))
    fresh = root.with_name(root.name + ".new")
    log = root.with_name(root.name + ".log")
    sudo = as_root()
    subprocess.run([*sudo, "rm", "-rf", "--one-file-system", str(fresh), str(root)], check=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [*sudo, debootstrap, "--variant=minbase", f"--include={PACKAGE}", "trixie", str(fresh)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0 or not complete(fresh):
        raise QuartermasterError("program.failed", tail(log), where=str(log))
    subprocess.run([*sudo, "mv", str(fresh), str(root)], check=True)


def main() -> None:
    """Make beforehand what TimescaleDB needs here, so that no test waits for it."""
    if environment().database_url is None and not is_debian_13():
        root = environment().cache / "trixie"
        if not complete(root):
            print(f"Making a Debian 13 root for TimescaleDB in {root}, once; about a minute.")
        debian_13_root(environment().cache)


if __name__ == "__main__":
    main()
