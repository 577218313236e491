"""Starting the real programs that Quartermaster stands on, and knowing that they listen.

Nothing here knows what a broker or a database is; it knows ports, program files and child
processes. It kills only what it started.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from shared.errors import QuartermasterError

LOOPBACK: Final = "127.0.0.1"
_SERVED: Final = range(16_384, 32_768)
_told: Final[set[int]] = set()
_SYSTEM_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def free_port() -> int:
    """A TCP port on the loopback address that nothing listened on a moment ago.

    It is below those that systems give to outgoing connections (32768 and up on Linux,
    49152 and up in RFC 6335 §6): none of them takes it before its server does. No port is told
    twice, as long as there are others: the servers of a whole house start after all were asked for.
    """
    if len(_told) > len(_SERVED) // 2:
        _told.clear()
    while True:
        port = secrets.choice(_SERVED)
        if port in _told:
            continue
        _told.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def program(name: str) -> Path:
    """The program file called ``name``, looked for in the system folders too.

    Raises:
        QuartermasterError: ``program.missing``.
    """
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)
    if found is None:
        raise QuartermasterError("program.missing", name)
    return Path(found)


def as_root() -> tuple[str, ...]:
    """What to put before a command that needs root: nothing for root itself, else sudo.

    Raises:
        QuartermasterError: ``program.missing`` where there is no sudo.
    """
    return () if os.geteuid() == 0 else (str(program("sudo")), "-n")


def listens(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts TCP connections there now."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:  # refused, too late, or no such host
        return False


def wait_listening(
    process: subprocess.Popen[bytes], ports: list[int], *, log: Path, seconds: float = 15.0
) -> None:
    """Return once ``process`` listens on all ``ports``.

    Raises:
        QuartermasterError: ``program.failed`` with the end of its log when it exits or is late.
    """
    deadline = time.monotonic() + seconds
    waiting = list(ports)
    while waiting:
        if process.poll() is not None:
            raise QuartermasterError(
                "program.failed", f"exit {process.returncode}: {tail(log)}", where=str(log)
            )
        if time.monotonic() > deadline:
            raise QuartermasterError(
                "program.failed", f"not listening after {seconds:.0f} s", where=str(log)
            )
        waiting = [port for port in waiting if not listens(port)]
        if waiting:
            time.sleep(0.01)


def stop(process: subprocess.Popen[bytes], *, seconds: float = 10.0) -> None:
    """End a child: politely first, then by force, and collect it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def tail(log: Path, *, characters: int = 300) -> str:
    """The end of a log file, for an error's detail; empty when there is none."""
    try:
        return log.read_text("utf-8", errors="replace")[-characters:].strip()
    except OSError:
        return ""
