"""Scanning in a real browser at a real gateway: every input, without a network, every refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.integration.web.conftest import Floor
from tests.support.browser import screenshot, type_like_a_scanner
from tests.support.gateway import GTIN, wait_until
from tests.support.scan_page import (
    WEDGE_LABEL,
    WITH_SEPARATOR,
    choose_step,
    go,
    installed,
    meanwhile,
    panel,
    save_many,
    waits,
)

Queue = Callable[[Page], list[dict[str, Any]]]


# The keyboard wedge


@pytest.mark.parametrize("gap_ms", [5, 15, 40])
def test_a_wedge_is_heard_at_any_pace_with_its_separators(
    floor: Floor, page: Page, queue_of: Queue, gap_ms: float
) -> None:
    before = floor.on_hand()
    type_like_a_scanner(page, WITH_SEPARATOR, gap_ms=gap_ms)
    expect(panel(page, "applied")).to_contain_text("lot L-7")
    assert [op["body"]["raw"] for op in queue_of(page)] == [WITH_SEPARATOR]
    assert floor.on_hand() == before + 1


def test_pulling_the_trigger_twice_is_two_units(floor: Floor, page: Page) -> None:
    before = floor.on_hand()
    for _ in range(2):
        type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    wait_until(lambda: floor.on_hand() == before + 2, "two units")


def test_a_scan_is_heard_wherever_the_focus_is_and_leaves_fields_alone(page: Page) -> None:
    page.locator("[data-key=type]").click()
    field = page.get_by_role("dialog").get_by_role("textbox")
    field.press_sequentially("by hand", delay=120)
    page.wait_for_timeout(600)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=5)
    expect(page.locator("#panel")).to_contain_text("Green tea")
    expect(field).to_have_value("by hand")
    page.get_by_role("button", name="Cancel").click()
    page.locator("[data-key=key-Step]").focus()
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=5)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_person_who_types_is_not_taken_for_a_scanner(page: Page, queue_of: Queue) -> None:
    page.keyboard.type("1234567", delay=130)
    page.keyboard.press("Enter")
    page.wait_for_timeout(700)
    assert queue_of(page) == []
    expect(panel(page, "idle")).to_be_visible()


def test_what_an_input_method_commits_at_once_is_a_scan(page: Page, queue_of: Queue) -> None:
    page.evaluate("document.getElementById('catcher').focus()")
    page.keyboard.insert_text(WEDGE_LABEL)
    panel(page, "applied")
    assert [op["body"]["raw"] for op in queue_of(page)] == [WEDGE_LABEL]


def test_a_code_without_its_end_is_told_and_not_guessed(page: Page, queue_of: Queue) -> None:
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=5, end="")
    expect(panel(page, "refused")).to_contain_text("A code came without its end")
    assert queue_of(page) == []


# Other inputs


def test_the_camera_reads_a_label_once_and_shows_how_often_it_saw_it(
    floor: Floor, page: Page, queue_of: Queue
) -> None:
    before = floor.on_hand()
    page.locator("[data-key=camera]").click()
    expect(panel(page, "applied")).to_contain_text("Green tea")
    expect(page.locator(".times")).to_have_text(re.compile(r"×([5-9]|\d\d)"))
    screenshot(page, "scan-camera")
    assert [op["body"]["raw"] for op in queue_of(page)] == [f"]E0{GTIN[1:]}"]
    page.locator("[data-key=again]").click()
    wait_until(lambda: floor.on_hand() == before + 2, "one more, because a person said so")
    page.locator("[data-key=camera]").click()
    expect(page.locator("#camera")).to_be_hidden()


def test_two_pages_never_look_through_one_camera(floor: Floor) -> None:
    phone = floor.phone()
    first = floor.paired(phone)
    second = phone.new_page()
    second.goto("/scan/")
    first.locator("[data-key=camera]").click()
    expect(first.locator(".times")).to_be_visible()
    second.locator("[data-key=camera]").click()
    expect(second.locator("#camera")).to_contain_text("in use by another page")


def test_the_browsers_own_detector_is_used_where_it_knows_the_codes(floor: Floor) -> None:
    phone = floor.phone()
    phone.add_init_script(
        """globalThis.BarcodeDetector = class {
            static async getSupportedFormats() { return ['ean_13', 'code_128', 'data_matrix']; }
            async detect() { return [{ format: 'ean_13', rawValue: '9506000134352' }]; }
        };"""
    )
    page = floor.paired(phone)
    page.locator("[data-key=camera]").click()
    expect(panel(page, "applied")).to_contain_text("Green tea")


def test_a_serial_scanner_is_heard(floor: Floor, queue_of: Queue) -> None:
    phone = floor.phone()
    phone.add_init_script(
        """(() => {
            const port = {
                async open() {
                    this.readable = new ReadableStream({ start: (heard) => {
                        globalThis.serialSays = (t) => heard.enqueue(new TextEncoder().encode(t));
                    } });
                },
                async close() {},
            };
            Object.defineProperty(navigator, 'serial', { value: Object.assign(new EventTarget(), {
                requestPort: async () => port, getPorts: async () => [],
            }) });
        })();"""
    )
    page = floor.paired(phone)
    go(page, "More")
    page.get_by_role("button", name="Connect a serial scanner").click()
    expect(page.get_by_role("button", name="Serial scanner is connected")).to_be_visible()
    go(page, "Scan")
    page.evaluate("t => serialSays(t)", WITH_SEPARATOR[:9])
    page.evaluate("t => serialSays(t)", WITH_SEPARATOR[9:] + "\r\n")
    panel(page, "applied")
    assert [op["body"]["raw"] for op in queue_of(page)] == [WITH_SEPARATOR]


# Without a network


def test_without_a_network_the_page_opens_scans_are_kept_and_each_counts_once_afterwards(
    floor: Floor, queue_of: Queue
) -> None:
    phone = floor.phone(offline=True)
    page = floor.paired(phone)
    installed(page)
    before, repeated = floor.on_hand(), floor.counted("repeated")
    phone.set_offline(True)
    for _ in range(3):
        type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    expect(panel(page, "saved")).to_contain_text("Saved")
    waits(page, 3)
    page.reload()
    waits(page, 3)
    expect(page.locator("#header .link")).to_have_text("No gateway")
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    waits(page, 4)
    screenshot(page, "scan-offline")
    phone.set_offline(False)
    waits(page, 0)
    panel(page, "applied")
    assert {op["status"] for op in queue_of(page)} == {"applied"}
    assert floor.on_hand() == before + 4
    assert floor.counted("repeated") == repeated


def test_a_page_reloaded_before_the_answer_came_sends_the_same_scan_again(
    floor: Floor, page: Page, queue_of: Queue
) -> None:
    before = floor.on_hand()

    def lose_the_answer(route: Route) -> None:
        sent = {"authorization": route.request.headers["authorization"]}
        floor.gateway.http.post("/v1/scans", content=route.request.post_data, headers=sent)
        route.abort()

    page.route("**/v1/scans", lose_the_answer)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    meanwhile(page, lambda: floor.on_hand() == before + 1, "the gateway has it")
    waits(page, 1)
    page.unroute_all(behavior="wait")
    page.reload()
    meanwhile(page, lambda: [op["status"] for op in queue_of(page)] == ["applied"], "answered")
    waits(page, 0)
    assert floor.on_hand() == before + 1


def test_two_open_pages_send_everything_once(floor: Floor, queue_of: Queue) -> None:
    phone = floor.phone()
    first = floor.paired(phone)
    second = phone.new_page()
    second.goto("/scan/")
    before, repeated = floor.on_hand(), floor.counted("repeated")
    phone.set_offline(True)
    save_many(first, 150)
    waits(first, 150)
    waits(second, 150)
    phone.set_offline(False)
    waits(first, 0)
    waits(second, 0)
    assert {op["status"] for op in queue_of(first)} == {"applied"}
    assert floor.on_hand() == before + 150
    assert floor.counted("repeated") == repeated


def test_a_gateway_that_can_do_nothing_now_is_asked_again_and_nothing_is_lost(
    floor: Floor, page: Page
) -> None:
    full = {
        "code": "disk.full",
        "says": "The gateway's disk is full: the scan was not saved.",
        "do": "Write the scan down; free space or connect the gateway to the cloud.",
    }

    def refuse(route: Route) -> None:
        sent = route.request.post_data_json["scans"]
        route.fulfill(
            json={"answers": [{"id": s["id"], "outcome": "refused", "error": full} for s in sent]}
        )

    before = floor.on_hand()
    page.route("**/v1/scans", refuse)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    expect(page.locator("#banners")).to_contain_text("disk is full")
    expect(panel(page, "saved")).to_contain_text("It stays saved here")
    waits(page, 1)
    page.unroute_all(behavior="wait")
    waits(page, 0)
    assert floor.on_hand() == before + 1


def test_a_report_that_breaks_the_gateway_every_time_does_not_hold_up_scans_for_ever(
    page: Page, queue_of: Queue
) -> None:
    broken = {"error": {"code": "internal.unexpected", "says": "x", "do": "y", "detail": "z"}}
    page.route("**/v1/exceptions", lambda route: route.fulfill(status=500, json=broken))
    page.evaluate(
        """async () => {
            const main = document.querySelector('script[type=module]').src;
            const queue = await import(new URL('queue.js', main));
            const { uuid7 } = await import(new URL('ids.js', main));
            const id = uuid7();
            const body = { id, about: 'floor.other', subject: 'x', note: '' };
            await queue.save({ id, kind: 'report', at: 0, path: '/v1/exceptions', body, shown: {},
                tries: 8 });
        }"""
    )
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    ended = [("report", "refused"), ("scan", "applied")]
    meanwhile(
        page,
        lambda: [(op["kind"], op["status"]) for op in queue_of(page)] == ended,
        "the report is given up, the scan is answered",
    )
    waits(page, 0)


# Refusals


@pytest.mark.parametrize(
    ("raw", "step", "tells"),
    [
        ("4006381333931", "Receive", ("No item in the catalog carries this code", "catalog")),
        ("]E09506000134351", "Receive", ("The check digit is wrong", "check digit fits")),
        (f"02{GTIN}", "Receive", ("does not follow the GS1 rules", "complete GS1")),
        (WEDGE_LABEL, "Count", ("This step needs a location", "the place where you are")),
        (f"01{GTIN}1720010110L-1", "Ship", ("past their expiry date", "not expired")),
        ("OLD-1", "Receive", ("taken out of the catalog", "still in the catalog")),
        ("x" * 10_240, "Receive", ("longer than any label", "one label at a time")),
    ],
    ids=["unknown", "digit", "syntax", "place", "expired", "removed", "long"],
)
def test_each_refusal_says_what_is_wrong_what_to_do_and_what_was_expected(
    floor: Floor, page: Page, raw: str, step: str, tells: tuple[str, str]
) -> None:
    before = floor.on_hand()
    if step != "Receive":
        choose_step(page, step)
    if len(raw) > 100:
        page.keyboard.insert_text(raw)
    else:
        type_like_a_scanner(page, raw, gap_ms=2)
    shown = panel(page, "refused")
    expect(shown.locator(".title")).to_contain_text(tells[0])
    expect(shown.locator(".act")).not_to_be_empty()
    expect(shown.locator(".expected")).to_contain_text(tells[1])
    assert page.evaluate("document.documentElement.dataset.tone") == "refused"
    waits(page, 0)
    assert floor.on_hand() == before


def test_control_characters_and_a_lost_separator_are_told(page: Page, queue_of: Queue) -> None:
    page.evaluate("document.getElementById('catcher').focus()")
    page.keyboard.insert_text(f"01{GTIN}\x02\x07")
    expect(panel(page, "refused")).to_contain_text("could not be understood")
    type_like_a_scanner(page, f"01{GTIN}10L-717480131", gap_ms=2)
    expect(panel(page, "warned")).to_contain_text("Turn on transmission of the group separator")
    assert [op["status"] for op in queue_of(page)] == ["refused", "applied"]


def test_refusals_of_a_backlog_wait_until_somebody_has_looked(floor: Floor) -> None:
    phone = floor.phone()
    page = floor.paired(phone)
    phone.set_offline(True)
    type_like_a_scanner(page, "4006381333931", gap_ms=1)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    waits(page, 2)
    phone.set_offline(False)
    look = page.get_by_role("button", name="1 scan was refused: look")
    expect(look).to_be_visible()
    screenshot(page, "scan-backlog-refused")
    look.click()
    expect(page.locator(".card.refused")).to_contain_text("No item in the catalog")
    go(page, "Scan")
    expect(look).to_have_count(0)


def test_a_place_is_known_by_its_label_and_goes_with_the_next_scans(
    page: Page, queue_of: Queue
) -> None:
    choose_step(page, "Pick")
    expect(panel(page, "idle")).to_contain_text("the place that you take it from")
    type_like_a_scanner(page, "A-02", gap_ms=2)
    expect(panel(page, "place")).to_contain_text("A-02")
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=2)
    warned = panel(page, "warned")
    expect(warned).to_contain_text("More was taken from here than is on record")
    expect(warned).to_contain_text("Count this location")
    screenshot(page, "scan-warned")
    assert queue_of(page)[-1]["body"]["location"] == "A-02"


def test_a_count_asks_how_many_and_scanning_again_counts_one_more(
    page: Page, queue_of: Queue
) -> None:
    choose_step(page, "Count")
    type_like_a_scanner(page, "A-01", gap_ms=2)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=2)
    keypad = page.get_by_role("dialog")
    keypad.get_by_role("button", name="4", exact=True).click()
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=2)
    expect(keypad.get_by_role("textbox")).to_have_value("5")
    screenshot(page, "scan-keypad")
    type_like_a_scanner(page, "4006381333931", gap_ms=2)
    expect(keypad).to_contain_text("finish this one first")
    keypad.get_by_role("button", name="OK").click()
    expect(panel(page, "applied")).to_contain_text("5 counted at A-01")
    assert queue_of(page)[-1]["body"]["quantity"] == 5
