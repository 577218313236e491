"""Every number of an epoch is here, missing or explained, and none of them twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.gaps import MAX_RANGES, Piece, Tombstone, account

NUMBERS = 60
AT = 1_000


def pieces(contiguous: int, starts: list[tuple[int, int]]) -> list[Piece]:
    """Stored ranges above a head that never overlap, out of any pairs (gap, length)."""
    found: list[Piece] = []
    seen = contiguous
    for gap, length in starts:
        first = seen + 1 + gap
        found.append(Piece(first, first + length - 1, AT + first))
        seen = first + length - 1
    return found


tombstones = st.builds(
    lambda first, length, outcome: Tombstone(
        first, None if length is None else first + length, outcome, "why", "", AT
    ),
    st.integers(1, NUMBERS),
    st.none() | st.integers(0, 9),
    st.sampled_from(["lost", "carried", "unknown"]),
)


@given(
    contiguous=st.integers(0, 20),
    above=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=6),
    said=st.lists(tombstones, max_size=6),
)
def test_every_number_is_here_missing_or_explained(
    contiguous: int, above: list[tuple[int, int]], said: list[Tombstone]
) -> None:
    stored = pieces(contiguous, above)
    told = account(contiguous, stored, said)
    here = {*range(1, contiguous + 1)}
    for piece in stored:
        here.update(range(piece.first_seq, piece.last_seq + 1))
    claimed = [item.first_seq - 1 if item.last_seq is None else item.last_seq for item in said]
    assert told.through == max([contiguous, *here, *claimed])
    explained = {
        number for item in said for number in range(item.first_seq, min(item.end, told.through) + 1)
    }
    missing = {number for first, last in told.missing for number in range(first, last + 1)}
    everything = set(range(1, told.through + 1))
    assert missing == everything - here - explained
    assert told.missing_events == len(missing)
    assert (told.missing_since is None) == (not missing)
    assert told.named == (not missing)
    open_ended = any(item.last_seq is None for item in said)
    assert told.whole == (not open_ended and contiguous == told.through)
    for item in told.explained:
        spoken = set(range(item.first_seq, min(item.end, told.through) + 1))
        assert item.arrived == len(spoken & here)
    assert sorted(item._replace(arrived=0) for item in told.explained if item.last_seq) == sorted(
        item for item in said if item.last_seq
    )


def test_what_is_complete_needs_no_word() -> None:
    told = account(7, [], [])
    assert (told.through, told.missing, told.whole, told.named) == (7, [], True, True)
    empty = account(0, [], [])
    assert (empty.through, empty.whole) == (0, True)


def test_a_gap_is_missing_until_it_is_explained_and_whole_again_once_it_is_filled() -> None:
    lost = Tombstone(3, 4, "lost", "store-damaged", "", AT)
    gap = account(2, [Piece(5, 6, 77)], [])
    assert (gap.missing, gap.missing_since, gap.named) == ([(3, 4)], 77, False)
    named = account(2, [Piece(5, 6, 77)], [lost])
    assert (named.missing, named.whole, named.named) == ([], False, True)
    assert [item.arrived for item in named.explained] == [0]
    filled = account(6, [], [lost])
    assert (filled.whole, [item.arrived for item in filled.explained]) == (True, [2])


def test_a_tombstone_beyond_the_head_claims_what_is_below_it() -> None:
    told = account(2, [], [Tombstone(5, 6, "lost", "store-damaged", "", 9)])
    assert (told.through, told.missing, told.missing_since) == (6, [(3, 4)], 9)


def test_an_unknown_end_is_named_but_never_whole() -> None:
    told = account(4, [], [Tombstone(5, None, "unknown", "lost", "", AT)])
    assert (told.through, told.missing, told.whole, told.named) == (4, [], False, True)


def test_beyond_what_is_looked_at_nothing_is_said() -> None:
    above = [Piece(2 * number, 2 * number, AT) for number in range(1, MAX_RANGES + 1)]
    lost = Tombstone(1_000_000, 1_000_001, "lost", "store-damaged", "", AT)
    told = account(0, above, [lost])
    assert told.through == 1_000_001
    assert told.missing_events == MAX_RANGES
    assert not told.named
