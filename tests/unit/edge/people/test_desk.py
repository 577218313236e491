"""Signing in: badges identify, secrets allow, wrong tries cost time, and time only goes forward."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge import people
from edge.people import Browser, Desk, TooManyTriesError
from edge.people.secrets import verify
from edge.people.tries import OF_ONE, OF_ONE_EVERY, STRANGERS, STRANGERS_EVERY, Strangers
from edge.web import devices
from shared.errors import QuartermasterError
from shared.events import EventData, OperatorSigned
from shared.people import BREAK_GLASS, People
from shared.units import HOUR, MINUTE, SECOND
from tests.support import FakeClock
from tests.support.gateway import SITE
from tests.support.people import ADA, BOB, EVE, PEOPLE, employ, hashed

if TYPE_CHECKING:
    from edge.app.store import Store


class Book:
    """Writes events down."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, str, str]] = []
        self.full = False

    async def record(self, data: EventData, *, device: str, event_id: bytes | None = None) -> int:
        assert event_id is None
        assert isinstance(data, OperatorSigned)
        if self.full:
            raise QuartermasterError("disk.full")
        self.signed.append((device, data.person, data.signed))
        return len(self.signed)


class Place:
    """A gateway's desk with hands on its clocks."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.steady = 100.0
        self.book = Book()
        self.alarms = 0
        self.numbers = itertools.count()
        self.desk = self.another()

    def another(self) -> Desk:
        """The desk after a restart."""
        desk = Desk(self.store.database, self.book, self.clock, lambda: self.steady, self._alarmed)
        desk.begin()
        return desk

    def _alarmed(self) -> None:
        self.alarms += 1

    def pass_time(self, micros: int) -> None:
        """Both clocks go on."""
        self.clock.advance(micros)
        self.steady += micros / SECOND

    def badge(self, text: str, device: str = "sc-01") -> str:
        return self.code(lambda: self.desk.sign_in_by_badge(device, text))

    def secret(self, person: str, secret: str, device: str = "sc-01") -> str:
        return self.code(lambda: self.desk.sign_in_by_secret(device, person, secret))

    def at_browser(self, person: str, secret: str, address: str, proof: str = "") -> str:
        """A sign-in at the console, each in a session of its own."""
        device, browser = f"console-{next(self.numbers)}", Browser(address, proof)
        return self.code(lambda: self.desk.sign_in_by_secret(device, person, secret, browser))

    def code(self, act: Callable[[], Awaitable[people.SignedIn]]) -> str:
        """The person signed in, or the refusal's code."""
        try:
            return asyncio.run(_done(act)).person
        except QuartermasterError as error:
            return error.code

    def look(self) -> None:
        asyncio.run(self.desk.look())

    def out(self, device: str = "sc-01") -> None:
        asyncio.run(self.desk.sign_out(device))

    def who(self, device: str = "sc-01") -> str | None:
        person = people.signed_in(self.store.database.reader, device)
        return None if person is None else person.person

    def refusal(self, device: str = "sc-01") -> str:
        """Why nothing may be decided at a device; empty when it may."""
        try:
            people.demand_operator(self.store.database.reader, device)
        except QuartermasterError as error:
            return error.code
        return ""


async def _done(act: Callable[[], Awaitable[people.SignedIn]]) -> people.SignedIn:
    return await act()


@pytest.fixture
def place(bare_store: Store) -> Place:
    employ(bare_store)
    return Place(bare_store)


def test_a_badge_says_who_somebody_is_and_allows_nothing(place: Place) -> None:
    assert place.badge("B-ADA") == "ada"
    assert place.who() == "ada"
    assert place.refusal() == "people.secret-needed"
    assert place.book.signed == [("sc-01", "ada", "in")]


def test_what_needs_authority_needs_an_operator_with_a_secret(place: Place) -> None:
    assert place.refusal() == "people.not-signed-in"
    assert place.secret("bob", "bob's secret") == "bob"
    assert place.refusal() == "people.operator-needed"
    assert place.secret("ada", "ada's secret") == "ada"
    assert place.refusal() == ""
    assert place.refusal("sc-02") == "people.not-signed-in"


@pytest.mark.parametrize("label", ["B-ADA", " B-ADA\r\n", "]C1B-ADA", "]Q3B-ADA"])
def test_a_badge_is_read_as_scanners_send_it(place: Place, label: str) -> None:
    assert place.badge(label) == "ada"


