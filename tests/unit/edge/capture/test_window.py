"""Memory that a worker and the gateway share: bounded, reserved beforehand, read as a whole."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from edge.capture import window
from shared.errors import QuartermasterError


def test_what_the_worker_shows_the_gateway_sees_and_the_other_way_round_who_asked(
    tmp_path: Path,
) -> None:
    gateways, descriptor = window.make(tmp_path)
    workers = window.join(descriptor)
    assert (gateways.state(), gateways.still(1.5)) == (b"", b"")
    assert workers.asked_at == 1.5
    assert workers.show_state(b"state")
    assert workers.show_still(b"jpeg")
    assert (gateways.state(), gateways.still(2.5)) == (b"state", b"jpeg")
    assert workers.show_still(b"")
    assert gateways.still(3.5) == b""
    os.close(descriptor)


def test_it_leaves_no_name_behind(tmp_path: Path) -> None:
    _, descriptor = window.make(tmp_path)
    assert list(tmp_path.iterdir()) == []
    os.close(descriptor)


def test_what_is_too_large_is_not_shown_and_what_was_there_stays(tmp_path: Path) -> None:
    shown, descriptor = window.make(tmp_path)
    assert shown.show_state(b"before")
    assert not shown.show_state(bytes(window.MAX_STATE + 1))
    assert shown.state() == b"before"
    os.close(descriptor)


def test_a_reader_never_sees_half_of_something(tmp_path: Path) -> None:
    gateways, descriptor = window.make(tmp_path)
    workers = window.join(descriptor)
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number = (number + 1) % 250
            workers.show_still(bytes([number + 1]) * (20_000 + 100 * number))

    workers.show_still(b"x")
    assert gateways.still(0.0) == b"x"
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2000):
            assert len(set(gateways.still(0.0))) == 1
    finally:
        over.set()
        writer.join()
        os.close(descriptor)


def test_a_shared_memory_that_is_too_small_or_missing_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QuartermasterError) as missing:
        window.make(tmp_path / "none")
    assert missing.value.code == "camera.memory"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(QuartermasterError, match="No space left") as small:
        window.make(tmp_path)
    assert small.value.code == "camera.memory"
    assert list(tmp_path.iterdir()) == []
