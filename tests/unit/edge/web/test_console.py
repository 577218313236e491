"""The console's door: who comes in, what a form must show, and that everything else stays out."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.routing import Route

from edge import fallback, tasks
from edge.people import Desk
from edge.ports import SystemIds
from edge.web import RateLimit, create, devices
from edge.web.console import Console
from edge.web.console.sessions import COOKIE, KNOWN, address_of, form_of
from edge.web.console.trend import Look, filling, micros_to_full
from shared.events import (
    DecisionOverridden,
    DeviceHealth,
    ExceptionResolved,
    OperatorSigned,
    decode_event,
)
from shared.units import HOUR, MINUTE
from tests.support import FakeClock
from tests.support.alone import FACE, Alone
from tests.support.clock import START
from tests.support.floor import SetClock, new_id
from tests.support.gateway import scan
from tests.support.people import employ

if TYPE_CHECKING:
    from edge.app.store import Store

JPEG = b"\xff\xd8\xff\xe0 a small picture \xff\xd9"
RIGHT = "ada's secret"
REPORT: dict[str, Any] = {
    "waiting": 2,
    "unacknowledged": 3,
    "watermark": 7,
    "seq": 12,
    "epoch": 1,
    "frozen": "",
    "link": {"up": False, "last_error": "connection refused"},
    "disk": {
        "level": "plenty",
        "used_percent": 1.5,
        "store_bytes": 1 << 20,
        "quota_bytes": 8 << 30,
        "free_bytes": 4 << 30,
    },
    "clock": {
        "now": "2026-01-01T00:00:00+00:00",
        "state": "synchronized",
        "machine_is": "not known to be wrong",
        "off_by_seconds": 0,
    },
    "software": "quartermaster 1",
    "versions": {"catalog": 1, "policy": 0, "people": 1, "plan": 0, "leases": 0},
    "certificate_not_after": START + 48 * HOUR,
    "scans": 5,
    "refused": 1,
    "last_refused_document": "",
    "notices": [],
    "cameras": [{"name": "dock-cam", "state": "unreadable", "codes_seen": 1204}],
}
PAGES = ["overview", "trend", "exceptions", "devices", "tasks", "decisions", "scans"]
DEEDS = [
    "sign-out",
    "devices/pair",
    "devices/sc-01/revoke",
    "exceptions/ex-1/resolve",
    "decisions/7/override",
]


class Standing:
    """A gateway that says how it stands."""

    def __init__(self) -> None:
        self.told = dict(REPORT)

    def report(self) -> dict[str, Any]:
        return self.told

    def not_ready(self) -> str:
        return ""


class Browser:
    """A browser at the console; it keeps cookies and follows nothing."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.alone = Alone(store, SetClock(START))
        store.database.run_blocking(lambda connection: devices.add(connection, "sc-01", now=1))
        self.clock = FakeClock()
        self.status = Standing()
        self.desk = Desk(store.database, store.pipeline, self.clock, lambda: 0.0)
        self.cookies = httpx.Cookies()
        self.address = "10.0.0.7"
        self.console = Console(
            store.database,
            desk=self.desk,
            floor=store.floor,
            decider=self.alone.decider,
            recorder=store.pipeline,
            photos=store.photos,
            clock=self.clock,
            ids=SystemIds(),
            status=self.status,
            site="berlin",
            gateway="gw-01",
            reached="gw.local:8443",
        )
        self.app = create(
            store.database,
            store.pipeline,
            self.status,
            RateLimit(1, 100),
            CollectorRegistry(),
            rooms=[self.console.routes],
        )

    def ask(self, method: str, path: str, **over: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=(self.address, 1))
            async with httpx.AsyncClient(
                transport=transport, base_url="https://gw", cookies=self.cookies
            ) as client:
                answer = await client.request(method, f"/console/{path}", **over)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def get(self, path: str, **over: Any) -> httpx.Response:
        return self.ask("GET", path, **over)

    @property
    def shown(self) -> str:
        """The token that it holds."""
        return self.cookies.get(COOKIE) or ""

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
        fields.setdefault("form", form_of(self.shown))
        return self.ask("POST", path, data=fields, headers=headers)

    def sign_in(self, person: str = "ada", secret: str = RIGHT) -> httpx.Response:
        self.get("")
        return self.post("sign-in", person=person, secret=secret)

    def events(self, kind: type) -> list[Any]:
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        data = [decode_event(body).data for (body,) in rows.fetchall()]
        return [each for each in data if isinstance(each, kind)]

    def report_exception(self, subject: str = "0950") -> str:
        photo = base64.b64encode(JPEG).decode()
        report = {"id": new_id(), "about": "unknown-code", "subject": subject}
        body = json.dumps({**report, "note": "torn <b>label</b>", "photo": photo})
        asyncio.run(self.store.floor.report(body.encode(), device="sc-01"))
        return tasks.exceptions(self.store.database.reader)[0].name


