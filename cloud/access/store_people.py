"""The SQL of people, their sessions and sign-ins, private to this room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from cloud.db import Connection, Queries
from shared.units import Micros

_Q: Final = Queries("cloud.access")


class PersonRow(NamedTuple):
    """A person as listed; each grant is ``role`` or ``role@site``."""

    person_id: str
    account: str | None
    name: str
    has_password: bool
    from_provider: bool
    grants: list[str]
    made_at: Micros
    disabled_at: Micros | None


class SessionRow(NamedTuple):
    """A session in force with the key of a token, and its person's grants, pair by pair."""

    person_id: str
    public_key: bytes
    roles: list[str]
    site_ids: list[int | None]


class Flow(NamedTuple):
    """A sign-in at the provider that comes back."""

    flow_sha256: bytes
    nonce: str
    verifier: str
    in_time: bool


def insert(
    connection: Connection,
    *,
    person_id: str,
    account: str | None,
    name: str,
    secret: str | None,
    issuer: str | None,
    subject: str | None,
    now: Micros,
) -> None:
    """Write a new person."""
    connection.execute(
        _Q["insert_person"],
        {
            "person_id": person_id,
            "account": account,
            "name": name,
            "secret": secret,
            "issuer": issuer,
            "subject": subject,
            "now": now,
        },
    )


def set_grants(
    connection: Connection, person_id: str, grants: Collection[tuple[str, int | None]]
) -> None:
    """What a person may do where, in place of what was; a site of None is all of them."""
    connection.execute(_Q["clear_grants"], {"person_id": person_id})
    connection.execute(
        _Q["insert_grants"],
        {
            "person_id": person_id,
            "roles": [role for role, _ in grants],
            "site_ids": [site for _, site in grants],
        },
    )


def people(
    connection: Connection,
    *,
    sites: Collection[int] | None,
    person_id: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> list[PersonRow]:
    """People whose every role is at some of these sites; None means all people."""
    asked = {
        "sites": None if sites is None else sorted(sites),
        "person_id": person_id,
        "after": after,
        "limit": limit,
    }
    return [PersonRow(*row) for row in connection.execute(_Q["people"], asked)]


def find_account(connection: Connection, account: str) -> tuple[str, str | None] | None:
    """Who signs in under this account, and the hash of the password."""
    row = connection.execute(_Q["find_account"], {"account": account}).fetchone()
    return None if row is None else (row[0], row[1])


def find_subject(connection: Connection, issuer: str, subject: str) -> tuple[str, bool] | None:
    """Whom the provider means, and whether that person is out of force."""
    asked = {"issuer": issuer, "subject": subject}
    row = connection.execute(_Q["find_subject"], asked).fetchone()
    return None if row is None else (row[0], row[1])


def name(connection: Connection, person_id: str, text: str) -> None:
    """What the provider calls somebody now."""
    connection.execute(_Q["name_person"], {"person_id": person_id, "name": text})


def secret_of(connection: Connection, person_id: str) -> tuple[str | None, str, str]:
    """The hash of a password, the account and the name."""
    row = connection.execute(_Q["secret_of"], {"person_id": person_id}).fetchone()
    return (None, "", "") if row is None else (row[0], row[1], row[2])


def set_secret(connection: Connection, person_id: str, secret: str) -> None:
    """Write a new password's hash."""
    connection.execute(_Q["set_secret"], {"person_id": person_id, "secret": secret})


def disable(connection: Connection, person_id: str, now: Micros) -> bool:
    """Put a person out of force and forget the name; whether it was in force."""
    asked = {"person_id": person_id, "now": now}
    return connection.execute(_Q["disable_person"], asked).fetchone() is not None


def begin_session(
    connection: Connection,
    *,
    session_id: str,
    person_id: str,
    refresh: bytes,
    now: Micros,
    expires: Micros,
) -> None:
    """Write a session; what is long over goes."""
    connection.execute(_Q["forget_sessions"], {"now": now})
    connection.execute(
        _Q["begin_session"],
        {
            "session_id": session_id,
            "person_id": person_id,
            "refresh": refresh,
            "now": now,
            "expires": expires,
        },
    )


def refresh_session(
    connection: Connection, *, presented: bytes, refresh: bytes, now: Micros
) -> tuple[str, str] | None:
    """Spend a refresh secret; the session and its person, or None where it is not in force."""
    asked = {"presented": presented, "refresh": refresh, "now": now}
    row = connection.execute(_Q["refresh_session"], asked).fetchone()
    return None if row is None else (row[0], row[1])


def end_spent(connection: Connection, presented: bytes, now: Micros) -> str | None:
    """End the session whose spent secret came again; whose it was."""
    row = connection.execute(_Q["end_spent"], {"presented": presented, "now": now}).fetchone()
    return None if row is None else row[0]


def end_session(connection: Connection, session_id: str, why: str, now: Micros) -> None:
    """End one session."""
    connection.execute(_Q["end_session"], {"session_id": session_id, "why": why, "now": now})


def end_sessions_of(connection: Connection, person_id: str, why: str, now: Micros) -> None:
    """End all of a person's sessions."""
    connection.execute(_Q["end_sessions_of"], {"person_id": person_id, "why": why, "now": now})


def find_session(
    connection: Connection, session_id: str, kid: str, now: Micros
) -> SessionRow | None:
    """A session in force, with the key that its token names."""
    asked = {"session_id": session_id, "kid": kid, "now": now}
    row = connection.execute(_Q["find_session"], asked).fetchone()
    return None if row is None else SessionRow(row[0], bytes(row[1]), row[2], row[3])


def tell_key(connection: Connection, kid: str, public: bytes, until: Micros) -> None:
    """Write down the public half of a signing key."""
    connection.execute(_Q["tell_key"], {"kid": kid, "public": public, "until": until})


def tries_of(connection: Connection, account: bytes) -> tuple[int, Micros]:
    """Failed tries under an account and when the last was."""
    row = connection.execute(_Q["tries_of"], {"account": account}).fetchone()
    return (0, Micros(0)) if row is None else (row[0], Micros(row[1]))


def note_failed(connection: Connection, account: bytes, now: Micros) -> None:
    """Count one more failed try."""
    connection.execute(_Q["note_failed"], {"account": account, "now": now})


def forget_failed(connection: Connection, account: bytes) -> None:
    """Begin to count anew."""
    connection.execute(_Q["forget_failed"], {"account": account})


def begin_flow(
    connection: Connection, *, state: bytes, flow: bytes, nonce: str, verifier: str, now: Micros
) -> None:
    """Write down a sign-in that begins."""
    asked = {"state": state, "flow": flow, "nonce": nonce, "verifier": verifier, "now": now}
    connection.execute(_Q["begin_flow"], asked)


def take_flow(connection: Connection, state: bytes, now: Micros) -> Flow | None:
    """Take a sign-in that comes back, once."""
    row = connection.execute(_Q["take_flow"], {"state": state, "now": now}).fetchone()
    return None if row is None else Flow(bytes(row[0]), row[1], row[2], row[3])


def site_codes(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Keys by site code."""
    found = connection.execute(_Q["site_ids"], {"codes": list(codes)})
    return {str(code): int(site_id) for code, site_id in found}
