"""What a check found: how bad it is, what it is in words, and what to do about it.

The doctors of the machine and of a gateway answer with these, one line for people or one record for
programs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from shared.errors import QuartermasterError

Level = Literal["ok", "note", "problem"]

MARKS: Final[dict[Level, str]] = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


class Finding(NamedTuple):
    """What one check found."""

    check: str
    level: Level
    says: str
    do: str = ""

    def line(self) -> str:
        """The finding for a terminal."""
        remedy = f"\n{'':9}→ {self.do}" if self.do else ""
        return f"{MARKS[self.level]}  {self.check}: {self.says}{remedy}"

    def as_dict(self) -> dict[str, str]:
        """The finding for ``--json``."""
        return dict(self._asdict())


def problem(check: str, error: QuartermasterError) -> Finding:
    """An error of the catalogue as a finding."""
    particulars = ": ".join(part for part in (error.where, error.detail) if part)
    says = f"{error.entry.says} ({particulars})" if particulars else error.entry.says
    return Finding(check, "problem", f"{error.code}: {says}", error.entry.do)


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing found is a problem."""
    return all(finding.level != "problem" for finding in findings)
