"""The gateway's clock: what is certain corrects what the machine says."""

from __future__ import annotations

import pytest

from edge.clock import TOLERANCE, GatewayClock
from shared.clock import ClockState
from shared.units import DAY, SECOND

TRUE = 1_763_650_000_000_000
YEAR = 365 * DAY


class Machine:
    """A machine whose clock is off by ``offset``; ``pass_by`` lets time pass for all."""

    def __init__(self, *, offset: int = 0, floor: int = 0, kept: bool = False) -> None:
        self.offset = offset
        self.kept = kept
        self.elapsed = 0.0
        self.floor = floor
        self.start()

    def start(self) -> None:
        """A start of the process: only the floor is remembered."""
        self.clock = GatewayClock(
            lambda: max(self.true + self.offset, 0),
            lambda: self.elapsed,
            lambda: self.kept,
            floor=self.floor,
        )

    @property
    def true(self) -> int:
        return TRUE + int(self.elapsed * SECOND)

    def pass_by(self, seconds: float) -> None:
        self.elapsed += seconds

    def restart(self) -> None:
        self.clock.read()
        self.floor = self.clock.floor
        self.start()

    @property
    def state(self) -> ClockState:
        return self.clock.state()

    @property
    def error(self) -> int:
        """How far what is told is from the truth."""
        return self.clock.now() - self.true


def test_nothing_heard_is_not_trusted_unless_a_time_service_holds_the_clock() -> None:
    assert Machine().state == ClockState.UNTRUSTED
    assert Machine(kept=True).state == ClockState.SYNCHRONIZED
    assert Machine().error == 0


def test_near_the_clouds_word_the_clock_is_synchronized() -> None:
    machine = Machine(offset=TOLERANCE // 2)
    machine.clock.heard(machine.true)
    assert machine.state == ClockState.SYNCHRONIZED
    machine.pass_by(3600)
    assert machine.state == ClockState.SYNCHRONIZED
    assert machine.error == TOLERANCE // 2, "the machine's own clock is told"


def test_a_machine_in_1970_is_lifted_to_the_floor_and_time_goes_on_from_there() -> None:
    machine = Machine(offset=-TRUE, floor=TRUE - DAY)
    assert machine.state == ClockState.FLOORED
    first = machine.clock.now()
    assert first >= TRUE - DAY
    machine.pass_by(60)
    assert machine.clock.now() == first + 60 * SECOND
    reading = machine.clock.read()
    assert (reading.fault, reading.off_by // DAY) == ("behind", (TRUE - DAY) // DAY)


def test_the_clouds_word_lifts_a_clock_that_is_behind() -> None:
    machine = Machine(offset=-YEAR)
    assert machine.state == ClockState.UNTRUSTED
    machine.clock.heard(machine.true)
    assert machine.state == ClockState.FLOORED
    assert machine.error == 0
    machine.pass_by(100)
    assert machine.error == 0


def test_a_late_word_only_ever_lifts() -> None:
    machine = Machine()
    machine.clock.heard(machine.true)
    machine.clock.heard(machine.true - YEAR)
    assert machine.state == ClockState.SYNCHRONIZED
    assert machine.clock.floor >= TRUE


def test_a_word_alone_does_not_correct_a_clock_ahead_for_it_may_have_been_under_way() -> None:
    machine = Machine(offset=YEAR)
    machine.clock.heard(machine.true)
    assert machine.state == ClockState.UNTRUSTED
    assert machine.error == YEAR
    assert machine.clock.floor < TRUE + DAY, "a clock that may be wrong does not move the floor"


def test_an_answer_corrects_a_clock_ahead_whatever_the_kernel_says() -> None:
    machine = Machine(offset=YEAR, kept=True)
    machine.clock.heard(machine.true, waited=0.2)
    reading = machine.clock.read()
    assert (reading.state, reading.fault) == (ClockState.UNTRUSTED, "ahead")
    assert machine.error == 0


def test_an_answer_that_took_long_corrects_only_a_clock_that_is_ahead_of_its_arrival() -> None:
    machine = Machine(offset=30 * SECOND)
    machine.clock.heard(machine.true, waited=60.0)
    assert (machine.error, machine.state) == (30 * SECOND, ClockState.UNTRUSTED)
    machine.offset = YEAR
    machine.clock.heard(machine.true, waited=60.0)
    assert (machine.error, machine.state) == (0, ClockState.UNTRUSTED)


@pytest.mark.parametrize("waited", [0.2, 30.0, 1800.0])
def test_a_gateway_that_once_read_another_year_comes_back_with_any_answer_of_the_cloud(
    waited: float,
) -> None:
    machine = Machine(offset=YEAR, kept=True)
    machine.restart()
    machine.restart()
    machine.offset = 0
    machine.restart()
    assert machine.error > YEAR - DAY, "it cannot know better yet, and says so"
    assert machine.clock.read().fault == "behind"
    issued_at = machine.true
    machine.pass_by(waited)
    machine.clock.heard(issued_at, waited=waited)
    assert machine.clock.floor <= machine.true
    assert abs(machine.error) <= waited * SECOND
    machine.restart()
    assert (machine.error, machine.clock.read().fault) == (0, "")


def test_a_word_that_may_have_been_under_way_for_long_disproves_no_floor() -> None:
    machine = Machine(floor=TRUE + DAY)
    machine.clock.heard(machine.true - DAY)
    assert machine.clock.floor == TRUE + DAY


def test_a_floor_that_was_taken_from_a_clock_ahead_is_put_right_by_an_answer() -> None:
    machine = Machine(offset=YEAR, kept=True)
    machine.restart()
    assert machine.clock.floor == TRUE + YEAR
    machine.offset = 0
    assert machine.state == ClockState.FLOORED
    machine.clock.heard(machine.true)
    assert machine.clock.floor == TRUE + YEAR, "a word may be old: it proves nothing"
    machine.clock.heard(machine.true, waited=0.1)
    assert machine.state == ClockState.SYNCHRONIZED
    assert machine.error == 0
    machine.restart()
    assert machine.state == ClockState.SYNCHRONIZED


def test_a_jump_back_is_bridged_and_a_jump_ahead_is_not_believed() -> None:
    machine = Machine()
    machine.clock.heard(machine.true, waited=0.1)
    told = [machine.clock.now()]
    for offset in (-YEAR, YEAR, -TRUE, 0):
        machine.offset = offset
        machine.pass_by(1)
        told.append(machine.clock.now())
    assert told == sorted(told)
    assert told[-1] == machine.true
    assert machine.state == ClockState.SYNCHRONIZED


def test_the_floor_survives_a_restart_in_1970() -> None:
    machine = Machine()
    machine.clock.heard(machine.true)
    machine.pass_by(1000)
    machine.restart()
    machine.offset = -machine.true
    assert machine.state == ClockState.FLOORED
    assert -TOLERANCE <= machine.error <= 0


@pytest.mark.parametrize("kept", [True, False])
def test_a_small_step_of_a_time_service_is_no_fault(*, kept: bool) -> None:
    machine = Machine(kept=kept)
    machine.clock.heard(machine.true, waited=0.1)
    machine.clock.read()
    machine.offset = -SECOND
    assert machine.state == ClockState.SYNCHRONIZED
