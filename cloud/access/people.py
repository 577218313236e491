"""People: accounts, what they may do where, signing in and out.

Wrong tries are kept with the hash of the account that was named, whether there is one or not, and
slow the next one down: nobody learns from it which accounts exist, and nobody is locked out for
longer than a quarter of an hour.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cloud.access import audit, tokens
from cloud.access import store_people as store
from cloud.access.model import Caller, Grant
from cloud.access.oidc import Identity, Provider
from cloud.access.passwords import prepared, refuse_guessable
from cloud.access.roles import permissions_of
from cloud.access.store_people import PersonRow
from cloud.access.tokens import LIFETIME, Signer
from cloud.db import Connection
from shared.errors import QuartermasterError
from shared.rates import RateLimit
from shared.units import HOUR, MINUTE, SECOND, Micros

SESSION: Final = Micros(12 * HOUR)
"""A shift, with its handing over; then one signs in again."""
FREE_TRIES: Final = 5
LONGEST_WAIT: Final = Micros(15 * MINUTE)
_PERSON_BYTES: Final = 8
_SESSION_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_ACCOUNT: Final = re.compile(r"[a-z0-9._@+-]{1,100}\Z")
_HASHES_AT_ONCE: Final = 2
"""Each takes 64 MiB: whoever tries many accounts at once does not fill the memory."""
_TRIES_A_SECOND: Final = 0.2
_TRIES_AT_ONCE: Final = 20

Person = PersonRow


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What signing in stands on; one per process."""

    random_bytes: Callable[[int], bytes]
    signer: Signer
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    """RFC 9106, its second recommended option: 64 MiB, three passes, four lanes."""
    provider: Provider | None = None
    addresses: RateLimit = field(default_factory=lambda: RateLimit(_TRIES_A_SECOND, _TRIES_AT_ONCE))
    """Tries by address, whatever account they name."""
    hashing: Semaphore = field(default_factory=lambda: Semaphore(_HASHES_AT_ONCE))


class SignedIn(NamedTuple):
    """A session as its owner gets it: a token for ten minutes, a secret to get the next one by."""

    person: str
    access: str
    lives: Micros
    refresh: str
    until: Micros


class Begun(NamedTuple):
    """A sign-in at the identity provider: where to go, and what only the beginner knows."""

    url: str
    flow: str


def add(
    connection: Connection,
    desk: Desk,
    *,
    account: str,
    name: str,
    password: str,
    grants: Sequence[str],
    now: Micros,
    by: Caller | None = None,
) -> str:
    """A new local account; returns the pseudonym.

    Raises:
        QuartermasterError: ``request.invalid``; ``request.conflict`` for an account that exists;
            ``request.not-found`` for a site that is unknown or not the caller's.
    """
    account = _account(account)
    if len(name) > 100 or not name.isprintable():
        raise QuartermasterError("request.invalid", "up to 100 printable characters", where="name")
    held = _grants(connection, grants, by)
    text = prepared(password)
    refuse_guessable(text, account=account, name=name)
    if store.find_account(connection, account) is not None:
        raise QuartermasterError("request.conflict", "this account exists", where="account")
    person = _pseudonym(desk)
    store.insert(
        connection,
        person_id=person,
        account=account,
        name=name,
        secret=_hash(desk, text),
        issuer=None,
        subject=None,
        now=now,
    )
    store.set_grants(connection, person, held)
    audit.about(f"{person} {' '.join(grants)}")
    return person


def listed(
    connection: Connection, *, by: Caller | None = None, after: str | None = None, limit: int = 1000
) -> list[Person]:
    """People by pseudonym; of a caller's sites only, where these are not all."""
    sites = None if by is None else by.sites
    return store.people(connection, sites=sites, after=after, limit=limit)


def one(connection: Connection, person: str, *, by: Caller | None = None) -> Person:
    """One person.

    Raises:
        QuartermasterError: ``request.not-found``, the same for people of other sites.
    """
    sites = None if by is None else by.sites
    found = store.people(connection, sites=sites, person_id=person)
    if not found:
        raise QuartermasterError("request.not-found", f"person {person[:40]!r}", where="person")
    return found[0]


def grant(
    connection: Connection, person: str, grants: Sequence[str], *, by: Caller | None = None
) -> None:
    """Say anew what a person may do where; it counts from the next request on.

    Raises:
        QuartermasterError: ``request.forbidden`` for oneself; as :func:`one` and :func:`add`.
    """
    _other(person, by)
    found = one(connection, person, by=by)
    if found.from_provider:
        raise QuartermasterError(
            "request.conflict", "the identity provider's groups say what this person may do"
        )
    store.set_grants(connection, person, _grants(connection, grants, by))
    audit.about(f"{person} {' '.join(grants)}")


