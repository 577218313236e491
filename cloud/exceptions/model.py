"""Cases as records. Pure.

A case is open until a person closes it, once, for a reason that stays with it. What happens again
afterwards opens a new one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.errors import Code, QuartermasterError
from shared.units import Micros

CASE_KEY: Final = (int,)
"""The types of a case's ``key``."""
MAX_REASON: Final = 500


class Case(NamedTuple):
    """One case. ``subject`` names what it is about, e.g. a gateway or a position."""

    exception_id: int
    code: Code
    subject: str
    site_id: int | None
    detail: str
    times: int
    raised_at: Micros
    last_at: Micros
    site: str | None = None
    closed_at: Micros | None = None
    closed_by: str | None = None
    closed_reason: str | None = None

    @property
    def key(self) -> tuple[int]:
        """Continues a listing after it."""
        return (self.exception_id,)


def checked_reason(reason: str) -> str:
    """The reason as it is kept.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    words = reason.strip()
    if not 1 <= len(words) <= MAX_REASON or not words.isprintable():
        what = f"1 to {MAX_REASON} printable characters, on one line"
        raise QuartermasterError("request.invalid", what, where="reason")
    return words


def closable(found: Case, *, reason: str, by: str) -> bool:
    """Whether a case is still to be closed; False when just this was done before.

    Raises:
        QuartermasterError: ``request.conflict`` when somebody closed it for another reason.
    """
    if found.closed_at is None:
        return True
    if (found.closed_by, found.closed_reason) == (by, reason):
        return False
    what = f"case {found.exception_id} was closed by {found.closed_by}: {found.closed_reason}"
    raise QuartermasterError("request.conflict", what)
