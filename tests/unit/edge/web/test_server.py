"""The doors' own bounds: nobody who floods or falls silent takes the door from the others."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edge.link import local_tls
from edge.web import Door, open_door
from edge.web.server import open_plain_door
from tests.support import FakeClock, free_port

GET = b"GET / HTTP/1.1\r\nhost: gw\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[..., Awaitable[Stream]]


async def well(_request: Request) -> Response:
    return PlainTextResponse("well")


APP = Starlette(routes=[Route("/", well)])


@contextlib.asynccontextmanager
async def serving(door: Door) -> AsyncIterator[None]:
    task = asyncio.create_task(door.serve())
    await door.opened.wait()
    try:
        yield
    finally:
        door.should_exit = True
        await task


@contextlib.asynccontextmanager
async def connecting(port: int, *, plain: bool = False) -> AsyncIterator[Connect]:
    """Connections from any address of this machine (there are many), closed in the end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    streams: list[Stream] = []

    async def connect(address: str = "127.0.0.1") -> Stream:
        stream = await asyncio.open_connection(
            "127.0.0.1", port, ssl=None if plain else context, local_addr=(address, 0)
        )
        streams.append(stream)
        return stream

    try:
        yield connect
    finally:
        for _, writer in streams:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def ask(stream: Stream) -> bytes:
    reader, writer = stream
    writer.write(GET)
    await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(4)


async def is_hung_up(stream: Stream) -> bool:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        return await asyncio.wait_for(stream[0].read(1), 5) == b""
    return True


def test_an_address_that_opens_more_than_its_share_takes_nothing_from_the_others(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        folder = local_tls.ensure(tmp_path, clock=FakeClock())
        port = free_port()
        door = open_door(APP, host="127.0.0.1", port=port, certificates=folder, per_address=3)
        async with serving(door), connecting(port) as connect:
            flood = [await connect("127.0.0.66") for _ in range(3)]
            for _ in range(5):
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    assert await is_hung_up(await connect("127.0.0.66"))
            calm = await connect("127.0.0.7")
            assert await ask(calm) == b"well"
            assert await ask(flood[0]) == b"well", "what it has it keeps"
            flood[1][1].close()
            await asyncio.sleep(0.05)
            again = await connect("127.0.0.66")
            assert await ask(again) == b"well"

    asyncio.run(go())


def test_a_connection_that_asks_for_nothing_is_hung_up_and_one_that_asked_stays(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        folder = local_tls.ensure(tmp_path, clock=FakeClock())
        port = free_port()
        door = open_door(APP, host="127.0.0.1", port=port, certificates=folder, patience=0.4)
        async with serving(door), connecting(port) as connect:
            asked = await connect()
            assert await ask(asked) == b"well"
            silent, slow = await connect(), await connect()
            slow[1].write(GET[:-4])  # headers that never end
            assert await is_hung_up(silent)
            assert await is_hung_up(slow)
            assert await ask(asked) == b"well"

    asyncio.run(go())


@pytest.mark.parametrize("said", [b"", GET[:-4]])
def test_the_plain_door_hangs_up_on_silence_too(said: bytes) -> None:
    async def go() -> None:
        port = free_port()
        door = open_plain_door(APP, host="127.0.0.1", port=port, patience=0.2)
        async with serving(door), connecting(port, plain=True) as connect:
            stream = await connect()
            stream[1].write(said)
            assert await is_hung_up(stream)
            assert await ask(await connect()) == b"well"

    asyncio.run(go())
