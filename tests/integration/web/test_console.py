"""The operator's console in a real browser, at a gateway that the cloud does not reach."""

from __future__ import annotations

import base64
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from edge import fallback
from edge.app import open_database
from edge.db import Connection
from edge.fallback import book
from edge.settings import load
from edge.web import devices
from shared.events import GatewayHealth, decode_event
from tests.integration.web.conftest import Floor
from tests.support.browser import PHONE, screenshot, serious_faults
from tests.support.clock import WallClock
from tests.support.floor import new_id
from tests.support.gateway import RunningGateway, scan, wait_until

DESK = {"width": 1280, "height": 860}
DECIDED = fallback.Decision(
    uuid.uuid4().bytes,
    "replenish:TEA-1",
    "replenish",
    "TEA-1",
    1,
    "move",
    12,
    ("3 are left at A-01, at least 5 are wanted.", "R-01 holds 50."),
    ("leave it", "count first"),
    "A-01",
    None,
    carried_out=True,
    away_minutes=95,
    narrowed=False,
    taken_at=WallClock().now(),
)
POLL_MS = 2100
"""Live scans renew themselves each two seconds."""
LOGS_MS = 5100
EXCEPTIONS_MS = 10100
VIEWS = [
    "Overview",
    "Scans",
    "Tasks",
    "Exceptions",
    "Decisions",
    "Devices",
    "Cameras",
    "System",
    "Logs",
]
TABLET = {"width": 820, "height": 1180}
SHOWN = [
    ("", DESK, "light"),
    ("-tablet", TABLET, "light"),
    ("-tablet-dark", TABLET, "dark"),
    ("-phone-dark", PHONE, "dark"),
]


@pytest.fixture(scope="module")
def here(browser: Browser, door: RunningGateway) -> Iterator[Floor]:
    """A gateway at which things have happened."""
    door.scan(location="A-01")
    door.scan(step="pick", location="A-01", to="STAGE-1", quantity=2)
    refused = door.http.post("/v1/scans", json=scan("]E04006381333931", location="A-01"))
    assert refused.status_code == 422, refused.text
    for about, subject, note in (
        ("unknown-code", "4006381333931", "Lay on the belt, nobody knows it."),
        ("damaged", "TEA-1", "The carton is wet."),
    ):
        raised = {"id": new_id(), "about": about, "subject": subject, "note": note}
        answer = door.http.post("/v1/exceptions", json={**raised, "photo": _photo(subject)})
        assert answer.status_code == 200, answer.text

    def happened(connection: Connection) -> None:
        book.write(connection, DECIDED)
        for number in range(8):
            devices.add(connection, f"ct50-{number}", now=DECIDED.taken_at)

    database = open_database(door.data, load(door.data))
    try:
        database.run_blocking(happened)
    finally:
        database.close()
    floor = Floor(browser, door)
    yield floor
    floor.close()


def _photo(subject: str) -> str:
    picture = np.full((360, 480, 3), 200, np.uint8)
    cv2.putText(picture, subject, (30, 190), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (40, 40, 40), 3)
    return base64.b64encode(cv2.imencode(".jpg", picture)[1].tobytes()).decode()


def sign_in(page: Page, person: str = "ada", secret: str = "") -> None:
    page.goto("/console/")
    page.get_by_label("Your code").fill(person)
    page.get_by_label("Your secret").fill(secret or f"{person}'s secret")
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="module")
def console(here: Floor) -> Page:
    """Ada's console, signed in at a desk."""
    page = here.phone(viewport=DESK).new_page()
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view).click()
    expect(page.locator("[aria-current=page]")).to_contain_text(view)


