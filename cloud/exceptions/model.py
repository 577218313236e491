"""Cases as records."""

from __future__ import annotations

from typing import NamedTuple

from shared.errors import Code
from shared.units import Micros


class Case(NamedTuple):
    """One open case. ``subject`` names what it is about, e.g. a gateway or a position."""

    exception_id: int
    code: Code
    subject: str
    site_id: int | None
    detail: str
    times: int
    raised_at: Micros
    last_at: Micros
