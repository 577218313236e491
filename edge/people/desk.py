"""Where people sign in and out: judges, records what happened as an event, and ends sessions.

Time here never runs backwards: it advances at least as a steady clock does and jumps forward with
the gateway's own. A clock that is set back therefore lengthens no session; at a start, sessions
that seem to begin in the future are ended. Signing in anew is always possible.

An event is recorded before what it tells of is done: after a power cut in between, history says a
word too much, never one too few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog

from edge import stock
from edge.db import Connection, Database
from edge.people import acquainted, sessions, tries
from edge.people.book import Known, known_person, person_of_badge
from edge.people.secrets import verify
from edge.people.sessions import SESSION, Session, SignedIn
from edge.ports import Recorder
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import OperatorSigned
from shared.people import BREAK_GLASS
from shared.units import MINUTE, SECOND

_log: Final[Any] = structlog.get_logger("edge.people")
_LOOK_S: Final = 15.0
_NOBODY: Final = "unknown"


class Browser(NamedTuple):
    """Whence somebody shows a secret who has no paired device: its address and its proof, if any.

    See :mod:`edge.people.acquainted`.
    """

    address: str
    proof: str = ""


class TooManyTriesError(QuartermasterError):
    """A sign-in that has to wait."""

    def __init__(self, micros: int) -> None:
        self.seconds = -(-micros // SECOND)
        super().__init__("people.too-many-tries", f"wait {_in_words(self.seconds)}")


class Desk:
    """The use cases of signing in.

    Args:
        database: the store.
        recorder: makes events.
        clock: the gateway's.
        steady: seconds that never jump.
        alarmed: told when the break-glass account has been used.
    """

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        clock: Clock,
        steady: Callable[[], float],
        alarmed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._clock = clock
        self._steady = steady
        self._alarmed = alarmed
        self._hashing = asyncio.Semaphore(1)
        self._strangers = tries.Strangers()
        self._moment = int(clock.now())
        self._at = steady()

    def begin(self) -> None:
        """At the start, before anybody may come: what the clock makes doubtful is ended."""
        now = self._now()

        def unit(connection: Connection) -> None:
            sessions.end_later(connection, now)
            sessions.forget_proofs(connection, now)
            tries.forget(connection, now)

        self._database.run_blocking(unit)

    async def sign_in_by_badge(self, device: str, badge: str) -> SignedIn:
        """A badge says who somebody is, and nothing more.

        Raises:
            QuartermasterError: ``people.none-known``, ``people.unknown-badge`` or
                ``people.too-many-tries``.
        """
        self._demand_document()
        who = [f"badges at {device}"]
        await self._take_try(who)
        person = person_of_badge(self._database.reader, badge)
        if person is None or not await self._put(device, person, who, proven=False):
            await self._refused(device, _NOBODY, "a badge that nobody has")
            raise QuartermasterError("people.unknown-badge")
        return self._present(device)

    async def sign_in_by_secret(
        self, device: str, code: str, secret: str, browser: Browser | None = None
    ) -> SignedIn:
        """Code and secret: what an operator decides needs them.

        Args:
            device: where they sign in.
            code: the person's.
            secret: theirs.
            browser: where the device is none that is paired, but stands for a browser.

        Raises:
            QuartermasterError: ``people.none-known``, ``people.wrong-secret`` or
                ``people.too-many-tries``.
        """
        self._demand_document()
        person = known_person(self._database.reader, code)
        is_stranger = browser is not None and not self.is_known(code, browser)
        if is_stranger and (micros := self._strangers.wait(code, self._now())):
            raise TooManyTriesError(micros)
        place = _place(device, browser, is_stranger=is_stranger)
        who = [f"secrets at {place}", *([f"secrets of {code} at {place}"] if person else [])]
        await self._take_try(who)
        if is_stranger:  # only what the address was let try: who waits takes nothing from others
            self._strangers.count(code, self._now())
        async with self._hashing:  # one at a time: each takes the memory of a small program
            right = await asyncio.to_thread(verify, person.secret if person else "", secret)
        if person is None or not right or not await self._put(device, person, who, proven=True):
            why = f"a wrong secret, from {browser.address}" if browser else "a wrong secret"
            await self._refused(device, person.code if person else _NOBODY, why)
            raise QuartermasterError("people.wrong-secret")
        return self._present(device)

    def proof_for(self, code: str) -> str:
        """What the browser keeps at which this person has just signed in; empty for nobody."""
        person = known_person(self._database.reader, code)
        return acquainted.proof_for(person) if person is not None else ""

    def is_known(self, code: str, browser: Browser) -> bool:
        """Whether this person has signed in from this browser before."""
        person = known_person(self._database.reader, code)
        return person is not None and acquainted.is_known(person, browser.proof)

    async def sign_out(self, device: str, why: str = "") -> None:
        """Let nobody be signed in at this device."""
        person = sessions.signed_in(self._database.reader, device)
        if person is not None:
            await self._record(device, person.person, "out", why)
        await self._database.run(lambda connection: sessions.sign_out(connection, device))

    def notices(self) -> list[QuartermasterError]:
        """Where the break-glass account is signed in."""
        return [
            QuartermasterError("people.break-glass", f"at {session.device}")
            for session in sessions.sessions(self._database.reader)
            if session.person == BREAK_GLASS and not session.ended
        ]

    async def run(self) -> None:
        """End what has lasted long enough, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """End sessions of twelve hours and of people who are no longer known."""
        now = self._now()
        for session in sessions.sessions(self._database.reader):
            why = _over(session, now)
            if why:
                await self._record(session.device, session.person, "out", why)
                await self._database.run(
                    lambda connection, over=session: sessions.end(connection, over)
                )

        def unit(connection: Connection) -> None:
            sessions.forget_proofs(connection, now)
            tries.forget(connection, now)

        await self._database.run(unit)

    def _now(self) -> int:
        steady = self._steady()
        passed = int((steady - self._at) * SECOND)
        self._at = steady
        self._moment = max(self._moment + passed, int(self._clock.now()))
        return self._moment

    def _demand_document(self) -> None:
        if not stock.in_force(self._database.reader, "people").version:
            raise QuartermasterError("people.none-known")

    async def _take_try(self, who: list[str]) -> None:
        now = self._now()
        micros = tries.wait(self._database.reader, who, now)
        if not micros:
            micros = await self._database.run(lambda connection: tries.take(connection, who, now))
        if micros:
            raise TooManyTriesError(micros)

    async def _put(self, device: str, person: Known, who: list[str], *, proven: bool) -> bool:
        """Record and do it; False when the person is no longer who was judged."""
        for before in sessions.sessions(self._database.reader):
            if before.device == device and (before.ended or before.person != person.code):
                why = before.ended or f"{person.code} signed in"
                await self._record(device, before.person, "out", why)
        if person.code == BREAK_GLASS:
            await self._record(device, person.code, "break-glass")
        else:
            await self._record(device, person.code, "in", "secret" if proven else "badge")
        now = self._now()

        def unit(connection: Connection) -> bool:
            tries.forgive(connection, who)
            return sessions.sign_in(connection, device, person, now, proven=proven)

        done = await self._database.run(unit)
        if person.code == BREAK_GLASS:
            _log.warning("people.break-glass", device=device)
            self._alarmed()
        return done

    def _present(self, device: str) -> SignedIn:
        person = sessions.signed_in(self._database.reader, device)
        if person is None:  # signed out again, or the document has changed, in between
            raise QuartermasterError("people.not-signed-in")
        return person

    async def _refused(self, device: str, person: str, why: str) -> None:
        _log.warning("people.refused", device=device, person=person, why=why)
        await self._record(device, person, "refused", why)

    async def _record(self, device: str, person: str, signed: Any, detail: str = "") -> None:
        await self._recorder.record(OperatorSigned(person, signed, detail), device=device)


def _place(device: str, browser: Browser | None, *, is_stranger: bool) -> str:
    """Where a try is counted."""
    if browser is None:
        return device
    if is_stranger:
        return f"address {browser.address}"
    return f"browser {acquainted.name_of(browser.proof)}"


def _over(session: Session, now: int) -> str:
    """Why a session ends; empty while it goes on."""
    if session.ended:
        return session.ended
    if not session.known:
        return "no longer among the people of this site"
    return "twelve hours" if now - session.since >= SESSION else ""


def _in_words(seconds: int) -> str:
    if seconds < 2 * MINUTE // SECOND:
        return f"{seconds} seconds"
    return f"{-(-seconds * SECOND // MINUTE)} minutes"
