"""A plain MQTT 5 client for tests: what was delivered, and whether it is connected."""

from __future__ import annotations

import queue
import ssl
import threading
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions


class Peer:
    """One connected client; refusals show in ``refused`` and ``closed``, not as exceptions."""

    def __init__(self, client_id: str, context: ssl.SSLContext, port: int) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.connected = threading.Event()
        self.closed = threading.Event()
        self.refused: str | None = None
        self._acknowledged: queue.Queue[tuple[int, Any]] = queue.Queue()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *args: self._acknowledged.put((args[2], args[3]))
        self._client.on_publish = lambda *args: self._acknowledged.put((args[2], args[3]))
        self._port = port

    def __enter__(self) -> Self:
        try:
            self._client.connect("127.0.0.1", self._port, keepalive=30)
        except (ssl.SSLError, OSError) as error:
            self.refused = type(error).__name__
            self.closed.set()
            return self
        self._client.loop_start()
        while not self.connected.is_set() and not self.closed.is_set():
            self.connected.wait(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # Without these references back to us, paho closes its sockets now and not at some later gc.
        self._client.on_connect = None
        self._client.on_disconnect = None
        self._client.on_message = None
        self._client.on_subscribe = None
        self._client.on_publish = None

    def subscribe(self, topic: str) -> None:
        """Subscribe and wait for the broker's answer, whatever it is: it says nothing."""
        _, identifier = self._client.subscribe(topic, options=SubscribeOptions(qos=1))
        self._await(identifier)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> str:
        """Publish at QoS 1 and return the broker's reason in words."""
        information = self._client.publish(topic, payload, qos=1, retain=retain)
        return str(self._await(information.mid))

    def receive(self, seconds: float = 5.0) -> tuple[str, bytes]:
        """The next message delivered."""
        return self.messages.get(timeout=seconds)

    def _await(self, identifier: int | None) -> Any:
        while True:
            mid, reason = self._acknowledged.get(timeout=5.0)
            if mid == identifier:
                return reason

    def _on_connect(self, *args: Any) -> None:
        if args[3].is_failure:
            self.refused = str(args[3])
            self.closed.set()
        else:
            self.connected.set()

    def _on_disconnect(self, *_: Any) -> None:
        self.closed.set()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.messages.put((message.topic, message.payload))
