"""Scanners: they post scans to a gateway's local API and do not give up.

A scan gets its UUIDv7 when the trigger is pulled and is noted before it is sent. Whatever happens
on the way (connection lost, gateway restarting), it is sent again under the same id until the
gateway answers, as a real scanner app must do.

The HTTP/1.1 client is the smallest that serves: one keep-alive TLS connection per scanner, one
request at a time. On two cores a general client would cost more than the gateway it measures.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import msgspec
from uuid_utils import uuid7

from edge.simulator.floor import Planned
from edge.simulator.oracle import Oracle

_RETRY_AFTER_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
_ANSWER_WITHIN_S: Final = 15.0
_MAX_ANSWER: Final = 1 << 20


class Door(NamedTuple):
    """A gateway's local API: where, whom to trust, and the device token to show."""

    host: str
    port: int
    tls: ssl.SSLContext
    token: str


class Answer(NamedTuple):
    """An HTTP answer: its status and its JSON body."""

    status: int
    body: dict[str, Any]


class Connection:
    """One keep-alive connection; opened when first used and again after it broke."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._head = (
            f"Host: {door.host}:{door.port}\r\nAuthorization: Bearer {door.token}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
        )

    async def request(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Send one request and read its answer.

        Raises:
            OSError: the connection failed or broke.
            EOFError: it was closed in mid-answer.
            TimeoutError: no answer within 15 s.
        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            if self._writer is None or self._writer.is_closing():
                self._reader, self._writer = await asyncio.open_connection(
                    self._door.host, self._door.port, ssl=self._door.tls, limit=_MAX_ANSWER
                )
            head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
            self._writer.write(head.encode() + body)
            assert self._reader is not None  # noqa: S101 - opened together with the writer
            return await _read_answer(self._reader)

    async def drop(self) -> None:
        """Close, quietly if it is broken already."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            try:
                async with asyncio.timeout(1):
                    await writer.wait_closed()
            except (OSError, TimeoutError):
                return


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    if length > _MAX_ANSWER:
        raise OSError("the answer is too large")
    payload = await reader.readexactly(length)
    try:
        body: object = msgspec.json.decode(payload) if payload else {}
    except msgspec.DecodeError as error:
        raise OSError(f"no JSON in the answer: {error}") from None
    record = cast("dict[str, Any]", body) if isinstance(body, dict) else {"items": body}
    return Answer(status, record)


class Scanner:
    """One person with one scanner: scans are made one after another.

    ``on_answer(scan_id, seconds)`` hears of each answer, with the time since the trigger.
    """

    def __init__(
        self,
        name: str,
        site: str,
        door: Door,
        oracle: Oracle,
        *,
        on_answer: Callable[[str, float], None] | None = None,
    ) -> None:
        self.name = name
        self._site = site
        self._connection = Connection(door)
        self._oracle = oracle
        self._on_answer = on_answer

    async def scan(self, planned: Planned, *, pulled_at: float | None = None) -> dict[str, Any]:
        """Pull the trigger; returns the gateway's answer, after as many tries as it takes.

        Args:
            planned: the scan.
            pulled_at: the event loop's time at which it was due, if it had to wait its turn.
        """
        loop = asyncio.get_running_loop()
        scan_id = str(uuid7())
        started = loop.time() if pulled_at is None else pulled_at
        self._oracle.sending(scan_id, self._site, planned)
        answer = await self._until_answered(scan_id, scan_body(scan_id, self.name, planned))
        self._oracle.answered(scan_id, answer)
        if self._on_answer is not None:
            self._on_answer(scan_id, loop.time() - started)
        return answer

    async def close(self) -> None:
        """Hang up."""
        await self._connection.drop()

    async def _until_answered(self, scan_id: str, body: bytes) -> dict[str, Any]:
        noted = self._oracle.scans[scan_id]
        while True:
            noted.attempts += 1
            try:
                answer = await self._connection.request("POST", "/v1/scans", body)
            except (OSError, EOFError, TimeoutError):
                await self._connection.drop()
            else:
                if answer.status < 500 and answer.status != 429:
                    return answer.body
                # 429 and 5xx are no answer to the scan: the gateway asks to be asked again.
            wait = _RETRY_AFTER_S[min(noted.attempts, len(_RETRY_AFTER_S)) - 1]
            await asyncio.sleep(wait)


def scan_body(scan_id: str, device: str, planned: Planned) -> bytes:
    """The body of ``POST /v1/scans`` for one planned scan."""
    body: dict[str, Any] = {
        "id": scan_id,
        "raw": planned.raw,
        "step": planned.step,
        "device": device,
        "location": planned.location,
        "quantity": planned.quantity,
    }
    if planned.to:
        body["to"] = planned.to
    return msgspec.json.encode(body)
