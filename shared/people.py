"""Who works at a site, as the cloud says it: the gateway can then sign people in without the cloud.

A badge identifies and never authorizes alone: it names the person at a paired device. What needs
authority asks for the person's secret, of which only an argon2id hash (RFC 9106) comes down.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import Data, Hash, Name, Text

Role = Literal["scanner", "operator"]
"""Floor staff scan; operators also steer the gateway, approve and resolve."""
MAX_PEOPLE: Final = 10_000

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


def decode_people(content: bytes) -> People:
    """Read a people document (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``, also for a code or badge that two people share.
    """
    try:
        people = msgspec.convert(decode(content, code="downlink.malformed"), People)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None
    codes = [person.code for person in people.people]
    badges = [badge for person in people.people for badge in person.badges]
    if len(set(codes)) < len(codes) or len(set(badges)) < len(badges):
        raise QuartermasterError("downlink.malformed", "a code or badge belongs to two people")
    return people
