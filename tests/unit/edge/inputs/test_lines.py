"""Bytes become whole lines or nothing, however they arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.inputs.lines import MOST, Lines


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_every_usual_line_end_ends_a_line(end: bytes) -> None:
    assert Lines().feed(b"one" + end + b"two" + end) == [b"one", b"two"]


def test_a_group_separator_is_part_of_the_code() -> None:
    assert Lines().feed(b"]C10109506000134352\x1d10L1\r") == [b"]C10109506000134352\x1d10L1"]


def test_a_named_terminator_and_prefix_are_taken_off() -> None:
    lines = Lines(b"\x03\x04", b"\x02")
    assert lines.feed(b"\x02one\x03") == []
    assert lines.feed(b"\x04\x02two\n\x03\x04") == [b"one", b"two\n"]


def test_a_code_without_its_end_stays_unfinished() -> None:
    lines = Lines()
    assert lines.feed(b"4006381") == []
    assert lines.unfinished
    assert lines.feed(b"333931\r") == [b"4006381333931"]
    assert not lines.unfinished


def test_a_line_that_is_too_long_is_told_once_and_the_next_is_whole_again() -> None:
    lines = Lines()
    told = [found for _ in range(40) for found in lines.feed(b"x" * 1000)]
    assert told == [None]
    assert not lines.unfinished
    assert lines.feed(b"xx\rnext\r") == [b"next"]
    assert lines.feed(b"y" * (MOST + 1) + b"\rnext\r") == [None, b"next"]


@given(
    st.lists(st.binary(min_size=1, max_size=12).filter(lambda line: not set(line) & {10, 13})),
    st.sampled_from([b"\r", b"\n", b"\r\n"]),
    st.lists(st.integers(1, 7), min_size=1),
    st.integers(4, 12),
)
def test_lines_do_not_depend_on_how_the_network_cuts_them(
    wanted: list[bytes], end: bytes, cuts: list[int], most: int
) -> None:
    whole = b"".join(line + end for line in wanted)
    lines, found, at, turn = Lines(most=most), [], 0, 0
    while at < len(whole):
        step = cuts[turn % len(cuts)]
        found += lines.feed(whole[at : at + step])
        at, turn = at + step, turn + 1
    assert found == [line if len(line) <= most else None for line in wanted]
    assert not lines.unfinished
