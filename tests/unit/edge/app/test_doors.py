"""The gateway's doors: the certificate is followed by the next while devices are at work."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edge.app.doors import Doors
from edge.link import local_tls
from edge.settings import Api
from shared.certificates import load_chain
from shared.errors import QuartermasterError
from shared.units import DAY
from tests.support import FakeClock, free_port

Ask = Callable[[], Awaitable[bytes]]


async def well(_request: Request) -> Response:
    return PlainTextResponse("well")


class House:
    """Both doors of one gateway, with a clock of their own."""

    def __init__(self, identity: Path, **settings: Any) -> None:
        self.clock = FakeClock()
        self.identity = identity
        self.port, self.install_port = free_port(), free_port()
        ports = {"port": self.port, "install_port": self.install_port}
        self.api = Api(host="127.0.0.1", **{**ports, **settings})
        self.doors = Doors(identity, self.api, self.clock, site="berlin", gateway="gw-01")
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        app = Starlette(routes=[Route("/", well)])
        door, listening = self.doors.open(app)
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        await door.opened.wait()
        try:
            yield
        finally:
            for writer in self._writers:
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()
            door.should_exit = True
            await serving

    async def look(self) -> None:
        """What keeps the doors looks once, as it does each hour."""
        looked = asyncio.Event()
        waits = [0.0]

        async def pause(_seconds: float) -> None:
            if waits:
                waits.pop()
                return
            looked.set()
            await asyncio.Event().wait()

        keeping = asyncio.create_task(self.doors.keep(pause))
        looking = asyncio.create_task(looked.wait())
        await asyncio.wait((looking, keeping), return_when=asyncio.FIRST_COMPLETED)
        keeping.cancel()
        await asyncio.wait((keeping,))
        assert looked.is_set()

    async def connect(self) -> tuple[bytes, Ask]:
        """A device's connection: the certificate that it was shown, and how it asks."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        self._writers.append(writer)

        async def ask() -> bytes:
            writer.write(b"GET / HTTP/1.1\r\nhost: gw\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            return await reader.readexactly(4)

        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return shown, ask


def test_the_certificate_is_renewed_while_devices_are_at_work_below_the_same_authority(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        house = House(tmp_path)
        async with house.open():
            first, at_work = await house.connect()
            authority = (house.doors.folder / "ca.crt").read_bytes()
            assert await at_work() == b"well"
            await house.look()
            assert (await house.connect())[0] == first, "it is good for another year"
            house.clock.advance(368 * DAY)
            await house.look()
            second, ask = await house.connect()
            assert second != first
            assert await ask() == b"well"
            assert await at_work() == b"well", "who was connected is not cut off"
            assert (house.doors.folder / "ca.crt").read_bytes() == authority
            x509.load_der_x509_certificate(second).verify_directly_issued_by(
                load_chain(authority)[0]
            )
            assert house.doors.notices() == []

    asyncio.run(go())


def test_a_further_name_is_told_to_people_and_on_the_installation_page(tmp_path: Path) -> None:
    async def go() -> None:
        local_tls.ensure(tmp_path, clock=FakeClock(), hosts=["gw-old"])
        house = House(tmp_path, names=["gw-new"])
        house.clock.advance(2 * DAY)
        async with house.open():
            (told,) = house.doors.notices()
            assert told.code == "gateway.door-authority"
            assert "gw-new" in told.detail
            authority = house.doors.authority()
            assert authority is not None
            assert {"gw-old", "gw-new"} <= set(authority.names)

    asyncio.run(go())


async def _page(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: gw\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_an_installation_port_that_is_taken_is_told_and_keeps_nobody_from_scanning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.doors._TRY_AGAIN_S", 0.0)

    async def go() -> None:
        house = House(tmp_path)
        async with house.open():
            with socket.create_server(("127.0.0.1", house.install_port)):
                await house.doors.install()
                (told,) = house.doors.notices()
                assert (told.code, told.where) == ("settings.invalid", "api.install_port")
                _, ask = await house.connect()
                assert await ask() == b"well"
            installing = asyncio.create_task(house.doors.install())
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    assert b"200 OK" in await _page(house.install_port)
                    break
                await asyncio.sleep(0.01)
            assert house.doors.notices() == []
            installing.cancel()
            await asyncio.wait((installing,))
            with pytest.raises(ConnectionRefusedError):
                await _page(house.install_port)

    asyncio.run(go())


def test_a_port_of_zero_turns_the_page_off(tmp_path: Path) -> None:
    async def go() -> None:
        house = House(tmp_path, install_port=0)
        async with house.open():
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(house.doors.install(), 0.05)
            assert house.doors.notices() == []

    asyncio.run(go())


def test_a_name_that_is_none_is_refused_at_the_door(tmp_path: Path) -> None:
    house = House(tmp_path, names=["not a host"])
    with pytest.raises(QuartermasterError) as refused:
        house.doors.open(Starlette())
    assert refused.value.code == "settings.invalid"
