"""A real gateway, a real browser, and phones that are paired with the one through the other."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette

from edge import stock
from edge.app import open_database
from edge.app.store import Store, opened
from edge.settings import load
from edge.web import open_door, pages, pairing
from shared.downlink import Catalog, Item, encode
from shared.plan import Plan, Task, TaskLine
from tests.support import floor as floor_goods
from tests.support import free_port
from tests.support.browser import LocalAuthority, chromium, film, phone
from tests.support.clock import WallClock
from tests.support.gateway import (
    GTIN,
    SITE,
    RunningGateway,
    enrol,
    equip_store,
    offer_of,
    running,
    wait_until,
)
from tests.support.people import employ

CAMERA_SEES = f"]E0{GTIN[1:]}"
"""What the camera of every phone looks at, except where a test puts another film in."""

CATALOG = Catalog(
    SITE,
    [*floor_goods.CATALOG.items, Item("OLD-1", "No longer sold", [], removed=True)],
    floor_goods.CATALOG.locations,
)
PLAN = Plan(
    SITE,
    [
        Task(
            "PK-1",
            "pick",
            [
                TaskLine("TEA-1", 2, "A-01", "STAGE-1"),
                TaskLine("OAT-1", 1, "B-01", "STAGE-1"),
            ],
            document="SO-1001",
            priority=9,
            zone="a",
            note="For the 14:00 truck.",
        ),
        Task("RC-1", "receive", [TaskLine("OAT-1", 3)], document="PO-77", priority=5),
        Task("CC-1", "count", [TaskLine("SOAP-1", location="B-01")], zone="b"),
        Task("PA-1", "put_away", [TaskLine("SOAP-1", 4, "DOCK-1", "A-02")]),
    ],
)

expect.set_options(timeout=20_000)


class Floor:
    """A gateway and the phones that work at it."""

    def __init__(self, browser: Browser, gateway: RunningGateway) -> None:
        self.browser = browser
        self.gateway = gateway
        self._numbers = iter(range(1, 1000))
        self._contexts = ExitStack()

    def code_for(self, device: str) -> str:
        """A pairing code, as the command shows it."""
        database = open_database(self.gateway.data, load(self.gateway.data))
        try:
            now = WallClock().now()
            return database.run_blocking(lambda c: pairing.begin(c, device, now=now)).code
        finally:
            database.close()

    def phone(self, *, offline: bool = False, **more: Any) -> BrowserContext:
        """A phone with empty storage; one that needs to work ``offline`` installs the app."""
        url = f"https://localhost:{self.gateway.port}"
        context = self._contexts.enter_context(phone(self.browser, url, **more))
        if not offline:
            context.add_init_script("delete Navigator.prototype.serviceWorker")
        return context

    def paired(self, context: BrowserContext | None = None, *, device: str = "") -> Page:
        """A phone's page, paired by the address that a QR code holds, ready without a network."""
        page = (context or self.phone()).new_page()
        page.goto(f"/scan/#pair={self.code_for(device or f'ph-{next(self._numbers)}')}")
        expect(page.locator("#nav button").first).to_be_visible()
        expect(page.locator("#header .link")).to_have_class(re.compile("up"))
        return page

    def close(self) -> None:
        """Put the phones away; a complaint of any page is raised."""
        self._contexts.close()

    def on_hand(self, sku: str = "TEA-1") -> int:
        """What the gateway says is there."""
        lines = self.gateway.http.get("/v1/stock", params={"sku": sku}).json()["lines"]
        return sum(line["quantity"] for line in lines)

    def counted(self, outcome: str) -> int:
        """Scans by their outcome, as the gateway counts them."""
        text = self.gateway.http.get("/metrics").text
        found = re.search(rf'scans_total{{outcome="{outcome}"}} (\d+)', text)
        return int(found.group(1)) if found else 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    """The authority of all gateways here."""
    return LocalAuthority(tmp_path_factory.mktemp("door") / "identity")


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the phones' cameras show."""
    return film(tmp_path_factory.mktemp("camera") / "camera.mjpeg", [(CAMERA_SEES, 30)])


@pytest.fixture(scope="module")
def browser(authority: LocalAuthority, camera: Path) -> Iterator[Browser]:
    """Chromium, trusting the gateways of this module."""
    with chromium(authority, camera) as running_browser:
        yield running_browser


@pytest.fixture(scope="module")
def door(
    tmp_path_factory: pytest.TempPathFactory, pki: Path, authority: LocalAuthority
) -> Iterator[RunningGateway]:
    """A gateway's process, cut off from the cloud."""
    data = tmp_path_factory.mktemp("gateway") / "data"
    data.mkdir()
    enrol(data, pki)
    authority.lend(data)
    with opened(data) as store:
        token = equip_store(store, catalog=CATALOG)
        employ(store)
        _plan(store)
    with running(data, token, install_port=free_port()) as gateway:
        yield gateway


def _plan(store: Store) -> None:
    """Put the tasks of this floor in force."""
    content = encode(PLAN)
    offer = offer_of(content, 1, kind="plan")
    entering = stock.Entering(plan=store.floor.enter_plan)
    store.database.run_blocking(
        lambda connection: stock.put_in_force(
            connection, offer, content, site=store.identity.site, now=1, entering=entering
        )
    )


@pytest.fixture
def floor(browser: Browser, door: RunningGateway) -> Iterator[Floor]:
    """The gateway with phones of this test's own."""
    here = Floor(browser, door)
    try:
        yield here
    finally:
        here.close()


@pytest.fixture
def page(floor: Floor) -> Page:
    """A paired phone's page."""
    return floor.paired()


@pytest.fixture
def queue_of() -> Callable[[Page], list[dict[str, Any]]]:
    """What a page keeps, oldest first."""

    def read(page: Page) -> list[dict[str, Any]]:
        return page.evaluate(
            """() => new Promise((ok) => {
                const opening = indexedDB.open('quartermaster-scan');
                opening.onsuccess = () => {
                    const base = opening.result;
                    const all = base.transaction('ops').objectStore('ops').getAll();
                    all.onsuccess = () => { base.close(); ok(all.result); };
                };
            })"""
        )

    return read


class PagesAlone:
    """The pages without a gateway behind them, of a version that can be exchanged."""

    def __init__(self, authority: LocalAuthority) -> None:
        self._app = self._room()
        self.port = free_port()

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)  # whichever version there is now

        self._door = open_door(
            serve, host="127.0.0.1", port=self.port, certificates=authority.folder
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._door.serve()))
        self._thread.start()
        wait_until(lambda: self._door.started, "the pages' door")

    def renew(self, scan: Path) -> None:
        """Serve the pages of this folder from now on."""
        self._app = self._room(scan)

    def close(self) -> None:
        self._door.should_exit = True
        self._thread.join()

    @staticmethod
    def _room(scan: Path = pages.SCAN) -> Starlette:
        return Starlette(routes=pages.routes(scan)(lambda handler: handler))


@pytest.fixture
def pages_alone(authority: LocalAuthority) -> Iterator[PagesAlone]:
    """The pages behind a door that the browser trusts."""
    alone = PagesAlone(authority)
    try:
        yield alone
    finally:
        alone.close()
