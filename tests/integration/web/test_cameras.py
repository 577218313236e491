"""The pages of the cameras in a real browser: drawn by pointer and by keys, renewed, refused."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cloud.vision.crops import crops
from edge.app import open_database
from edge.app.store import opened
from edge.ports import Frame, SlotShown, TrackShown
from edge.settings import load
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from edge.vision.calibration import slots_of
from edge.vision.damage import SUSPECT
from edge.vision.embedding import Backbone, boxed, judged
from edge.vision.models import load as load_model
from edge.vision.models import read_card
from edge.web import open_door
from edge.web.console import Sights
from shared.events import CropLabelled, decode_event
from shared.units import DAY
from tests.support import free_port
from tests.support.browser import PHONE, LocalAuthority, phone, screenshot, serious_faults
from tests.support.clock import START
from tests.support.gateway import GTIN, RunningGateway, enrol, equip_store, running, wait_until
from tests.support.people import employ
from tests.support.sights import CROP, DEAD, WATCHING, FakeCameras, FakeCrops, FakeSlots, picture
from tests.unit.edge.web.test_console import Browser as Console

DESK = {"width": 1280, "height": 800}
TABLET = {"width": 820, "height": 1180}
SIZES = [("", DESK, "light"), ("-tablet", TABLET, "light"), ("-phone", PHONE, "dark")]
POLL_MS = 2100
TRIED = {
    "head": "slots",
    "version": "slots-1",
    "candidate": "slots-2",
    "since": START - DAY,
    "compared": 1300,
    "agreed": 1204,
    "labelled": 16,
    "right": 10,
    "candidate_right": 14,
}
"""A head on trial."""
LIKELY = 0.965
"""From .97 on a suspicion asks nobody."""


class Eyes:
    """A console whose cameras a test moves, behind a door that the browser trusts."""

    def __init__(self, browser: Browser, authority: LocalAuthority, store: Any) -> None:
        self._browser = browser
        self.cameras = FakeCameras(WATCHING, DEAD)
        self.slots = FakeSlots(store.pipeline)
        self.crops = FakeCrops()
        self.gateway = Console(store, Sights(self.cameras, self.slots, self.crops))
        employ(store)
        self.port = free_port()
        self._door = open_door(
            self.gateway.app, host="127.0.0.1", port=self.port, certificates=authority.folder
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._door.serve()))
        self._thread.start()
        wait_until(lambda: self._door.started, "the console's door")

    @contextmanager
    def visitor(self) -> Iterator[BrowserContext]:
        """A browser at a desk, in which nobody is signed in."""
        url = f"https://localhost:{self.port}"
        with phone(self._browser, url, viewport=DESK) as context:
            yield context

    def begin(self) -> None:
        """As at first."""
        self.cameras.shown[:] = [WATCHING, DEAD]
        self.cameras.stills = {WATCHING.name: picture()}
        self.slots.kept.clear()
        self.slots.pictures.clear()
        self.crops.line[:] = [CROP, CROP._replace(id="c-2", about="A-01-4", predicted="full")]
        self.crops.words.clear()
        self.gateway.status.told["learning"] = {"shadow": [TRIED]}

    def close(self) -> None:
        self._door.should_exit = True
        self._thread.join()


@pytest.fixture(scope="module")
def all_eyes(
    browser: Browser, authority: LocalAuthority, pki: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Eyes]:
    """One console for all tests."""
    data = tmp_path_factory.mktemp("eyes") / "gw"
    enrol(data, pki)
    with opened(data) as store:
        here = Eyes(browser, authority, store)
        try:
            yield here
        finally:
            here.close()


@pytest.fixture
def eyes(all_eyes: Eyes) -> Eyes:
    """The console as at first."""
    all_eyes.begin()
    return all_eyes


@pytest.fixture(scope="module")
def ada(all_eyes: Eyes) -> Iterator[BrowserContext]:
    """Ada's browser, signed in."""
    with all_eyes.visitor() as context:
        sign_in(context.new_page())
        yield context


@pytest.fixture
def page(all_eyes: Eyes, ada: BrowserContext) -> Iterator[Page]:
    """A page of Ada's, while the console is as at first."""
    all_eyes.begin()
    with closing(ada.new_page()) as page:
        yield page


def sign_in(page: Page) -> None:
    page.goto("/console/")
    page.get_by_label("Your code").fill("ada")
    page.get_by_label("Your secret").fill("ada's secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def look_at(page: Page, name: str) -> None:
    """Keep pictures of the page in every size; it is whole in each, and open to everybody."""
    for suffix, size, scheme in SIZES:
        page.set_viewport_size(size)  # pyright: ignore[reportArgumentType]
        page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        assert not page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ), suffix
        screenshot(page, f"cameras-{name}{suffix}")
        assert serious_faults(page) == [], suffix
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)  # pyright: ignore[reportArgumentType]


