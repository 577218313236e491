"""Whatever a disk did to a gateway's database: what does not go on is named, what goes on is not.

A history is made with the real outbox; then the power goes, or only the process; then the file is
an older one, or rows of it are torn; then what is left is taken over. See the guarantee in
``edge/outbox/README.md``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.db import Connection
from edge.db.upgrade import apply_schema
from edge.outbox import HeadNote, Noted, Opening, Outbox, Signer, head
from edge.outbox.headnote import Furthest
from edge.outbox.salvage import Taken, take_over
from edge.outbox.standing import words
from shared.cose import key_id
from shared.downlink import Watermark
from shared.events import DeviceHealth, EpochOpened, decode_event
from shared.ids import GatewayId
from shared.segment import header, parse

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
GATEWAY = GatewayId("gw-01")
NOW = 1_763_650_000_000_000
Place = tuple[int, int]


class Commit(NamedTuple):
    """A moment in the life of a database: its image, and what the note said then."""

    image: bytes
    note: Furthest | None
    epoch: int


class Life:
    """A database in memory, with its outbox; each commit is remembered."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        apply_schema(self.connection)
        self.epoch = 1
        self.generation = 1
        self.made = 0
        self.commits: list[Commit] = []
        self.note: Furthest | None = None
        self.outbox = Outbox(self.signer())
        self.do(lambda c: self.outbox.open(c, NOW))

    def signer(self) -> Signer:
        return Signer(KEY.sign, key_id(KEY.public_key()), "test", GATEWAY, self.epoch)

    def do(self, *units: Callable[[Connection], object]) -> None:
        """One transaction, as the gateway's database runs it."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.outbox.begin()
        for unit in units:
            unit(self.connection)
        self.outbox.end(self.connection)
        self.connection.execute("COMMIT")
        self.note = self.outbox.reached(self.connection) or self.note
        self.commits.append(Commit(self.connection.serialize(), self.note, self.epoch))

    def scan(self, connection: Connection) -> None:
        self.made += 1
        self.outbox.append(
            connection,
            DeviceHealth("sc-01", "well", f"{self.made}"),
            event_id=self.made.to_bytes(16, "big"),
            device="sc-01",
            occurred_at=NOW,
            clock_state=1,
        )

    # What may happen

    def scans(self, number: int) -> None:
        self.do(*[self.scan] * number)

    def scans_that_are_sent_at_once(self, number: int) -> None:
        self.do(*[self.scan] * number, lambda c: self.outbox.seal(c, NOW))

    def seals(self, number: int) -> None:
        self.do(lambda c: self.outbox.seal(c, NOW, limit=number))

    def is_covered(self, number: int) -> None:
        """The cloud says that it has all through the end of some segment."""
        rows = self.connection.execute("SELECT epoch, last_seq, last_hash FROM segment").fetchall()
        if rows:
            epoch, seq, digest = rows[number % len(rows)]
            word = Watermark(self.generation, epoch, seq, digest)
            self.do(lambda c: self.outbox.acknowledge(c, word, NOW))

    def is_doubted(self, number: int) -> None:
        """The cloud was restored from a backup, and has less."""
        self.generation += 1
        self.is_covered(number)

    def gets_an_epoch(self, _: int, *, reason: str = "asked") -> None:
        before = head(self.connection)
        said = EpochOpened(before.epoch, before.seq, before.hash, reason)
        self.epoch += 1
        self.made += 1
        opening = Opening(said, self.made.to_bytes(16, "big"), 1)
        self.outbox.use(self.signer())
        self.do(lambda c: self.outbox.open(c, NOW, opening=opening))

    def is_frozen_and_gets_an_epoch(self, number: int) -> None:
        self.do(lambda c: self.outbox.freeze(c, "two histories"))
        self.scans(number)
        self.gets_an_epoch(number, reason="frozen")


HAPPENINGS = [
    Life.scans,
    Life.scans,
    Life.scans_that_are_sent_at_once,
    Life.seals,
    Life.is_covered,
    Life.is_covered,
    Life.is_doubted,
    Life.gets_an_epoch,
    Life.is_frozen_and_gets_an_epoch,
]
TEARS = [
    "UPDATE head SET seq = seq + 9",
    "UPDATE head SET frozen = 'x'",
    "DELETE FROM head",
    "UPDATE watermark SET contiguous_seq = contiguous_seq + 3 WHERE epoch % 2 = :n % 2",
    "DELETE FROM watermark WHERE epoch % 2 = :n % 2",
    "DELETE FROM watermark",
    "UPDATE waiting SET body = zeroblob(40) WHERE seq % 3 = :n % 3",
    "DELETE FROM waiting WHERE seq % 4 = :n % 4",
    "DELETE FROM waiting",
    "UPDATE segment SET body = zeroblob(90) WHERE first_seq % 3 = :n % 3",
    "UPDATE segment SET body = substr(body, 1, 60) WHERE epoch = 1 + :n % 3",
    "UPDATE segment SET last_seq = last_seq + 5, sha256 = NULL WHERE first_seq % 2 = :n % 2",
]
histories = st.lists(
    st.tuples(st.sampled_from(HAPPENINGS), st.integers(1, 7)), min_size=1, max_size=14
)
tears = st.lists(st.tuples(st.sampled_from(TEARS), st.integers(0, 5)), max_size=3)


def contents(image: bytes) -> tuple[dict[Place, bytes], set[Place]]:
    """Every event that a whole database holds, by its number; and which the cloud had not."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(image)
    found: dict[Place, bytes] = {}
    for (body,) in connection.execute("SELECT body FROM segment"):
        claims = header(parse(body))
        for event in map(decode_event, claims.events):
            found[claims.epoch, event.seq] = event.id
    epoch = head(connection).epoch
    for event in (decode_event(body) for (body,) in connection.execute("SELECT body FROM waiting")):
        found[epoch, event.seq] = event.id
    covered = {word.epoch: word.reached for word in words(connection)}
    return found, {place for place in found if place[1] > covered.get(place[0], 0)}