@pytest.fixture
def browser(bare_store: Store) -> Browser:
    browser = Browser(bare_store)
    employ(bare_store)
    return browser


@pytest.fixture
def ada(browser: Browser) -> Browser:
    """Ada's browser, signed in."""
    assert browser.sign_in().headers["location"] == "/console/overview"
    return browser


@contextmanager
def nothing_changes(browser: Browser) -> Iterator[None]:
    def trace() -> list[Any]:
        reader = browser.store.database.reader
        tables = ("device", "pairing", "exception", "signed_in", "waiting")
        return [reader.execute(f"SELECT * FROM {table}").fetchall() for table in tables]

    before = trace()
    yield
    assert trace() == before


# Who comes in


def test_a_page_is_shown_to_an_operator_and_to_nobody_else(browser: Browser) -> None:
    for path in PAGES:
        refused = browser.get(path)
        assert (refused.status_code, refused.headers["location"]) == (303, "/console/")
    browser.sign_in()
    assert [browser.get(path).status_code for path in PAGES] == [200] * len(PAGES)


def test_nothing_is_done_for_somebody_who_is_not_signed_in(browser: Browser) -> None:
    browser.get("")
    with nothing_changes(browser):
        for path in DEEDS:
            assert browser.post(path).headers["location"] == "/console/"