def corners(page: Page) -> list[list[float]]:
    """What is drawn."""
    return json.loads(page.locator("#polygon").input_value())


def tap(page: Page, across: float, down: float) -> None:
    """Touch the picture there."""
    box = page.locator("#view").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + across * box["width"], box["y"] + down * box["height"])


def click(page: Page, across: float, down: float) -> None:
    box = page.locator("#view").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def fill(page: Page, name: str) -> None:
    """All of a slot but its corners."""
    page.get_by_label("Its name").fill(name)
    page.get_by_label("The location that it shows").select_option("A-01")
    page.get_by_label("Full").check()
    page.get_by_label("Why it is drawn").fill("New shelf")


def test_each_camera_is_seen_with_its_picture_and_the_dead_one_says_why(page: Page) -> None:
    page.goto("/console/overview")
    page.get_by_role("navigation").get_by_role("link", name="Cameras").click()
    card = page.get_by_role("article").filter(has_text="dock-1")
    width = card.get_by_role("img", name="Picture of dock-1").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 640
    expect(card).to_contain_text("12 cartons in, 1 pallet out")
    assert card.locator("svg rect.track").count() == 2
    dead = page.get_by_role("article").filter(has_text="rack <7>/a")
    expect(dead).to_contain_text("5 tries without a frame. Check its power")
    look_at(page, "all")


def test_what_a_camera_sees_renews_itself_while_somebody_looks(eyes: Eyes) -> None:
    with eyes.visitor() as context:
        page = context.new_page()
        sign_in(page)
        page.clock.install()
        page.goto("/console/cameras")
        _renews_itself(page, eyes)


def _renews_itself(page: Page, eyes: Eyes) -> None:
    image = page.get_by_role("img", name="Picture of dock-1")
    before = image.get_attribute("src")
    box = (0.7, 0.2, 0.9, 0.8)
    eyes.cameras.change(frame_at=START - 1, tracks=(TrackShown("018f-7a39", "person", box),))
    page.clock.fast_forward(POLL_MS)
    expect(page.locator("svg rect.person")).to_have_count(1)
    expect(page.get_by_role("article").first).to_contain_text("person, blurred")
    assert image.get_attribute("src") != before
    eyes.cameras.change(state="frozen", frame_at=START - 60_000_000)
    page.clock.fast_forward(POLL_MS)
    expect(page.get_by_role("article").first).to_contain_text("Its picture stands still")
    expect(page.locator("figcaption")).to_have_text("Last picture 1 minute ago")
    screenshot(page, "cameras-frozen")
    assert serious_faults(page) == []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    page.clock.fast_forward(POLL_MS)
    assert asked == [], "a page that nobody sees asks for nothing"


def test_a_gateway_without_cameras_says_so(page: Page, eyes: Eyes) -> None:
    eyes.cameras.shown.clear()
    eyes.crops.line.clear()
    page.goto("/console/cameras")
    expect(page.locator("#live")).to_contain_text("No camera is set up")
    look_at(page, "none")


def test_a_slot_is_drawn_by_pointer_and_a_corner_is_dragged_and_undone(
    page: Page, eyes: Eyes
) -> None:
    page.goto("/console/cameras")
    page.get_by_role("link", name="Shelf slots of dock-1").click()
    for across, down in ((0.1, 0.2), (0.4, 0.2), (0.4, 0.6), (0.2, 0.7), (0.9, 0.9)):
        click(page, across, down)
    page.get_by_role("button", name="Undo the last corner").click()
    assert corners(page)[-1] == pytest.approx([0.2, 0.7], abs=0.01)
    box = page.get_by_role("button", name="Corner 4 of 4").bounding_box()
    view = page.locator("#view").bounding_box()
    assert box is not None
    assert view is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(view["x"] + 0.1 * view["width"], view["y"] + 0.6 * view["height"], steps=3)
    page.mouse.up()
    assert corners(page) == [
        pytest.approx(corner, abs=0.01)
        for corner in ([0.1, 0.2], [0.4, 0.2], [0.4, 0.6], [0.1, 0.6])
    ]
    expect(page.locator("#told")).to_have_text("4 corners.")
    fill(page, "A-01-1")
    look_at(page, "drawing")
    page.get_by_role("button", name="Keep this slot").click()
    expect(page.get_by_role("status").first).to_contain_text("The slot is kept")
    (slot,) = eyes.slots.slots("dock-1")
    assert (slot.name, slot.location, len(slot.polygon)) == ("A-01-1", "A-01", 4)
    assert eyes.slots.pictures == [(eyes.cameras.still("dock-1"), "full")]