def taken(image: bytes, torn: list[tuple[str, int]], noted: Noted | None, used: int) -> Taken:
    damaged = sqlite3.connect(":memory:", isolation_level=None)
    damaged.deserialize(image)
    for statement, number in torn:
        damaged.execute(statement, {"n": number})
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    apply_schema(fresh)
    result = take_over(damaged, fresh, noted, used)
    kept = [header(parse(body)).events for (body,) in fresh.execute("SELECT body FROM segment")]
    return result._replace(bodies=[*result.bodies, *(body for events in kept for body in events)])


def numbers(ranges: list[tuple[int, int, int]]) -> set[Place]:
    return {(epoch, seq) for epoch, first, last in ranges for seq in range(first, last + 1)}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=histories,
    torn=tears,
    lag=st.integers(0, 4),
    older=st.integers(0, 4),
    power_cut=st.booleans(),
)
def test_everything_uncovered_goes_on_or_is_named(
    history: list[tuple[Callable[[Life, int], None], int]],
    torn: list[tuple[str, int]],
    lag: int,
    older: int,
    power_cut: bool,  # noqa: FBT001 - drawn
) -> None:
    life = Life()
    for happens, number in history:
        happens(life, number)
    last = life.commits[-1]
    note = life.commits[max(len(life.commits) - 1 - lag, 0)].note if power_cut else last.note
    noted = None if note is None else Noted(note, exact=not power_cut)
    held = life.commits[max(len(life.commits) - 1 - older, 0)].image
    found = taken(held, torn, noted, used=last.epoch)

    made, uncovered = contents(last.image)
    went_on = [decode_event(body).id for body in found.bodies]
    lost = numbers(found.lost)
    assert len(went_on) == len(set(went_on)), "nothing goes on twice"
    unnamed = [
        (epoch, seq)
        for epoch, seq in uncovered
        if made[epoch, seq] not in went_on
        and (epoch, seq) not in lost
        and not any(epoch == each and seq >= first for each, first in found.unknown_from)
    ]
    assert unnamed == [], "neither goes on nor is named"
    if noted is not None and noted.exact:
        assert found.unknown_from == [], "an exact note knows the end"
    carried = numbers(found.carried)
    assert all(made[place] in went_on for place in carried & uncovered), "said to go on, and is not"
    if older == 0 and not torn:
        assert not lost
    sure = noted is not None and noted.exact
    stands = not any(table in tear for tear, _ in torn for table in ("head", "watermark"))
    # Of what waited, the head says which numbers it had; else the last event does, by the note.
    numbered = len(carried) == len(went_on)
    if older == 0 and (stands or (sure and numbered)):
        false = {place for place in lost if place not in uncovered or made[place] in went_on}
        assert not false, "named as lost, and is not"


