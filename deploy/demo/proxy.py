"""A wire that can be cut, and a wire in bad weather: a TCP proxy between two of our processes.

It forwards bytes and knows nothing of TLS. While cut, it behaves like a dead line: connections in
flight are reset and new ones are refused at once or, with ``silent``, accepted and left without a
byte, as a firewall that drops packets would. Under a :class:`Weather` bytes come late, slowly, not
at all in one direction, or the connection is reset now and then. A *snare* resets a connection at
the very moment at which given bytes pass. Runs its own event loop in a thread, so that tests and
the demo can use it from anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

Direction = Literal["up", "down"]

_CHUNK: Final = 65_536
_MAX_ON_THE_WAY: Final = 64
_TICK_S: Final = 0.05
_ARRIVES_S: Final = 0.2
"""How long what a snare lets through has until its connection is reset."""


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How a wire behaves while it is not cut.

    ``latency_s`` is one way. ``bytes_per_s`` bounds each direction of each connection. ``resets``
    is asked for every chunk whether its connection breaks there. Bytes in the directions of
    ``swallows`` vanish, while the connection stays up.
    """

    latency_s: float = 0.0
    bytes_per_s: int | None = None
    resets: Callable[[], bool] = _never
    swallows: frozenset[Direction] = frozenset()


FAIR: Final = Weather()


class _Snare(NamedTuple):
    pattern: bytes
    through: bool


class Wire:
    """Forwards a local port to ``host:port`` until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut = False
        self._silent = False
        self._weather = FAIR
        self._snares: list[_Snare] = []
        self.port = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self.connections = 0
        self.resets = 0
        """Connections that the weather or a snare has broken."""

    def __enter__(self) -> Self:
        """Listen on a free local port, told by ``port``."""
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    @property
    def is_cut(self) -> bool:
        """Whether the wire is cut at the moment."""
        return self._cut

    def cut(self, *, silent: bool = False) -> None:
        """Cut the wire: reset what is connected, let nobody through until :meth:`heal`."""
        self._silent = silent
        self._cut = True
        self._run(self._reset())

    def heal(self) -> None:
        """Mend the wire. Connections left hanging by a silent cut are reset, as routers do."""
        self._cut = False
        self._weather = FAIR
        self._snares.clear()
        self._run(self._reset())

    def under(self, weather: Weather) -> None:
        """Let ``weather`` come, over what is connected too, until the next or :meth:`heal`."""
        self._weather = weather

    def snare(self, pattern: bytes, *, through: bool) -> None:
        """Reset the connection on which ``pattern`` next goes up.

        Args:
            pattern: bytes to be found within one chunk.
            through: whether they still arrive; their answer never does.
        """
        self._snares.append(_Snare(pattern, through))

    @property
    def snares(self) -> int:
        """Snares laid that nothing has been caught in yet."""
        return len(self._snares)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _reset(self) -> None:
        for writer in tuple(self._pairs):
            writer.transport.abort()

    async def _close(self) -> None:
        assert self._server is not None  # noqa: S101 - opened by __enter__
        self._server.close()
        await self._reset()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio.start_server makes one per connection
        self._tasks.add(task)
        self._pairs.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._between(reader, writer)
        finally:
            self._pairs.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            if self._silent:
                await reader.read()  # swallow until reset
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._pairs.add(far_writer)
        self.connections += 1
        caught = asyncio.Event()
        ends = (
            asyncio.create_task(self._pump(reader, far_writer, "up", caught)),
            asyncio.create_task(self._pump(far_reader, writer, "down", caught)),
        )
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            self._pairs.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
        caught: asyncio.Event,
    ) -> None:
        """Carry one direction until its end, or until the connection is to be reset."""
        on_the_way = asyncio.Queue[tuple[float, bytes] | None](_MAX_ON_THE_WAY)
        arriving = asyncio.create_task(self._take_up(reader, on_the_way))
        try:
            while (item := await on_the_way.get()) is not None:
                due, data = item
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if direction in self._weather.swallows or caught.is_set():
                    continue
                if direction == "up" and (snare := self._caught(data)) is not None:
                    caught.set()
                    if snare.through:
                        writer.write(data)
                        await asyncio.sleep(_ARRIVES_S)
                    break
                if self._weather.resets():
                    self.resets += 1
                    break
                await self._put_down(writer, data, direction)
        finally:
            arriving.cancel()

    async def _take_up(
        self,
        reader: asyncio.StreamReader,
        on_the_way: asyncio.Queue[tuple[float, bytes] | None],
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await on_the_way.put((self._loop.time() + self._weather.latency_s, data))
        except OSError:
            pass  # reset by its peer: an end like any other
        await on_the_way.put(None)

    async def _put_down(
        self, writer: asyncio.StreamWriter, data: bytes, direction: Direction
    ) -> None:
        while data:
            rate = self._weather.bytes_per_s
            size = len(data) if rate is None else max(1, int(rate * _TICK_S))
            part, data = data[:size], data[size:]
            if direction == "up":
                self.bytes_up += len(part)
            else:
                self.bytes_down += len(part)
            writer.write(part)
            await writer.drain()
            if rate is not None:
                await asyncio.sleep(_TICK_S)

    def _caught(self, data: bytes) -> _Snare | None:
        for snare in self._snares:
            if snare.pattern in data:
                self._snares.remove(snare)
                self.resets += 1
                return snare
        return None