def test_one_person_at_a_device_and_who_comes_takes_the_place(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.badge("B-BOB")
    assert place.who() == "bob"
    assert place.refusal() == "people.operator-needed"
    assert place.book.signed == [
        ("sc-01", "ada", "in"),
        ("sc-01", "ada", "out"),
        ("sc-01", "bob", "in"),
    ]


def test_the_same_person_may_work_at_two_devices(place: Place) -> None:
    place.badge("B-ADA", "sc-01")
    place.secret("ada", "ada's secret", "sc-02")
    assert (place.refusal("sc-01"), place.refusal("sc-02")) == ("people.secret-needed", "")


def test_a_badge_takes_nothing_from_ones_own_secret_and_lends_it_to_nobody(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.badge("B-ADA")
    assert place.refusal() == ""
    place.badge("B-EVE")
    assert place.refusal() == "people.secret-needed"
    place.badge("B-ADA")
    assert place.refusal() == "people.secret-needed"


def test_signing_out_is_an_event_once_and_never_an_error(place: Place) -> None:
    place.badge("B-ADA")
    place.out()
    place.out()
    assert place.who() is None
    assert place.book.signed[1:] == [("sc-01", "ada", "out")]


@pytest.mark.parametrize(
    ("person", "secret"),
    [
        ("ada", "bob's secret"),
        ("ada", ""),
        ("ada", "ada's secret" * 100),
        ("nobody", "ada's secret"),
        ("eve", ""),
        ("eve", "eve"),
        ("ADA", "ada's secret"),
        ("ada' OR 1=1 --", "x"),
        (BREAK_GLASS, "ada's secret"),
    ],
)
def test_a_wrong_code_or_secret_is_refused_and_written_down(
    place: Place, person: str, secret: str
) -> None:
    assert place.secret(person, secret) == "people.wrong-secret"
    assert place.who() is None
    known = person if person in {"ada", "eve", BREAK_GLASS} else "unknown"
    assert place.book.signed == [("sc-01", known, "refused")]


@pytest.mark.parametrize("anew", [True, False])
def test_a_device_that_is_revoked_or_paired_anew_has_nobody_at_it(
    place: Place, *, anew: bool
) -> None:
    place.store.database.run_blocking(lambda connection: devices.add(connection, "sc-01", now=1))
    place.secret(BREAK_GLASS, "in case of fire")
    change = devices.add if anew else devices.revoke
    place.store.database.run_blocking(lambda connection: change(connection, "sc-01", now=2))
    assert (place.who(), place.refusal()) == (None, "people.not-signed-in")
    assert place.desk.notices() == []
    place.look()
    place.look()
    assert [signed for _, _, signed in place.book.signed] == ["break-glass", "out"]


def test_who_was_at_a_device_before_it_was_paired_anew_is_told_at_the_latest_by_the_next(
    place: Place,
) -> None:
    place.badge("B-ADA")
    place.store.database.run_blocking(lambda connection: devices.add(connection, "sc-01", now=2))
    place.badge("B-ADA")
    place.look()
    assert [signed for _, _, signed in place.book.signed] == ["in", "out", "in"]
    assert place.who() == "ada"


def test_a_wrong_try_leaves_who_is_there(place: Place) -> None:
    place.badge("B-BOB")
    assert place.secret("ada", "guess") == "people.wrong-secret"
    assert place.badge("B-NOBODY") == "people.unknown-badge"
    assert place.who() == "bob"


def test_the_sixth_wrong_try_in_a_row_waits_and_each_later_one_twice_as_long(place: Place) -> None:
    for _ in range(5):
        assert place.secret("ada", "guess") == "people.wrong-secret"
    waits: list[int] = []
    for _ in range(8):
        with pytest.raises(TooManyTriesError) as refusal:
            asyncio.run(place.desk.sign_in_by_secret("sc-01", "ada", "ada's secret"))
        waits.append(refusal.value.seconds)
        place.pass_time(refusal.value.seconds * SECOND)
        assert place.secret("ada", "guess") == "people.wrong-secret"
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert len(place.book.signed) == 13


def test_the_pause_is_told_in_words(place: Place) -> None:
    for _ in range(5):
        place.secret("ada", "guess")
    with pytest.raises(TooManyTriesError) as short:
        asyncio.run(place.desk.sign_in_by_secret("sc-01", "ada", "x"))
    assert short.value.detail == "wait 30 seconds"
    for _ in range(5):
        place.pass_time(15 * MINUTE)
        place.secret("ada", "guess")
    with pytest.raises(TooManyTriesError) as long:
        asyncio.run(place.desk.sign_in_by_secret("sc-01", "ada", "x"))
    assert long.value.detail == "wait 15 minutes"


def test_the_right_secret_after_the_pause_makes_good_the_wrong_ones(place: Place) -> None:
    for _ in range(5):
        place.secret("ada", "guess")
    place.pass_time(30 * SECOND)
    assert place.secret("ada", "ada's secret") == "ada"
    for _ in range(5):
        assert place.secret("ada", "guess") == "people.wrong-secret"


def test_whoever_guesses_at_a_device_makes_that_device_wait_and_nobody_elsewhere(
    place: Place,
) -> None:
    for _ in range(5):
        assert place.secret("ada", "guess", "sc-07") == "people.wrong-secret"
    assert place.secret("ada", "ada's secret", "sc-07") == "people.too-many-tries"
    assert place.secret("bob", "bob's secret", "sc-07") == "people.too-many-tries"
    assert place.secret("ada", "ada's secret", "sc-09") == "ada"
    assert place.at_browser("ada", "ada's secret", "10.0.0.9") == "ada"


def test_who_signs_in_between_guesses_does_not_make_them_good(place: Place) -> None:
    for _ in range(4):
        assert place.secret("ada", "guess") == "people.wrong-secret"
    assert place.secret("bob", "bob's secret") == "bob"
    assert place.secret("ada", "guess") == "people.wrong-secret"
    assert place.secret("bob", "bob's secret") == "bob"
    assert place.secret("ada", "ada's secret") == "people.too-many-tries"


def test_a_stranger_who_guesses_keeps_nobody_out_but_at_his_own_address(place: Place) -> None:
    for _ in range(5):
        assert place.at_browser("ada", "guess", "10.0.0.66") == "people.wrong-secret"
    assert place.at_browser("ada", "ada's secret", "10.0.0.66") == "people.too-many-tries"
    assert place.at_browser("bob", "bob's secret", "10.0.0.66") == "people.too-many-tries"
    assert place.at_browser("ada", "ada's secret", "10.0.0.7") == "ada"
    assert place.secret("ada", "ada's secret", "sc-01") == "ada"


def test_a_browser_that_is_known_waits_for_no_stranger_even_at_the_same_address(
    place: Place,
) -> None:
    place.at_browser("ada", "ada's secret", "10.0.0.7")
    proof = place.desk.proof_for("ada")
    for _ in range(5):
        place.at_browser("ada", "guess", "10.0.0.7")
    assert place.at_browser("ada", "ada's secret", "10.0.0.7") == "people.too-many-tries"
    assert place.at_browser("ada", "ada's secret", "10.0.0.7", proof) == "ada"
    for _ in range(5):
        assert place.at_browser("ada", "guess", "10.0.0.7", proof) == "people.wrong-secret"
    assert place.at_browser("ada", "ada's secret", "10.0.0.7", proof) == "people.too-many-tries"
    assert place.at_browser("ada", "ada's secret", "10.0.0.8") == "ada"


def test_a_proof_is_the_persons_own_and_a_new_secret_ends_it(place: Place) -> None:
    adas, bobs = place.desk.proof_for("ada"), place.desk.proof_for("bob")
    assert place.desk.proof_for("nobody") == ""
    for _ in range(5):
        place.at_browser("ada", "guess", "10.0.0.7")
    for none in (bobs, "", "x", f"{adas[:-1]}x", adas * 9, "\ud800." + adas):
        code = place.at_browser("ada", "ada's secret", "10.0.0.7", none)
        assert code == "people.too-many-tries"
    new = msgspec.structs.replace(ADA, secret=hashed("another"))
    employ(place.store, People(SITE, [new, BOB, EVE]), version=2)
    assert place.at_browser("ada", "another", "10.0.0.7", adas) == "people.too-many-tries"
    assert place.at_browser("ada", "another", "10.0.0.8", adas) == "ada"


def test_many_addresses_gain_little_and_keep_out_only_who_is_not_known(place: Place) -> None:
    proof = place.desk.proof_for("ada")
    tries = [place.at_browser("ada", "guess", f"10.0.1.{n}") for n in range(OF_ONE + 5)]
    assert tries.count("people.wrong-secret") == OF_ONE
    assert place.at_browser("ada", "ada's secret", "10.0.0.8") == "people.too-many-tries"
    assert place.at_browser("ada", "ada's secret", "10.0.0.8", proof) == "ada"
    assert place.secret("ada", "ada's secret", "sc-01") == "ada"
    assert place.at_browser("bob", "bob's secret", "10.0.0.8") == "bob"
    place.pass_time(OF_ONE_EVERY)
    assert place.at_browser("ada", "ada's secret", "10.0.0.8") == "ada"


def test_one_address_that_hammers_takes_nothing_from_other_strangers(place: Place) -> None:
    codes = [place.at_browser("ada", "guess", "10.0.0.66") for _ in range(3 * OF_ONE)]
    assert codes.count("people.wrong-secret") == 5
    assert place.at_browser("ada", "ada's secret", "10.0.0.8") == "ada"


def test_strangers_together_are_bounded_and_codes_that_nobody_has_look_like_others() -> None:
    strangers = Strangers()

    def take(code: str, now: int = 1) -> int:
        micros = strangers.wait(code, now)
        if not micros:
            strangers.count(code, now)
        return micros

    assert [take("nobody") for _ in range(OF_ONE + 1)][-1] == OF_ONE_EVERY
    taken = [take(f"p{n}") for n in range(STRANGERS)]
    assert taken.count(0) == STRANGERS - OF_ONE
    assert taken[-1] == STRANGERS_EVERY
    assert take("ada", 1 + STRANGERS_EVERY) == 0
    assert take("ada", 1 + STRANGERS_EVERY) > 0


def test_badges_are_limited_too_and_do_not_stand_in_the_way_of_secrets(place: Place) -> None:
    for number in range(5):
        assert place.badge(f"B-{number}") == "people.unknown-badge"
    assert place.badge("B-ADA") == "people.too-many-tries"
    assert place.secret("ada", "ada's secret") == "ada"


def test_many_tries_at_once_gain_nothing(place: Place) -> None:
    async def storm() -> list[str]:
        tries = (place.desk.sign_in_by_secret("sc-01", "ada", f"guess {n}") for n in range(30))
        found = await asyncio.gather(*tries, return_exceptions=True)
        return [error.code for error in found if isinstance(error, QuartermasterError)]

    codes = asyncio.run(storm())
    assert len(codes) == 30
    assert codes.count("people.wrong-secret") == 5


def test_tries_and_sessions_outlive_a_restart(place: Place) -> None:
    place.badge("B-BOB", "sc-02")
    for _ in range(5):
        place.secret("ada", "guess")
    place.desk = place.another()
    assert place.secret("ada", "ada's secret") == "people.too-many-tries"
    assert place.who("sc-02") == "bob"


def test_a_session_ends_after_twelve_hours_and_a_secret_counts_for_eight(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.pass_time(8 * HOUR)
    place.look()
    assert place.refusal() == ""
    place.pass_time(MINUTE)
    place.look()
    assert place.refusal() == "people.secret-needed"
    place.pass_time(4 * HOUR)
    place.look()
    assert place.refusal() == "people.not-signed-in"
    assert place.book.signed[-1] == ("sc-01", "ada", "out")


@pytest.mark.parametrize("back", [HOUR, 24 * HOUR, 20 * 365 * 24 * HOUR])
def test_a_clock_that_is_set_back_lengthens_no_session(place: Place, back: int) -> None:
    place.secret("ada", "ada's secret")
    place.pass_time(6 * HOUR)
    place.look()
    place.clock.advance(-back)
    place.look()
    assert place.refusal() == ""
    place.pass_time(2 * HOUR + MINUTE)
    place.look()
    assert place.refusal() == "people.secret-needed"
    place.pass_time(4 * HOUR)
    place.look()
    assert place.who() is None


def test_after_a_restart_with_an_earlier_clock_people_sign_in_anew(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.clock.advance(-HOUR)
    place.desk = place.another()
    assert place.who() is None
    assert place.secret("ada", "ada's secret") == "ada"
    assert place.refusal() == ""


def test_a_clock_that_is_set_back_locks_nobody_out(place: Place) -> None:
    for _ in range(5):
        place.secret("ada", "guess")
    place.clock.advance(-1000 * HOUR)
    place.desk = place.another()
    assert place.secret("ada", "ada's secret") == "people.too-many-tries"
    place.pass_time(30 * SECOND)
    assert place.secret("ada", "ada's secret") == "ada"


def test_a_clock_that_jumps_ahead_ends_sessions_and_locks_nobody_out(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.clock.advance(1000 * HOUR)
    place.look()
    assert place.who() is None
    place.clock.advance(-1000 * HOUR)
    assert place.secret("ada", "ada's secret") == "ada"
    place.pass_time(HOUR)
    place.look()
    assert place.refusal() == ""


def test_a_new_document_signs_out_whom_it_leaves_out(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.badge("B-BOB", "sc-02")
    employ(place.store, People(SITE, [BOB]), version=2)
    assert place.who() is None
    assert place.who("sc-02") == "bob"
    place.look()
    assert place.book.signed[-1] == ("sc-01", "ada", "out")
    assert place.secret("ada", "ada's secret") == "people.wrong-secret"
    employ(place.store, PEOPLE, version=3)
    assert place.who() is None


def test_whose_secret_has_changed_shows_the_new_one(place: Place) -> None:
    place.secret("ada", "ada's secret")
    place.secret("ada", "ada's secret", "sc-02")
    new = msgspec.structs.replace(ADA, secret=hashed("another"))
    employ(place.store, People(SITE, [new, BOB]), version=2)
    assert (place.who(), place.refusal()) == ("ada", "people.secret-needed")
    assert place.secret("ada", "ada's secret") == "people.wrong-secret"
    assert place.secret("ada", "another") == "ada"
    assert (place.refusal(), place.refusal("sc-02")) == ("", "people.secret-needed")


def test_whose_role_has_changed_decides_no_more(place: Place) -> None:
    place.secret("ada", "ada's secret")
    employ(place.store, People(SITE, [msgspec.structs.replace(ADA, role="scanner")]), version=2)
    assert place.refusal() == "people.operator-needed"


def test_a_secret_that_was_being_checked_while_it_changed_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(encoded: str, secret: str) -> bool:
        right = verify(encoded, secret)
        employ(place.store, People(SITE, [msgspec.structs.replace(ADA, secret="")]), version=2)
        return right

    monkeypatch.setattr("edge.people.desk.verify", slowly)
    assert place.secret("ada", "ada's secret") == "people.wrong-secret"
    assert place.who() is None


def test_the_break_glass_account_decides_and_alarms(place: Place) -> None:
    assert place.desk.notices() == []
    assert place.secret(BREAK_GLASS, "in case of fire") == BREAK_GLASS
    assert place.refusal() == ""
    assert place.alarms == 1
    (notice,) = place.desk.notices()
    assert (notice.code, notice.detail) == ("people.break-glass", "at sc-01")
    place.out()
    assert place.desk.notices() == []
    assert place.book.signed == [
        ("sc-01", BREAK_GLASS, "break-glass"),
        ("sc-01", BREAK_GLASS, "out"),
    ]


def test_a_document_without_a_break_glass_secret_has_no_such_account(place: Place) -> None:
    employ(place.store, People(SITE, [ADA]), version=2)
    assert place.secret(BREAK_GLASS, "in case of fire") == "people.wrong-secret"
    assert place.alarms == 0


def test_nobody_signs_in_before_a_document_has_come(bare_store: Store) -> None:
    place = Place(bare_store)
    assert place.badge("B-ADA") == "people.none-known"
    assert place.secret("ada", "ada's secret") == "people.none-known"


def test_on_a_full_disk_nobody_signs_in_without_a_trace(place: Place) -> None:
    place.book.full = True
    assert place.secret("ada", "ada's secret") == "disk.full"
    assert place.who() is None


def test_whom_an_event_names(place: Place) -> None:
    reader = place.store.database.reader
    assert people.operator_of(reader, "sc-01", None) is None
    assert people.operator_of(reader, "sc-01", "bob") == "bob"
    assert people.operator_of(reader, "sc-01", "mallory") is None
    place.badge("B-ADA")
    assert people.operator_of(reader, "sc-01", None) == "ada"
    assert people.operator_of(reader, "sc-01", "mallory") == "ada"
    assert people.operator_of(reader, "sc-01", BREAK_GLASS) == "ada"


def test_without_a_document_the_device_is_believed(bare_store: Store) -> None:
    reader = bare_store.database.reader
    assert people.operator_of(reader, "sc-01", "mallory") == "mallory"
    assert people.operator_of(reader, "sc-01", None) is None


@pytest.mark.parametrize(
    ("encoded", "secret", "right"),
    [
        (hashed("one"), "one", True),
        (hashed("one"), "two", False),
        (hashed("ü\u4e2d"), "ü\u4e2d", True),
        ("", "", False),
        ("$argon2id$v=19$m=8,t=1,p=1$broken", "one", False),
        ("$argon2id$v=19$m=999999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "one", False),
        ("$2b$12$abcdefghijklmnopqrstuv", "one", False),
        (hashed("x" * 256), "x" * 257, False),
        (hashed("one"), "\ud800", False),
    ],
    ids=["right", "wrong", "wide", "none", "broken", "vast", "another kind", "long", "half a pair"],
)
def test_a_secret_is_right_or_it_is_wrong_and_never_an_error(
    encoded: str, secret: str, *, right: bool
) -> None:
    assert verify(encoded, secret) is right


def test_eve_has_two_badges(place: Place) -> None:
    assert place.badge("B-EVE-2") == EVE.code
