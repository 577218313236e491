"""What a fault is, what it did, and how that is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from tests.faults.invariants import Findings

if TYPE_CHECKING:
    from tests.faults.trial import Trial

WITHIN_S: Final = 60.0
"""I8: so soon after healing everything has converged."""


class Fault(NamedTuple):
    """One kind of fault.

    ``matrix`` is its row in the fault matrix. A ``floor`` fault hits one floor, so that several
    run side by side; a ``house`` fault hits what all share; a ``cell`` fault uses up a site, a
    ``vacant`` one a site whose gateway has never run.
    """

    name: str
    matrix: str
    scope: Literal["floor", "house", "cell", "vacant"]
    inject: Callable[[Trial, str], int]
    short: bool = True
    """Whether the short form has it."""


class UnexpectedError(Exception):
    """A fault did not show the effect that it must have."""


def expect(holds: object, says: str) -> None:
    """Fail the fault unless something holds.

    Raises:
        UnexpectedError: with what was found instead.
    """
    if not holds:
        raise UnexpectedError(says)


class EndedError(Exception):
    """Everybody was told to end while a fault was under way."""


class Verdict(NamedTuple):
    """What one fault did."""

    fault: Fault
    site: str
    injected: int
    healed_s: float
    findings: Findings
    notes: list[str]
    """Worth a line of their own."""
    again: str
    """The command that does the same again."""
    logs: str

    @property
    def good(self) -> bool:
        """Injected, healed in time, and every invariant holds."""
        return self.injected > 0 and self.findings.clean and self.healed_s <= WITHIN_S

    def lines(self) -> list[str]:
        """The fault's line, and what is wrong, if anything."""
        says = "ok" if self.good else "VIOLATED"
        head = (
            f"{self.fault.matrix:<4}{self.fault.name:<58}{self.site:<8}"
            f"{self.injected:>4} injected{self.healed_s:>7.1f} s  {says}"
        )
        more = [*self.notes]
        if not self.good:
            more += [*self.findings.lines(), f"again: {self.again}", f"logs: {self.logs}"]
        return [head, *(f"      {line}" for line in more)]


class Run(NamedTuple):
    """How an injection went: how often, how soon all was well, and what was not as expected."""

    injected: int
    healed_s: float
    says: str
    notes: list[str]