def disable(connection: Connection, person: str, *, now: Micros, by: Caller | None = None) -> None:
    """Put a person out of force at once and forget the name; the pseudonym stays with the past.

    Raises:
        QuartermasterError: ``request.forbidden`` for oneself; ``request.not-found``.
    """
    _other(person, by)
    one(connection, person, by=by)
    if not store.disable(connection, person, now):
        raise QuartermasterError("request.not-found", f"person {person}", where="person")
    store.end_sessions_of(connection, person, "disabled", now)
    audit.about(person)


def set_password(connection: Connection, desk: Desk, person: str, password: str) -> None:
    """A new password by an administrator; sessions go on.

    Raises:
        QuartermasterError: ``request.invalid`` for a guessable one.
    """
    _, account, name = store.secret_of(connection, person)
    text = prepared(password)
    refuse_guessable(text, account=account, name=name)
    store.set_secret(connection, person, _hash(desk, text))
    audit.about(person)


def change_password(
    connection: Connection, desk: Desk, caller: Caller, *, old: str, new: str, now: Micros
) -> None:
    """A new password for oneself; all sessions end.

    Raises:
        QuartermasterError: ``people.wrong-secret``; ``request.invalid`` for a guessable one.
    """
    secret, _, _ = store.secret_of(connection, caller.key_id)
    if not _verified(desk, secret, prepared(old)):
        raise QuartermasterError("people.wrong-secret")
    set_password(connection, desk, caller.key_id, new)
    store.end_sessions_of(connection, caller.key_id, "changed", now)


def sign_in(
    connection: Connection, desk: Desk, *, account: str, password: str, now: Micros
) -> SignedIn | None:
    """A session for who knows the password; None for who does not, to be committed all the same.

    Raises:
        QuartermasterError: ``people.too-many-tries`` with the seconds to wait.
    """
    named = account.strip().casefold()
    tried = hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
    failed, last = store.tries_of(connection, tried)
    if (wait := last + _pause(failed) - now) > 0:
        raise QuartermasterError(
            "people.too-many-tries", f"again in {-(-wait // SECOND)} s", where="account"
        )
    found = store.find_account(connection, named) if _ACCOUNT.match(named) else None
    if not _verified(desk, None if found is None else found[1], prepared(password)):
        store.note_failed(connection, tried, now)
        return None
    store.forget_failed(connection, tried)
    return None if found is None else _begin(connection, desk, found[0], now)


def refresh(connection: Connection, desk: Desk, secret: str, *, now: Micros) -> SignedIn | None:
    """The next token, and the next secret for this one, which is spent.

    A secret that comes twice ends the session, for whoever has it: None, to be committed.
    """
    presented = _sha256(secret)
    following = _secret(desk)
    found = store.refresh_session(
        connection, presented=presented, refresh=_sha256(following), now=now
    )
    if found is None:
        store.end_spent(connection, presented, now)
        return None
    session, person = found
    return _signed_in(connection, desk, person, session, secret=following, now=now)


def sign_out(connection: Connection, caller: Caller, *, now: Micros) -> None:
    """End the caller's session."""
    store.end_session(connection, caller.session, "signed out", now)


def of_token(connection: Connection, text: str, *, now: Micros) -> Caller:
    """Whose access token this is, and what he may do at this moment.

    Raises:
        QuartermasterError: ``request.unauthenticated``; it never says what was wrong.
    """
    named = tokens.named(text)
    row = None if named is None else store.find_session(connection, named.session, named.kid, now)
    if (
        named is None
        or row is None
        or not tokens.holds(
            text, row.public_key, person=row.person_id, session=named.session, now=now
        )
    ):
        raise QuartermasterError("request.unauthenticated")
    return caller_of(row.person_id, named.session, list(zip(row.roles, row.site_ids, strict=True)))


def caller_of(person: str, session: str, held: Sequence[tuple[str, int | None]]) -> Caller:
    """A person as a caller. Pure.

    What may not be combined is taken away over all its roles, wherever they hold.
    """
    together = permissions_of({role for role, _ in held}) | {"self"}
    grants = tuple(
        Grant(
            permissions_of({role}) & together,
            None if site is None else frozenset({site}),
        )
        for role, site in held
    )
    everywhere = any(each.sites is None for each in grants)
    some = frozenset(site for each in grants for site in each.sites or ())
    return Caller(
        person,
        person,
        together,
        None if everywhere else some,
        grants or (Grant(frozenset({"self"}), frozenset()),),
        session=session,
    )


def begin_at_provider(connection: Connection, desk: Desk, *, now: Micros) -> Begun:
    """Begin a sign-in at the identity provider.

    Raises:
        QuartermasterError: ``request.not-found`` where none is configured; ``people.provider``.
    """
    provider = _provider(desk)
    state, flow, nonce, verifier = (_secret(desk) for _ in range(4))
    store.begin_flow(
        connection,
        state=_sha256(state),
        flow=_sha256(flow),
        nonce=nonce,
        verifier=verifier,
        now=now,
    )
    return Begun(provider.address(state=state, nonce=nonce, verifier=verifier, now=now), flow)