def too_wide(page: Page) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def test_who_may_not_come_in_is_told_why(here: Floor) -> None:
    page = here.phone(viewport=DESK).new_page()
    sign_in(page, "bob")
    expect(page.get_by_role("alert").first).to_contain_text("Only an operator may do this")
    screenshot(page, "console-sign-in")
    assert serious_faults(page) == []
    page.goto("/console/devices")
    expect(page.get_by_label("Your secret")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_each_page_is_whole_and_open_to_everybody(console: Page, view: str) -> None:
    go(console, view)
    if view == "Overview":
        expect(console.locator("#live")).to_contain_text("Cut off")
    for name, size, scheme in SHOWN:
        console.set_viewport_size(size)  # pyright: ignore[reportArgumentType]
        console.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        assert not too_wide(console), name
        screenshot(console, f"console-{view.lower()}{name}")
        if "tablet" not in name:
            assert serious_faults(console) == [], name
    console.emulate_media(color_scheme="light")
    console.set_viewport_size(DESK)  # pyright: ignore[reportArgumentType]


def test_the_break_glass_account_is_loud_here_and_in_the_heartbeat(
    console: Page, here: Floor
) -> None:
    page = here.phone(viewport=DESK).new_page()
    sign_in(page, "break-glass", "in case of fire")
    expect(page.locator(".alarm")).to_contain_text("You use the break-glass account")
    go(console, "Devices")
    expect(console.locator(".alarm")).to_contain_text("is in use at a console")
    screenshot(console, "console-break-glass")
    assert serious_faults(console) == []
    wait_until(lambda: any("people.break-glass" in each for each in told(here)), "a heartbeat")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your secret")).to_be_visible()
    go(console, "Devices")
    expect(console.locator(".alarm")).to_have_count(0)


def told(here: Floor) -> list[str]:
    """What the heartbeats say that is wrong."""
    with closing(sqlite3.connect(here.gateway.data / "gateway.db")) as reader:
        bodies = [body for (body,) in reader.execute("SELECT body FROM waiting")]
    data = [decode_event(body).data for body in bodies]
    return [each.detail for each in data if isinstance(each, GatewayHealth)]


def test_what_is_not_there_or_was_done_already_is_told_with_a_way_back(console: Page) -> None:
    console.goto("/console/exceptions/ex-none/photo")
    expect(console.get_by_role("alert").first).to_be_visible()
    screenshot(console, "console-error")
    assert serious_faults(console) == []
    console.get_by_role("link", name="Back to the console").click()
    expect(console.locator("[aria-current=page]")).to_have_text("Overview")


def test_a_list_is_taken_away_as_a_file(console: Page) -> None:
    go(console, "Exceptions")
    with console.expect_download() as download:
        console.get_by_role("link", name="Export all exceptions").click()
    assert re.fullmatch(r"gw-01-exceptions-\d{8}T\d{6}Z\.csv", download.value.suggested_filename)
    assert "The carton is wet." in download.value.path().read_text("utf-8-sig")


def test_the_log_is_filtered_and_stays_so_while_it_renews_itself(
    console: Page, here: Floor
) -> None:
    console.clock.install()
    go(console, "Logs")
    lines = console.locator("#live li")
    expect(lines.filter(has_text="started and takes scans")).to_have_count(1)
    console.get_by_label("Show").select_option(label="Warnings and errors")
    console.get_by_label("With these words").fill("sign-in")
    console.get_by_role("button", name="Filter").click()
    before = lines.count()
    sign_in(here.phone(viewport=DESK).new_page(), "nobody")
    console.clock.fast_forward(LOGS_MS)
    expect(lines).to_have_count(before + 1)
    expect(lines.first).to_contain_text("Somebody was refused at a sign-in")
    expect(console.get_by_label("With these words")).to_have_value("sign-in")


def test_who_does_nothing_is_told_before_the_console_closes_and_may_stay(here: Floor) -> None:
    page = here.phone(viewport=DESK).new_page()
    page.clock.install()
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto("/console/crops")  # it does not renew itself, by which it would learn what is left
    page.clock.fast_forward(29 * 60 * 1000)
    leaving = page.locator("#leaving")
    expect(leaving).to_contain_text("you will be signed out in")
    screenshot(page, "console-leaving")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Stay signed in").click()
    page.clock.run_for(1000)
    expect(leaving).to_be_hidden()


def test_a_scan_appears_by_itself_unless_somebody_looks_closely(console: Page, here: Floor) -> None:
    console.clock.install()
    go(console, "Scans")
    rows = console.locator("#live tbody tr")
    before = rows.count()
    here.gateway.scan(location="A-02")
    console.clock.fast_forward(POLL_MS)
    expect(rows).to_have_count(before + 1)
    expect(rows.first).to_contain_text("A-02")
    console.get_by_role("button", name="Pause").click()
    here.gateway.scan(location="A-02")
    asked: list[str] = []
    console.on("request", lambda request: asked.append(request.url))
    console.clock.fast_forward(POLL_MS)
    console.get_by_role("button", name="Go on").click()
    assert asked == []
    assert rows.count() == before + 1
    console.clock.fast_forward(POLL_MS)
    expect(rows).to_have_count(before + 2)


def test_what_is_new_appears_by_itself_but_not_while_somebody_writes(
    console: Page, here: Floor
) -> None:
    console.clock.install()
    go(console, "Exceptions")
    articles = console.get_by_role("article")
    before = articles.count()
    note = articles.first.get_by_label("Note")
    note.fill("Half a")
    raised = {"id": new_id(), "about": "blocked", "subject": "Aisle 7", "note": "A pallet fell."}
    assert here.gateway.http.post("/v1/exceptions", json=raised).status_code == 200
    asked: list[str] = []
    console.on("request", lambda request: asked.append(request.url))
    console.clock.fast_forward(EXCEPTIONS_MS)
    expect(note).to_have_value("Half a")
    assert (asked, articles.count()) == ([], before)
    note.fill("")
    note.blur()
    console.clock.fast_forward(EXCEPTIONS_MS)
    expect(articles).to_have_count(before + 1)
    expect(articles.first).to_contain_text("A pallet fell.")
    assert [url for url in asked if "photo" in url] == [], "what is there is not fetched again"
    articles.first.get_by_role("button", name="Nothing wrong").click()
    expect(articles).to_have_count(before)


def test_a_task_tells_its_lines(console: Page) -> None:
    go(console, "Tasks")
    row = console.get_by_role("row").filter(has_text="PK-1")
    row.get_by_text("2 lines").click()
    expect(row).to_contain_text("TEA-1 at A-01 → STAGE-1: 0 of 2")
    screenshot(console, "console-task-lines")


def test_an_exception_is_looked_at_and_closed_with_one_click(console: Page) -> None:
    go(console, "Exceptions")
    article = console.get_by_role("article").filter(has_text="The carton is wet")
    width = article.get_by_role("img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 480
    article.get_by_label("Note").fill("Taken out.")
    article.get_by_role("button", name="Fixed").click()
    expect(console.get_by_role("status")).to_have_text("The exception is closed.")
    expect(console.get_by_role("article")).to_have_count(1)


def test_an_operator_decides_otherwise(console: Page) -> None:
    go(console, "Decisions")
    console.get_by_text("Decide otherwise").click()
    console.get_by_label("What instead").fill("leave it")
    console.get_by_label("Why").fill("The aisle is closed.")
    console.get_by_role("button", name="Decide so").click()
    expect(console.get_by_role("status")).to_contain_text("it stands instead")
    expect(console.get_by_role("article")).to_contain_text("ada decided otherwise: leave it")


def test_a_phone_is_paired_by_the_console_and_revoked_there(console: Page, here: Floor) -> None:
    go(console, "Devices")
    console.get_by_label("Pair a device").fill("ph-77")
    console.get_by_role("button", name="Show its QR code").click()
    expect(console.get_by_role("img", name="QR code with the pairing")).to_be_visible()
    expect(console.get_by_role("img", name="QR code of the installation")).to_be_visible()
    expect(console.get_by_role("heading", name="does not trust")).to_be_visible()
    screenshot(console, "console-pair")
    assert serious_faults(console) == []
    code = console.locator(".code.big").inner_text()
    phone = here.phone().new_page()
    phone.goto(f"/scan/#pair={code}")
    expect(phone.locator("#header .link")).to_have_class(re.compile("up"))
    go(console, "Devices")
    rows = console.locator("[data-row]")
    expect(rows).to_have_count(10)
    console.get_by_label("Find").fill("PH-7")
    expect(rows.filter(visible=True)).to_have_count(1)
    row = rows.filter(has_text="ph-77")
    row.get_by_text("Revoke", exact=False).first.click()
    row.get_by_role("button", name="Revoke ph-77 for good").click()
    expect(console.get_by_role("status")).to_contain_text("The device is revoked")
    expect(row).to_contain_text("Revoked")


def test_the_trend_is_drawn_once_there_is_one(console: Page) -> None:
    looks = {"at": [1, 31, 61], "waiting": [0, 4, 9], "room": [9e9, 8e9, 7e9]}
    console.route("**/console/trend", lambda route: route.fulfill(json=looks))
    go(console, "System")
    expect(console.locator("#trend canvas")).to_be_visible()
    console.locator("#trend").scroll_into_view_if_needed()
    screenshot(console, "console-trend")
    assert serious_faults(console) == []
    console.unroute("**/console/trend")


def test_a_silent_gateway_is_said_so_and_after_a_sign_out_nothing_is_shown(here: Floor) -> None:
    url = f"https://localhost:{here.gateway.port}"
    with closing(here.browser.new_context(base_url=url, viewport=DESK)) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page)
        other = context.new_page()
        other.clock.install()
        other.goto("/console/scans")
        context.set_offline(True)
        other.clock.fast_forward(POLL_MS)
        expect(other.locator("#silent")).to_be_visible()
        screenshot(other, "console-silent")
        context.set_offline(False)
        other.clock.fast_forward(POLL_MS)
        expect(other.locator("#silent")).to_be_hidden()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Your secret")).to_be_visible()
        other.clock.fast_forward(POLL_MS)
        expect(other.get_by_label("Your secret")).to_be_visible()
        page.goto("/console/devices")
        expect(page.get_by_label("Your secret")).to_be_visible()
