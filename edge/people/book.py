"""Who works at this site, as the people document in force says."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from edge.db import Connection, Queries
from shared.people import BREAK_GLASS, People, Role

SQL: Final = Queries(__package__ or "edge.people")
_AIM: Final = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
"""An AIM symbology identifier in front, as some scanners send it (ISO/IEC 15424)."""


class Known(NamedTuple):
    """A person of this site. ``secret`` is an argon2id hash, or empty."""

    code: str
    name: str
    role: Role
    secret: str


def enter(connection: Connection, people: People, _now: int) -> None:
    """Write a people document: it replaces everybody.

    Who was signed in stays so, unless the document leaves them out. Whose secret has changed has
    to show the new one before it counts.
    """
    shown: dict[str, str] = dict(connection.execute(SQL["secrets_shown"]).fetchall())
    connection.execute(SQL["clear_badges"])
    connection.execute(SQL["clear_people"])
    rows = [(person.code, person.name, person.role, person.secret) for person in people.people]
    if people.break_glass:
        rows.append((BREAK_GLASS, "Break-glass account", "operator", people.break_glass))
    connection.executemany(SQL["put_person"], rows)
    connection.executemany(
        SQL["put_badge"],
        [(badge, person.code) for person in people.people for badge in person.badges],
    )
    now = {code: secret for code, _, _, secret in rows}
    for code, secret in shown.items():
        if now.get(code) != secret:
            connection.execute(SQL["unprove"], (code,))


def known_person(connection: Connection, code: str) -> Known | None:
    """The person with this code."""
    row = connection.execute(SQL["person"], (code,)).fetchone()
    return Known(*row) if row is not None else None


def person_of_badge(connection: Connection, text: str) -> Known | None:
    """The person whose badge says this, with or without the scanner's symbology identifier."""
    says = text.strip()
    for each in (says, _AIM.sub("", says)):
        row = connection.execute(SQL["by_badge"], (badge_hash(each),)).fetchone()
        if row is not None:
            return Known(*row)
    return None


def badge_hash(text: str) -> bytes:
    """What a people document holds of a badge."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
