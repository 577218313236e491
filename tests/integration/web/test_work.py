"""A person's work on the scan page: signed in, by tasks, taken back, reported; for everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Page, expect

from tests.integration.web.conftest import Floor
from tests.support.browser import screenshot, serious_faults, type_like_a_scanner
from tests.support.floor import OAT
from tests.support.gateway import GTIN
from tests.support.scan_page import WEDGE_LABEL, choose_step, go, panel, too_small, waits

Queue = Callable[[Page], list[dict[str, Any]]]
UNKNOWN = "4006381333931"


# Who works here


def test_a_person_signs_in_by_badge_and_goes_with_every_scan(page: Page, queue_of: Queue) -> None:
    go(page, "More")
    page.locator("[data-key=sign-in]").click()
    screenshot(page, "sign-in")
    type_like_a_scanner(page, "NOBODY", gap_ms=3)
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    type_like_a_scanner(page, "B-BOB", gap_ms=3)
    expect(page.locator("#header .who")).to_have_text("Bob Scanner")
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=3)
    panel(page, "applied")
    assert queue_of(page)[-1]["body"]["operator"] == "bob"
    assert "B-BOB" not in str(queue_of(page)), "a badge is kept nowhere"
    go(page, "More")
    page.locator("[data-key=sign-out]").click()
    expect(page.locator(".about").first).to_have_text("Nobody is signed in.")


def test_a_badge_is_read_by_the_camera_where_there_is_no_scanner(
    floor: Floor, queue_of: Queue
) -> None:
    context = floor.phone()
    context.add_init_script(
        """globalThis.BarcodeDetector = class {
            static async getSupportedFormats() { return ['ean_13', 'code_128', 'data_matrix']; }
            async detect() { return [{ format: 'code_128', rawValue: 'B-ADA' }]; }
        };"""
    )
    page = floor.paired(context)
    go(page, "More")
    page.locator("[data-key=sign-in]").click()
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#header .who")).to_have_text("Ada Lovelace")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#camera")).to_be_hidden()
    assert queue_of(page) == [], "a badge is no scan"


def test_a_person_without_a_badge_signs_in_by_code_and_secret(page: Page) -> None:
    go(page, "More")
    page.locator("[data-key=sign-in]").click()
    page.get_by_text("I have no badge with me").click()
    page.get_by_label("Your code").fill("ada")
    page.get_by_label("Your secret").fill("not ada's secret")
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Your secret").fill("ada's secret")
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    expect(page.locator("#header .who")).to_have_text("Ada Lovelace")


# Tasks


def test_a_pick_is_led_from_place_to_place_until_it_is_done(floor: Floor, page: Page) -> None:
    for gtin, place in ((GTIN, "A-01"), (GTIN, "A-01"), (OAT, "B-01")):
        moved = {"raw": gtin, "step": "receive", "location": place}
        assert floor.gateway.scan(**moved).json()["outcome"] == "accepted"
    go(page, "Tasks")
    expect(page.locator(".card").first).to_contain_text("Pick PK-1")
    expect(page.locator(".card").first).to_contain_text("For the 14:00 truck.")
    screenshot(page, "tasks")
    assert serious_faults(page) == []
    assert too_small(page) == []
    page.locator("[data-key=begin-PK-1]").click()
    card = page.locator(".task-card")
    expect(card).to_contain_text("A-01")
    expect(card).to_contain_text("2 to go")
    type_like_a_scanner(page, "A-02", gap_ms=3)
    wrong = panel(page, "refused")
    expect(wrong.locator(".expected")).to_contain_text("A-01 → STAGE-1 Green tea 2 to go")
    screenshot(page, "task-wrong-place")
    type_like_a_scanner(page, "A-01", gap_ms=3)
    type_like_a_scanner(page, OAT, gap_ms=3)
    expect(panel(page, "refused")).to_contain_text("This is not the place that the task names.")
    type_like_a_scanner(page, "09520000000011", gap_ms=3)
    refused = panel(page, "refused")
    expect(refused).to_contain_text("These are not the goods that the task asks for.")
    expect(refused.locator(".expected")).to_contain_text("Green tea")
    screenshot(page, "task-wrong-item")
    type_like_a_scanner(page, GTIN, gap_ms=3)
    expect(panel(page, "applied")).to_contain_text("1 of 2, 1 left")
    expect(card).to_contain_text("1 to go, 1 done")
    screenshot(page, "task-applied")
    assert serious_faults(page) == []
    type_like_a_scanner(page, GTIN, gap_ms=3)
    expect(card).to_contain_text("B-01")
    type_like_a_scanner(page, "B-01", gap_ms=3)
    type_like_a_scanner(page, OAT, gap_ms=3)
    expect(panel(page, "applied")).to_contain_text("Task complete.")
    expect(card).to_have_count(0)
    go(page, "Tasks")
    expect(page.locator("#main")).not_to_contain_text("PK-1")


def test_a_task_that_cannot_be_done_is_ended_as_short_with_a_reason(
    floor: Floor, page: Page
) -> None:
    go(page, "Tasks")
    page.locator("[data-key=begin-PA-1]").click()
    expect(page.locator(".task-card")).to_contain_text("A-02")
    go(page, "Tasks")
    page.locator("[data-key=finish-PA-1]").click()
    page.get_by_role("button", name="End as short").click()
    page.get_by_role("button", name="Goods are damaged").click()
    expect(panel(page, "applied")).to_contain_text("Ended as short: task PA-1")
    waits(page, 0)
    told = floor.gateway.http.get("/v1/tasks/PA-1").json()
    assert told["status"] == "short"


def test_a_count_task_is_blind_and_far_off_counts_are_asked_for_again(page: Page) -> None:
    go(page, "Tasks")
    card = page.locator(".card", has_text="CC-1")
    expect(card).to_contain_text("blind")
    page.locator("[data-key=begin-CC-1]").click()
    expect(page.locator(".task-card")).to_contain_text("B-01")
    type_like_a_scanner(page, "B-01", gap_ms=3)
    type_like_a_scanner(page, "09520000000011", gap_ms=3)
    keypad = page.get_by_role("dialog")
    keypad.get_by_role("button", name="9", exact=True).click()
    keypad.get_by_role("button", name="OK").click()
    expect(panel(page, "warned")).to_contain_text("Count once more from the start")
    expect(page.locator(".task-card")).to_contain_text("Count again: SOAP-1 at B-01")
    screenshot(page, "task-count-again")


# Taken back


def test_a_scan_is_taken_back_at_the_gateway(floor: Floor, page: Page, queue_of: Queue) -> None:
    before = floor.on_hand()
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=3)
    panel(page, "applied")
    assert floor.on_hand() == before + 1
    page.locator("[data-key=undo]").click()
    panel(page, "undone")
    assert floor.on_hand() == before
    expect(page.locator("[data-key=undo]")).to_have_count(0)
    assert [(op["kind"], op["status"]) for op in queue_of(page)] == [
        ("scan", "undone"),
        ("undo", "applied"),
    ]


def test_a_scan_that_was_never_sent_is_taken_back_here(
    floor: Floor, page: Page, queue_of: Queue
) -> None:
    before = floor.on_hand()
    page.evaluate(
        """() => {
            navigator.locks.request('qm-send', () => new Promise((ok) => { window.free = ok; }));
        }"""
    )
    for _ in range(2):
        type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    waits(page, 2)
    go(page, "Recent")
    page.locator(".card .button", has_text="Undo").first.click()
    waits(page, 1)
    page.evaluate("window.free()")
    waits(page, 0)
    assert floor.on_hand() == before + 1
    assert [op["status"] for op in queue_of(page)] == ["applied", "undone"]


def test_an_undo_that_comes_too_late_says_why(floor: Floor, page: Page) -> None:
    choose_step(page, "Receive")
    type_like_a_scanner(page, "A-02", gap_ms=3)
    type_like_a_scanner(page, OAT, gap_ms=3)
    panel(page, "applied")
    taken = {"raw": OAT, "step": "pick", "location": "A-02"}
    assert floor.gateway.scan(**taken).json()["outcome"] == "accepted"
    page.locator("[data-key=undo]").click()
    expect(panel(page, "refused")).to_contain_text("The goods have moved on since this scan.")


# Reported


def test_an_unknown_code_is_reported_with_a_note_and_a_photo(
    floor: Floor, page: Page, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (2400, 3200, 3), np.uint8)
    picture = tmp_path / "photo.jpg"
    cv2.imwrite(str(picture), noise)
    type_like_a_scanner(page, UNKNOWN, gap_ms=3)
    panel(page, "refused")
    page.locator("[data-key=report]").click()
    expect(page.get_by_label("Code on the label")).to_have_value(UNKNOWN)
    page.get_by_label("In a few words").fill("Two cartons, no name on them")
    page.locator("#photo").set_input_files(picture)
    expect(page.get_by_role("img", name="The photo")).to_be_visible()
    screenshot(page, "report")
    assert serious_faults(page) == []
    assert too_small(page) == []
    page.get_by_role("button", name="Save the report").click()
    panel(page, "applied")
    waits(page, 0)
    [told] = floor.gateway.http.get("/v1/exceptions").json()["exceptions"]
    assert (told["about"], told["subject"]) == ("scan.unknown-item", UNKNOWN)
    assert told["note"] == "Two cartons, no name on them"
    assert told["photo_sha256"] is not None


# For everybody


def test_every_view_is_accessible_and_can_be_hit_in_gloves(page: Page) -> None:
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    panel(page, "applied")
    screenshot(page, "scan-applied")
    assert serious_faults(page) == []
    type_like_a_scanner(page, UNKNOWN, gap_ms=1)
    panel(page, "refused")
    for view in ("Recent", "More", "Scan"):
        go(page, view)
        expect(page.locator(f"#main[data-view={view.lower()}]")).to_be_visible()
        screenshot(page, f"view-{view.lower()}")
        assert serious_faults(page) == [], view
        assert too_small(page) == [], view
    choose_step(page, "Adjust")
    page.locator("[data-key=key-Step]").click()
    screenshot(page, "steps")
    assert serious_faults(page) == []
    assert too_small(page) == []
