"""What was written is what is sent: flipped bits are found by our own hashes, and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.db import Connection, Database
from edge.outbox import Outbox, Signer
from edge.outbox.scrub import scrub
from shared.cose import key_id
from shared.downlink import Watermark
from shared.errors import QuartermasterError
from shared.events import DeviceHealth
from shared.ids import GatewayId

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_763_650_000_000_000


class Box:
    """An outbox with three sealed segments of two events and three events that wait."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "gateway.db")
        signer = Signer(
            KEY.sign, key_id(KEY.public_key()), "quartermaster.local", GatewayId("gw-01"), 1
        )
        self.outbox = Outbox(signer)
        self.database.around(self.outbox.begin, self.outbox.end)
        self.told: list[str] = []
        self.database.when_damaged(lambda error: self.told.append(error.code))
        self.database.run_blocking(lambda c: self.outbox.open(c, NOW))
        for _ in range(3):
            self.append("sealed", "sealed")
            self.database.run_blocking(lambda c: self.outbox.seal(c, NOW))
        self.append("a", "b", "c")

    def append(self, *texts: str) -> None:
        def unit(connection: Connection) -> None:
            for text in texts:
                self.outbox.append(
                    connection,
                    DeviceHealth("sc-01", "well", text),
                    event_id=bytes(16),
                    device="sc-01",
                    occurred_at=NOW,
                    clock_state=1,
                )

        self.database.run_blocking(unit)

    def change(self, statement: str, *values: object) -> None:
        self.database.run_blocking(lambda c: c.execute(statement, values))

    def flip_segment(self, first_seq: int, offset: int) -> None:
        """One bit of a segment's bytes, wherever: in an event, the header or the signature."""
        select = "SELECT body FROM segment WHERE first_seq = ?"
        (body,) = self.database.reader.execute(select, (first_seq,)).fetchone()
        changed = bytearray(body)
        changed[offset % len(body)] ^= 1
        self.change("UPDATE segment SET body = ? WHERE first_seq = ?", bytes(changed), first_seq)

    def flip_waiting(self, seq: int) -> None:
        select = "SELECT body FROM waiting WHERE seq = ?"
        (body,) = self.database.reader.execute(select, (seq,)).fetchone()
        changed = bytearray(body)
        changed[-2] ^= 1
        self.change("UPDATE waiting SET body = ? WHERE seq = ?", bytes(changed), seq)

    def seal(self) -> object:
        return self.database.run_blocking(lambda c: self.outbox.seal(c, NOW))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.database.close()


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(QuartermasterError) as error:
        what()
    assert error.value.code == "store.damaged"
    return error.value.where


@pytest.mark.parametrize("offset", [0, 10, 100, -1])
def test_a_segment_with_a_flipped_bit_is_never_sent(box: Box, offset: int) -> None:
    box.flip_segment(3, offset)
    reader = box.database.reader
    assert refused(lambda: box.outbox.unacknowledged(reader, after=(1, 1))) == "epoch 1: 3-4"
    assert [each.first_seq for each in box.outbox.unacknowledged(reader, limit=1)] == [1]
    assert [each.first_seq for each in box.outbox.unacknowledged(reader, after=(1, 3))] == [5]


def test_nor_is_it_sent_when_the_cloud_asks_for_its_range(box: Box) -> None:
    box.flip_segment(3, 50)
    segments = box.outbox.unacknowledged(box.database.reader, limit=1)
    assert segments[0].last_seq == 2
    (head,) = box.database.reader.execute(
        "SELECT last_hash FROM segment WHERE first_seq = 1"
    ).fetchone()
    word = Watermark(1, 1, 2, head, [(3, 4)])
    refused(lambda: box.database.run_blocking(lambda c: box.outbox.acknowledge(c, word, NOW)))
    assert box.told == ["store.damaged"]
    assert box.outbox.last_watermark(box.database.reader, 1) == (0, 0), "nothing was half done"


@pytest.mark.parametrize("seq", [7, 8, 9])
def test_a_waiting_event_with_a_flipped_bit_is_not_sealed(box: Box, seq: int) -> None:
    box.flip_waiting(seq)
    assert refused(box.seal) == f"sequence {seq}"
    assert box.told == ["store.damaged"]
    assert box.outbox.depth(box.database.reader).waiting == 3


def test_nothing_is_chained_to_the_changed_bytes_of_the_last_event(box: Box) -> None:
    box.flip_waiting(9)
    box.append("after")
    refused(box.seal)


def test_a_scrub_reads_everything_and_names_what_is_damaged(box: Box) -> None:
    whole = scrub(box.database.reader)
    assert whole == (3, 3, [], 2)
    box.flip_segment(1, 40)
    box.flip_segment(5, -1)
    box.flip_waiting(8)
    found = scrub(box.database.reader)
    assert (found.segments, found.waiting) == (3, 3)
    assert [each.partition(": a")[0] for each in found.damage] == [
        "epoch 1: 1-2",
        "epoch 1: 5-6",
        "sequence 8: an event's bytes have changed".partition(": a")[0],
    ]


def test_a_scrub_sees_two_segments_that_do_not_link(box: Box) -> None:
    box.change("DELETE FROM segment WHERE first_seq = 3")
    assert not scrub(box.database.reader).damage, "what was freed and removed is no damage"
    box.change(
        "UPDATE segment SET body = (SELECT body FROM segment WHERE first_seq = 5), "
        "sha256 = (SELECT sha256 FROM segment WHERE first_seq = 5), last_seq = 4 "
        "WHERE first_seq = 1"
    )
    assert any("link" in each for each in scrub(box.database.reader).damage)
