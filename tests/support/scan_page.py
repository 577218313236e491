"""Small steps that tests of the scan page share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.gateway import GTIN, LABEL

WEDGE_LABEL = LABEL.removeprefix("]C1")
"""Green tea, as a scanner without AIM identifiers types it."""
WITH_SEPARATOR = f"01{GTIN}10L-7\x1d17480131"


def panel(page: Page, look: str) -> Any:
    """The panel, once it looks so."""
    found = page.locator(f"#panel[data-look={look}]")
    expect(found).to_be_visible()
    return found


def choose_step(page: Page, name: str) -> None:
    page.locator("[data-key=key-Step]").click()
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def go(page: Page, view: str) -> None:
    page.locator("#nav").get_by_role("button", name=view).click()


def installed(page: Page) -> None:
    """The page would start without a network."""
    controlled = "navigator.serviceWorker.controller !== null"
    meanwhile(page, lambda: page.evaluate(controlled), "a service worker")


def meanwhile(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for something elsewhere while the page, and what stands in for its network, goes on."""
    for _ in range(1000):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"not within 20 s: {what}")


def waits(page: Page, number: int) -> None:
    text = "Nothing waits" if number == 0 else f"{number} to send"
    expect(page.locator("#waiting")).to_have_text(text)


def save_many(page: Page, number: int) -> None:
    """Scans that wait, made by the page's own means as fast as it can."""
    page.evaluate(
        """async ([raw, number]) => {
            const main = document.querySelector('script[type=module]').src;
            const actions = await import(new URL('actions.js', main));
            const { state } = await import(new URL('state.js', main));
            for (let n = 0; n < number; n += 1) {
                const scan = { raw, input: 'wedge', work: state.work, quantity: null };
                await actions.put(actions.scanOf(scan));
            }
        }""",
        [WEDGE_LABEL, number],
    )


def too_small(page: Page) -> list[str]:
    """Controls that are shown and less than 64 pixels high or wide."""
    return page.evaluate(
        """() => [...document.querySelectorAll(
                'button, a, input, select, textarea, summary, label.button')]
            .filter((each) => each.checkVisibility() && !each.closest('.hidden-text, #catcher'))
            .filter((each) => each.getBoundingClientRect().height < 63.5
                || each.getBoundingClientRect().width < 63.5)
            .map((each) => each.outerHTML.slice(0, 120))"""
    )
