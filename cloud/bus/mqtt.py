"""A cloud service's connection to the broker: mutual TLS 1.3, MQTT 5, manual acknowledgement.

Sessions are clean: nothing here depends on what a broker queues. A missing broker is logged once
per outage with its code and tried again with full jitter (a random part of a doubling delay), so
that many clients never come back in one wave. What was received in an earlier session is not
acknowledged in a later one: packet ids start anew.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.breaker import Breaker, State
from shared.errors import CATALOGUE, QuartermasterError

RECEIVE_MAXIMUM: Final = 256
"""Messages that the broker may have in flight to one client: the bound of what waits here."""
MAX_QUEUED: Final = 10_000
KEEPALIVE_S: Final = 20
_LONGEST_DELAY_S: Final = 30.0
_FIRST_DELAY_S: Final = 0.5

_log: Final[Any] = structlog.get_logger("cloud.bus")


class Endpoint(NamedTuple):
    """Where the broker's listener for services is, and the folder with the keys for it."""

    host: str
    port: int
    pki: Path


class Delivery(NamedTuple):
    """A received message and what is needed to acknowledge it."""

    topic: str
    payload: bytes
    packet_id: int
    session: int


class Bus:
    """One client of the broker.

    Args:
        endpoint: where, and the folder with ``ingest.crt``, ``ingest.key``, ``services-chain.crt``.
        client_id: unique among the cloud's clients; a second one of the same name ends the first.
        randomness: numbers from 0 to 1, for the jitter.
        receive_maximum: unacknowledged messages at a time.

    Raises:
        QuartermasterError: ``settings.invalid`` when a key or certificate cannot be read.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client_id: str,
        randomness: Callable[[], float],
        *,
        receive_maximum: int = RECEIVE_MAXIMUM,
    ) -> None:
        self._endpoint = endpoint
        self._randomness = randomness
        self._receive_maximum = receive_maximum
        self._handlers: dict[str, Callable[[Delivery], None]] = {}
        self._session = 0
        self._attempt = 0
        self.breaker = Breaker("broker", time.monotonic, failures=1, told=_say)
        """Told by the connection: what is said while it is open waits, up to ``MAX_QUEUED``."""
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=True
        )
        self._client.tls_set_context(_context(endpoint.pki))  # pyright: ignore[reportUnknownMemberType] - untyped
        self._client.max_queued_messages_set(MAX_QUEUED)
        self._client.max_inflight_messages_set(receive_maximum)
        self._client.on_socket_open = _at_once
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._client.is_connected()

    def subscribe(self, topic_filter: str, on_delivery: Callable[[Delivery], None]) -> None:
        """Hand every message of ``topic_filter`` to ``on_delivery``, on the network's thread.

        Call it before :meth:`start`; one filter per bus. Each delivery must be acknowledged.
        """
        if self._handlers:
            raise ValueError("one filter per bus")
        self._handlers[topic_filter] = on_delivery

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = self._receive_maximum
        properties.SessionExpiryInterval = 0
        self._back_off()
        self._client.connect_async(
            self._endpoint.host,
            self._endpoint.port,
            keepalive=KEEPALIVE_S,
            clean_start=True,
            properties=properties,
        )
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Queue a message (QoS 1); sent when the broker can be reached, dropped with the process.

        Nothing may depend on it arriving: watermarks and offers are said again.
        """
        self._client.publish(topic, payload, qos=1)

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that ``delivery`` is settled; of an earlier session, nothing is told."""
        if delivery.session == self._session:
            self._client.ack(delivery.packet_id, 1)

    def stop(self) -> None:
        """Send what is queued if the broker is there, disconnect and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()
        # Without these references back to us, paho closes its sockets now and not at some later gc.
        self._client.on_connect = None
        self._client.on_disconnect = None
        self._client.on_connect_fail = None
        self._client.on_message = None

    close = stop

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            _log.error("broker.refused", says=CATALOGUE["broker.refused"].says, reason=str(reason))
            return
        self._attempt = 0
        self.breaker.succeeded()
        _log.info("broker.connected", host=self._endpoint.host, port=self._endpoint.port)
        for topic_filter in self._handlers:
            client.subscribe(topic_filter, qos=1)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._session += 1
        if reason.is_failure:
            self._unreachable(str(reason))

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._unreachable("no connection")

    def _unreachable(self, reason: str) -> None:
        self.breaker.failed()
        if self._attempt == 0:
            entry = CATALOGUE["broker.unreachable"]
            _log.error(
                "broker.unreachable",
                says=entry.says,
                do=entry.do,
                host=self._endpoint.host,
                port=self._endpoint.port,
                reason=reason,
            )
        self._attempt += 1
        self._back_off()

    def _back_off(self) -> None:
        """Full jitter; paho waits its minimum delay first, so each attempt sets it anew."""
        ceiling = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(self._attempt, 10))
        delay: Any = max(0.02, ceiling * self._randomness())
        self._client.reconnect_delay_set(min_delay=delay, max_delay=delay)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        delivery = Delivery(message.topic, bytes(message.payload), message.mid, self._session)
        for on_delivery in self._handlers.values():
            on_delivery(delivery)


def _say(name: str, state: State) -> None:
    _log.info("circuit.changed", dependency=name, state=state)


def _at_once(_client: Client, _userdata: object, opened: Any) -> None:
    """Send small messages now: else one waits up to 40 ms for the one before to be acknowledged."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _context(pki: Path) -> ssl.SSLContext:
    """Our own trust store only; the server's name is checked; TLS 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(pki / "services-chain.crt")
        context.load_cert_chain(pki / "ingest.crt", pki / "ingest.key")
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError("settings.invalid", f"{type(error).__name__}: {error}") from None
    return context
