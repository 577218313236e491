"""Whatever happens in whatever order, the breaker refuses at once and recovers by one probe."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud.breaker import Breaker, State

FAILURES, FIRST, LONGEST = 3, 0.5, 5.0
ROUNDED = 1e-9  # seconds are taken from seconds


class Circuit(RuleBasedStateMachine):
    """Calls that are admitted, end well or badly later, or never, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.told: list[State] = []
        self.breaker = Breaker(
            "database",
            lambda: self.now,
            failures=FAILURES,
            first_pause=FIRST,
            longest_pause=LONGEST,
            told=lambda _name, state: self.told.append(state),
        )
        self.out = 0
        self.opened_at = self.now
        self.in_a_row = 0

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        before, due = self.breaker.state, self.breaker.retry_after() == 0
        admitted = self.breaker.admits()
        assert admitted == (before == "closed" or due)
        if admitted:
            self.out += 1
            if before != "closed":
                assert self.breaker.state == "half-open"
                assert not self.breaker.admits()

    @precondition(lambda self: self.out)
    @rule()
    def succeed(self) -> None:
        self.out -= 1
        self.in_a_row = 0
        self.breaker.succeeded()
        assert self.breaker.state == "closed"
        assert self.breaker.admits()

    @precondition(lambda self: self.out)
    @rule()
    def fail(self) -> None:
        self.out -= 1
        self.in_a_row += 1
        before = self.breaker.state
        self.breaker.failed()
        opens = before != "closed" or self.in_a_row >= FAILURES
        assert self.breaker.state == ("open" if opens else "closed")
        if opens:
            assert 0 <= self.breaker.retry_after() <= LONGEST + ROUNDED

    @invariant()
    def heals_within_the_longest_pause(self) -> None:
        assert self.breaker.retry_after() <= LONGEST + ROUNDED

    @invariant()
    def tells_changes_only(self) -> None:
        assert all(a != b for a, b in zip(["closed", *self.told], self.told, strict=False))


TestCircuit = Circuit.TestCase


def test_pauses_double_up_to_the_longest_and_start_anew_after_a_success() -> None:
    now = [0.0]
    breaker = Breaker(
        "database", lambda: now[0], failures=1, first_pause=FIRST, longest_pause=LONGEST
    )
    pauses: list[float] = []
    for _ in range(6):
        breaker.admits()
        breaker.failed()
        pauses.append(breaker.retry_after())
        now[0] += pauses[-1]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert breaker.admits()
    breaker.succeeded()
    breaker.failed()
    assert breaker.retry_after() == FIRST
