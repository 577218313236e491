"""The MQTT door: devices of the site speak to the gateway through its own broker.

==============================  =============================================================
``devices/<device>/scan``       a scan, as ``POST /v1/scans`` takes one; ``id`` is the device's
``devices/<device>/reading``    of a declared sensor (:class:`edge.inputs.readings.Reading`)
``devices/<device>/position``   where a vehicle is (:class:`edge.inputs.readings.Position`)
``devices/<device>/answer``     the answer to each, with its ``id``
==============================  =============================================================

The broker's acknowledgement says that the broker has a message; only the answer says that the
gateway has it: a device keeps what it sends until the answer with its id comes, and sends it again
otherwise. The gateway answers after the durable commit, and acknowledges to the broker after that.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import socket
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.inputs import work
from edge.inputs.mosquitto import GATEWAY, LOOPBACK, Mosquitto, Serving, may_speak
from edge.inputs.paired import Devices
from edge.inputs.sensing import Sensing
from edge.ports import ScanPoint
from shared.errors import QuartermasterError
from shared.rates import RateLimit

_log: Final[Any] = structlog.get_logger("edge.inputs.mqtt")
_LANES: Final = 16
_UNANSWERED: Final = 256
"""Messages that the broker may have in flight to the gateway: the bound of what waits here."""
_AHEAD: Final = 32
"""Of these so many of one device; more would keep those of others waiting."""
_LOOK_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STOOD_S: Final = 60.0
_encode: Final = msgspec.json.Encoder().encode


class Delivery(NamedTuple):
    """A message, and what is needed to acknowledge it."""

    device: str
    what: str
    payload: bytes
    packet: int
    qos: int
    session: int


class _WithId(msgspec.Struct):
    id: UUID


_with_id: Final = msgspec.json.Decoder(_WithId)


class MqttDoor:
    """Runs the broker and answers what comes through it, until cancelled.

    Args:
        folder: of the broker's files.
        serving: where devices reach it.
        devices: who may speak.
        scans: where scans are judged and made durable.
        sensing: where readings are.
        limit: shared with the other doors.
    """

    def __init__(
        self,
        folder: Path,
        serving: Serving,
        devices: Devices,
        *,
        scans: ScanPoint,
        sensing: Sensing,
        limit: RateLimit,
    ) -> None:
        self._serving = serving
        self._devices = devices
        self._scans = scans
        self._sensing = sensing
        self._limit = limit
        password = secrets.token_urlsafe(32)
        self._broker = Mosquitto(folder, serving, _hashed(password))
        self._client = _client(password, self)
        self._session = 0
        self._lanes: list[asyncio.Queue[Delivery]] = []
        self._waiting: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_error: QuartermasterError | None = None
        self.counts: Counter[str] = Counter()
        """Since the process started: ``answered``, ``starts``, and refusals by their code."""

    def report(self) -> dict[str, Any]:
        """How the broker stands, and what was refused."""
        return {
            "port": self._serving.port,
            "up": self._client.is_connected(),
            "pid": self._broker.pid,
            "last_error": self._last_error.detail if self._last_error is not None else "",
            "counts": dict(self.counts),
        }

    @property
    def trouble(self) -> QuartermasterError | None:
        """Why there is no broker now."""
        return None if self._client.is_connected() else self._last_error

    async def run(self) -> None:
        """Keep the broker running, and answer, until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._lanes = [asyncio.Queue() for _ in range(_LANES)]
        workers = [asyncio.create_task(self._work(lane)) for lane in self._lanes]
        workers.append(asyncio.create_task(self._catch_up()))
        pause = 0.5
        try:
            while True:
                started = time.monotonic()
                await self._once()
                stood = time.monotonic() - started
                pause = 0.5 if stood > _STOOD_S else min(pause * 2, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause)
        finally:
            for worker in workers:
                worker.cancel()
            await self._leave()

    async def _once(self) -> None:
        """One life of the broker."""
        try:
            await self._broker.start(self._devices.everyone())
            self.counts["starts"] += 1
            self._connect()
            ended = asyncio.create_task(self._broker.ended())
            try:
                while not ended.done():
                    await asyncio.wait((ended,), timeout=_LOOK_S)
                    if not ended.done() and self._broker.refresh(self._devices.everyone()):
                        _log.info("mqtt.devices-changed")
                error = ended.result()
            finally:
                ended.cancel()
        except QuartermasterError as refused:
            error = refused
        self._last_error = error
        _log.error("mqtt.broker-ended", code=error.code, detail=error.detail)
        await self._leave()

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = _UNANSWERED
        self._client.connect_async(
            LOOPBACK, self._broker.own_port, keepalive=20, clean_start=True, properties=properties
        )
        self._client.loop_start()

    async def _leave(self) -> None:
        """Let go of the broker; what it had not been acknowledged is sent again by its devices."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        await self._broker.stop()

    # On the network's thread

    def connected(self, client: Client, reason: Any) -> None:
        """The broker is there."""
        if reason.is_failure:
            _log.error("mqtt.refused", reason=str(reason))
            return
        for what in ("scan", "reading", "position"):
            client.subscribe(f"devices/+/{what}", qos=1)

    def disconnected(self) -> None:
        """Packet numbers of this session mean nothing in the next."""
        self._session += 1

    def received(self, message: MQTTMessage) -> None:
        """A device has sent something."""
        _, device, what = message.topic.split("/")
        payload, session = bytes(message.payload), self._session
        delivery = Delivery(device, what, payload, message.mid, message.qos, session)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._queue, delivery)

    # In the gateway's loop

    def _queue(self, delivery: Delivery) -> None:
        """A device's messages are answered one by one, beside those of others."""
        lane = self._lanes[zlib.crc32(delivery.device.encode()) % _LANES]
        if self._waiting[delivery.device] >= _AHEAD:
            says = f"{_AHEAD} of {delivery.device} wait for their answer"
            self._refuse(delivery, QuartermasterError("request.too-many", says))
            return
        self._waiting[delivery.device] += 1
        lane.put_nowait(delivery)

    async def _work(self, lane: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await lane.get()
            try:
                self._say(delivery, await self._answer(delivery), delivery.qos)
            except QuartermasterError as error:
                self._refuse(delivery, error)
            except Exception as error:  # noqa: BLE001 - a broken message must not stop its lane
                reference = secrets.token_hex(4)
                _log.exception("mqtt.unexpected", reference=reference, error=error)
                says = f"reference {reference}"
                self._refuse(delivery, QuartermasterError("internal.unexpected", says))
            self._waiting[delivery.device] -= 1
            if not self._waiting[delivery.device]:
                del self._waiting[delivery.device]

    def _refuse(self, delivery: Delivery, error: QuartermasterError) -> None:
        self.counts[error.code] += 1
        # Who sends too much may miss that it does; others' answers are not to wait for that.
        qos = 0 if error.code == "request.too-many" else delivery.qos
        self._say(delivery, _refused(delivery.payload, error), qos)

    def _say(self, delivery: Delivery, body: bytes, qos: int) -> None:
        """Answer, and have the broker forget what is answered."""
        self._client.publish(f"devices/{delivery.device}/answer", body, qos=qos)
        self.counts["answered"] += 1
        if delivery.qos and delivery.session == self._session:
            self._client.ack(delivery.packet, delivery.qos)

    async def _answer(self, delivery: Delivery) -> bytes:
        """The answer, after the durable commit.

        Raises:
            QuartermasterError: what was sent is refused.
        """
        self._limit.take(delivery.device, 1, time.monotonic())
        paired = self._devices.by_name(delivery.device)
        if paired is None or not may_speak(paired):
            raise QuartermasterError("input.revoked", delivery.device)
        if delivery.what == "scan":
            scan = work.completed(delivery.payload, paired.work, None)
            return (await self._scans.scan(scan, device=paired.name)).body
        take: Callable[[bytes, str], Awaitable[bytes]]
        take = self._sensing.read if delivery.what == "reading" else self._sensing.place
        return await take(delivery.payload, paired.name)

    async def _catch_up(self) -> None:
        """Record what came too soon after what was recorded before it."""
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._sensing.catch_up()
            except QuartermasterError as error:
                _log.warning("mqtt.not-recorded", code=error.code, detail=error.detail)


def _client(password: str, door: MqttDoor) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=GATEWAY, protocol=MQTTv5, manual_ack=True
    )
    client.username_pw_set(GATEWAY, password)
    client.reconnect_delay_set(1, 2)
    client.max_inflight_messages_set(_UNANSWERED)
    client.max_queued_messages_set(10_000)

    def on_connect(*told: Any) -> None:
        door.connected(client, told[3])

    def on_disconnect(*_: Any) -> None:
        door.disconnected()

    def on_message(*told: Any) -> None:
        door.received(told[2])

    def on_socket_open(*told: Any) -> None:
        # Small answers would wait up to 40 ms for the acknowledgement of the one before.
        told[2].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_socket_open = on_socket_open
    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.on_message = on_message
    return client


def _refused(payload: bytes, error: QuartermasterError) -> bytes:
    found: str | None = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = str(_with_id.decode(payload).id)
    return _encode({"id": found, "outcome": "refused", "error": error.as_dict()})


def _hashed(password: str) -> str:
    """Mosquitto's password type 6: a salted SHA-512 of 256 random bits."""
    salt = secrets.token_bytes(12)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