def test_a_slot_is_drawn_by_keys_alone(page: Page, eyes: Eyes) -> None:
    page.goto("/console/cameras/dock-1/slots")
    page.get_by_role("button", name="Add a corner").focus()
    ways = ((), ("Shift+ArrowRight",), ("Delete",), ("ArrowRight", "Shift+ArrowDown"), ())
    for way in ways:
        page.get_by_role("button", name="Add a corner").press("Enter")
        for key in way:
            page.keyboard.press(key)
    assert corners(page) == [[0.4, 0.4], [0.65, 0.4], [0.605, 0.65], [0.4, 0.6]]
    expect(page.locator("#told")).to_contain_text("4 corners.")
    fill(page, "A-01-3")
    page.get_by_role("button", name="Keep this slot").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The slot is kept")
    assert len(eyes.slots.slots("dock-1")[0].polygon) == 4


def test_a_slot_is_drawn_by_touch_on_a_tablet(page: Page, eyes: Eyes) -> None:
    page.set_viewport_size(TABLET)  # pyright: ignore[reportArgumentType]
    page.goto("/console/cameras/dock-1/slots")
    for across, down in ((0.2, 0.2), (0.6, 0.2), (0.6, 0.7)):
        tap(page, across, down)
    fill(page, "A-01-2")
    page.get_by_role("button", name="Keep this slot").click()
    expect(page.get_by_role("status").first).to_contain_text("The slot is kept")
    (slot,) = eyes.slots.slots("dock-1")
    assert slot.polygon[1] == pytest.approx((0.6, 0.2), abs=0.01)


def test_a_broken_outline_is_not_sent_and_what_the_gateway_refuses_keeps_the_drawing(
    page: Page, eyes: Eyes
) -> None:
    page.goto("/console/cameras/dock-1/slots")
    fill(page, "A-01-1")
    keep = page.get_by_role("button", name="Keep this slot")
    keep.click()
    expect(page.locator("#told")).to_have_text("Nothing is drawn yet.")
    for across, down in ((0.1, 0.1), (0.6, 0.6), (0.6, 0.1), (0.1, 0.6)):
        click(page, across, down)
    keep.click()
    expect(page.locator("#told")).to_contain_text("Not kept. The outline crosses itself")
    screenshot(page, "cameras-crossed")
    page.get_by_role("button", name="Begin anew").click()
    for across, down in ((0.1, 0.1), (0.6, 0.1), (0.6, 0.6)):
        click(page, across, down)
    person = TrackShown("018f-7a33", "person", (0.5, 0.2, 0.6, 0.9))
    eyes.cameras.change(tracks=(person,))
    keep.click()
    expect(page.get_by_role("alert").first).to_contain_text("somebody stands before it")
    expect(page.locator("#told")).to_have_text("3 corners.")
    screenshot(page, "cameras-refused")
    assert serious_faults(page) == []
    assert eyes.slots.slots("dock-1") == []
    eyes.cameras.change(tracks=())
    page.get_by_role("button", name="Keep this slot").click()
    expect(page.get_by_role("status").first).to_contain_text("The slot is kept")


def test_slots_show_their_state_and_are_drawn_anew_or_deleted(page: Page, eyes: Eyes) -> None:
    for number, state in enumerate(("empty", "low", "full", "unknown")):
        left = 0.08 + 0.22 * number
        polygon = ((left, 0.1), (left + 0.18, 0.1), (left + 0.18, 0.45), (left, 0.45))
        slot = SlotShown("dock-1", f"A-01-{number}", "A-01", polygon, state, START - 90_000_000)
        eyes.slots.kept["dock-1", slot.name] = slot
    page.goto("/console/cameras/dock-1/slots")
    expect(page.get_by_role("listitem").nth(1)).to_contain_text("Low, since 1 minute ago")
    look_at(page, "slots")
    page.get_by_role("button", name="Draw anew A-01-1").click()
    expect(page.get_by_label("Its name")).to_have_value("A-01-1")
    page.get_by_role("button", name="Corner 1 of 4").press("Delete")
    page.get_by_label("Empty").check()
    page.get_by_label("Why it is drawn").fill("A post stands in front")
    page.get_by_role("button", name="Keep this slot").click()
    expect(page.get_by_role("status").first).to_contain_text("The slot is kept")
    assert len(eyes.slots.kept["dock-1", "A-01-1"].polygon) == 3
    row = page.get_by_role("listitem").filter(has_text="A-01-0")
    row.get_by_text("Delete", exact=False).first.click()
    row.get_by_label("Why").fill("Gone")
    row.get_by_role("button", name="Delete A-01-0").click()
    expect(page.get_by_role("status").first).to_contain_text("The slot is forgotten")
    assert len(eyes.slots.kept) == 3


