"""The wire that can be cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.demo.proxy import Weather, Wire


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(timeout=5)


def _echo(peer: socket.socket) -> None:
    with peer:
        try:
            while data := peer.recv(4096):
                peer.sendall(data)
        except OSError:
            return


def _talk(port: int, words: bytes = b"hello") -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as peer:
        peer.sendall(words)
        return peer.recv(4096)


def test_a_whole_wire_carries_both_ways(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        assert _talk(wire.port) == b"hello"
        assert (wire.bytes_up, wire.bytes_down) == (5, 5)


def test_a_cut_breaks_what_is_connected_and_what_comes_until_it_heals(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=5)) as peer:
            peer.sendall(b"one")
            assert peer.recv(10) == b"one"

            wire.cut()

            assert _broken(peer)
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=5)) as peer:
            assert _broken(peer)
        wire.heal()
        assert _talk(wire.port) == b"hello"


def test_a_silent_cut_leaves_newcomers_hanging(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.cut(silent=True)
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=0.2)) as peer:
            peer.sendall(b"anybody?")
            with pytest.raises(TimeoutError):
                peer.recv(10)

            wire.heal()

            peer.settimeout(5)
            assert _broken(peer)


def _broken(peer: socket.socket) -> bool:
    try:
        return peer.recv(10) == b""
    except ConnectionError:
        return True


def test_latency_delays_what_passes_and_changes_nothing_else(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.under(Weather(latency_s=0.1))
        started = time.monotonic()
        assert _talk(wire.port) == b"hello"
        assert time.monotonic() - started >= 0.2


def test_a_slow_wire_lets_through_so_many_bytes_a_second(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.under(Weather(bytes_per_s=1000))
        started = time.monotonic()
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=5)) as peer:
            peer.sendall(b"x" * 400)
            assert _all(peer, 400) == b"x" * 400
        assert time.monotonic() - started >= 0.3


def test_one_direction_can_go_deaf_while_the_connection_stays(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.under(Weather(swallows=frozenset({"down"})))
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=0.3)) as peer:
            peer.sendall(b"hello")
            with pytest.raises(TimeoutError):
                peer.recv(4096)
            wire.heal()
            assert _ended(peer)
        assert (wire.bytes_up, wire.bytes_down) == (5, 0)
        assert _talk(wire.port) == b"hello"


def test_resets_break_the_connection_in_mid_stream(echo: int) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.under(Weather(resets=lambda: True))
        assert _refused(wire.port)
        wire.heal()
        assert _talk(wire.port) == b"hello"
        assert wire.resets == 1


@pytest.mark.parametrize("through", [True, False])
def test_a_snare_breaks_the_connection_as_the_bytes_pass(echo: int, *, through: bool) -> None:
    with Wire("127.0.0.1", echo) as wire:
        wire.snare(b"COMMIT", through=through)
        assert _talk(wire.port) == b"hello"
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=5)) as peer:
            peer.sendall(b"now COMMIT it")
            assert _ended(peer)
        assert wire.snares == 0
        assert _talk(wire.port, b"COMMIT") == b"COMMIT"


def _all(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := peer.recv(4096)):
        data += part
    return data


def _ended(peer: socket.socket) -> bool:
    try:
        return peer.recv(4096) == b""
    except ConnectionError:
        return True


def _refused(port: int) -> bool:
    try:
        return _talk(port) == b""
    except ConnectionError:
        return True
