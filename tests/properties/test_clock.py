"""Whatever the machine's clock does: once the cloud has answered, the time told is right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.clock import TOLERANCE, GatewayClock
from shared.clock import ClockState
from shared.units import DAY, SECOND

TRUE = 1_763_650_000_000_000
OFFSETS = st.one_of(st.integers(-TRUE, 4 * 365 * DAY), st.integers(-TOLERANCE, TOLERANCE))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["word", "answer", "nothing"]),
        OFFSETS,
        st.floats(0.0, 100_000.0),
        st.floats(0.0, 2.0),
    ),
    min_size=1,
    max_size=30,
)


@given(STEPS, st.integers(0, TRUE), st.booleans())
def test_after_an_answer_the_told_time_is_right_and_the_state_says_what_the_machine_is(
    steps: list[tuple[str, int, float, float]],
    floor: int,
    kept: bool,  # noqa: FBT001 - drawn
) -> None:
    elapsed, off, answered = 0.0, 0, False

    def true() -> int:
        return TRUE + int(elapsed * SECOND)

    clock = GatewayClock(lambda: max(true() + off, 0), lambda: elapsed, lambda: kept, floor=floor)
    for kind, offset, passes, delay in steps:
        elapsed += passes
        off = offset
        issued_at = true()
        elapsed += delay
        if kind == "word":
            clock.heard(issued_at)
        elif kind == "answer":
            clock.heard(issued_at, waited=delay)
            answered = True
        reading = clock.read()
        assert reading.now >= 0
        if reading.state == ClockState.FLOORED:
            assert reading.fault == "behind"
            assert max(true() + off, 0) < reading.now
        if not answered:
            continue
        assert abs(reading.now - true()) <= TOLERANCE + 2 * SECOND + 1
        if abs(off) > TOLERANCE + 2 * SECOND + 1 and true() + off > 0:
            assert reading.state != ClockState.SYNCHRONIZED