def test_a_camera_that_shows_nothing_cannot_be_drawn_on(page: Page) -> None:
    page.goto("/console/cameras")
    page.get_by_role("link", name="Shelf slots of rack <7>/a").click()
    expect(page.locator("main")).to_contain_text("shows no picture now: 5 tries without a frame")
    look_at(page, "no-picture")


def test_crops_are_labelled_by_keys_and_buttons_until_none_waits(page: Page, eyes: Eyes) -> None:
    page.goto("/console/cameras")
    page.get_by_role("link", name="Say what you see").click()
    expect(page.get_by_role("heading", name="How full is slot A-01-3?")).to_be_visible()
    look_at(page, "crops")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="How full is slot A-01-4?")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("Your answer: Empty.")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("status")).to_have_text("Your answer is taken back.")
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name="How full is slot A-01-3?")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("1 waits, 1 answered by you")
    look_at(page, "crops-answered")
    page.get_by_label("Answer by keys, too").uncheck()
    page.keyboard.press("1")
    page.reload()
    page.keyboard.press("1")
    expect(page.get_by_label("Answer by keys, too")).not_to_be_checked()
    page.get_by_role("button", name="Cannot tell").click()
    expect(page.get_by_role("main")).to_contain_text("No picture waits for an answer")
    look_at(page, "crops-none")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="How full is slot A-01-3?")).to_be_visible()
    assert [(crop, label) for crop, label, _ in eyes.crops.words] == [("c-2", "full")]


def test_whoever_is_not_signed_in_sees_no_picture(eyes: Eyes) -> None:
    with eyes.visitor() as context:
        page = context.new_page()
        for path in ("/console/cameras", "/console/cameras/dock-1/slots", "/console/crops"):
            page.goto(path)
            expect(page.get_by_label("Your secret")).to_be_visible()
        answer = context.request.get("/console/cameras/dock-1/still", ignore_https_errors=True)
        assert "image" not in answer.headers["content-type"]


class Shelf:
    """A camera that looks at an empty shelf: nothing but grey, and its own noise."""

    dropped = 0

    def __init__(self) -> None:
        self._closing = threading.Event()

    def frames(self) -> Iterator[Frame]:
        rng = np.random.default_rng(5)
        for number in itertools.count():
            if self._closing.wait(0.2):
                return
            noise = rng.integers(0, 6, (540, 960, 3), dtype=np.uint8)
            yield Frame(noise + np.uint8(90), number, number / 5)

    def close(self) -> None:
        self._closing.set()


def doubtful_cartons(number: int) -> list[Any]:
    """Pictures of cartons that the head for damage suspects without being sure of it."""
    backbone, head = Backbone(), load_model(read_card("damage"))
    low, high = head.card.thresholds["sure"] + 0.004, LIKELY
    found: list[Any] = []
    for each in crops(31, 600, "train"):
        seen = cv2.resize(each.picture, (480, 360))
        crop = boxed(seen, (0, 0, 480, 360))
        assert crop is not None
        (verdict,) = judged(head, backbone.embed([crop]))
        if verdict.label == SUSPECT and low <= verdict.probability <= high:
            found.append(seen)
            if len(found) == number:
                return found
    raise AssertionError("no such carton was drawn")


