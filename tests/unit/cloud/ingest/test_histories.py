"""Two machines with one identity: what each of them told is put together, event by event."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.histories import History, Placed, histories_of, placed
from shared.segment import GENESIS


def chain(start: bytes, first_seq: int, *words: str) -> list[tuple[int, bytes, bytes]]:
    """Sequence, hash and previous hash of events that follow each other."""
    found: list[tuple[int, bytes, bytes]] = []
    for seq, word in enumerate(words, start=first_seq):
        digest = hashlib.sha256(start + word.encode()).digest()
        found.append((seq, digest, start))
        start = digest
    return found


def events(*told: list[tuple[int, bytes, bytes]]) -> list[Placed]:
    return [
        event
        for number, one in enumerate(told)
        for event in placed(number, one[0][0], one[0][2], [digest for _, digest, _ in one])
    ]


def spans(found: list[History]) -> list[tuple[int, int, str]]:
    return [(history.first_seq, history.last_seq, history.after) for history in found]


TRUNK = chain(GENESIS, 1, "a", "b", "c")
IN_FORCE = {GENESIS, *(digest for _, digest, _ in TRUNK)}


def test_a_history_that_parts_from_the_chain_in_force_says_so() -> None:
    other = chain(TRUNK[0][1], 2, "x", "y")
    found = histories_of(events(other), IN_FORCE)
    assert spans(found) == [(2, 3, "verified")]
    assert found[0].name == other[0][1].hex()[:12]


def test_one_whose_beginning_did_not_arrive_follows_nothing_that_is_known() -> None:
    other = chain(TRUNK[0][1], 2, "x", "y", "z")
    assert spans(histories_of(events(other[1:]), IN_FORCE)) == [(3, 4, "")]


def test_a_third_machine_parts_from_the_second() -> None:
    second = chain(TRUNK[1][1], 3, "x", "y")
    third = chain(second[0][1], 4, "p", "q")
    found = histories_of(events(second, third), IN_FORCE)
    stem = found[0].name
    assert sorted(spans(found)) == [(3, 3, "verified"), (4, 4, stem), (4, 5, stem)]


def test_what_counts_and_what_came_twice_is_left_out() -> None:
    other = chain(TRUNK[2][1], 4, "x", "y")
    sealed_otherwise = [*TRUNK[1:], *other[:1]]
    found = histories_of(events(other, sealed_otherwise, other), IN_FORCE)
    assert spans(found) == [(4, 5, "verified")]
    assert [event.segment for event in found[0].events] == [0, 0]


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 5), min_size=1),
    data=st.data(),
)
def test_however_it_was_sealed_the_histories_are_the_same(
    lengths: list[int], cuts: list[int], data: st.DataObject
) -> None:
    """Each machine parts from the chain in force or from one before; any sealing, any order."""
    told = [TRUNK]
    for number, length in enumerate(lengths):
        parent = data.draw(st.sampled_from(told))
        seq, digest, _ = data.draw(st.sampled_from(parent))
        told.append(chain(digest, seq + 1, *(f"{number}{n}" for n in range(length))))
    whole = histories_of(events(*told[1:]), IN_FORCE)
    pieces: list[list[tuple[int, bytes, bytes]]] = []
    for one in told[1:]:
        at = 0
        while at < len(one):
            size = cuts[(at + len(pieces)) % len(cuts)]
            pieces.append(one[at : at + size])
            at += size
    shuffled = histories_of(events(*data.draw(st.permutations(pieces))), IN_FORCE)
    assert [(h.name, *span) for h, span in zip(shuffled, spans(shuffled), strict=True)] == [
        (h.name, *span) for h, span in zip(whole, spans(whole), strict=True)
    ]
    every = [event.hash for history in whole for event in history.events]
    assert sorted(every) == sorted({digest for one in told[1:] for _, digest, _ in one})
