"""What the cloud has is kept for a whole term: by the age of the database, by no time of day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.outbox import retention
from shared.downlink import Watermark
from shared.units import DAY, HOUR
from tests.unit.edge.outbox.test_outbox import NOW, Box, note

TERM = 7 * DAY


class Kept:
    """An outbox with segments of one event each, and how old it gets."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def sends(self, number: int) -> None:
        for _ in range(number):
            self.box.append(note())
            self.box.seal()

    def grows_older(self, by: int) -> None:
        self.box.database.run_blocking(lambda c: retention.grow_older(c, by))

    def removes(self, *, limit: int = 100) -> int:
        unit = self.box.database.run_blocking
        return unit(lambda c: retention.remove_kept(c, TERM, limit=limit))

    def hears(self, seq: int, *, generation: int = 1) -> None:
        row = self.box.database.reader.execute(
            "SELECT last_hash FROM segment WHERE last_seq = ?", (seq,)
        ).fetchone()
        word = Watermark(generation, 1, seq, row[0] if row else bytes(32))
        self.box.database.run_blocking(lambda c: self.box.outbox.acknowledge(c, word, NOW))

    @property
    def numbers(self) -> list[int]:
        rows = self.box.database.reader.execute("SELECT first_seq FROM segment ORDER BY first_seq")
        return [first for (first,) in rows.fetchall()]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    box = Box(tmp_path / "gateway.db")
    yield Kept(box)
    box.database.close()


def test_it_goes_a_term_after_the_cloud_had_it_and_what_the_cloud_has_not_never_goes(
    kept: Kept,
) -> None:
    kept.sends(3)
    kept.hears(2)
    kept.grows_older(HOUR)
    kept.grows_older(TERM - HOUR)
    assert kept.removes() == 0, "noted an hour ago, not a term"
    kept.grows_older(HOUR)
    assert kept.removes() == 2
    assert kept.numbers == [3]
    kept.grows_older(100 * TERM)
    assert kept.removes() == 0
    assert kept.numbers == [3]


def test_what_arrives_after_a_long_time_without_a_line_is_kept_for_its_term_from_then(
    kept: Kept,
) -> None:
    kept.sends(2)
    kept.grows_older(30 * DAY)
    kept.hears(2)
    kept.grows_older(HOUR)
    kept.grows_older(TERM - HOUR)
    assert kept.removes() == 0
    assert kept.numbers == [1, 2]
    kept.grows_older(HOUR)
    assert kept.removes() == 2


def test_a_term_is_counted_for_each_segment(kept: Kept) -> None:
    for number in range(1, 11):
        kept.sends(1)
        kept.hears(number)
        kept.grows_older(DAY)
    assert kept.removes() == 3, "those that were noted seven days ago and before"
    assert kept.numbers == [4, 5, 6, 7, 8, 9, 10]
    kept.grows_older(DAY)
    assert kept.removes() == 1


def test_a_restored_cloud_finds_everything_for_a_whole_term_again(kept: Kept) -> None:
    kept.sends(4)
    kept.hears(4)
    kept.grows_older(HOUR)
    kept.grows_older(TERM - HOUR)
    kept.hears(1, generation=2)
    kept.hears(4, generation=2)
    kept.grows_older(2 * HOUR)
    assert kept.removes() == 0, "it got them again only just now"
    kept.grows_older(TERM)
    assert kept.removes() == 4


def test_what_a_restored_cloud_lacks_again_does_not_go(kept: Kept) -> None:
    kept.sends(4)
    kept.hears(4)
    kept.grows_older(HOUR)
    kept.hears(1, generation=2)
    kept.grows_older(2 * TERM)
    kept.grows_older(TERM)
    assert kept.removes() == 1
    assert kept.numbers == [2, 3, 4]


def test_a_little_at_a_time_and_for_want_of_room_at_once_the_oldest_first(kept: Kept) -> None:
    kept.sends(5)
    kept.hears(4)
    kept.grows_older(HOUR)
    kept.grows_older(TERM)
    assert kept.removes(limit=1) == 1
    assert kept.numbers == [2, 3, 4, 5]
    unit = kept.box.database.run_blocking
    assert unit(lambda c: retention.remove_early(c, limit=2)) == 2
    assert kept.numbers == [4, 5]
    assert unit(lambda c: retention.remove_early(c, limit=9)) == 1
    assert kept.numbers == [5], "what the cloud does not have stays, whatever the room"


def test_the_notes_of_past_terms_are_not_kept(kept: Kept) -> None:
    kept.sends(1)
    kept.hears(1)
    for _ in range(30):
        kept.grows_older(DAY)
        kept.removes()
    (rows,) = kept.box.database.reader.execute("SELECT count(*) FROM freed").fetchone()
    assert rows <= TERM // DAY + 2