@pytest.mark.parametrize("exact", [True, False])
def test_what_the_note_knows_to_be_covered_is_not_named(exact: bool) -> None:  # noqa: FBT001
    life = Life()
    life.scans_that_are_sent_at_once(3)
    life.is_covered(0)
    life.gets_an_epoch(0)
    life.scans(2)
    assert life.note is not None
    torn = [("DELETE FROM watermark", 0), ("UPDATE segment SET body = zeroblob(9)", 0)]
    found = taken(life.commits[-1].image, torn, Noted(life.note, exact), used=2)
    assert found.lost == []
    assert found.unknown_from == ([] if exact else [(2, 4)])


@given(history=histories, steps=st.integers(1, 4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_note_never_names_more_than_was_committed_nor_less_than_was_told(
    history: list[tuple[Callable[[Life, int], None], int]], steps: int
) -> None:
    life = Life()
    for happens, number in history:
        happens(life, number)
    for commit in life.commits[-steps:]:
        made, uncovered = contents(commit.image)
        named = {} if commit.note is None else {each.epoch: each for each in _all(commit.note)}
        for epoch, seq in uncovered:
            assert named[epoch].covered < seq <= named[epoch].seq
        for epoch, told in named.items():
            assert told.seq == max((seq for each, seq in made if each == epoch), default=0)


def _all(note: Furthest) -> tuple[Noted, ...]:
    return Noted(note, exact=True).epochs  # type: ignore[return-value]


BOOT, NEXT_BOOT = "boot-1", "boot-2"
REACHED = st.tuples(st.integers(1, 2**62), st.integers(1, 2**62), st.integers(0, 2**62))


@given(now=REACHED, earlier=st.lists(REACHED, max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_note_is_exact_in_its_boot_and_after_an_orderly_end_only(
    tmp_path: Path, now: tuple[int, int, int], earlier: list[tuple[int, int, int]]
) -> None:
    from edge.outbox import Reached

    said = Furthest(Reached(*now), tuple(Reached(*each) for each in earlier))
    path = tmp_path / "note"
    path.unlink(missing_ok=True)
    note = HeadNote(path, BOOT)
    note.write(said)
    for boot, exact in ((BOOT, True), (NEXT_BOOT, False), ("", False)):
        read = HeadNote(path, boot).read()
        assert read is not None
        assert read.furthest.now == said.now
        assert read.exact == (exact and len(earlier) <= 6)
    note.close()
    read = HeadNote(path, NEXT_BOOT).read()
    assert read is not None
    assert read.exact == (len(earlier) <= 6)
    assert len(path.read_bytes()) == 512


@pytest.mark.parametrize("position", range(0, 80, 7))
def test_a_note_of_which_a_bit_has_flipped_is_none(tmp_path: Path, position: int) -> None:
    from edge.outbox import Reached

    path = tmp_path / "note"
    HeadNote(path, "00000000-0000-0000-0000-000000000000").write(Furthest(Reached(1, 500, 480)))
    content = bytearray(path.read_bytes())
    position %= len(content.rstrip())
    content[position] ^= 1
    path.write_bytes(content)
    assert HeadNote(path).read() is None


def test_of_two_processes_the_one_that_went_further_is_noted(tmp_path: Path) -> None:
    from edge.outbox import Reached

    path = tmp_path / "note"
    one, other = HeadNote(path, BOOT), HeadNote(path, BOOT)
    one.write(Furthest(Reached(1, 11, 3)))
    other.write(Furthest(Reached(1, 10, 4)))
    read = one.read()
    assert read is not None
    assert read.furthest.now == Reached(1, 11, 4)


def test_a_note_that_cannot_be_written_is_none_rather_than_an_old_one(tmp_path: Path) -> None:
    from edge.outbox import Reached

    note = HeadNote(tmp_path / "gone" / "note", BOOT)
    note.write(Furthest(Reached(1, 10, 4)))
    assert note.read() is None
    note.close()
