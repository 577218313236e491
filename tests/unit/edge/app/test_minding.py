"""A camera's worker may die, hang or talk nonsense: it is started again, and harms nobody."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge import tasks
from edge.app.minding import Minded
from edge.app.worker_words import Answer, Asked, Beat, Told, say, told
from edge.settings import Camera
from edge.vision.lanes import Finding
from shared.events import CodeSeen, DeviceHealth, Event, ShadowCompared, decode_event
from shared.plan import Plan, Task, TaskLine
from tests.support.gateway import GTIN, wait_until

if TYPE_CHECKING:
    from edge.app.store import Store

START = """
import os, signal, sys, time
from multiprocessing.connection import Connection
link = Connection(int(sys.argv[1]))
job = link.recv_bytes()
"""


def saying(words: Any) -> str:
    """A line of a worker's program: it says something. It imports nothing of ours: that is slow."""

    class Wire:
        sent = b""

        def send_bytes(self, sent: bytes) -> None:
            self.sent = sent

    wire = Wire()
    say(wire, words)  # type: ignore[arg-type]
    return f"link.send_bytes({wire.sent!r})\n"


WELL = START + saying(Beat(state="watching", captured=5, dropped=2, skipped={"dock/scan": 1}))
UNTIL_STOPPED = "link.recv_bytes()\n"
HANGING = "time.sleep(600)\n"


def script(text: str) -> Callable[[int, int], list[str]]:
    return lambda link, memory: [sys.executable, "-S", "-c", text, str(link), str(memory)]


@contextmanager
def minded(store: Store, text: str, **more: Any) -> Iterator[Minded]:
    camera = Camera(name=more.pop("name", "dock-cam"), source="x", zone="DOCK-1")
    one = Minded(camera, store, command=script(text), jitter=lambda _: 0.02, **more)
    one.start()
    try:
        yield one
    finally:
        one.stop()
        one.join()


def events(store: Store) -> list[Event]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def health(store: Store) -> list[str]:
    return [it.data.status for it in events(store) if isinstance(it.data, DeviceHealth)]


def details(store: Store) -> set[str]:
    return {it.data.detail for it in events(store) if isinstance(it.data, DeviceHealth)}


def alarms(store: Store, status: str = "open") -> list[str]:
    return sorted(each.about for each in tasks.exceptions(store.database.reader, status=status))


def test_a_worker_that_dies_is_started_again_and_the_others_do_not_notice(
    bare_store: Store,
) -> None:
    with (
        minded(bare_store, WELL + UNTIL_STOPPED, name="well") as well,
        minded(bare_store, WELL + "os.kill(os.getpid(), 11)") as dying,
    ):
        wait_until(lambda: dying.restarts >= 2, "two deaths")
        wait_until(lambda: alarms(bare_store), "somebody is asked to look")
        assert (well.state, well.restarts) == ("watching", 0)
    assert alarms(bare_store) == ["camera.worker"]
    assert "ended by SIGSEGV" in details(bare_store)


def test_what_dead_workers_counted_stays_counted(bare_store: Store) -> None:
    with minded(bare_store, WELL + "os.kill(os.getpid(), 9)") as dying:
        wait_until(lambda: dying.restarts >= 3, "three deaths")
    lives = dying.restarts
    assert dying.total("captured") in {5 * lives, 5 * (lives + 1)}
    assert dying.skipped["dock/scan"] * 5 == dying.total("captured")


def test_a_worker_that_hangs_is_ended_and_started_again(bare_store: Store) -> None:
    with minded(bare_store, WELL + HANGING, silent_s=0.4) as hanging:
        wait_until(lambda: hanging.restarts >= 1, "the end of its patience")
        wait_until(lambda: "said nothing for 0.4 s" in details(bare_store), "what is told")


@pytest.mark.parametrize(
    "nonsense",
    [
        "link.send_bytes(b'nonsense')\n",
        "link.send_bytes(bytes(600_000))\n",
        "os.write(link.fileno(), b'\\xff' * 64)\n",
        saying(Told(11, msgspec.Raw(msgspec.msgpack.encode([1, 2])))),
        saying(Told(99, msgspec.Raw(msgspec.msgpack.encode([])))),
    ],
)
def test_a_worker_that_talks_nonsense_is_ended_and_nothing_of_it_is_recorded(
    bare_store: Store, nonsense: str
) -> None:
    with minded(bare_store, START + nonsense + HANGING) as mad:
        wait_until(lambda: mad.restarts >= 1, "its end")
    assert set(health(bare_store)) == {"failed"}
    assert len(events(bare_store)) == len(health(bare_store))


def test_a_program_that_is_not_there_is_said(bare_store: Store) -> None:
    camera = Camera(name="dock-cam", source="x")
    one = Minded(camera, bare_store, command=lambda *_: ["/nonexistent/program"])
    one.start()
    wait_until(lambda: one.restarts, "the failure")
    one.stop()
    one.join()
    assert one.state == "failed"
    assert "No such file" in one.why


