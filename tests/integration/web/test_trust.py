"""How a phone, a tablet and a PC come to trust a gateway: by its page in plain HTTP, for real."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from edge.app import open_database
from edge.settings import load
from edge.web import pairing
from edge.web.installation import authority_in
from tests.support import free_port
from tests.support.browser import CHROMIUM, PHONE, screenshot, serious_faults
from tests.support.clock import WallClock
from tests.support.gateway import RunningGateway, enrol, equip, running
from tests.support.nss import trust
from tests.support.scan_page import too_small

DEVICES = {
    "android": (
        "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari",
        ["Android"],
    ),
    "iphone": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
        ["iPhone and iPad"],
    ),
    "windows": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Edg/140",
        ["Windows"],
    ),
    "linux": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
        ["Linux with Chromium or Chrome"],
    ),
    "other": (
        "Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+",
        ["Android", "iPhone and iPad", "Windows", "Linux with Chromium or Chrome"],
    ),
}
"""What each browser says it is, and the steps that it is shown."""


class Trusting:
    """A gateway with an authority of its own, and the port of its installation page."""

    def __init__(self, gateway: RunningGateway, port: int) -> None:
        self.gateway = gateway
        self.port = port

    def code_for(self, device: str) -> str:
        database = open_database(self.gateway.data, load(self.gateway.data))
        try:
            now = WallClock().now()
            return database.run_blocking(lambda c: pairing.begin(c, device, now=now)).code
        finally:
            database.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, pki: Path) -> Iterator[Trusting]:
    data = tmp_path_factory.mktemp("trusting") / "data"
    data.mkdir()
    enrol(data, pki)
    token, port = equip(data), free_port()
    with running(data, token, install_port=port) as gateway:
        yield Trusting(gateway, port)


class Browsers:
    """Browsers that trust what is kept below their home folder, and nothing else."""

    def __init__(self, playwright: Playwright, cache: Path) -> None:
        self._playwright = playwright
        self._cache = cache

    @contextmanager
    def page(self, home: Path, url: str, **more: Any) -> Iterator[Page]:
        """The page in a browser of its own."""
        home.mkdir(exist_ok=True)
        arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        arguments.append("--host-resolver-rules=MAP gw.elsewhere 127.0.0.1")
        browser = self._playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=arguments,
            env=dict(os.environ, HOME=str(home), XDG_CACHE_HOME=str(self._cache)),
        )
        try:
            page = browser.new_page(**{"viewport": PHONE, "has_touch": True, **more})
            page.set_default_timeout(8000)
            page.goto(url)
            yield page
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    with sync_playwright() as playwright:
        yield Browsers(playwright, tmp_path_factory.mktemp("cache"))


def test_a_browser_comes_to_trust_the_gateway_and_is_led_on_to_be_paired(
    here: Trusting, browsers: Browsers, tmp_path: Path
) -> None:
    code = here.code_for("ph-new")
    url = f"http://localhost:{here.port}/#pair={code}"
    home, kept = tmp_path / "home", tmp_path / "quartermaster.crt"
    with browsers.page(home, url) as page:
        expect(page.locator("#word")).to_have_text("Not trusted yet")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Get the certificate").click()
        downloading.value.save_as(kept)
        assert downloading.value.suggested_filename == "quartermaster-gw-01.crt"
        with page.expect_request("**/healthz") as again:  # it looks by itself
            pass
        told = again.value.headers | {"url": again.value.url, "body": again.value.post_data or ""}
        assert not any(code in each for each in told.values()), "and tells nobody the code"
    authority = authority_in(here.gateway.data / "identity" / "local")
    assert hashlib.sha256(kept.read_bytes()).digest().hex(":").upper() == authority.sha256
    trust(home, kept)
    with browsers.page(home, url) as page:
        expect(page.locator("#word")).to_have_text("This device trusts the gateway")
        door = f"https://localhost:{here.gateway.port}/scan/"
        page.wait_for_url(f"{door}**", wait_until="commit")
        expect(page.locator("#header .who")).to_have_text("ph-new")
        assert code not in page.url


def test_without_a_code_the_page_stays_and_shows_the_way_on(
    here: Trusting, browsers: Browsers, tmp_path: Path
) -> None:
    kept = tmp_path / "ca.crt"
    kept.write_bytes(httpx.get(f"http://localhost:{here.port}/ca.crt", trust_env=False).content)
    home = tmp_path / "home"
    home.mkdir()
    trust(home, kept)
    with browsers.page(home, f"http://localhost:{here.port}/") as page:
        go = page.get_by_role("link", name="Go on to scanning")
        expect(go).to_be_visible()
        expect(go).to_be_focused()
        expect(page.locator("[data-system]:visible")).to_have_count(0)
        assert too_small(page) == []
        assert serious_faults(page) == []
        screenshot(page, "trust-done")
        go.click()
        page.wait_for_url(f"https://localhost:{here.gateway.port}/scan/", wait_until="commit")


@pytest.mark.parametrize("name", ["android", "iphone", "windows", "linux", "other"])
def test_each_device_sees_its_own_steps_and_all_on_demand(
    here: Trusting, browsers: Browsers, tmp_path: Path, name: str
) -> None:
    agent, shown = DEVICES[name]
    url = f"http://localhost:{here.port}/"
    with browsers.page(tmp_path / "home", url, user_agent=agent) as page:
        expect(page.locator("#word")).to_have_text("Not trusted yet")
        headings = page.locator("[data-system]:visible h2")
        expect(headings).to_have_text(shown)
        assert too_small(page) == []
        assert serious_faults(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out at the side"
        screenshot(page, f"trust-{name}")
        page.set_viewport_size({"width": 360, "height": 2600})
        screenshot(page, f"trust-{name}-whole")
        if len(shown) == 1:
            page.get_by_role("button", name="Show all steps").click()
            expect(headings).to_have_count(4)


def test_a_name_that_no_certificate_can_cover_is_said_so_with_those_that_are(
    here: Trusting, browsers: Browsers, tmp_path: Path
) -> None:
    with browsers.page(
        tmp_path / "home", f"http://gw.elsewhere:{here.port}/#pair=ABCD-EFGH"
    ) as page:
        expect(page.locator("#word")).to_have_text("“gw.elsewhere” is none of this gateway’s names")
        link = page.get_by_role("link", name=socket.gethostname(), exact=True)
        expect(link).to_have_attribute(
            "href", f"http://{socket.gethostname()}:{here.port}/#pair=ABCD-EFGH"
        )
        screenshot(page, "trust-other-name")
        assert serious_faults(page) == []


def test_without_a_script_all_steps_are_there(
    here: Trusting, browsers: Browsers, tmp_path: Path
) -> None:
    url = f"http://localhost:{here.port}/"
    with browsers.page(tmp_path / "home", url, java_script_enabled=False) as page:
        expect(page.locator("[data-system]:visible h2")).to_have_count(4)
        expect(page.locator("#more")).to_contain_text("Follow the steps")


def test_plain_http_serves_the_page_and_nothing_else_and_hangs_up(here: Trusting) -> None:
    with httpx.Client(base_url=f"http://localhost:{here.port}", trust_env=False) as http:
        page = http.get("/")
        assert page.status_code == 200
        assert "server" not in page.headers
        assert page.headers["connection"] == "close"
        token = here.gateway.http.headers["authorization"]
        for path in ("/v1/status", "/v1/scans", "/healthz", "/scan/", "/console/", "/metrics"):
            answer = http.get(path, headers={"authorization": token})
            assert answer.status_code == 404
            assert "location" not in answer.headers
        assert http.post("/v1/pair", json={"code": "x"}).status_code == 404
        assert http.post("/", content=b"x" * 1_000_000).status_code == 405
        with socket.create_connection(("127.0.0.1", here.port), timeout=5) as endless:
            endless.sendall(b"GET / HTTP/1.1\r\nx: " + b"y" * 9000)
            assert endless.recv(100).startswith(b"HTTP/1.1 400 ")
        assert http.get("/").status_code == 200
