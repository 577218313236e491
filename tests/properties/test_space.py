"""How full the disk is, under any history of figures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.db.space import CALM, MARKS, Level, Measure, level_after

SIZES = st.integers(1, 1 << 40)


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    disk, quota = draw(SIZES), draw(SIZES)
    return Measure(
        draw(st.integers(0, quota)),
        quota,
        disk,
        draw(st.integers(-1000, disk)),
        draw(st.booleans()),
    )


@given(st.lists(measures(), min_size=1, max_size=40))
def test_a_level_is_never_below_its_mark_and_never_kept_far_below_it(
    history: list[Measure],
) -> None:
    level = Level.PLENTY
    for measure in history:
        before, level = level, level_after(level, measure)
        if not measure.ballast:
            assert level == Level.FULL
            continue
        for reached, mark in MARKS.items():
            if measure.percent >= mark:
                assert level >= reached
            if measure.percent + CALM < mark:
                assert level < reached
        if level > before:
            assert measure.percent >= MARKS[level], "it rose below its mark"


@given(st.sampled_from(Level), measures(), st.integers(0, 1 << 30))
def test_less_room_never_means_a_lower_level(before: Level, measure: Measure, less: int) -> None:
    tighter = measure._replace(free=measure.free - less)
    assert level_after(before, tighter) >= level_after(before, measure)


@given(st.sampled_from(Level), measures())
def test_the_same_figures_again_change_nothing(before: Level, measure: Measure) -> None:
    once = level_after(before, measure)
    assert level_after(once, measure) == once


@given(measures())
def test_the_tighter_share_counts(measure: Measure) -> None:
    assert measure.percent >= measure._replace(free=measure.disk).percent
    assert measure.percent >= measure._replace(held=0).percent
    assert 0 <= measure.percent <= 100