def test_stopping_takes_what_a_worker_still_says_and_leaves_no_process(bare_store: Store) -> None:
    last = saying(told(Finding(CodeSeen("dock-cam", "qr", "last"))))
    with minded(bare_store, WELL + UNTIL_STOPPED + last) as one:
        wait_until(lambda: one.state == "watching", "the worker")
        worker = one.worker
    assert worker is not None
    assert [it.data.raw for it in events(bare_store) if isinstance(it.data, CodeSeen)] == ["last"]
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_worker_that_does_not_want_to_end_is_ended(
    bare_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.minding._ENDING_S", 0.3)
    deaf = WELL + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HANGING
    with minded(bare_store, deaf) as one:
        wait_until(lambda: one.state == "watching", "the worker")
        worker = one.worker
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert worker is not None
    with pytest.raises(ProcessLookupError):
        os.kill(worker, signal.SIGCONT)


@pytest.mark.parametrize("state", ["frozen", "black"])
def test_a_camera_that_does_not_see_is_an_exception_until_it_sees_again(
    bare_store: Store, state: str
) -> None:
    says = saying(Beat(state=state)) + "time.sleep(0.5)\n"
    again = saying(Beat(state="watching"))
    with minded(bare_store, WELL + says + again + UNTIL_STOPPED):
        wait_until(lambda: alarms(bare_store) == [f"camera.{state}"], "the exception")
        wait_until(lambda: alarms(bare_store, "resolved") == [f"camera.{state}"], "its end")
    assert health(bare_store) == ["watching", state, "watching"]
    assert alarms(bare_store) == []


def test_a_camera_that_gives_no_picture_for_long_is_an_exception(bare_store: Store) -> None:
    says = 4 * (saying(Beat(state="unreadable", why="away")) + "time.sleep(0.05)\n")
    with minded(bare_store, START + says + UNTIL_STOPPED, unreadable_s=0.1):
        wait_until(lambda: alarms(bare_store) == ["camera.unreadable"], "the exception")
    assert health(bare_store) == ["unreadable"]


def test_an_exception_of_an_earlier_life_ends_when_the_camera_sees(bare_store: Store) -> None:
    with minded(bare_store, START + saying(Beat(state="black")) + UNTIL_STOPPED):
        wait_until(lambda: alarms(bare_store) == ["camera.black"], "the exception")
    with minded(bare_store, WELL + UNTIL_STOPPED):
        wait_until(lambda: alarms(bare_store) == [], "its end")


def answer_to(store: Store, code: str) -> Answer:
    """What the gateway answers a worker that asks whose a code is."""
    keeping = saying(Asked(7, code)) + "open(sys.argv[3], 'wb').write(link.recv_bytes())\n"
    heard = store.data / "heard"
    heard.unlink(missing_ok=True)
    text = WELL + keeping + UNTIL_STOPPED
    camera = Camera(name="dock-cam", source="x")
    one = Minded(camera, store, command=lambda link, _: [*script(text)(link, -1), str(heard)])
    one.start()
    try:
        wait_until(lambda: heard.exists() and heard.read_bytes(), "the answer")
    finally:
        one.stop()
        one.join()
    return msgspec.msgpack.decode(heard.read_bytes(), type=Answer)


def test_a_worker_asks_whose_code_it_is(store: Store) -> None:
    assert answer_to(store, GTIN) == Answer(7, "TEA-1")


def test_a_worker_asks_whether_a_pallet_is_announced(store: Store) -> None:
    pallet = "106141412345678908"
    assert answer_to(store, f"(00){pallet}") == Answer(7, None)
    asn = Task("R-1", "receive", [TaskLine("TEA-1", 6, sscc=pallet)], document="ASN-1")
    plan = Plan("berlin", [asn])
    store.database.run_blocking(lambda connection: tasks.enter(connection, plan, 1))
    assert answer_to(store, f"(00){pallet}") == Answer(7, "TEA-1")


def test_who_hears_what_was_recorded_may_fail_and_the_camera_goes_on(store: Store) -> None:
    heard: list[str] = []

    def hear(_camera: Camera, words: Told) -> None:
        heard.append(words.data.raw)  # type: ignore[union-attr]
        raise ValueError(words)

    says = [saying(told(Finding(CodeSeen("dock-cam", "qr", it)))) for it in ("one", "two")]
    with minded(store, WELL + "".join(says) + UNTIL_STOPPED, told=hear) as one:
        wait_until(lambda: len(heard) == 2, "both facts")
        assert one.restarts == 0
    assert one.codes_seen == 2


def test_what_heads_compared_is_given_on_and_no_event_by_itself(store: Store) -> None:
    heard: list[Any] = []
    compared = ShadowCompared("slots", "s-1", b"1" * 32, "s-2", b"2" * 32, 5, 3, 2, 0, 0, 0)
    says = saying(told(Finding(compared)))
    hear = {"told": lambda _camera, words: heard.append(words.data)}
    with minded(store, WELL + says + UNTIL_STOPPED, **hear):
        wait_until(lambda: heard, "the comparison")
    assert heard == [compared]
    assert not [it for it in events(store) if isinstance(it.data, ShadowCompared)]


def test_a_worker_is_renewed_without_having_failed_and_hears_the_slots_in_force(
    store: Store,
) -> None:
    heard = store.data / "heard"
    text = WELL + "open(sys.argv[3], 'ab').write(b'.')\n" + UNTIL_STOPPED
    camera = Camera(name="dock-cam", source="x")
    one = Minded(camera, store, command=lambda link, _: [*script(text)(link, -1), str(heard)])
    one.start()
    try:
        wait_until(lambda: heard.exists() and one.state == "watching", "the first")
        one.renew()
        wait_until(lambda: heard.read_bytes() == b"..", "the second")
        assert (one.restarts, one.state) == (0, "watching")
    finally:
        one.stop()
        one.join()
    assert health(store) == ["watching"]


def test_the_address_of_a_camera_stands_on_no_command_line(bare_store: Store) -> None:
    source = "rtsp://user:secret@127.0.0.1:1/x"
    one = Minded(Camera(name="dock-cam", source=source), bare_store, jitter=lambda _: 0.02)
    one.start()
    try:
        wait_until(lambda: one.state != "starting" or one.worker, "the worker")
        worker = one.worker
        assert worker is not None
        said = Path(f"/proc/{worker}/cmdline").read_bytes()
        said += Path(f"/proc/{worker}/environ").read_bytes()
    finally:
        one.stop()
        one.join()
    assert b"secret" not in said
