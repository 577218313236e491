"""Picks that went wrong lately, by person, item and location.

Kept in memory for as long as they matter: they are hints, and a decision records what it counted.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, NamedTuple

import msgspec

from edge import people
from edge.db import Connection
from edge.fallback.noting import Refusal
from shared.policy import RULES, About, PickErrors
from shared.units import MINUTE

Cause = Literal["wrong_item", "wrong_location", "too_many", "other"]

_CAUSES: Final[dict[str, Cause]] = {
    "task.wrong-item": "wrong_item",
    "task.wrong-location": "wrong_location",
    "task.over": "too_many",
    "task.wrong-lot": "other",
    "scan.fefo": "other",
    "scan.held": "other",
    "scan.expired": "other",
    "scan.negative-on-hand": "other",
}
"""Refusals that say that somebody was about to take the wrong thing."""
_MOST: Final = 4096


class _Asked(msgspec.Struct):
    step: str = ""
    operator: str | None = None
    location: str | None = None


class _Code(msgspec.Struct):
    code: str = ""


class _Thing(msgspec.Struct):
    sku: str | None = None
    location: str | None = None


class _Answered(msgspec.Struct):
    error: _Code | None = None
    understood: _Thing | None = None
    expected: _Thing | None = None


_asked: Final = msgspec.json.Decoder(_Asked)
_answered: Final = msgspec.json.Decoder(_Answered)


class PickError(NamedTuple):
    """One of them."""

    at: int
    cause: Cause
    person: str
    item: str
    location: str

    def subjects(self) -> tuple[tuple[About, str], ...]:
        """Whom and what it is about."""
        told: tuple[tuple[About, str], ...] = (
            ("person", self.person),
            ("item", self.item),
            ("location", self.location),
        )
        return tuple((about, subject) for about, subject in told if subject)


class PickErrorsLately:
    """Counts them."""

    def __init__(self) -> None:
        self._errors: deque[PickError] = deque(maxlen=_MOST)

    def add(self, connection: Connection, refusal: Refusal, now: int) -> PickError | None:
        """Note a refusal, if it is one of a pick that was about to go wrong."""
        try:
            asked, answered = _asked.decode(refusal.request), _answered.decode(refusal.answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        cause = _CAUSES.get(answered.error.code if answered.error is not None else "")
        if asked.step != "pick" or cause is None:
            return None
        understood, expected = answered.understood or _Thing(), answered.expected or _Thing()
        person = people.operator_of(connection, refusal.device, asked.operator)
        error = PickError(
            now,
            cause,
            person or refusal.device,
            expected.sku or understood.sku or "",
            expected.location or understood.location or asked.location or "",
        )
        self._errors.append(error)
        return error

    def of(
        self, about: About, subject: str, *, minutes: int, now: int, away_minutes: int
    ) -> PickErrors:
        """Those of one person, item or location within some minutes."""
        since = now - minutes * MINUTE
        causes = [
            error.cause
            for error in self._errors
            if error.at >= since and (about, subject) in error.subjects()
        ]
        return PickErrors(
            RULES,
            away_minutes,
            about,
            subject,
            minutes,
            causes.count("wrong_item"),
            causes.count("wrong_location"),
            causes.count("too_many"),
            causes.count("other"),
        )
