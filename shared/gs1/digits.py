"""Check digits (GS1 General Specifications 7.9.1)."""

from __future__ import annotations

from biip.checksums import gs1_standard_check_digit

from shared.errors import QuartermasterError


def check_digit(payload: str) -> int:
    """The check digit that belongs behind ``payload`` (ASCII digits, without a check digit).

    Raises:
        QuartermasterError: ``gs1.syntax`` when there is anything but digits.
    """
    if not (payload.isascii() and payload.isdigit()):
        raise QuartermasterError("gs1.syntax", f"{payload[:40]!r} is not a number")
    return gs1_standard_check_digit(payload)


def with_check_digit(payload: str) -> str:
    """``payload`` followed by its check digit.

    Raises:
        QuartermasterError: ``gs1.syntax`` when there is anything but digits.
    """
    return f"{payload}{check_digit(payload)}"


def is_valid(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of those before it."""
    return (
        len(digits) > 1
        and digits.isascii()
        and digits.isdigit()
        and gs1_standard_check_digit(digits[:-1]) == int(digits[-1])
    )


def demand_valid(digits: str, *, name: str) -> None:
    """Refuse a key whose check digit is wrong.

    Raises:
        QuartermasterError: ``gs1.check-digit``.
    """
    if not is_valid(digits):
        raise QuartermasterError("gs1.check-digit", f"{name} {digits}", where=name)