def back_from_provider(
    connection: Connection, *, state: str, flow: str, now: Micros
) -> tuple[str, str] | None:
    """The nonce and verifier of a sign-in that comes back to who began it; once, in ten minutes."""
    taken = store.take_flow(connection, _sha256(state), now)
    if (
        taken is None
        or not taken.in_time
        or not hmac.compare_digest(taken.flow_sha256, _sha256(flow))
    ):
        return None
    return taken.nonce, taken.verifier


def identified(desk: Desk, *, code: str, nonce: str, verifier: str, now: Micros) -> Identity:
    """Whom the provider means by a code. Asks it, so no transaction is open meanwhile.

    Raises:
        QuartermasterError: ``people.provider``.
    """
    return _provider(desk).identity(code=code, nonce=nonce, verifier=verifier, now=now)


def admit(connection: Connection, desk: Desk, identity: Identity, *, now: Micros) -> SignedIn:
    """A session for whom the provider means; its groups say what he may do, each time anew.

    Raises:
        QuartermasterError: ``people.no-role``.
    """
    provider = _provider(desk)
    granted = provider.roles_of(identity.groups)
    if not granted:
        raise QuartermasterError("people.no-role")
    found = store.find_subject(connection, provider.issuer, identity.subject)
    if found is None:
        person = _pseudonym(desk)
        store.insert(
            connection,
            person_id=person,
            account=None,
            name=identity.name,
            secret=None,
            issuer=provider.issuer,
            subject=identity.subject,
            now=now,
        )
    else:
        person, disabled = found
        if disabled:
            raise QuartermasterError("people.no-role", "put out of force here")
        store.name(connection, person, identity.name)
    store.set_grants(connection, person, _grants(connection, granted, None))
    return _begin(connection, desk, person, now)


def _begin(connection: Connection, desk: Desk, person: str, now: Micros) -> SignedIn:
    session = f"s-{desk.random_bytes(_SESSION_BYTES).hex()}"
    secret = _secret(desk)
    store.begin_session(
        connection,
        session_id=session,
        person_id=person,
        refresh=_sha256(secret),
        now=now,
        expires=Micros(now + SESSION),
    )
    return _signed_in(connection, desk, person, session, secret=secret, now=now)


def _signed_in(
    connection: Connection, desk: Desk, person: str, session: str, *, secret: str, now: Micros
) -> SignedIn:
    def tell(kid: str, public: bytes, until: Micros) -> None:
        store.tell_key(connection, kid, public, until)

    access = desk.signer.sign(person=person, session=session, now=now, tell=tell)
    return SignedIn(person, access, LIFETIME, secret, Micros(now + SESSION))


def _pause(failed: int) -> Micros:
    """How long after a failed try the next one waits: twice as long each time, and not for ever."""
    if failed < FREE_TRIES:
        return Micros(0)
    return Micros(min(SECOND << min(failed - FREE_TRIES, 20), LONGEST_WAIT))


def _verified(desk: Desk, secret: str | None, password: str) -> bool:
    """Whether a password is the one; as slow where there is none to compare with."""
    with desk.hashing:
        if secret is None:
            desk.hasher.hash(password)
            return False
        try:
            return desk.hasher.verify(secret, password)
        except (VerificationError, InvalidHashError):
            return False


def _hash(desk: Desk, password: str) -> str:
    with desk.hashing:
        return desk.hasher.hash(password)


def _grants(
    connection: Connection, texts: Sequence[str], by: Caller | None
) -> list[tuple[str, int | None]]:
    """Grants as ``role`` or ``role@site``; nobody gives away more sites than his own."""
    if not texts:
        raise QuartermasterError("request.invalid", "no role", where="role")
    pairs = [text.partition("@") for text in texts]
    permissions_of(role for role, _, _ in pairs)
    known = store.site_codes(connection, [site for _, at, site in pairs if at])
    held: list[tuple[str, int | None]] = []
    for role, at, code in pairs:
        site = known.get(code) if at else None
        missing = bool(at) and site is None
        if missing or (by is not None and by.sites is not None and site not in by.sites):
            raise QuartermasterError("request.not-found", f"site {code[:80]!r}", where="role")
        held.append((role, site))
    return held


def _account(text: str) -> str:
    account = text.strip().casefold()
    if not _ACCOUNT.match(account):
        raise QuartermasterError(
            "request.invalid", "1 to 100 of a-z, 0-9 and . _ @ + -", where="account"
        )
    return account


def _other(person: str, by: Caller | None) -> None:
    if by is not None and by.principal == person:
        raise QuartermasterError("request.forbidden", "nobody changes what he himself may do")


def _provider(desk: Desk) -> Provider:
    if desk.provider is None:
        raise QuartermasterError("request.not-found", "no identity provider is configured")
    return desk.provider


def _pseudonym(desk: Desk) -> str:
    return f"p-{desk.random_bytes(_PERSON_BYTES).hex()}"


def _secret(desk: Desk) -> str:
    return base64.urlsafe_b64encode(desk.random_bytes(_SECRET_BYTES)).rstrip(b"=").decode("ascii")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
