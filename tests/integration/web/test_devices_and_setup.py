"""How a browser becomes a device, loses what it kept, is renewed; and how a scanner is tested."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.web import labels, pages
from tests.integration.web.conftest import Floor, PagesAlone
from tests.support.browser import phone, screenshot, serious_faults, type_like_a_scanner
from tests.support.gateway import GTIN, wait_until
from tests.support.scan_page import WEDGE_LABEL, installed, panel, save_many, too_small, waits

Queue = Callable[[Page], list[dict[str, Any]]]


# Pairing, storage


def test_a_wrong_code_is_refused_in_words_and_a_right_one_pairs(floor: Floor) -> None:
    page = floor.phone().new_page()
    page.goto("/scan/")
    screenshot(page, "pair")
    page.get_by_label("Or type it").fill("ABCD-EFGHJ-KMNPQ")
    page.get_by_role("button", name="Pair", exact=True).click()
    expect(page.locator(".problem")).to_contain_text("wrong, used up or older than ten minutes")
    page.get_by_label("Or type it").fill(floor.code_for("typed-1").lower())
    page.get_by_role("button", name="Pair", exact=True).click()
    expect(page.locator("#header .who")).to_have_text("typed-1")


def test_a_scanner_pairs_by_the_qr_code_that_it_reads(floor: Floor) -> None:
    page = floor.phone().new_page()
    page.goto("/scan/")
    expect(page.get_by_label("Or type it")).to_be_visible()
    type_like_a_scanner(page, f"https://gw:8443/scan/#pair={floor.code_for('typed-2')}", gap_ms=1)
    expect(page.locator("#header .who")).to_have_text("typed-2")


def test_a_revoked_device_says_so_keeps_its_scans_and_sends_them_when_paired_again(
    floor: Floor, queue_of: Queue
) -> None:
    from edge.app import open_database
    from edge.settings import load
    from edge.web import devices

    context = floor.phone()
    page = floor.paired(context, device="revoked-1")
    context.set_offline(True)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    waits(page, 1)
    database = open_database(floor.gateway.data, load(floor.gateway.data))
    database.run_blocking(lambda connection: devices.revoke(connection, "revoked-1", now=2))
    database.close()
    context.set_offline(False)
    expect(page.locator("#revoked")).to_contain_text("no longer knows this device as revoked-1")
    expect(page.locator("#revoked")).to_contain_text("1 scan is kept here")
    screenshot(page, "revoked")
    before = floor.on_hand()
    page.goto(f"/scan/#pair={floor.code_for('revoked-1')}")
    waits(page, 0)
    assert floor.on_hand() == before + 1
    assert [op["status"] for op in queue_of(page)] == ["applied"]


@pytest.mark.parametrize("lost", ["indexeddb", "indexeddb,local_storage"])
def test_a_browser_that_loses_its_storage_says_so_and_asks_to_pair_again(
    floor: Floor, lost: str
) -> None:
    context = floor.phone()
    page = floor.paired(context, device="lost-1")
    context.set_offline(True)
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    waits(page, 1)
    session = context.new_cdp_session(page)
    origin = f"https://localhost:{floor.gateway.port}"
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": lost})
    expect(page.locator("#alarm")).to_contain_text("storage was taken away")
    context.set_offline(False)
    page.reload()
    story = page.locator("#lost")
    expect(story).to_contain_text("deleted what it kept as lost-1")
    known = "local_storage" not in lost
    expect(story).to_contain_text("1 scan had not been sent" if known else "is not known")
    screenshot(page, "storage-lost")
    page.goto(f"/scan/#pair={floor.code_for('lost-1')}")
    expect(page.locator("#nav button").first).to_be_visible()
    expect(page.locator("#lost")).to_have_count(0)


def test_a_scan_that_cannot_be_saved_is_told_at_once(page: Page) -> None:
    page.evaluate(
        """() => {
            IDBObjectStore.prototype.add = () => {
                throw new DOMException('no room', 'QuotaExceededError');
            };
        }"""
    )
    page.context.clear_permissions()
    type_like_a_scanner(page, WEDGE_LABEL, gap_ms=1)
    expect(page.locator("#alarm")).to_contain_text("This was NOT saved")
    expect(page.locator("#alarm")).to_contain_text("Write the scan down")
    screenshot(page, "not-saved")


def test_a_new_version_is_taken_over_without_losing_the_queue(
    browser: Browser, pages_alone: PagesAlone, queue_of: Queue, tmp_path: Path
) -> None:
    with phone(browser, f"https://localhost:{pages_alone.port}") as context:
        page = context.new_page()
        page.goto("/scan/")
        installed(page)
        save_many(page, 1)
        before = page.locator("script").get_attribute("src")
        changed = Path(shutil.copytree(pages.SCAN, tmp_path / "scan"))
        with (changed / "app.css").open("a") as file:
            file.write("/* of another version */\n")
        pages_alone.renew(changed)
        page.evaluate("navigator.serviceWorker.getRegistration().then((r) => r.update())")
        page.get_by_role("button", name="Update now").click()
        expect(page.locator("script")).not_to_have_attribute("src", before or "")
        expect(page.locator("#waiting")).to_have_text("1 to send")
        assert [op["status"] for op in queue_of(page)] == ["saved"]
        wait_until(lambda: len(page.evaluate("caches.keys()")) == 1, "the old files are gone")


def test_the_page_can_be_installed_as_an_app(floor: Floor) -> None:
    context = floor.phone(offline=True)
    page = floor.paired(context)
    installed(page)
    session = context.new_cdp_session(page)
    told = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in told} <= {"in-incognito"}, "but for the test's window"
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/scan/manifest.webmanifest")


# The setup page


LABELS = {name: label.sends for name, label in labels.LABELS.items()}


@pytest.fixture
def setup(floor: Floor) -> Page:
    page = floor.phone().new_page()
    page.goto("/scanner-setup")
    expect(page.locator(".label img")).to_be_visible()
    return page


def test_a_good_scanner_is_found_ready(setup: Page) -> None:
    screenshot(setup, "setup")
    for name, text in LABELS.items():
        type_like_a_scanner(setup, text, gap_ms=5)
        expect(setup.locator(f"[data-key={name}].good")).to_be_visible()
    expect(setup.locator("#found")).to_contain_text("ready for work")
    assert serious_faults(setup) == []
    assert too_small(setup) == []


@pytest.mark.parametrize(
    ("name", "arrives", "end", "tells"),
    [
        (
            "gs1-128",
            LABELS["gs1-128"].replace("\x1d", ""),
            "Enter",
            ("separator is lost", "ASCII 29"),
        ),
        ("ean13", LABELS["ean13"], "", ("nothing after the code", "suffix")),
        (
            "ean13",
            LABELS["ean13"][:-1],
            "Enter",
            ("check digit is missing", "transmit check digit"),
        ),
        ("layout", LABELS["layout"].swapcase(), "Enter", ("Capitals", "Caps Lock")),
        ("ean13", "9506014352", "Enter", ("3 of 13 characters were lost", "10 ms")),
        ("ean13", "4006381333931", "Enter", ("Something else arrived", "label that is shown")),
    ],
    ids=["separator", "suffix", "digit", "capitals", "lost", "other"],
)
def test_what_is_wrong_with_a_scanner_is_found(
    setup: Page, name: str, arrives: str, end: str, tells: tuple[str, str]
) -> None:
    setup.locator(f"[data-key={name}]").click()
    type_like_a_scanner(setup, arrives, gap_ms=3, end=end)
    expect(setup.locator("#found[data-well=false]")).to_be_visible()
    finding = setup.locator(".finding.problem")
    expect(finding).to_contain_text(tells[0])
    expect(finding.locator(".act")).to_contain_text(tells[1])
    screenshot(setup, "setup-problem")


def test_a_wrong_keyboard_is_named_for_every_pair_of_countries(setup: Page) -> None:
    wrong = setup.evaluate(
        """async (label) => {
            const here = document.querySelector('script[type=module]').src;
            const { typed } = await import(new URL('layouts.js', here));
            const { diagnose } = await import(new URL('diagnose.js', here));
            const names = ['English (US)', 'English (UK)', 'German', 'French', 'Spanish', 'Italian',
                'Swedish, Finnish'];
            const wrong = [];
            for (const scanner of names) for (const host of names) {
                if (scanner === host) continue;
                const text = typed(label, scanner, host);
                const [found] = diagnose(label, { text, suffix: 'enter', gaps: [5] });
                const named = `types for ${scanner}, this device listens for ${host}`;
                if (!found.says.includes(named)) wrong.push([scanner, host, text, found.says]);
            }
            return wrong;
        }""",
        LABELS["layout"],
    )
    assert wrong == []


def test_a_setting_that_the_page_offers_is_kept_for_the_scan_page(floor: Floor) -> None:
    context = floor.phone()
    page = context.new_page()
    page.goto("/scanner-setup")
    page.locator("[data-key=gs1-datamatrix]").click()
    type_like_a_scanner(page, LABELS["gs1-datamatrix"].replace("\x1d", "~"), gap_ms=3)
    page.get_by_role("button", name="Take “~” for the separator").click()
    expect(page.locator("#main")).to_contain_text("Kept for this device")
    page = floor.paired(context)
    type_like_a_scanner(page, f"01{GTIN}10L-9~17480131", gap_ms=3)
    expect(panel(page, "applied")).to_contain_text("lot L-9")
