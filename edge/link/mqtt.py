"""The broker link over MQTT 5: mutual TLS, a Will on the state topic, full-jitter reconnects.

What is published is not delivered: the broker's PUBACK frees nothing (see the outbox). A client
certificate that is refused under TLS 1.3 shows only after the handshake, as a silence or a
disconnect before CONNACK; it is counted as an authentication failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import aiomqtt
import structlog

from edge.link.backoff import Backoff
from edge.ports import Jitter, LinkListener, Sleep, system_jitter
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.topics import topic

_log: Final[Any] = structlog.get_logger("edge.link")
_INFLIGHT: Final = 64
STATE_UP: Final = b'{"state":"up"}'
STATE_DOWN: Final = b'{"state":"down"}'


class Endpoint(NamedTuple):
    """Where the broker is, and with what to knock."""

    host: str
    port: int
    context: ssl.SSLContext


@dataclass(slots=True)
class LinkCounts:
    """What happened since the process started."""

    connections: int = 0
    failures: int = 0
    refusals: int = 0


class MqttLink:
    """Implements the port BrokerLink.

    Args:
        gateway: whose topics.
        endpoint: asked at each connection, so that a renewed certificate is used.
        longest_delay: seconds, the ceiling of the wait between two connections.
        keepalive: seconds after which a dead connection is noticed.
        jitter: how long to wait, up to a ceiling.
        sleep: how to wait.
    """

    def __init__(
        self,
        gateway: GatewayId,
        endpoint: Callable[[], Endpoint],
        *,
        longest_delay: float = 40.0,
        keepalive: int = 20,
        jitter: Jitter = system_jitter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._gateway = gateway
        self._endpoint = endpoint
        self._longest_delay = longest_delay
        self._keepalive = keepalive
        self._jitter = jitter
        self._sleep = sleep
        self._client: aiomqtt.Client | None = None
        self._session: asyncio.Task[None] | None = None
        self._connected_at: float | None = None
        self._deliberate = False
        self._in_silence = False
        self._last_error = ""
        self.counts = LinkCounts()

    @property
    def connected(self) -> bool:
        """Whether messages can be sent now."""
        return self._client is not None

    @property
    def last_error(self) -> str:
        """Why the last connection failed or ended; empty when none did."""
        return self._last_error

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with QoS 1; returns when the broker has taken it.

        Raises:
            QuartermasterError: ``broker.unreachable``.
        """
        if self._client is None:
            raise QuartermasterError("broker.unreachable")
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain)
        except aiomqtt.MqttError as error:
            raise QuartermasterError("broker.unreachable", str(error)) from None

    def interrupt(self) -> None:
        """End the present connection; a new one is made."""
        if self._session is not None:
            self._deliberate = True
            self._session.cancel()

    async def run(self, listener: LinkListener) -> None:
        """Connect, again and again, until cancelled."""
        backoff = Backoff(self._longest_delay)
        while True:
            self._connected_at = None
            self._deliberate = self._in_silence = False
            self._session = asyncio.create_task(self._connection(listener))
            try:
                await asyncio.wait((self._session,))
            except asyncio.CancelledError:
                while not self._session.done():  # aiomqtt may lose one in wait_for (Python 3.11)
                    self._session.cancel()
                    await asyncio.wait((self._session,), timeout=1)
                raise
            self._note(self._session)
            since = self._connected_at
            stood = None if since is None else time.monotonic() - since
            by_broker = not self._deliberate and not self._in_silence
            await self._sleep(self._jitter(backoff.after(stood, by_broker=by_broker)))

    async def _connection(self, listener: LinkListener) -> None:
        """One connection, from CONNECT to its end."""
        host, port, context = self._endpoint()
        state = topic(self._gateway, "state")
        client = aiomqtt.Client(
            host,
            port,
            identifier=self._gateway,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=context,
            will=aiomqtt.Will(state, STATE_DOWN, qos=1, retain=True),
            keepalive=self._keepalive,
            max_inflight_messages=_INFLIGHT,
            # Small segments would wait up to 40 ms for the acknowledgement of the one before.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            timeout=10,
        )
        client.pending_calls_threshold = 2 * _INFLIGHT
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(client)
            except aiomqtt.MqttError as error:
                raise _connecting(error) from None
            try:
                await client.subscribe(topic(self._gateway, "ack"), qos=1)
                await client.subscribe(topic(self._gateway, "cmd"), qos=1)
                await client.publish(state, STATE_UP, qos=1, retain=True)
                self._client = client
                self._connected_at = time.monotonic()
                self._last_error = ""
                self.counts.connections += 1
                _log.info("link.up", host=host, port=port)
                listener.up()
                async for message in client.messages:
                    listener.received(message.topic.value, message.payload)
            except aiomqtt.MqttError as error:
                self._in_silence = _is_silence(error)
                raise QuartermasterError("broker.unreachable", str(error)) from None
            finally:
                if self._client is not None:
                    self._client = None
                    listener.down()

    def _note(self, session: asyncio.Task[None]) -> None:
        """Keep why a connection ended."""
        if session.cancelled():
            self._last_error = "interrupted"
            return
        error = session.exception()
        if error is None:
            return
        self.counts.failures += 1
        if isinstance(error, QuartermasterError):
            self._last_error = str(error)
            if error.code == "broker.refused":
                self.counts.refusals += 1
            _log.warning("link.down", code=error.code, detail=error.detail)
        else:
            self._last_error = f"{type(error).__name__}: {error}"
            _log.error("link.down", exc_info=error)


def _is_silence(error: aiomqtt.MqttError) -> bool:
    """Whether a connection ended because nothing came any more, not because somebody ended it."""
    why = error.__cause__
    return isinstance(why, aiomqtt.MqttCodeError) and "Keep alive timeout" in str(why)


def _connecting(error: aiomqtt.MqttError) -> QuartermasterError:
    """Why no connection came about: nobody there, or somebody who does not want us."""
    says = str(error)
    silent = says == "Operation timed out"  # TLS stood, no CONNACK came
    if isinstance(error, aiomqtt.MqttCodeError) or silent or "SSL" in says:
        return QuartermasterError("broker.refused", says)
    return QuartermasterError("broker.unreachable", says)
