"""The console of a gateway in safe mode says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect

from edge.app import opened
from tests.integration.web.conftest import CATALOG, Floor, employ
from tests.support import free_port
from tests.support.browser import screenshot, serious_faults
from tests.support.gateway import RunningGateway, enrol, equip_store, running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.browser import LocalAuthority


def test_the_console_says_what_is_wrong_with_the_settings_while_scans_go_on(
    tmp_path: Path, pki: Path, browser: Browser, authority: LocalAuthority
) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    enrol(data, pki)
    authority.lend(data)
    with opened(data) as store:
        token = equip_store(store, catalog=CATALOG)
        employ(store)
    good = f'[api]\nhost = "127.0.0.1"\nport = {port}\ninstall_port = 0\n'
    (data / "gateway.toml.last-good").write_text(good)
    with running(data, token, extra="windw = 3\n", port=port) as gateway:
        floor = Floor(browser, gateway)
        page = floor.phone(viewport={"width": 1280, "height": 860}).new_page()
        page.goto("/console/")
        page.get_by_label("Your code").fill("ada")
        page.get_by_label("Your secret").fill("ada's secret")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#live")).to_contain_text("safe mode")
        expect(page.locator("#live")).to_contain_text("windw")
        screenshot(page, "console-safe-mode")
        assert serious_faults(page) == []
        assert gateway.scan().status_code == 200
        floor.close()
        (data / "gateway.toml").write_text(good)
        wait_until(lambda: _is_over(gateway), "the settings are taken")


def _is_over(gateway: RunningGateway) -> bool:
    try:
        return gateway.status()["safe_mode"] is None
    except httpx.TransportError:  # it begins again
        return False
