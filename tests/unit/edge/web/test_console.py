"""The console's door: who comes in, what a form must show, and that everything else stays out."""

from __future__ import annotations

import asyncio
import base64
import csv
import html
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.routing import Route

from edge import fallback, tasks
from edge.app.journal import Journal
from edge.app.labels import Answer, Labels
from edge.people import Desk
from edge.pipeline.keeping import Moment
from edge.pipeline.witnessing import Checking
from edge.ports import SystemIds
from edge.vision.witness import Check, Glimpse, Handled
from edge.web import RateLimit, create, devices
from edge.web.console import Certificate, Console, Sights
from edge.web.console.exports import cell
from edge.web.console.facts import cloud
from edge.web.console.sessions import COOKIE, KNOWN, address_of, form_of
from edge.web.console.trend import Look, filling, micros_to_full, pace
from shared.clock import ClockState
from shared.errors import CATALOGUE, QuartermasterError
from shared.events import (
    DecisionOverridden,
    DeviceHealth,
    ExceptionResolved,
    LabelRead,
    OperatorSigned,
    decode_event,
)
from shared.units import DAY, HOUR, MINUTE
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
    "link": {
        "up": False,
        "last_error": "connection refused",
        "connections": 1,
        "auth_failures": 0,
        "in_flight": 1,
        "resent": 0,
    },
    "decisions": {
        "heard_at": START - 12 * MINUTE,
        "away_minutes": 12,
        "alone": True,
        "narrowed": None,
        "shadow": [],
        "model": None,
    },
    "inputs": {
        "tcp": {
            "port": 4001,
            "last_error": "",
            "connections": [{"device": "ring-1", "address": "10.0.0.9", "lines": 4}],
            "counts": {"taken": 3, "scan.too-long": 1},
        },
        "mqtt": {"port": 1883, "up": False, "pid": None, "last_error": "ended", "counts": {}},
        "sensors": [
            {
                "device": "hub-1",
                "sensor": "cold-1",
                "kind": "temperature",
                "unit": "Cel",
                "location": "COOL-1",
                "value": 4.5,
                "at": START - MINUTE,
            },
            {
                "device": "agv-1",
                "sensor": "agv-1",
                "kind": "position",
                "unit": "",
                "location": None,
                "value": None,
                "at": None,
            },
        ],
    },
    "witnessed": None,
    "evidence_dropped": 0,
    "damage": [],
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
    "versions": {"catalog": 1, "policy": 0, "people": 1, "plan": 0, "leases": 0, "heads": 0},
    "certificate_not_after": START + 48 * HOUR,
    "scans": 5,
    "refused": 1,
    "last_refused_document": "",
    "notices": [],
    "cameras": [
        {
            "name": "dock-cam",
            "zone": "in",
            "state": "unreadable",
            "why": "no answer",
            "codes_seen": 1204,
            "dropped_frames": 7,
        }
    ],
}
VIEWS = [
    "overview",
    "scans",
    "tasks",
    "exceptions",
    "decisions",
    "devices",
    "cameras",
    "system",
    "logs",
]
TABLES = ["exceptions", "decisions", "tasks", "scans"]
PAGES = [*VIEWS, "crops", "trend", "stay", "logs.txt", *(f"tables/{name}" for name in TABLES)]
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

    def __init__(self, store: Store, sights: Sights | None = None) -> None:
        self.store = store
        self.alone = Alone(store, SetClock(START))
        store.database.run_blocking(lambda connection: devices.add(connection, "sc-01", now=1))
        self.clock = FakeClock()
        self.status = Standing()
        self.desk = Desk(store.database, store.pipeline, self.clock, lambda: 0.0)
        self.cookies = httpx.Cookies()
        self.address = "10.0.0.7"
        self.seconds = 1000.0
        self.says = LabelRead("sc-01", None, 7, "ocr-1", bytes(32), 974, None, None, None, "?")
        self.reads = True
        self.journal = Journal()
        self.certificates = [
            Certificate("To the cloud", "Renewed by itself.", START + 3 * DAY, 7 * DAY)
        ]
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
            lines=self.journal.lines,
            certificates=lambda: self.certificates,
            sights=sights,
            labels=Labels(store, ask=self.read_label),
            steady=lambda: self.seconds,
        )
        self.scans = self.console.watched(store.pipeline)
        self.app = create(
            store.database,
            self.scans,
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

    def scan(self, **over: Any) -> None:
        """A scan at sc-01 that passes the console's watch."""
        asyncio.run(self.scans.scan(json.dumps(scan(**over)).encode(), device="sc-01"))

    def operators(self) -> list[tuple[str, str | None]]:
        """Each event so far and whom it names."""
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        events = [decode_event(body) for (body,) in rows.fetchall()]
        return [
            (
                type(event.data).__name__,
                event.data.person if isinstance(event.data, OperatorSigned) else event.operator,
            )
            for event in events
        ]

    def events(self, kind: type) -> list[Any]:
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        data = [decode_event(body).data for (body,) in rows.fetchall()]
        return [each for each in data if isinstance(each, kind)]

    def read_label(self, _question: bytes) -> bytes:
        if not self.reads:
            raise QuartermasterError("model.missing", "rapidocr is not installed")
        return msgspec.json.encode(Answer(self.says))

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
            assert browser.post(path).headers["location"] == "/console/?ended"


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


def test_one_address_cannot_try_without_end_nor_keep_out_who_is_known_there(
    browser: Browser,
) -> None:
    browser.sign_in()
    browser.post("sign-out")
    desk_of_ada, browser.cookies = browser.cookies, httpx.Cookies()
    browser.get("")
    last = [browser.post("sign-in", person=f"p{n}").status_code for n in range(21)]
    assert last[-1] == 429
    browser.cookies = desk_of_ada
    assert browser.sign_in("eve", "").status_code == 429
    assert browser.sign_in().headers["location"] == "/console/overview"


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


def test_a_label_is_read_for_whoever_asks_and_its_exception_says_what_it_says(
    ada: Browser,
) -> None:
    name = ada.report_exception()
    assert "Read the label" in ada.get("exceptions").text
    ada.reads = False
    refused = ada.post(f"exceptions/{name}/label")
    assert refused.status_code == 501
    assert "quartermaster[edge,ocr]" in refused.text
    ada.reads, ada.says = True, msgspec.structs.replace(ada.says, lot="KR43796")
    answer = ada.post(f"exceptions/{name}/label")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/exceptions#{name}")
    page = ada.get("exceptions").text
    assert 'lot <span class="code">KR43796</span>, no expiry for sure. The gateway read' in page
    assert "97 % sure: compare" in page
    assert "Read the label" not in page
    assert ada.operators()[-1] == ("LabelRead", "ada")


def test_a_label_that_cannot_be_told_is_said_to_be_so_and_makes_no_event(ada: Browser) -> None:
    name = ada.report_exception()
    assert ada.post(f"exceptions/{name}/label").status_code == 303
    assert "no lot for sure, no expiry for sure. The gateway" in ada.get("exceptions").text
    assert ada.events(LabelRead) == []
    assert ada.post("exceptions/ex-unknown/label").status_code == 404


def test_what_a_camera_disputes_is_an_exception_and_a_count_to_make(ada: Browser) -> None:
    seen = Glimpse("cam-1", "right", "A-02", 1, "TEA-1", frame_at=1, model="zxing-3")
    check = Check(
        "disagreed", "TEA-1", "A-02", 0, 1, 0, "TEA-1 seen at A-02: scanned to A-01", seen
    )
    put = Handled("TEA-1", 4, "DOCK-1", "A-01", 1)
    moment = Moment(START, ClockState.SYNCHRONIZED)
    unit = Checking(ada.store.outbox, check, put, "PA-1", 1, SystemIds().uuid7(), moment)
    count = ada.store.database.run_blocking(unit)
    assert count is not None
    raised, asked = ada.get("exceptions").text, ada.get("tasks").text
    assert "TEA-1 seen at A-02: scanned to A-01" in raised
    assert count in raised
    assert count in asked
    assert "<b>TEA-1</b> at A-02" in asked


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


def test_scans_are_shown_as_they_come_the_refused_ones_with_what_to_do(ada: Browser) -> None:
    assert "No scan has come yet" in ada.get("scans").text
    ada.scan(location="A-01")
    ada.scan(raw="]C109506000134352\x1d10<b>", step="pick", location="GONE-1", quantity=1)
    ada.scan(raw="4006381333931", location="A-01")
    page = ada.get("scans").text
    first, *others = re.findall(r"<tr class=.*?</tr>", page, re.DOTALL)
    assert (len(others), first.count("Refused")) == (2, 1)
    assert "4006381333931" in first
    assert "sc-01" in first
    assert html.escape(CATALOGUE["scan.unknown-item"].do) in first
    assert "&lt;b&gt;" in others[0]
    assert "Green tea" in others[1]
    assert "A-01" in others[1]
    assert "Scans refused last" in ada.get("overview").text


def test_a_retry_is_one_scan_and_scans_from_before_the_start_are_shown_too(ada: Browser) -> None:
    request = json.dumps(scan(location="A-01")).encode()
    asyncio.run(ada.store.pipeline.scan(json.dumps(scan(location="A-02")).encode(), device="x"))
    for _ in range(3):
        asyncio.run(ada.scans.scan(request, device="sc-01"))
    page = ada.get("scans").text
    assert page.count("<tr class=") == 2
    assert page.index("A-01") < page.index("A-02")


def test_what_no_program_would_send_is_shown_as_far_as_it_can_be(ada: Browser) -> None:
    for body in (b"", b"[]", b"\xff\xfe", b'{"raw": "' + b"9" * 9000 + b'"}', b"[" * 5000):
        asyncio.run(ada.scans.scan(body, device="sc-01"))
    assert ada.get("scans").text.count("Refused") == 5


def test_the_overview_tells_what_is_wrong_and_what_to_do(ada: Browser) -> None:
    ada.status.told["notices"] = [
        {"code": "disk.low", "says": "Room gets low.", "do": "Free some.", "detail": "81 %"},
        {"code": "store.damaged", "says": "It broke.", "do": "Look.", "detail": ""},
    ]
    page = ada.get("overview").text
    for words in (
        "Cut off",
        "for 12 minutes",
        "events kept here",
        "Room gets low.",
        "Free some.",
    ):
        assert words in page
    assert page.index("It broke.") < page.index("Room gets low.") < page.index('class="tiles"')
    assert "0 of 1" in page
    assert "not dock-cam" in page


def test_a_gateway_at_which_all_is_well_says_so_and_no_more(ada: Browser) -> None:
    ada.status.told |= {"waiting": 0, "unacknowledged": 0, "cameras": []}
    ada.status.told["link"] = REPORT["link"] | {"up": True}
    ada.status.told["decisions"] = REPORT["decisions"] | {"alone": False}
    page = ada.get("overview").text
    assert "All is well.</b> Nothing needs your attention." in page
    ada.report_exception()
    assert "All is well with the gateway.</b> On the floor" in ada.get("overview").text
    assert "Connected" in page
    assert "heard 12 minutes ago" in page
    assert "Cameras" not in page.partition("</nav>")[2]
    assert 'banner warned"' not in page


@pytest.mark.parametrize(
    ("up", "heard_at", "alone", "says", "more"),
    [
        (True, START - MINUTE, False, "Connected", "heard 1 minute ago"),
        (True, None, False, "Connected", "never heard so far"),
        (True, START - HOUR, True, "Silent", "connected, heard 1 hour ago"),
        (False, START - HOUR, True, "Cut off", "for 1 hour"),
        (False, None, False, "Cut off", "never heard so far"),
    ],
)
def test_every_page_says_the_same_of_the_cloud(
    ada: Browser, *, up: bool, heard_at: int | None, alone: bool, says: str, more: str
) -> None:
    ada.status.told["link"] = REPORT["link"] | {"up": up}
    ada.status.told["decisions"] = REPORT["decisions"] | {"heard_at": heard_at, "alone": alone}
    found = cloud(ada.status.told, START)
    assert (found.says, found.more) == (says, more)
    for page in ("overview", "system"):
        assert says in ada.get(page).text
    decisions = ada.get("decisions").text
    assert "0 minutes" not in decisions
    assert "None" not in decisions
    if up and not alone:
        assert more in decisions


def test_the_system_page_tells_of_link_room_versions_certificates_and_cameras(
    ada: Browser,
) -> None:
    ada.status.told["witnessed"] = {
        "day": "2026-11-20",
        "generation": 1,
        "epoch": 1,
        "seq": 9,
        "disagreed": "",
    }
    page = ada.get("system").text
    assert re.search(r"dock-cam.*Unreadable.*no answer; 1,204 codes seen", page, re.DOTALL)
    for words in (
        "zone in; 7 frames dropped",
        "No document since the start",
        "7 of 12",
        "5 events to go",
        "9 of epoch 1, 2026-11-20",
        "connection refused",
        "Version 1",
        "None yet",
        "Schema",
        "Valid for 3 days",
        "None: the rule decides",
        "Listening on port 4001",
        "ring-1 at 10.0.0.9; 1 × scan.too-long",
        "Not listening",
        "4.5 Cel",
        "COOL-1, 1 minute ago",
        "No reading yet",
    ):
        assert words in page, words
    ada.status.told["last_refused_document"] = "downlink.rollback: It is older. (plan 3)"
    assert "downlink.rollback<span" in ada.get("system").text
    assert re.search(r"<dt>People</dt>\s*<dd>Version 1<span class=\"more\">came", page)


@pytest.mark.parametrize(
    ("left", "lasts", "says"),
    [
        (3 * DAY, 7 * DAY, ""),
        (DAY, 7 * DAY, "ends soon"),
        (0, 7 * DAY, "has ended"),
        (20 * DAY, 397 * DAY, ""),
        (13 * DAY, 397 * DAY, "ends soon"),
    ],
)
def test_a_certificate_that_is_not_renewed_in_time_is_told_on_the_overview(
    ada: Browser, left: int, lasts: int, says: str
) -> None:
    ada.certificates = [Certificate("The door", "Look why.", START + left, lasts)]
    page = ada.get("overview").text
    assert ("The door: the certificate" in page) == bool(says)
    assert says in page


def test_what_breaks_inside_is_told_by_a_reference_even_where_no_page_can_be_made(
    ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr("edge.web.console.views.glance", broken)
    answer = ada.get("overview")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal.unexpected")
    assert "reference" in answer.text
    assert "malformed" not in answer.text


# The log


def test_the_log_is_read_in_words_by_how_bad_it_is_and_by_what_it_says(ada: Browser) -> None:
    assert "Nothing has been said yet" in ada.get("logs").text
    said = {"timestamp": "2026-11-21T03:12:00Z"}
    ada.journal(None, "", {**said, "level": "info", "event": "link.up", "host": "broker-7"})
    refused = {"code": "downlink.rollback", "detail": "<b>plan 3</b>"}
    ada.journal(None, "", {**said, "level": "warning", "event": "downlink.refused", **refused})
    failed = {"event": "web.unexpected", "exception": "Trace: …"}
    ada.journal(None, "", {**said, "level": "error", **failed})
    page = ada.get("logs").text
    assert page.index("Answering a request failed") < page.index("Connected to the cloud")
    assert "&lt;b&gt;plan 3" in page
    assert CATALOGUE["downlink.rollback"].says in html.unescape(page)
    assert "21 Nov, 03:12:00 UTC" in page
    assert "Connected to" not in ada.get("logs?level=warnings").text
    assert "downlink" not in ada.get("logs?level=errors").text
    assert "Connected to" in ada.get("logs?words=BROKER-7").text
    assert "No line of the log is like that" in ada.get("logs?words=%22%3E%3Cscript%3E").text
    assert ada.get("logs?level=nonsense").text.count("<time>") == 3
    file = ada.get("logs.txt?level=warnings")
    assert 'attachment; filename="gw-01-logs-' in file.headers["content-disposition"]
    assert [line.split()[2] for line in file.text.splitlines() if line[0] != " "] == [
        "web.unexpected",
        "downlink.refused",
    ]


def test_what_is_said_again_and_again_is_one_line(ada: Browser) -> None:
    for minute in range(7):
        at = f"2026-11-21T03:1{minute}:00Z"
        ada.journal(None, "", {"timestamp": at, "level": "warning", "event": "link.down"})
    ada.journal(None, "", {"timestamp": at, "level": "info", "event": "link.up"})
    page = ada.get("logs").text
    assert page.count("<time>") == 2
    assert "×7" in page
    assert "Since 21 Nov, 03:10:00 UTC" in page
    assert ada.get("logs.txt").text.count("link.down") == 7


# Tables to take away


def test_each_list_can_be_taken_away_as_a_table(ada: Browser) -> None:
    ada.report_exception('=HYPERLINK("x")')
    ada.alone.plan(faces=[FACE])
    ada.alone.receive(50)
    ada.alone.away = 30
    ada.alone.look()
    ada.scan(location="A-01")
    for name in TABLES:
        answer = ada.get(f"tables/{name}")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert f'filename="gw-01-{name}-' in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert rows, name
        assert all(None not in row for row in rows), name
    (raised,) = csv.DictReader(io.StringIO(ada.get("tables/exceptions").text))
    assert raised["subject"] == '\'=HYPERLINK("x")'
    assert ada.get("tables/people").status_code == 404


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (-5, "-5"),
        ("-5", "'-5"),
        ("+49", "'+49"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("plain", "plain"),
        (["a", "b"], '["a","b"]'),
    ],
)
def test_no_cell_is_a_formula(value: object, shown: str) -> None:
    assert cell(value) == shown


# For how long


def test_a_console_that_nobody_uses_is_closed_and_pages_that_renew_themselves_are_no_use(
    ada: Browser,
) -> None:
    assert ada.get("overview").headers["qm-left"] == "1800"
    ada.seconds += 1700
    by_itself = {"hx-request": "true"}
    assert ada.get("scans", headers=by_itself).headers["qm-left"] == "100"
    assert 'data-left="100"' in ada.get("scans", headers=by_itself).text
    ada.seconds += 101
    assert ada.get("scans", headers=by_itself).headers["hx-redirect"] == "/console/?ended"
    assert "after half an hour without a click" in ada.get("?ended").text
    assert ada.get("overview").status_code == 303
    asyncio.run(ada.console.close_idle())
    assert ada.events(OperatorSigned)[-1] == OperatorSigned(
        "ada", "out", "half an hour without a click"
    )


def test_whoever_says_so_or_does_something_may_stay(ada: Browser) -> None:
    for act in (lambda: ada.get("stay"), lambda: ada.post("devices/pair", name="ph-07")):
        ada.get("overview")
        ada.seconds += 1799
        assert act().status_code == 200
        ada.seconds += 1799
        assert ada.get("stay").json() == {"left": 1800}
    asyncio.run(ada.console.close_idle())
    assert [each.signed for each in ada.events(OperatorSigned)] == ["in"]


def test_the_end_of_a_secret_is_told_like_the_end_of_a_session(ada: Browser) -> None:
    ada.clock.set(START + 8 * HOUR - 2 * MINUTE)
    assert ada.get("overview").headers["qm-left"] == "120"


# Every change is an event


def test_every_form_leaves_an_event_that_names_the_operator(ada: Browser) -> None:
    name = ada.report_exception()
    ada.alone.plan(faces=[FACE])
    ada.alone.receive(50)
    ada.alone.away = 30
    ada.alone.look()
    (decision,) = fallback.decisions(ada.store.database.reader)
    ada.operators()
    ada.says = msgspec.structs.replace(ada.says, lot="KR43796")
    deeds: dict[str, dict[str, str]] = {
        "devices/pair": {"name": "ph-07"},
        "devices/sc-01/revoke": {},
        f"exceptions/{name}/label": {},
        f"exceptions/{name}/resolve": {"id": new_id(), "resolution": "fixed"},
        f"decisions/{decision.id.hex()}/override": {"outcome": "leave it", "reason": "shut"},
        "sign-out": {},
    }
    assert {re.sub(r"/[^/]+/", "/{}/", path) for path in deeds} == {
        re.sub(r"\{\w+\}", "{}", route.path.removeprefix("/console/"))
        for route in ada.console.routes(lambda handler: handler)
        if isinstance(route, Route)
        and "POST" in (route.methods or ())
        and route.path[-2:] != "in"
        and not route.path.startswith(("/console/cameras", "/console/crops"))  # test_cameras.py
    }
    told: list[tuple[str, str | None]] = []
    for path, fields in deeds.items():
        before = len(ada.operators())
        assert ada.post(path, **fields).status_code in {200, 303}, path
        told += ada.operators()[before:]
    assert told == [
        ("DeviceHealth", "ada"),
        ("DeviceHealth", "ada"),
        ("LabelRead", "ada"),
        ("ExceptionResolved", "ada"),
        ("DecisionOverridden", "ada"),
        ("OperatorSigned", "ada"),
    ]


def test_the_break_glass_account_is_loud_on_every_page_of_everybody(ada: Browser) -> None:
    other = Browser.__new__(Browser)
    other.__dict__ |= ada.__dict__ | {"cookies": httpx.Cookies()}
    other.sign_in("break-glass", "in case of fire")
    for path in VIEWS:
        assert "The break-glass account is in use</b> at a console" in ada.get(path).text
        assert "You use the break-glass account" in other.get(path).text
    other.post("sign-out")
    assert "break-glass account is in use" not in ada.get("overview").text


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(ada: Browser) -> None:
    ada.report_exception()
    for path in VIEWS:
        answer = ada.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
        assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)


# How the store fills


def test_the_pace_is_that_of_the_last_hour() -> None:
    looks = [Look(n * MINUTE // 2, 0, 0, n * 3, n) for n in range(200)]
    assert pace(looks) == (60, 360, 120)
    assert pace(looks[:3]) == (1, 6, 2)
    assert pace(looks[:1]) == (0, 0, 0)
    assert pace([]) == (0, 0, 0)


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
