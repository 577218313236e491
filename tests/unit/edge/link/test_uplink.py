"""The uplink against a broker link of our own: the window, batching, and who is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.db import Database
from edge.link.uplink import Cloud, Pace, Uplink
from edge.outbox import Outbox, Signer
from edge.ports import LinkListener
from shared import segment
from shared.cose import key_id
from shared.downlink import Watermark, sign_message
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, event_hash
from shared.ids import GatewayId
from tests.support import FakeClock

if TYPE_CHECKING:
    from shared.segment import Header

GATEWAY = GatewayId("gw-01")
DOMAIN = "quartermaster.local"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
CLOUD_KEY = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))


class Wire:
    """A broker link that keeps what is published."""

    def __init__(self) -> None:
        self.connected = False
        self.last_error = ""
        self.sent: list[bytes] = []
        self.interrupted = 0
        self.refuse = False

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert topic == "qm/v1/gw-01/seg"
        assert not retain
        if self.refuse:
            raise QuartermasterError("broker.unreachable")
        self.sent.append(payload)

    async def run(self, listener: LinkListener) -> None:
        raise NotImplementedError

    def interrupt(self) -> None:
        self.interrupted += 1

    @property
    def ranges(self) -> list[tuple[int, int]]:
        return [(head.first_seq, head.last_seq) for head in map(header, self.sent)]


def header(body: bytes) -> Header:
    return segment.header(segment.parse(body))


class Site:
    """A store, an uplink, and the wire between it and the test."""

    def __init__(self, folder: Path, **pace: float) -> None:
        self.clock = FakeClock()
        self.database = Database(folder / "gateway.db")
        self.outbox = Outbox(Signer(KEY.sign, key_id(KEY.public_key()), DOMAIN, GATEWAY, 1))
        self.database.around(self.outbox.begin, self.outbox.end)
        self.database.run_blocking(lambda c: self.outbox.open(c, self.clock.now()))
        self.wire = Wire()
        self.seconds = 0.0
        self.told: list[tuple[int, float | None]] = []
        self.uplink = Uplink(
            self.database,
            self.outbox,
            self.wire,
            Cloud(GATEWAY, DOMAIN, CLOUD_KEY.public_key()),
            self.clock,
            told=lambda issued_at, waited: self.told.append((issued_at, waited)),
            pace=Pace(**pace),  # type: ignore[arg-type]
            monotonic=lambda: self.seconds,
        )

    async def scans(self, number: int) -> None:
        def unit(connection: object) -> None:
            self.outbox.append(
                connection,  # type: ignore[arg-type]
                DeviceHealth("sc-01", "well"),
                event_id=bytes(16),
                device="sc-01",
                occurred_at=self.clock.now(),
                clock_state=1,
            )

        await asyncio.gather(*(self.database.run(unit) for _ in range(number)))

    def up(self) -> None:
        self.wire.connected = True
        self.uplink.up()

    def down(self) -> None:
        self.wire.connected = False
        self.uplink.down()

    def cover(
        self,
        seq: int,
        *missing: tuple[int, int],
        generation: int = 1,
        through: int = 0,
        issued_at: int = 0,
        epoch: int = 1,
    ) -> None:
        head = next(
            (
                event_hash(header(body).events[seq - header(body).first_seq])
                for body in self.wire.sent
                if header(body).epoch == epoch
                and header(body).first_seq <= seq <= header(body).last_seq
            ),
            bytes(32),
        )
        word = Watermark(generation, epoch, seq, head, list(missing), received_through=through)
        self.uplink.heard(
            sign_message(
                CLOUD_KEY.sign,
                kid=key_id(CLOUD_KEY.public_key()),
                trust_domain=DOMAIN,
                gateway=GATEWAY,
                body=word,
                issued_at=issued_at,
            )
        )


def play(folder: Path, story: Callable[[Site], Awaitable[None]], **pace: float) -> Site:
    """Run the uplink while the story is told."""
    site = Site(folder, **pace)

    async def both() -> None:
        running = asyncio.create_task(site.uplink.run())
        try:
            await asyncio.wait_for(story(site), 20)
        finally:
            running.cancel()
            await asyncio.wait((running,))

    try:
        asyncio.run(both())
    finally:
        site.database.close()
    return site


async def eventually(condition: Callable[[], object]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


def test_an_idle_gateway_sends_each_scan_at_once(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        for number in range(1, 4):
            await site.scans(1)
            await eventually(lambda n=number: len(site.wire.sent) == n)
        assert site.wire.ranges == [(1, 1), (2, 2), (3, 3)]

    play(tmp_path, story)


def test_a_full_window_lets_events_gather_into_large_segments(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        for number in range(1, 3):
            await site.scans(1)
            await eventually(lambda n=number: len(site.wire.sent) == n)
        await site.scans(300)
        await asyncio.sleep(0.1)
        assert len(site.wire.sent) == 2, "the window is full"
        site.cover(2)
        await eventually(lambda: len(site.wire.sent) == 4)
        assert site.wire.ranges == [(1, 1), (2, 2), (3, 258), (259, 302)]

    play(tmp_path, story, window=2)


def test_little_is_not_sealed_while_there_is_no_connection(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        await site.scans(5)
        await asyncio.sleep(0.05)
        assert site.outbox.depth(site.database.reader).waiting == 5
        site.up()
        await eventually(lambda: site.wire.ranges == [(1, 5)])

    play(tmp_path, story)


def test_what_gathers_without_a_connection_is_sealed_when_a_segment_is_full(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        await site.scans(600)

        def depth() -> tuple[int, int]:
            found = site.outbox.depth(site.database.reader)
            return found.unacknowledged_events, found.waiting

        await eventually(lambda: depth()[1] < 256)
        assert sum(depth()) == 600
        assert depth()[0] % 256 == 0
        assert site.wire.sent == []

    play(tmp_path, story)


def test_what_is_new_goes_at_once_while_a_backlog_drains_oldest_first(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        for _ in range(8):
            await site.scans(256)
        await eventually(lambda: site.outbox.depth(site.database.reader).waiting < 256)
        site.up()
        await eventually(lambda: len(site.wire.sent) >= 3)
        await asyncio.sleep(0.05)
        stored = [each for each in site.wire.ranges if each[1] - each[0] == 255]
        assert stored[:3] == [(1, 256), (257, 512), (513, 768)]
        assert len(stored) <= 4, "a fifth of the window is kept free"
        before = len(site.wire.sent)
        await site.scans(1)
        await eventually(lambda: site.wire.ranges[-1][1] == 2049)
        assert len(site.wire.sent) == before + 1
        newest = site.wire.ranges[-1]
        # The cloud has it above a gap: its place in the window is free again.
        site.cover(0, (1, newest[0] - 1), through=newest[1])
        await site.scans(1)
        await eventually(lambda: site.wire.ranges[-1] == (2050, 2050))
        # Everything arrives in the end, and nothing of it twice.
        for _ in range(40):
            reached = contiguous(site.wire.ranges)
            above = sorted(each for each in site.wire.ranges if each[0] > reached)
            missing = [(reached + 1, above[0][0] - 1)] if above else []
            site.cover(reached, *missing, through=2050)
            if reached == 2050:
                break
            await asyncio.sleep(0.05)
        assert contiguous(site.wire.ranges) == 2050
        assert len(site.wire.ranges) == len(set(site.wire.ranges))

    play(tmp_path, story, window=5, resend=1000.0)


def contiguous(ranges: list[tuple[int, int]]) -> int:
    """Through where these ranges leave no gap."""
    reached = 0
    for first, last in sorted(ranges):
        if first == reached + 1:
            reached = last
    return reached


def test_an_answer_to_what_was_only_just_sealed_tells_the_time(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 1)
        site.seconds = 0.25
        site.cover(1, issued_at=1234)
        assert site.told == [(1234, 0.25)]
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 2)
        site.down()
        site.up()
        await eventually(lambda: len(site.wire.sent) == 3)
        site.cover(2, issued_at=2345)
        assert site.told[1:] == [(2345, None)], "it may have been covered before it was sent again"

    play(tmp_path, story)


def test_after_a_reconnect_all_that_is_not_covered_goes_again_byte_for_byte(
    tmp_path: Path,
) -> None:
    async def story(site: Site) -> None:
        site.up()
        for number in range(1, 4):
            await site.scans(1)
            await eventually(lambda n=number: len(site.wire.sent) == n)
        site.cover(1)
        site.down()
        site.up()
        await eventually(lambda: len(site.wire.sent) == 5)
        assert site.wire.sent[3:] == site.wire.sent[1:3]

    play(tmp_path, story)


def test_what_stays_uncovered_is_sent_again_with_growing_patience(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 1)
        site.seconds = 6.0
        await eventually(lambda: len(site.wire.sent) == 2)
        site.seconds = 12.0
        await asyncio.sleep(0.7)
        assert len(site.wire.sent) == 2
        site.seconds = 17.0
        await eventually(lambda: len(site.wire.sent) == 3)
        assert len(set(site.wire.sent)) == 1
        assert site.uplink.counts.resent == 2

    play(tmp_path, story, resend=5.0, watchdog=1000.0)


def test_a_connection_that_covers_nothing_is_interrupted(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 1)
        site.seconds = 31.0
        await eventually(lambda: site.wire.interrupted == 1)

    play(tmp_path, story, resend=1000.0)


def test_a_failing_publish_keeps_the_segment_in_flight(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.wire.refuse = True
        site.up()
        await site.scans(1)
        await eventually(lambda: site.uplink.counts.refused["broker.unreachable"])
        assert site.uplink.in_flight == 1
        site.wire.refuse = False
        site.seconds = 6.0
        await eventually(lambda: site.wire.ranges == [(1, 1)])

    play(tmp_path, story, watchdog=1000.0)


def test_a_covered_segment_is_freed_in_the_store_soon_after(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 1)
        site.cover(1)
        assert site.uplink.in_flight == 0
        site.seconds = 2.0
        await eventually(lambda: site.outbox.depth(site.database.reader).watermark == 1)

    play(tmp_path, story)


def test_words_about_two_epochs_that_come_together_are_both_kept(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 1)
        site.outbox.use(Signer(KEY.sign, key_id(KEY.public_key()), DOMAIN, GATEWAY, 2))
        await site.database.run(lambda c: site.outbox.open(c, site.clock.now()))
        await site.scans(1)
        await eventually(lambda: len(site.wire.sent) == 2)
        site.cover(1, epoch=2)
        site.cover(1, epoch=1)
        assert site.uplink.in_flight == 0, "nothing will be sent, so nothing said again"

        def kept() -> list[int]:
            reader = site.database.reader
            return [site.outbox.last_watermark(reader, epoch)[1] for epoch in (1, 2)]

        await eventually(lambda: kept() == [1, 1])

    play(tmp_path, story)


def test_an_older_word_of_the_cloud_is_not_believed(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.up()
        await site.scans(2)
        await eventually(lambda: site.wire.sent and site.wire.ranges[-1][1] == 2)
        site.cover(2, generation=2)
        site.cover(2, generation=1)
        assert site.uplink.counts.refused["stale"] == 1
        assert site.uplink.counts.watermarks == 1

    play(tmp_path, story)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xd2\x84" + bytes(50)])
def test_nonsense_on_the_ack_topic_is_counted_and_changes_nothing(
    tmp_path: Path, payload: bytes
) -> None:
    async def story(site: Site) -> None:
        site.up()
        site.uplink.heard(payload)
        assert sum(site.uplink.counts.refused.values()) == 1

    play(tmp_path, story)
