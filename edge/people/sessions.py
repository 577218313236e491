"""Who is signed in where. One person per device, bound at the gateway.

A session ends after twelve hours, a shown secret counts for eight; the desk
(:mod:`edge.people.desk`) sees to both, so that reading needs no clock.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edge import stock
from edge.db import Connection
from edge.people.book import SQL, Known, known_person
from shared.errors import QuartermasterError
from shared.people import BREAK_GLASS, Role
from shared.units import HOUR

SESSION: Final = 12 * HOUR
PROVEN: Final = 8 * HOUR


class SignedIn(NamedTuple):
    """A person at a device; ``proven_at`` is when the secret was shown, None by badge alone."""

    person: str
    name: str
    role: Role
    since: int
    proven_at: int | None

    @property
    def until(self) -> int:
        """When the session ends by itself."""
        return self.since + SESSION

    @property
    def decides_until(self) -> int:
        """When the secret that was shown counts no more; the end of the session at the latest."""
        return min((self.proven_at or self.since) + PROVEN, self.until)

    @property
    def may_decide(self) -> bool:
        """Whether this person may approve, resolve and steer here and now."""
        return self.role == "operator" and self.proven_at is not None


class Session(NamedTuple):
    """A row of who signed in.

    ``known`` is whether the document in force still knows them, ``ended`` why they are not there
    any more, though no event has said so yet.
    """

    device: str
    person: str
    since: int
    proven_at: int | None
    known: bool
    ended: str


def signed_in(connection: Connection, device: str) -> SignedIn | None:
    """Who is signed in at a device."""
    row = connection.execute(SQL["signed_in"], (device,)).fetchone()
    return SignedIn(*row) if row is not None else None


def demand_operator(connection: Connection, device: str) -> SignedIn:
    """The operator who signed in at this device with a secret.

    Raises:
        QuartermasterError: ``people.not-signed-in``, ``people.operator-needed`` or
            ``people.secret-needed``.
    """
    person = signed_in(connection, device)
    if person is None:
        raise QuartermasterError("people.not-signed-in")
    if person.role != "operator":
        raise QuartermasterError("people.operator-needed", f"{person.name} is none")
    if not person.may_decide:
        raise QuartermasterError("people.secret-needed", person.name)
    return person


def operator_of(connection: Connection, device: str, said: str | None) -> str | None:
    """The person whom an event of this device names.

    Whom the device names, if there is such a person; else who is signed in there. While no people
    document is in force, the device is believed.
    """
    if not stock.in_force(connection, "people").version:
        return said
    if said is not None and said != BREAK_GLASS and known_person(connection, said) is not None:
        return said
    person = signed_in(connection, device)
    return None if person is None else person.person


def sessions(connection: Connection) -> list[Session]:
    """All who signed in, by device."""
    rows = connection.execute(SQL["sessions"]).fetchall()
    return [Session(*row[:4], known=bool(row[4]), ended=row[5]) for row in rows]


def sign_in(connection: Connection, device: str, person: Known, at: int, *, proven: bool) -> bool:
    """Put a person at a device; False when the document has changed meanwhile.

    A badge takes nothing from the same person's secret, shown there before.
    """
    now = known_person(connection, person.code)
    if now is None or (proven and now.secret != person.secret):
        return False
    before = signed_in(connection, device)
    proven_at = at if proven else None
    if not proven and before is not None and before.person == person.code:
        proven_at = before.proven_at
    connection.execute(SQL["sign_in"], (device, person.code, at, proven_at))
    return True


def sign_out(connection: Connection, device: str) -> None:
    """Let nobody be signed in at a device."""
    connection.execute(SQL["sign_out"], (device,))


def leave(connection: Connection, device: str, why: str) -> None:
    """Whoever is at this device is there no longer; the desk makes the event."""
    connection.execute(SQL["leave"], (why, device))


def end(connection: Connection, session: Session) -> None:
    """End this session, and none that has begun since."""
    connection.execute(SQL["end_session"], (session.device, session.person, session.since))


def end_later(connection: Connection, now: int) -> None:
    """End sessions that began after ``now``: of how long they have lasted nobody knows."""
    connection.execute(SQL["end_later_sessions"], (now,))


def forget_proofs(connection: Connection, now: int) -> None:
    """A secret that was shown eight hours ago counts no more."""
    connection.execute(SQL["unprove_before"], (now - PROVEN,))
