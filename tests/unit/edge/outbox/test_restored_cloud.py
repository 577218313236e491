"""The outbox against a restored cloud, a forked closed epoch, and events it cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.db import Connection, Database
from edge.outbox import Acknowledged, Outbox, Signer
from shared import segment
from shared.cose import key_id
from shared.downlink import Watermark
from shared.events import DeviceHealth, encode_event, event_hash
from shared.ids import GatewayId

GATEWAY = GatewayId("gw-01")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_763_650_000_000_000
STRANGE = b"\x07" * 32


class Box:
    """An outbox in a database; each segment holds the events of one call."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.outbox = Outbox(self.signer(1))
        self.database.around(self.outbox.begin, self.outbox.end)
        self.hashes: dict[tuple[int, int], bytes] = {}
        self.begin(1)

    @staticmethod
    def signer(epoch: int) -> Signer:
        return Signer(KEY.sign, key_id(KEY.public_key()), "quartermaster.local", GATEWAY, epoch)

    def begin(self, epoch: int) -> int:
        self.outbox.use(self.signer(epoch))
        return self.database.run_blocking(
            lambda connection: self.outbox.open(connection, NOW, used_epoch=epoch - 1)
        )

    def send(self, *ids: int) -> None:
        def unit(connection: Connection) -> None:
            for number in ids:
                self.outbox.append(
                    connection,
                    DeviceHealth("sc-01", "well"),
                    event_id=bytes([number]) * 16,
                    device="sc-01",
                    occurred_at=NOW,
                    clock_state=1,
                )
            sealed = self.outbox.seal(connection, NOW)
            assert sealed is not None
            for seq, body in enumerate(events(sealed.body), start=sealed.first_seq):
                self.hashes[sealed.epoch, seq] = event_hash(body)

        self.database.run_blocking(unit)

    def hear(
        self,
        epoch: int,
        seq: int,
        *,
        generation: int = 1,
        head: bytes | None = None,
        **more: object,
    ) -> Acknowledged:
        known = self.hashes.get((epoch, seq), segment.GENESIS) if head is None else head
        word = Watermark(generation, epoch, seq, known, **more)  # type: ignore[arg-type]
        return self.database.run_blocking(
            lambda connection: self.outbox.acknowledge(connection, word, NOW)
        )

    def to_send(self) -> list[tuple[int, int, int]]:
        found = self.outbox.unacknowledged(self.database.reader, limit=100)
        return [(sealed.epoch, sealed.first_seq, sealed.last_seq) for sealed in found]

    def waiting_ids(self) -> list[int]:
        rows = self.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        return [cbor2.loads(body)[1][0] for (body,) in rows]


def events(sealed: bytes) -> list[bytes]:
    return segment.header(segment.parse(sealed)).events


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "gateway.db")
    yield box
    box.database.close()


def test_a_restored_cloud_is_sent_closed_epochs_again_too(box: Box) -> None:
    box.send(1)
    box.hear(1, 1)
    box.begin(2)
    box.send(2)
    box.hear(2, 1)
    assert box.to_send() == []
    box.hear(2, 1, generation=2)
    assert box.to_send() == [(1, 1, 1)]
    box.hear(1, 1, generation=2)
    assert box.to_send() == []


def test_what_a_restored_cloud_lost_of_a_disputed_epoch_comes_home(box: Box) -> None:
    for number in range(1, 5):
        box.send(number)
    box.hear(1, 4)
    assert box.hear(1, 2, generation=2, frozen=True).frozen
    assert box.begin(2) == 2
    assert box.waiting_ids() == [3, 4]


def test_of_an_epoch_that_the_restored_cloud_tells_otherwise_everything_comes_home(
    box: Box,
) -> None:
    for number in range(1, 4):
        box.send(number)
    box.hear(1, 3)
    assert box.hear(1, 2, generation=2, head=STRANGE).frozen
    box.begin(2)
    assert box.waiting_ids() == [1, 2, 3]


@pytest.mark.parametrize("reached", [2, 5], ids=["another event", "beyond our end"])
def test_a_closed_epoch_that_the_cloud_tells_otherwise_gives_up_its_events(
    box: Box, reached: int
) -> None:
    box.send(1)
    box.hear(1, 1)
    box.send(2)
    box.begin(2)
    assert not box.hear(1, reached, head=STRANGE).frozen
    assert box.to_send() == []
    assert box.waiting_ids() == [2]


@pytest.mark.parametrize(
    ("reached", "missing", "betrayed"),
    [(1, (2, 4), False), (2, (3, 3), True), (1, (2, 3), True), (2, (5, 7), True)],
    ids=["whole segments of ours", "a part of one", "cut across one", "beyond our end"],
)
def test_a_gap_with_strange_neighbours_betrays_a_copy(
    box: Box, reached: int, missing: tuple[int, int], *, betrayed: bool
) -> None:
    for ids in ((1,), (2,), (3, 4), (5,)):
        box.send(*ids)
    assert bool(box.hear(1, reached, missing=[missing]).frozen) is betrayed


def test_an_event_that_cannot_be_read_moves_to_the_next_epoch_with_its_neighbours(
    box: Box,
) -> None:
    def newer_software(connection: Connection) -> None:
        body = encode_event(
            DeviceHealth("sc-01", "well"),
            event_id=b"\x09" * 16,
            occurred_at=NOW,
            seq=1,
            prev_hash=segment.GENESIS,
            device="sc-01",
            clock_state=1,
        )
        strange = cbor2.dumps(cbor2.loads(body) | {2: 99})
        connection.execute("INSERT INTO waiting (seq, body) VALUES (1, ?)", (strange,))
        connection.execute("UPDATE head SET frozen = 'disputed', mark = NULL")

    box.database.run_blocking(newer_software)
    assert box.begin(2) == 2
    box.send(3)
    (sealed,) = box.outbox.unacknowledged(box.database.reader)
    read = segment.verify(
        segment.parse(sealed.body),
        KEY.public_key(),
        trust_domain="quartermaster.local",
        gateway=GATEWAY,
    )
    assert [(item.seq, item.error.code) for item in read.refused] == [(1, "event.unknown-type")]
    assert [event.seq for event in read.events] == [2]
