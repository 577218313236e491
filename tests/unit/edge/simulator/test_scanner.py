"""A scanner does not give up, and never changes the id of a scan."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from deploy.pki import create
from edge.simulator.floor import Planned
from edge.simulator.oracle import Oracle
from edge.simulator.scanner import Door, Scanner
from tests.support import WallClock

PLANNED = Planned("receive", "]E09501101530003", "DOCK-1", None, 2, "A-1", "", 2)
Reply = tuple[int, dict[str, Any]] | None


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKI whose server certificate is good for localhost."""
    folder = tmp_path_factory.mktemp("keys") / "pki"
    create(folder, trust_domain="quartermaster.local", clock=WallClock())
    return folder


async def _gateway(keys: Path, replies: list[Reply], heard: list[dict[str, Any]]) -> asyncio.Server:
    """Answers each request with the next reply; None hangs up in mid-answer."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(keys / "server.crt", keys / "server.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                heard.append(msgspec.json.decode(await reader.readexactly(length)))
                reply = replies.pop(0)
                if reply is None:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
                    return
                body = msgspec.json.encode(reply[1])
                writer.write(
                    f"HTTP/1.1 {reply[0]} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
                )
                await writer.drain()
        except (EOFError, OSError):
            return
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)


def _scanned(keys: Path, replies: list[Reply]) -> tuple[Oracle, list[dict[str, Any]]]:
    oracle, heard = Oracle(), list[dict[str, Any]]()

    async def work() -> None:
        server = await _gateway(keys, replies, heard)
        port = server.sockets[0].getsockname()[1]
        tls = ssl.create_default_context(cafile=str(keys / "services-chain.crt"))
        scanner = Scanner("sc-01", "S1", Door("localhost", port, tls, "token"), oracle)
        await scanner.scan(PLANNED)
        await scanner.close()
        server.close()
        await server.wait_closed()

    asyncio.run(work())
    return oracle, heard


ACCEPTED: Reply = (
    200,
    {"outcome": "accepted", "understood": {"sku": "A-1", "lot": None, "quantity": 2}},
)


def test_a_scan_is_sent_again_under_its_id_until_the_gateway_answers(keys: Path) -> None:
    replies: list[Reply] = [None, (503, {"error": {}}), (429, {"error": {}}), ACCEPTED]

    oracle, heard = _scanned(keys, replies)

    assert len({scan["id"] for scan in heard}) == 1
    assert len(heard) == 4
    assert UUID(heard[0]["id"]).version == 7
    assert oracle.accepted_ids() == {heard[0]["id"]}
    assert oracle.open == 0


def test_a_refusal_is_an_answer(keys: Path) -> None:
    refused: Reply = (422, {"outcome": "refused", "error": {"code": "scan.unknown-item"}})

    oracle, heard = _scanned(keys, [refused])

    assert len(heard) == 1
    assert oracle.refusals() == {"scan.unknown-item": 1}
    assert not oracle.accepted_ids()
