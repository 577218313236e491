"""The outbox: epochs, sealing, watermarks that contradict, retention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.db import Connection, Database
from edge.outbox import Opening, Outbox, Sealed, Signer
from edge.outbox.statements import merged, statement_id
from shared import segment
from shared.cose import key_id
from shared.downlink import Watermark
from shared.errors import QuartermasterError
from shared.events import (
    CodeSeen,
    DeviceHealth,
    EpochOpened,
    EventData,
    EventsCarried,
    EventsLost,
)
from shared.ids import GatewayId

GATEWAY = GatewayId("gw-01")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_763_650_000_000_000
OPENING = Opening(EpochOpened(1, 1, bytes(32), "frozen"), b"\x01" * 16, 1)


def signer(epoch: int = 1, key: Ed25519PrivateKey = KEY) -> Signer:
    return Signer(key.sign, key_id(key.public_key()), "quartermaster.local", GATEWAY, epoch)


class Box:
    """An outbox in a database, one transaction a call."""

    def __init__(
        self,
        path: Path,
        epoch: int = 1,
        *,
        used_epoch: int = 0,
        opening: Opening | None = None,
        key: Ed25519PrivateKey = KEY,
    ) -> None:
        self.database = Database(path)
        self.outbox = Outbox(signer(epoch, key))
        self.database.around(self.outbox.begin, self.outbox.end)
        self.epoch = self.database.run_blocking(
            lambda connection: self.outbox.open(
                connection, NOW, used_epoch=used_epoch, opening=opening
            )
        )

    def append(self, *data: EventData) -> list[int]:
        return self.database.run_blocking(
            lambda connection: [self._append(connection, item) for item in data]
        )

    def _append(self, connection: Connection, data: EventData) -> int:
        return self.outbox.append(
            connection, data, event_id=bytes(16), device="sc-01", occurred_at=NOW, clock_state=1
        )

    def seal(self, limit: int = 256) -> Sealed | None:
        return self.database.run_blocking(
            lambda connection: self.outbox.seal(connection, NOW, limit=limit)
        )

    def hear(self, seq: int, *, generation: int = 1, epoch: int = 1, **over: object) -> str:
        head = self.hash_at(epoch, seq)
        word = Watermark(generation, epoch, seq, head, **over)  # type: ignore[arg-type]
        return self.database.run_blocking(
            lambda connection: self.outbox.acknowledge(connection, word, NOW).frozen
        )

    def hash_at(self, epoch: int, seq: int) -> bytes:
        for sealed in self.stored():
            if sealed.epoch == epoch:
                for event in opened(sealed).events:
                    if event.seq == seq:
                        return event.hash
        return bytes(32)

    def stored(self) -> list[Sealed]:
        rows = self.database.reader.execute(
            "SELECT epoch, first_seq, last_seq, body FROM segment ORDER BY epoch, first_seq"
        )
        return [Sealed(*row) for row in rows.fetchall()]

    def unacknowledged(self) -> list[tuple[int, int]]:
        found = self.outbox.unacknowledged(self.database.reader, limit=100)
        return [(sealed.first_seq, sealed.last_seq) for sealed in found]


def opened(sealed: Sealed, key: Ed25519PrivateKey = KEY) -> segment.Segment:
    message = segment.parse(sealed.body)
    return segment.verify(
        message, key.public_key(), trust_domain="quartermaster.local", gateway=GATEWAY
    )


def note(text: str = "x") -> DeviceHealth:
    return DeviceHealth("sc-01", "well", text)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "gateway.db")
    yield box
    box.database.close()


def test_sequence_numbers_have_no_gaps_and_segments_chain(box: Box) -> None:
    assert box.append(note(), note()) == [1, 2]
    first = box.seal()
    assert box.append(note()) == [3]
    second = box.seal()
    assert first is not None
    assert second is not None
    assert opened(second).prev_hash == opened(first).last_hash
    assert opened(first).prev_hash == segment.GENESIS
    assert box.seal() is None


def test_what_is_sealed_in_its_own_transaction_never_waits(box: Box) -> None:
    def unit(connection: Connection) -> Sealed | None:
        box._append(connection, note())
        box._append(connection, note())
        return box.outbox.seal(connection, NOW)

    sealed = box.database.run_blocking(unit)
    assert sealed is not None
    assert sealed.events == 2
    assert box.outbox.depth(box.database.reader).waiting == 0
    assert [event.seq for event in opened(sealed).events] == [1, 2]


def test_what_waited_before_is_sealed_before_what_was_just_appended(box: Box) -> None:
    box.append(note("old"))

    def unit(connection: Connection) -> Sealed | None:
        box._append(connection, note("new"))
        return box.outbox.seal(connection, NOW, limit=1)

    sealed = box.database.run_blocking(unit)
    assert sealed is not None
    assert [event.data for event in opened(sealed).events] == [note("old")]
    assert box.outbox.depth(box.database.reader).waiting == 1


def test_a_partly_sealed_transaction_keeps_the_rest_waiting(box: Box) -> None:
    def unit(connection: Connection) -> Sealed | None:
        for _ in range(5):
            box._append(connection, note())
        return box.outbox.seal(connection, NOW, limit=3)

    sealed = box.database.run_blocking(unit)
    assert sealed is not None
    rest = box.seal()
    assert rest is not None
    assert [(s.first_seq, s.last_seq) for s in (sealed, rest)] == [(1, 3), (4, 5)]


def test_a_segment_takes_256_events_and_128_kib_at_most(box: Box) -> None:
    box.append(*[note()] * 300)
    first = box.seal()
    assert first is not None
    assert first.events == 256
    large = CodeSeen("cam", "qr", "ä" * 512)
    box.append(*[large] * 256)
    box.seal()
    sealed = [s for s in iter(box.seal, None) if s is not None]
    assert len(sealed) > 1
    assert all(len(s.body) <= segment.MAX_BYTES for s in sealed)
    assert sum(s.events for s in box.stored()) == 556


def test_an_event_that_is_too_large_is_refused_and_leaves_no_gap(box: Box) -> None:
    from shared.events import DecisionTaken

    text = "ä" * 200
    large = DecisionTaken("d", "s", "edge", 1, 1, bytes(32), text, [text] * 16, [text] * 16)
    with pytest.raises(QuartermasterError, match=r"event\.malformed"):
        box.append(large)
    assert box.append(note()) == [1]


def test_only_a_watermark_frees_and_only_whole_segments_up_to_it(box: Box) -> None:
    for _ in range(3):
        box.append(note(), note())
        box.seal()
    assert box.unacknowledged() == [(1, 2), (3, 4), (5, 6)]
    box.hear(2)
    assert box.unacknowledged() == [(3, 4), (5, 6)]
    box.hear(5)
    assert box.unacknowledged() == [(5, 6)], "a segment is free when its last event is covered"
    box.hear(6)
    assert box.unacknowledged() == []


def test_an_older_watermark_changes_nothing(box: Box) -> None:
    box.append(note(), note())
    box.seal()
    box.hear(2)
    box.hear(1)
    assert box.outbox.last_watermark(box.database.reader, 1) == (1, 2)


def test_a_newer_generation_that_knows_less_takes_the_freedom_back(box: Box) -> None:
    for _ in range(2):
        box.append(note())
        box.seal()
    box.hear(2)
    assert box.hear(1, generation=2) == ""
    assert box.unacknowledged() == [(2, 2)]
    box.hear(2, generation=1)
    assert box.unacknowledged() == [(2, 2)], "the old generation has nothing more to say"


def test_missing_ranges_are_handed_out_again(box: Box) -> None:
    for _ in range(3):
        box.append(note(), note())
        box.seal()
    word = Watermark(1, 1, 2, box.hash_at(1, 2), [(3, 4)])
    done = box.database.run_blocking(
        lambda connection: box.outbox.acknowledge(connection, word, NOW)
    )
    assert [(s.first_seq, s.last_seq) for s in done.again] == [(3, 4)]


@pytest.mark.parametrize(
    ("seq", "hash_of"),
    [(9, None), (2, bytes(32))],
    ids=["the cloud has more than was sealed here", "the cloud has another event"],
)
def test_a_database_that_the_cloud_contradicts_seals_no_more_but_goes_on_taking_events(
    box: Box, seq: int, hash_of: bytes | None
) -> None:
    box.append(note(), note())
    box.seal()
    word = Watermark(1, 1, seq, hash_of or bytes(31) + b"\x01")
    done = box.database.run_blocking(
        lambda connection: box.outbox.acknowledge(connection, word, NOW)
    )
    assert done.frozen
    assert box.append(note()) == [3]
    assert box.seal() is None
    depth = box.outbox.depth(box.database.reader)
    assert depth.frozen == done.frozen
    assert depth.unacknowledged_events == 2, "nothing is freed"
    assert box.unacknowledged() == [], "and nothing more is sent"


def test_what_the_cloud_did_not_cover_of_a_frozen_epoch_goes_on_in_the_next_with_its_ids(
    tmp_path: Path, box: Box
) -> None:
    box.append(note("covered"))
    box.seal()
    box.hear(1)
    box.append(note("a"), note("b"))
    box.seal()
    assert box.hear(9)
    box.append(note("c"))
    box.database.close()
    again = Box(tmp_path / "gateway.db", epoch=2, used_epoch=1, opening=OPENING)
    assert again.epoch == 2
    sealed = again.seal()
    assert sealed is not None
    verified = opened(sealed)
    assert (verified.epoch, verified.first_seq, verified.prev_hash) == (2, 1, segment.GENESIS)
    unknown = EventsLost(1, 2, None, "frozen")
    assert [e.data for e in verified.events] == [
        OPENING.data, unknown, note("a"), note("b"), note("c"),
    ]  # fmt: skip
    said = statement_id(GATEWAY, unknown, 2)
    assert [e.id for e in verified.events] == [OPENING.event_id, said, *[bytes(16)] * 3]
    assert again.unacknowledged() == [(1, 5)], "nothing of the frozen epoch is sent any more"
    assert [(s.epoch, s.first_seq) for s in again.stored()] == [(1, 1), (2, 1)]
    again.database.close()


def test_a_gateway_that_knows_of_a_later_epoch_does_not_go_on_with_an_older_copy(
    tmp_path: Path, box: Box
) -> None:
    box.append(note("a"))
    box.database.close()
    again = Box(tmp_path / "gateway.db", epoch=2, used_epoch=2)
    assert again.epoch == 0
    assert again.seal() is None
    assert "of epoch 1" in again.outbox.depth(again.database.reader).frozen
    again.database.close()
    granted = Box(tmp_path / "gateway.db", epoch=3, used_epoch=2, opening=OPENING)
    sealed = granted.seal()
    assert sealed is not None
    unknown = EventsLost(1, 2, None, "frozen")
    assert [event.data for event in opened(sealed).events] == [OPENING.data, unknown, note("a")]
    granted.database.close()


def test_an_event_in_the_middle_of_a_segment_is_compared_too(box: Box) -> None:
    box.append(note("a"), note("b"), note("c"))
    box.seal()
    assert box.hear(2) == ""
    word = Watermark(1, 1, 2, bytes(31) + b"\x01")
    done = box.database.run_blocking(
        lambda connection: box.outbox.acknowledge(connection, word, NOW)
    )
    assert "another event at epoch 1, sequence 2" in done.frozen


def test_an_epoch_that_the_cloud_has_stopped_is_stopped_here(box: Box) -> None:
    box.append(note("a"))
    box.seal()
    assert "two histories" in box.hear(1, frozen=True)
    assert box.seal() is None


def test_a_word_about_a_later_epoch_shows_that_this_is_an_old_copy(box: Box) -> None:
    assert "epoch 2 through 3" in box.hear(3, epoch=2)


def test_a_new_epoch_closes_the_old_one_first(tmp_path: Path, box: Box) -> None:
    box.append(note("a"))
    box.database.close()
    again = Box(tmp_path / "gateway.db", epoch=3)
    again.append(note("b"))
    again.seal()
    assert [(s.epoch, s.first_seq, s.last_seq) for s in again.stored()] == [(1, 1, 1), (3, 1, 1)]
    assert again.unacknowledged() == [(1, 1), (1, 1)], "the old epoch is still sent"
    again.database.close()


def test_a_lost_database_waits_for_a_new_epoch_instead_of_forking(tmp_path: Path) -> None:
    box = Box(tmp_path / "new.db", epoch=1, used_epoch=1)
    assert box.epoch == 0
    assert box.append(note("answered")) == [1]
    assert box.seal() is None
    assert box.hear(50) == "", "what the cloud has of the old epoch says nothing here"
    box.database.close()
    granted = Box(tmp_path / "new.db", epoch=2, used_epoch=1)
    sealed = granted.seal()
    assert sealed is not None
    assert [event.data for event in opened(sealed).events] == [note("answered")]
    granted.database.close()


def test_a_database_that_knows_nothing_of_the_epoch_before_says_that_its_end_is_unknown(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path / "new.db", epoch=1, used_epoch=1)
    box.append(note("answered"))
    box.database.close()
    lost = Opening(EpochOpened(1, 40, bytes(32), "lost"), b"\x01" * 16, 1)
    granted = Box(tmp_path / "new.db", epoch=2, used_epoch=1, opening=lost)
    sealed = granted.seal()
    assert sealed is not None
    assert [event.data for event in opened(sealed).events] == [
        lost.data, EventsLost(1, 41, None, "lost"), note("answered"),
    ]  # fmt: skip
    granted.database.close()
    again = Box(tmp_path / "new.db", epoch=2, used_epoch=2, opening=lost)
    assert again.seal() is None, "nothing is said twice"
    again.database.close()


NEW_KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01")


def test_what_a_key_signed_that_is_gone_goes_on_under_the_new_one_and_it_says_so(
    tmp_path: Path, box: Box
) -> None:
    box.append(note("covered"))
    box.seal()
    box.hear(1)
    box.append(note("a"), note("b"))
    box.seal()
    box.append(note("c"))
    box.database.close()
    enrolled = Opening(EpochOpened(1, 1, bytes(32), "enrolment"), b"\x01" * 16, 1)
    again = Box(tmp_path / "gateway.db", epoch=2, used_epoch=1, opening=enrolled, key=NEW_KEY)
    sealed = again.seal()
    assert sealed is not None
    assert [event.data for event in opened(sealed, NEW_KEY).events] == [
        enrolled.data, EventsCarried(1, 2, 3, "enrolment"), note("a"), note("b"), note("c"),
    ]  # fmt: skip
    assert again.unacknowledged() == [(1, 5)]
    assert [(s.epoch, s.first_seq) for s in again.stored()] == [(1, 1), (2, 1)]
    again.database.close()


def test_a_new_key_with_nothing_uncovered_closes_the_old_epoch_as_ever(
    tmp_path: Path, box: Box
) -> None:
    box.append(note("covered"))
    box.seal()
    box.hear(1)
    box.append(note("a"))
    box.database.close()
    enrolled = Opening(EpochOpened(1, 1, bytes(32), "enrolment"), b"\x01" * 16, 1)
    again = Box(tmp_path / "gateway.db", epoch=2, used_epoch=1, opening=enrolled, key=NEW_KEY)
    sealed = again.seal()
    assert sealed is not None
    assert [event.data for event in opened(sealed, NEW_KEY).events] == [enrolled.data]
    assert [(s.epoch, s.first_seq) for s in again.stored()] == [(1, 1), (1, 2), (2, 1)]
    again.database.close()


def test_a_statement_has_the_same_id_each_time_and_another_on_another_occasion() -> None:
    said = EventsLost(1, 4, 6, "store-damaged")
    ids = {
        statement_id(GATEWAY, said, 1),
        statement_id(GATEWAY, said, 2),
        statement_id(GatewayId("gw-02"), said, 1),
        statement_id(GATEWAY, EventsLost(1, 4, None, "store-damaged"), 1),
        statement_id(GATEWAY, EventsCarried(1, 4, 6, "store-damaged"), 1),
    }
    assert len(ids) == 5
    assert statement_id(GATEWAY, EventsLost(1, 4, 6, "store-damaged"), 1) in ids
    assert {UUID(bytes=each).version for each in ids} == {8}
    assert {UUID(bytes=each).variant for each in ids} == {RFC_4122}


def test_ranges_are_merged_where_they_touch() -> None:
    assert merged([(5, 6), (1, 2), (3, 3), (9, 9), (6, 7), (9, 9)]) == [(1, 3), (5, 7), (9, 9)]
    assert merged([]) == []


def test_an_identity_from_an_old_backup_seals_nothing(tmp_path: Path) -> None:
    newer = Box(tmp_path / "gateway.db", epoch=4)
    newer.append(note())
    newer.database.close()
    older = Box(tmp_path / "gateway.db", epoch=3)
    assert older.epoch == 0
    assert older.seal() is None
    older.database.close()


def test_another_process_may_append_in_between(tmp_path: Path, box: Box) -> None:
    other = Box(tmp_path / "gateway.db")
    assert box.append(note()) == [1]
    assert other.append(note()) == [2]
    assert box.append(note()) == [3]
    sealed = box.seal()
    assert other.append(note()) == [4]
    assert box.append(note()) == [5]
    assert sealed is not None
    assert opened(sealed).last_seq == 3
    other.database.close()