def film_of(path: Path, picture: Any) -> Path:
    """A video file of something that lies still before a camera, whose noise is each frame's."""
    rng: Any = np.random.default_rng(1)
    high, wide = picture.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 2, (wide, high))
    for _ in range(240):
        noise = rng.normal(0, 2, picture.shape)
        writer.write(np.clip(picture + noise, 0, 255).astype(np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, pki: Path, authority: LocalAuthority
) -> Iterator[RunningGateway]:
    """A gateway with a belt, a shelf, a camera that is not there, and two packing benches."""
    data = tmp_path_factory.mktemp("looking") / "gw"
    enrol(data, pki)
    authority.lend(data)
    with opened(data) as store:
        token = equip_store(store)
        employ(store)
    label = Carton(f"]E0{GTIN[1:]}")
    belt = SimulatedCamera([label], seed=3, rounds=None, period_s=0.2, size=(960, 540))
    benches = "".join(
        f"""
[[camera]]
name = "bench-{number}"
source = "{film_of(data / f"bench-{number}.mp4", picture)}"
keep_crops = true
cpu = 1.0
zones = [{{ name = "packing", tasks = ["damage"], polygon = [[0, 0], [1, 0], [1, 1], [0, 1]] }}]
"""
        for number, picture in enumerate(doubtful_cartons(2), start=1)
    )
    with MjpegServer(belt) as server, MjpegServer(Shelf()) as shelf:
        cameras = f"""
[[camera]]
name = "belt"
source = "{server.address}"
zones = [{{ name = "all", polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]] }}]
[[camera]]
name = "shelf"
source = "{shelf.address}"
[[camera]]
name = "gone"
source = "{data / "gone.mp4"}"
{benches}"""
        with running(data, token, extra=cameras) as gateway:
            yield gateway


def test_a_running_gateway_shows_its_cameras_and_keeps_a_slot_that_is_drawn(
    browser: Browser, gateway: RunningGateway
) -> None:
    with phone(browser, f"https://localhost:{gateway.port}", viewport=DESK) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/console/cameras")
        card = page.get_by_role("article").filter(has_text="belt")
        expect(card.get_by_role("img", name="Picture of belt")).to_be_visible()
        expect(card).to_contain_text("TEA-1")
        expect(page.get_by_role("article").filter(has_text="gone")).to_contain_text(
            "No such file. Check"
        )
        screenshot(page, "cameras-real")
        expect(page.get_by_role("img", name="Picture of shelf")).to_be_visible()
        page.get_by_role("link", name="Shelf slots of shelf").click()
        for across, down in ((0.2, 0.2), (0.5, 0.2), (0.5, 0.6), (0.2, 0.6)):
            click(page, across, down)
        fill(page, "A-01-1")
        page.get_by_role("button", name="Keep this slot").click()
        expect(page.get_by_role("status").first).to_contain_text("The slot is kept")
        expect(page.get_by_role("listitem")).to_contain_text("A-01-1")
    database = open_database(gateway.data, load(gateway.data))
    try:
        (slot,) = slots_of(database.reader, "shelf")
    finally:
        database.close()
    assert (slot.drawn_by, slot.shows, slot.location) == ("ada", "full", "A-01")
    assert slot.reference.startswith(b"\xff\xd8")


def test_what_a_camera_is_unsure_of_is_answered_by_an_operator_and_goes_up_as_a_word(
    browser: Browser, gateway: RunningGateway
) -> None:
    wait_until(lambda: gateway.status()["learning"]["crops"] == 2, "two doubtful crops")
    with phone(browser, f"https://localhost:{gateway.port}", viewport=DESK) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/console/exceptions")
        card = page.get_by_role("article").filter(has_text="bench-1")
        expect(card).to_contain_text("Damage suspected: carton")
        expect(card).to_contain_text("A camera suspects that a carton is damaged")
        look_at(page, "damage")
        page.goto("/console/crops")
        main = page.get_by_role("main")
        expect(page.get_by_role("heading", name="Is this carton damaged?")).to_be_visible()
        expect(main).to_contain_text("2 wait")
        look_at(page, "crops-real")
        first, second = shown_crop(page), ""
        page.get_by_role("button", name="Skip for now").click()
        expect(main).to_contain_text("It comes again after all others.")
        second = shown_crop(page)
        assert second != first
        page.get_by_role("button", name="Not damaged").click()
        page.get_by_role("button", name="Take it back").click()
        expect(main).to_contain_text("Your answer is taken back.")
        assert shown_crop(page) == second
        page.get_by_role("button", name="Not damaged").click()
        expect(main).to_contain_text("1 waits, 1 answered by you")
        assert shown_crop(page) == first
        page.get_by_role("button", name="Cannot tell").click()
        expect(main).to_contain_text("No picture waits for an answer")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Your secret")).to_be_visible()
    database = open_database(gateway.data, load(gateway.data))
    try:
        assert database.reader.execute("SELECT count(*) FROM crop").fetchone() == (0,)
        rows = database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    finally:
        database.close()
    events = [decode_event(body) for (body,) in rows]
    (word,) = [event for event in events if isinstance(event.data, CropLabelled)]
    assert (str(UUID(bytes=word.id)), word.operator) == (second, "ada")
    assert isinstance(word.data, CropLabelled)
    assert (word.data.label, word.data.predicted, word.data.head) == ("whole", "suspect", "damage")
    assert word.data.camera.startswith("bench-")


def shown_crop(page: Page) -> str:
    """The id of the crop that a person is asked about; its picture is there."""
    picture = page.get_by_role("img", name="The picture in question")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    return str(picture.get_attribute("src")).rpartition("/")[2]
