"""Lots as a site writes them: what was seen is weighed only against what may stand there. Pure.

In a form ``9`` is a digit, ``A`` a letter other than I, O and Q, all else itself: ``A9-9999``.
Where only a letter may stand, seeing half a 2 and half a Z is seeing a Z surely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

Chances = Mapping[str, float]
"""What one character may be, and how likely each is; a blank stands for what nobody knows."""

LETTERS: Final = frozenset("ABCDEFGHJKLMNPRSTUVWXYZ")
_DIGITS: Final = frozenset("0123456789")
_AS_DIGIT: Final = dict(zip("OQDIJLSBZG", "0001115826", strict=True))
_AS_LETTER: Final = dict(zip("5826", "SBZG", strict=True))
_TWO_KINDS: Final = frozenset("0ODQ1ILJ5S8B2Z6G")
"""Digits and letters that may be taken for one of the other kind."""
_SAME: Final = frozenset("8B0D")
"""Those that some fonts print so much alike that being sure of one says nothing."""
_EXPLAINED: Final = 0.5
"""The part of a character's chances that must be of what the form has there, or looks like it."""
_FLOOR: Final = 1e-3


class Fitted(NamedTuple):
    """A lot in one of the site's forms.

    ``sure``: its least certain character, among those that the form allows there. ``alone``: how
    surely it is none that another form would make of what was seen: by its likelihood, and by how
    surely those characters were seen that would then be of the other kind; 1 where there is none,
    0 where only an 8 or B, or a 0 or D, tells the forms apart.
    """

    lot: str
    sure: float
    alone: float


def fit(seen: Sequence[Chances], forms: Sequence[str]) -> Fitted | None:
    """The likeliest lot in any of the forms; None where what was seen fits none."""
    likely: dict[str, float] = {}
    surely: dict[str, float] = {}
    for form in forms:
        if len(form) == len(seen) and (found := _in_form(seen, form)) is not None:
            lot, sure, chance = found
            likely[lot], surely[lot] = chance, sure
    if not likely:
        return None
    best = max(sorted(likely), key=lambda lot: likely[lot])
    share = likely[best] / sum(likely.values())
    apart = [
        max(0.0 if best[at] in _SAME else seen[at].get(best[at], 0.0) for at in mistaken)
        for form in forms
        if len(form) == len(best) and (mistaken := _mistaken(best, form))
    ]  # one character that is surely of its kind rules another form out
    return Fitted(best, surely[best], min(share, *apart, 1.0))


def surely_digit(chances: Chances, digit: str) -> float:
    """How surely a character is this digit, where only a digit may stand."""
    evidence = _evidence(chances, "9")
    whole = max(sum(evidence.values()), sum(chances.values()))
    return evidence.get(digit, 0.0) / whole if whole else 0.0


def _mistaken(lot: str, form: str) -> list[int]:
    """Which characters must have been mistaken if the lot has another form, where they may be."""
    strange = [at for at, wanted in enumerate(form) if lot[at] not in _allowed(wanted)]
    may_be = all(lot[at] in _TWO_KINDS and form[at] in "9A" for at in strange)
    return strange if may_be else []


def _allowed(wanted: str) -> frozenset[str]:
    return {"9": _DIGITS, "A": LETTERS}.get(wanted, frozenset(wanted))


def _in_form(seen: Sequence[Chances], form: str) -> tuple[str, float, float] | None:
    """The lot that was seen if it has this form, how sure it is, and how likely it was so seen."""
    lot, sure, likely = "", 1.0, 1.0
    for chances, wanted in zip(seen, form, strict=True):
        evidence = _evidence(chances, wanted)
        told = max(sorted(evidence), key=lambda char: evidence[char], default="")
        explained = sum(evidence.values())
        if not told or explained < _EXPLAINED * sum(chances.values()):
            return None
        lot += told
        sure = min(sure, evidence[told] / max(explained, sum(chances.values())))
        likely *= max(chances.get(told, 0.0), chances.get(" ", 0.0), _FLOOR)
    return lot, sure, likely


def _evidence(chances: Chances, wanted: str) -> dict[str, float]:
    """How likely each character is that may stand here, with what looks like it."""
    alike = {"9": _AS_DIGIT, "A": _AS_LETTER}.get(wanted, {})
    allowed = _allowed(wanted)
    evidence: dict[str, float] = {}
    for char, chance in chances.items():
        told = char if char in allowed else alike.get(char, "")
        if told:
            evidence[told] = evidence.get(told, 0.0) + chance
    return evidence
