"""Who works at a site, as the cloud says it: the gateway can then sign people in without the cloud.

A badge identifies and never authorizes alone: it names the person at a paired device. What needs
authority asks for the person's secret, of which only an argon2id hash (RFC 9106) comes down.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import Data, Hash, Name, Text

Role = Literal["scanner", "operator"]
"""Floor staff scan; operators also steer the gateway, approve and resolve."""
MAX_PEOPLE: Final = 10_000
BREAK_GLASS: Final = "break-glass"
"""The code by which the break-glass account signs in; no person has it."""
MAX_MEMORY_KIB: Final = 262_144
MAX_PASSES: Final = 16
"""More than these a gateway would not spend on one sign-in."""

_PARAMETERS: Final = re.compile(r"^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,3})\$")

Argon2 = Annotated[str, Meta(max_length=200, pattern=r"^(\$argon2id\$[!-~]+)?\Z")]
"""An encoded argon2id hash; empty where there is no secret."""


class Person(Data, frozen=True):
    """One person; ``badges`` are the SHA-256 of what their badges say, as UTF-8."""

    code: Name
    name: Text
    role: Role
    secret: Argon2 = ""
    badges: Annotated[list[Hash], Meta(max_length=8)] = []  # noqa: RUF012 - msgspec copies it


class People(Data, frozen=True):
    """Everybody of one site. ``break_glass`` opens the console when nobody else can; it alarms."""

    site: Name
    people: Annotated[list[Person], Meta(max_length=MAX_PEOPLE)]
    break_glass: Argon2 = ""


class Cost(NamedTuple):
    """What checking a secret takes (RFC 9106): memory, passes over it, lanes."""

    memory_kib: int
    passes: int
    lanes: int


def cost_of(secret: str) -> Cost | None:
    """What an encoded hash costs to check; None where it is none that a gateway can check."""
    found = _PARAMETERS.match(secret)
    if found is None:
        return None
    cost = Cost(*(int(number) for number in found.groups()))
    affordable = cost.memory_kib <= MAX_MEMORY_KIB and cost.passes <= MAX_PASSES
    return cost if affordable else None


def decode_people(content: bytes) -> People:
    """Read a people document (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``, also for a code or badge that two people share,
            for a person with the break-glass account's code, and for a secret that no gateway
            would check.
    """
    try:
        people = msgspec.convert(decode(content, code="downlink.malformed"), People)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None
    codes = [person.code for person in people.people]
    badges = [badge for person in people.people for badge in person.badges]
    if len(set(codes)) < len(codes) or len(set(badges)) < len(badges):
        raise QuartermasterError("downlink.malformed", "a code or badge belongs to two people")
    if BREAK_GLASS in codes:
        raise QuartermasterError("downlink.malformed", f"a person is called {BREAK_GLASS}")
    secrets = [people.break_glass, *(person.secret for person in people.people)]
    if any(secret and cost_of(secret) is None for secret in secrets):
        raise QuartermasterError("downlink.malformed", "a secret that cannot be checked")
    return people
