"""The hatch: a socket in the data folder at which commands ask the running gateway how it stands.

Whoever connects is told the report and nothing else: it reads nothing, so there is nothing to be
asked for. The file's mode is the authority: it belongs to the gateway's user, who may read the
database anyhow, and is closed to others before the first connection is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from edge.ports import SystemClock
from shared.errors import QuartermasterError

HATCH: Final = "gateway.sock"
_log: Final[Any] = structlog.get_logger("edge.hatch")
_PATIENCE_S: Final = 5.0


class Asked(NamedTuple):
    """What the hatch told. ``runs`` without a process: it is there and does not answer."""

    runs: bool
    process: dict[str, int] | None = None
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class _Told(msgspec.Struct):
    process: dict[str, int]
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Hatch:
    """Tells the report to commands on this machine.

    Args:
        data: the data folder.
        report: how the gateway stands.
        noticed: what an error means, if it means damage.
    """

    def __init__(
        self,
        data: Path,
        report: Callable[[], dict[str, Any]],
        noticed: Callable[[Exception], QuartermasterError | None],
    ) -> None:
        self._data = data
        self._report = report
        self._noticed = noticed
        self._since = SystemClock().now()
        self._began = time.monotonic()

    async def run(self) -> None:
        """Answer until cancelled."""
        try:
            listening = listen(self._data)
        except OSError as error:  # e.g. a full disk; tried again
            raise QuartermasterError("store.failed", str(error), where=HATCH) from error
        try:
            server = await asyncio.start_unix_server(self._answer, sock=listening)
            async with server:
                await server.serve_forever()
        finally:
            listening.close()
            (self._data / HATCH).unlink(missing_ok=True)

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self._told())
            async with asyncio.timeout(_PATIENCE_S):
                await writer.drain()
        except (OSError, TimeoutError):  # whoever asked has gone
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _told(self) -> bytes:
        process = {
            "pid": os.getpid(),
            "since": self._since,
            "seconds": int(time.monotonic() - self._began),
        }
        try:
            return msgspec.json.encode({"process": process, "report": self._report()})
        except Exception as error:  # noqa: BLE001 - a person asks just when something is wrong
            told = self._noticed(error) or error
            if not isinstance(told, QuartermasterError):
                _log.exception("hatch.unexpected")
                told = QuartermasterError("internal.unexpected", type(error).__name__)
            return msgspec.json.encode({"process": process, "error": told.as_dict()})


def listen(data: Path) -> socket.socket:
    """The socket, in place of one that an earlier process has left.

    Raises:
        OSError: it cannot be made.
    """
    (data / HATCH).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with reached(data) as path:
            listening.bind(path)
            (data / HATCH).chmod(0o600)  # nobody is let in before listen()
            listening.listen(8)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def reached(data: Path) -> Generator[str]:
    """An address of the hatch that is short enough, however deep the folder lies (unix(7))."""
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{HATCH}"
    finally:
        os.close(folder)


def ask(data: Path, *, seconds: float = 3.0) -> Asked:
    """Ask the gateway of this data folder how it stands, whether or not it runs.

    Raises:
        QuartermasterError: ``file.unreadable`` for whom the hatch is closed.
    """
    asking = socket.socket(socket.AF_UNIX)
    asking.settimeout(seconds)
    try:
        with asking, reached(data) as path:
            asking.connect(path)
            told = _all_of(asking)
    except (FileNotFoundError, ConnectionRefusedError):
        return Asked(runs=False)
    except PermissionError:
        says = "only the gateway's own user (or root) may ask it"
        raise QuartermasterError("file.unreadable", says, where=str(data / HATCH)) from None
    except OSError:
        return Asked(runs=True)
    try:
        answer = msgspec.json.decode(told, type=_Told)
    except msgspec.MsgspecError:
        return Asked(runs=True)
    return Asked(True, answer.process, answer.report, answer.error)


def _all_of(asking: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := asking.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)
