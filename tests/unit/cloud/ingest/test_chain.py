"""The watermark moves only along links."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.chain import MAX_MISSING, Head, Link, received_through, walk
from shared.segment import GENESIS

START = Head(0, GENESIS)


def mark(seq: int) -> bytes:
    return GENESIS if seq == 0 else seq.to_bytes(32, "big")


def link(first: int, last: int) -> Link:
    return Link(first, last, mark(first - 1), mark(last))


def test_links_in_a_row_are_followed_to_the_end() -> None:
    assert walk(START, [link(1, 3), link(4, 4), link(5, 9)]) == (Head(9, mark(9)), [], None)


def test_nothing_to_follow_leaves_the_head_where_it_is() -> None:
    assert walk(START, []) == (START, [], None)


def test_a_gap_stops_the_head_and_is_named() -> None:
    found = walk(START, [link(1, 3), link(6, 7), link(8, 8), link(20, 21)])
    assert found == (Head(3, mark(3)), [(4, 5), (9, 19)], None)


def test_a_neighbour_that_does_not_link_stops_the_head_and_is_told() -> None:
    clone = Link(4, 5, mark(99), mark(5))
    assert walk(START, [link(1, 3), clone, link(6, 7)]) == (Head(3, mark(3)), [], clone)


def test_a_first_segment_that_does_not_start_at_genesis_is_told() -> None:
    clone = Link(1, 5, mark(99), mark(5))
    assert walk(START, [clone]) == (START, [], clone)


def test_as_many_gaps_are_named_as_a_watermark_carries() -> None:
    found = walk(START, [link(seq, seq) for seq in range(2, 2000, 2)])
    assert len(found.missing) == MAX_MISSING
    assert found.head == START


@given(st.sets(st.integers(1, 60)))
def test_head_and_missing_say_exactly_what_is_not_there(seqs: set[int]) -> None:
    found = walk(START, [link(seq, seq) for seq in sorted(seqs)])
    absent = {seq for first, last in found.missing for seq in range(first, last + 1)}
    assert absent == set(range(1, max(seqs, default=0))) - seqs
    assert found.head.contiguous_seq == next(seq for seq in range(61) if seq + 1 not in seqs)


@given(st.sets(st.integers(1, 2000), max_size=900))
def test_below_what_it_says_has_arrived_everything_is_there_or_named_as_missing(
    seqs: set[int],
) -> None:
    links = [link(seq, seq) for seq in sorted(seqs)]
    head, missing, _ = walk(START, links)
    through = received_through(head, links, missing)
    named = {seq for first, last in missing for seq in range(first, last + 1)}
    assert {seq for seq in range(1, through + 1) if seq not in seqs} == named
    if len(missing) < MAX_MISSING:
        assert through == max(seqs, default=0)