def test_every_address_but_the_front_and_its_files_is_behind_the_sign_in(browser: Browser) -> None:
    open_to_all = {"/console", "/console/", "/console/sign-in", "/console/a/{version}/{name:path}"}
    for route in browser.console.routes(lambda handler: handler):
        assert isinstance(route, Route)
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        if route.path not in open_to_all:
            path = route.path.removeprefix("/console/").replace("{name}", "x")
            answer = browser.ask(method, path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/"), path


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_is_new_with_each_sign_in(
    browser: Browser,
) -> None:
    before = browser.get("").headers["set-cookie"]
    token = browser.shown
    answer = browser.sign_in()
    after = answer.headers.get_list("set-cookie")[-1]
    for cookie in (before, after):
        assert cookie.startswith("__Host-qm-console=")
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert browser.shown != token
    browser.cookies = httpx.Cookies({COOKIE: token})
    assert browser.get("overview").status_code == 303


@pytest.mark.parametrize(
    ("person", "secret", "says"),
    [
        ("ada", "wrong", "Code and secret do not belong together"),
        ("nobody", "wrong", "Code and secret do not belong together"),
        ("bob", "bob&#39;s secret", "Code and secret do not belong together"),
        ("bob", "bob's secret", "Only an operator may do this"),
        ("eve", "", "Code and secret do not belong together"),
    ],
)
def test_who_may_not_come_in_is_told_so_and_stays_out(
    browser: Browser, person: str, secret: str, says: str
) -> None:
    answer = browser.sign_in(person, secret)
    assert answer.status_code == 403
    assert says in answer.text
    assert browser.get("overview").status_code == 303
    assert browser.store.database.reader.execute("SELECT * FROM signed_in").fetchall() == []


def test_a_sign_in_and_a_sign_out_are_events(ada: Browser) -> None:
    answer = ada.post("sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    assert ada.get("overview").status_code == 303
    assert [(each.person, each.signed) for each in ada.events(OperatorSigned)] == [
        ("ada", "in"),
        ("ada", "out"),
    ]


def test_the_break_glass_account_opens_the_console_and_alarms(browser: Browser) -> None:
    browser.sign_in("break-glass", "in case of fire")
    assert "This is recorded and has raised an alarm" in browser.get("overview").text
    assert [each.signed for each in browser.events(OperatorSigned)] == ["break-glass"]
    assert [notice.code for notice in browser.desk.notices()] == ["people.break-glass"]


def test_who_guesses_has_to_wait_and_keeps_out_nobody_else(browser: Browser) -> None:
    browser.sign_in()
    desk_of_ada, browser.cookies = browser.cookies, httpx.Cookies()
    for _ in range(5):
        browser.sign_in("ada", "wrong")
    answer = browser.sign_in()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert "Too many wrong tries" in answer.text
    told = [each.detail for each in browser.events(OperatorSigned) if each.signed == "refused"]
    assert told == ["a wrong secret, from 10.0.0.7"] * 5
    browser.cookies = desk_of_ada
    browser.post("sign-out")
    assert browser.sign_in().headers["location"] == "/console/overview"
    browser.cookies, browser.address = httpx.Cookies(), "10.0.0.8"
    assert browser.sign_in().headers["location"] == "/console/overview"


def test_the_proof_that_makes_a_browser_known_is_kept_from_scripts_and_opens_nothing(
    ada: Browser,
) -> None:
    ada.post("sign-out")
    answer = ada.sign_in()
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if KNOWN in each]
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    ada.cookies = httpx.Cookies({KNOWN: ada.cookies.get(KNOWN) or ""})
    assert ada.get("overview").status_code == 303


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_tries_are_counted_at_an_address_that_one_cannot_choose(address: str, counted: str) -> None:
    assert address_of(Request({"type": "http", "client": (address, 1)})) == counted


def test_one_address_cannot_try_without_end(browser: Browser) -> None:
    browser.get("")
    last = [browser.post("sign-in", person=f"p{n}", form="x").status_code for n in range(21)]
    assert last[-1] == 429


def test_without_a_people_document_the_front_says_when_it_opens(bare_store: Store) -> None:
    answer = Browser(bare_store).sign_in()
    assert answer.status_code == 503
    assert "The console opens once the cloud has sent them" in answer.text


def test_a_secret_counts_for_eight_hours(ada: Browser) -> None:
    ada.clock.set(START + 8 * HOUR + 1)
    asyncio.run(ada.desk.look())
    assert ada.get("overview").status_code == 303


def test_a_part_that_renews_itself_takes_the_page_to_the_front(browser: Browser) -> None:
    answer = browser.get("scans", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/console/")


# Forms


@pytest.mark.parametrize("path", [*DEEDS, "sign-in"])
def test_a_form_that_another_site_sends_changes_nothing(ada: Browser, path: str) -> None:
    right = form_of(ada.shown)
    with nothing_changes(ada):
        for headers, form in (
            ({}, ""),
            ({}, "0" * 64),
            ({}, "\ud800"),
            ({"origin": "https://elsewhere.example"}, right),
            ({"origin": "null"}, right),
            ({"sec-fetch-site": "cross-site"}, right),
            ({"sec-fetch-site": "same-site"}, right),
            ({"content-type": "text/plain"}, right),
            ({"content-type": "application/json"}, right),
        ):
            content = urlencode({"form": form, "person": "ada", "name": "sc-09"}, errors="replace")
            sent = {"content-type": "application/x-www-form-urlencoded", **headers}
            answer = ada.ask("POST", path, content=content, headers=sent)
            assert answer.status_code == 403, headers
            assert "nothing was done" in answer.text
            assert answer.headers["content-type"].startswith("text/html")


def test_a_form_without_a_cookie_is_refused(browser: Browser) -> None:
    answer = browser.post("sign-in", person="ada", secret=RIGHT, form=form_of(""))
    assert answer.status_code == 403


def test_a_form_from_the_page_itself_is_taken(ada: Browser) -> None:
    headers = {"origin": "https://gw", "sec-fetch-site": "same-origin"}
    assert ada.post("devices/sc-01/revoke", headers).status_code == 303


# What is done


def test_an_exception_is_closed_with_a_note_once(ada: Browser) -> None:
    name = ada.report_exception()
    page = ada.get("exceptions").text
    assert "torn &lt;b&gt;label" in page
    assert ada.get(f"exceptions/{name}/photo").content == JPEG
    fields = {"id": new_id(), "resolution": "fixed", "note": "new label"}
    assert ada.post(f"exceptions/{name}/resolve", **fields).status_code == 303
    assert "No exception is open" in ada.get("exceptions?done=resolved").text
    (event,) = ada.events(ExceptionResolved)
    assert event == ExceptionResolved(name, "fixed", "new label")
    again = ada.post(f"exceptions/{name}/resolve", **{**fields, "id": new_id()})
    assert again.status_code == 409
    assert "That was not done" in again.text


def test_an_operator_decides_otherwise_and_says_why(ada: Browser) -> None:
    ada.alone.plan(faces=[FACE])
    ada.alone.receive(50)
    ada.alone.away = 30
    ada.alone.look()
    (found,) = fallback.decisions(ada.store.database.reader)
    page = ada.get("decisions").text
    assert "The gateway decides alone" in page
    assert html.escape(found.reasons[0]) in page
    path, said = f"decisions/{found.id.hex()}/override", {"outcome": "leave it", "reason": "shut"}
    assert ada.post(path, outcome="leave it").status_code == 422
    assert ada.post(path, **said).status_code == 303
    assert "ada decided otherwise: leave it (shut)" in ada.get("decisions?done=overridden").text
    assert [each.outcome for each in ada.events(DecisionOverridden)] == ["leave it"]
    assert ada.post(path, **said | {"outcome": "another"}).status_code == 409
    assert ada.post("decisions/7/override", **said).status_code == 404


def test_a_device_is_revoked_and_an_event_says_by_whom(ada: Browser) -> None:
    assert ada.post("devices/sc-01/revoke").status_code == 303
    (device,) = devices.known(ada.store.database.reader)
    assert device.revoked_at == START
    assert ada.events(DeviceHealth) == [DeviceHealth("sc-01", "revoked", "by ada at the console")]
    assert ada.post("devices/sc-01/revoke").status_code == 404


def test_a_device_is_paired_by_the_code_that_the_page_shows(ada: Browser) -> None:
    from edge.web import pairing

    page = ada.post("devices/pair", name="ph-07").text
    found = re.search(r"https://gw/scan/#pair=([0-9A-Z-]+)", page)
    assert found
    assert "<svg" in page
    paired = ada.store.database.run_blocking(
        lambda connection: pairing.redeem(connection, found.group(1), now=START + 1)
    )
    assert isinstance(paired, pairing.Paired)
    assert paired.device == "ph-07"
    assert ada.events(DeviceHealth)[0].status == "pairing-begun"


def test_a_phone_is_never_sent_to_itself(ada: Browser) -> None:
    for host in ("localhost:8443", "127.0.0.1", 'gw"><script>'):
        page = ada.post("devices/pair", {"host": host}, name="ph-07").text
        assert "https://gw.local:8443/scan/#pair=" in page


def test_what_cannot_name_a_device_is_refused(ada: Browser) -> None:
    with nothing_changes(ada):
        for name in ("", "a b/..", "console-1", "x" * 65):
            assert ada.post("devices/pair", name=name).status_code == 422


def test_the_last_scans_are_shown_in_words(ada: Browser) -> None:
    body = json.dumps(scan(location="A-01")).encode()
    asyncio.run(ada.store.pipeline.scan(body, device="sc-01"))
    page = ada.get("scans").text
    assert "Green tea" in page
    assert "A-01" in page


def test_the_overview_tells_what_is_wrong_and_what_to_do(ada: Browser) -> None:
    ada.status.told["notices"] = [
        {"code": "disk.low", "says": "Room gets low.", "do": "Free some.", "detail": "81 %"}
    ]
    page = ada.get("overview").text
    assert re.search(r"dock-cam.*Unreadable.*1,204 codes seen", page, re.DOTALL)
    for words in ("Cut off", "5 events to go", "7 of 12", "Room gets low.", "Free some.", "2 days"):
        assert words in page


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(ada: Browser) -> None:
    ada.report_exception()
    for path in set(PAGES) - {"trend"}:
        answer = ada.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
        assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)


# How the store fills


def test_the_time_to_full_follows_from_the_pace(ada: Browser) -> None:
    looks = [Look(0, 1000, 0), Look(20 * MINUTE, 900, 5)]
    assert micros_to_full(looks) == 180 * MINUTE
    assert filling(looks) == "in about 3 hours (at the pace of the last 20 minutes)"
    assert filling([Look(0, 900, 0), Look(20 * MINUTE, 900, 0)]).startswith("not in sight")
    assert filling([Look(0, 900, 0), Look(9 * MINUTE, 800, 0)]).startswith("not known yet")
    assert filling([]).startswith("not known yet")
    ada.console._trend.note(Look(5, 10, 1))
    ada.console._trend.note(Look(4, 9, 1))
    assert [look.at for look in ada.console._trend.looks] == [4]
