"""The TCP door: one line in, one line out, for scanners that know neither HTTP nor MQTT.

A connection belongs to a paired device: by the address it comes from, or by its first line,
``token <token>``. Whoever belongs to none is told so and sent away; a device that is revoked is cut
off within a second, and nothing it sends after that is taken. A line without an end is never taken.
Whoever sends too fast is told, and not listened to for a second.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog

from edge.inputs import words, work
from edge.inputs.lines import MOST, Lines
from edge.inputs.paired import Devices, Paired
from edge.ports import Ids, ScanPoint
from shared.errors import QuartermasterError
from shared.rates import RateLimit

_log: Final[Any] = structlog.get_logger("edge.inputs.tcp")
_AT_ONCE: Final = 4096
_LOOK_S: Final = 0.5
_INTRODUCE_S: Final = 10.0
_UNREAD: Final = 16 * 1024
"""Bytes of answers that wait for a scanner that does not read them: DataWedge does not."""
_SLOW_S: Final = 1.0
_STRANGERS: Final = 16
_STRANGERS_OF_ONE: Final = 4
"""Connections that have not said yet whose they are, of all addresses and of one."""
_TOKEN: Final = b"token "
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)
"""A scanner that has gone without a word is known to be gone after two minutes."""


class Listening(NamedTuple):
    """Where to listen, what a line is, and how much there may be."""

    host: str
    port: int
    terminator: bytes = b""
    prefix: bytes = b""
    connections: int = 64
    connections_per_device: int = 4
    idle_seconds: float = 28_800.0


class _Caller:
    """One connection."""

    def __init__(
        self, listening: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.lines = Lines(listening.terminator, listening.prefix)
        self.address = str((writer.get_extra_info("peername") or ("",))[0])
        own: socket.socket | None = writer.get_extra_info("socket")
        if own is not None:
            for level, option, value in _KEEPALIVE:
                own.setsockopt(level, option, value)
        self.paired: Paired | None = None
        self.by_token = False
        self.taken = 0

    def say(self, line: str) -> None:
        """Send a line; where nobody reads, no more is kept."""
        if self.writer.transport.get_write_buffer_size() < _UNREAD:
            self.writer.write(line.encode() + b"\r\n")


class TcpDoor:
    """Listens until cancelled.

    Args:
        listening: where, and how much.
        devices: who may speak.
        scans: where scans are judged and made durable.
        limit: shared with the other doors.
        ids: for lines that bring no id.
    """

    def __init__(
        self, listening: Listening, devices: Devices, scans: ScanPoint, limit: RateLimit, ids: Ids
    ) -> None:
        self._listening = listening
        self._devices = devices
        self._scans = scans
        self._limit = limit
        self._ids = ids
        self._callers: dict[_Caller, None] = {}
        self.trouble: QuartermasterError | None = None
        """Why nobody is listened to."""
        self.counts: Counter[str] = Counter()
        """Since the process started: ``taken``, and refusals by their code."""

    def report(self) -> dict[str, Any]:
        """Who is connected, and what was refused."""
        return {
            "port": self._listening.port,
            "last_error": self.trouble.detail if self.trouble is not None else "",
            "connections": [
                {"device": each.paired.name, "address": each.address, "lines": each.taken}
                for each in self._callers
                if each.paired is not None
            ],
            "counts": dict(self.counts),
        }

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            QuartermasterError: ``settings.invalid`` when the port is taken.
        """
        host, port = self._listening.host, self._listening.port
        try:
            server = await asyncio.start_server(self._serve, host, port, limit=_AT_ONCE)
        except OSError as error:
            says = f"{host}:{port}: {error.strerror}"
            self.trouble = QuartermasterError("settings.invalid", says, where="tcp.port")
            raise self.trouble from None
        self.trouble = None
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                for caller in list(self._callers):
                    if caller.paired is not None and self._in_force(caller) is None:
                        self._send_away(caller, caller.paired.name)
        finally:
            server.close()
            for caller in list(self._callers):
                caller.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _Caller(self._listening, reader, writer)
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            try:
                async with self._place_for(caller):
                    await self._listen_to(caller)
            except QuartermasterError as error:
                self.counts[error.code] += 1
                _log.warning("tcp.refused", code=error.code, address=caller.address)
                caller.say(words.refused(error))
            except Exception:  # noqa: BLE001 - the door stays open for others
                _log.exception("tcp.unexpected", address=caller.address)
        with suppress(OSError):
            writer.close()

    @asynccontextmanager
    async def _place_for(self, caller: _Caller) -> AsyncGenerator[None]:
        """Have a place among those connected; strangers cannot take those of devices.

        Raises:
            QuartermasterError: ``input.connections``.
        """
        self._bind(caller, self._devices.by_address(caller.address), by_token=False)
        strangers = [each.address for each in self._callers if each.paired is None]
        crowd = len(strangers) >= _STRANGERS or strangers.count(caller.address) >= _STRANGERS_OF_ONE
        full = len(self._callers) >= self._listening.connections
        if full or (crowd and caller.paired is None):
            raise QuartermasterError("input.connections")
        self._callers[caller] = None
        try:
            yield
        finally:
            self._callers.pop(caller, None)

    async def _listen_to(self, caller: _Caller) -> None:
        """Take what comes until the connection ends.

        Raises:
            QuartermasterError: ``input.unbound``, ``input.revoked`` or ``input.unfinished``.
        """
        while True:
            patience = self._listening.idle_seconds if caller.paired else _INTRODUCE_S
            data = await self._next(caller, patience)
            if not data:
                break
            for line in caller.lines.feed(data):
                caller.say(await self._take(caller, line))
        if caller.lines.unfinished:
            raise QuartermasterError("input.unfinished")

    async def _next(self, caller: _Caller, patience: float) -> bytes:
        try:
            return await asyncio.wait_for(caller.reader.read(_AT_ONCE), patience)
        except TimeoutError:
            if caller.paired is None:
                raise QuartermasterError("input.unbound", "no token came") from None
            return b""

    async def _take(self, caller: _Caller, line: bytes | None) -> str:
        """Answer one line; what is no scan of a device in force ends the connection.

        Raises:
            QuartermasterError: ``input.unbound`` or ``input.revoked``.
        """
        if line is not None and line[: len(_TOKEN)].lower() == _TOKEN:
            token = line[len(_TOKEN) :].decode("ascii", "replace").strip()
            self._bind(caller, self._devices.by_token(token), by_token=True)
            if caller.paired is None:
                raise QuartermasterError("input.unbound", "the token is none of this gateway")
            return f"OK {caller.paired.name} is connected"
        if caller.paired is None:
            raise QuartermasterError("input.unbound", caller.address)
        paired = self._in_force(caller)
        if paired is None:
            raise QuartermasterError("input.revoked", caller.paired.name)
        try:
            self._limit.take(paired.name, 1, time.monotonic())
            said = await self._understand(paired, line)
        except QuartermasterError as error:
            self.counts[error.code] += 1
            if error.code == "request.too-many":
                await asyncio.sleep(_SLOW_S)
            return words.refused(error)
        caller.taken += 1
        self.counts["taken"] += 1
        return said

    async def _understand(self, paired: Paired, line: bytes | None) -> str:
        if line is None:
            raise QuartermasterError("scan.too-long", f"more than {MOST} bytes")
        if line.startswith(b"{"):
            scan = work.completed(line, paired.work, self._id())
        else:
            text = _text(line)
            code = work.plain(text)
            if self._devices.is_place(code):
                now_at = paired.work.at(code)
                await self._devices.stand(paired.name, now_at)
                return words.placed(code, now_at)
            scan = work.scan_of(text, paired.work, self._id())
        answer = await self._scans.scan(scan, device=paired.name)
        return words.answered(answer.body)

    def _bind(self, caller: _Caller, paired: Paired | None, *, by_token: bool) -> None:
        """Whose connection it is from now on; of too many of one device the oldest ends.

        A scanner that lost its radio comes back without having hung up.
        """
        caller.paired, caller.by_token = paired, by_token
        if paired is None:
            return
        same = [each for each in self._callers if each is not caller and _is_of(each, paired)]
        for old in same[: len(same) + 1 - self._listening.connections_per_device]:
            self._callers.pop(old)
            old.writer.transport.abort()

    def _in_force(self, caller: _Caller) -> Paired | None:
        """The caller's device as it is now; None when it has been revoked or paired anew."""
        if caller.paired is None:
            return None
        now, known = self._devices.by_name(caller.paired.name), caller.paired
        if now is None or now.token_sha256 != known.token_sha256:
            return None
        return now if caller.by_token or now.address == known.address else None

    def _send_away(self, caller: _Caller, device: str) -> None:
        error = QuartermasterError("input.revoked", device)
        self.counts[error.code] += 1
        caller.say(words.refused(error))
        caller.writer.close()

    def _id(self) -> str:
        return str(UUID(bytes=self._ids.uuid7()))


def _is_of(caller: _Caller, paired: Paired) -> bool:
    return caller.paired is not None and caller.paired.name == paired.name


def _text(line: bytes) -> str:
    """A line as text.

    Raises:
        QuartermasterError: ``scan.malformed``.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise QuartermasterError("scan.malformed", "it is not UTF-8") from None
