"""Debian's Chromium, and a gateway that it trusts as a phone does that has its authority installed.

The gateway's own authority is made once and lent to every gateway of the session: the browser is
told its key, and nothing else is trusted. The camera is a file that Chromium reads anew each time
a page opens it.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from edge.link import local_tls
from edge.simulator.labels import label_frames
from tests.support.clock import WallClock

CHROMIUM: Final = "/usr/bin/chromium"
ARTIFACTS: Final = Path(".artifacts/screens")
PHONE: Final = {"width": 360, "height": 740}
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


class LocalAuthority:
    """One authority for the doors of all gateways of a session."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        names = [socket.gethostname()]  # as the gateway names itself: else it makes its own
        self.folder = local_tls.ensure(folder, clock=WallClock(), hosts=names)

    @property
    def key(self) -> str:
        """The SHA-256 of the doors' public key, as Chromium names it."""
        certificate = x509.load_pem_x509_certificate((self.folder / "tls.crt").read_bytes())
        public = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(public).digest()).decode()

    def lend(self, data: Path) -> None:
        """Have the gateway of this data folder use it."""
        shutil.copytree(self.folder, data / "identity" / "local", dirs_exist_ok=True)


@contextmanager
def chromium(authority: LocalAuthority, camera: Path) -> Iterator[Browser]:
    """A browser that trusts the authority and whose camera shows the file ``camera``."""
    arguments = [
        *_ARGUMENTS,
        f"--ignore-certificate-errors-spki-list={authority.key}",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def phone(
    browser: Browser, base_url: str, *, viewport: dict[str, int] | None = None, **more: Any
) -> Iterator[BrowserContext]:
    """A phone of its own, with empty storage; what its pages complain of fails the test."""
    context = browser.new_context(
        base_url=base_url,
        viewport=viewport or PHONE,  # pyright: ignore[reportArgumentType]
        permissions=["camera"],
        has_touch=True,
        **more,
    )
    context.set_default_timeout(8000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error"
            and "net::ERR_" not in message.text
            and "status of" not in message.text
            else None
        ),
    )
    try:
        yield context
    finally:
        context.close()
    assert not complaints, complaints


def type_like_a_scanner(page: Page, text: str, *, gap_ms: float = 10, end: str = "Enter") -> None:
    """Key by key as a wedge does; the group separator is sent as Ctrl+].

    The keys carry the times at which a scanner would have pressed them: a test's own pace, which
    depends on the machine, is not a scanner's.
    """
    session = page.context.new_cdp_session(page)
    first = time.time()
    try:
        for number, character in enumerate([*text, *([end] if end else [])]):
            at = first + number * gap_ms / 1000
            page.wait_for_timeout(max(0.0, (at - time.time()) * 1000))
            event = {**_key(character), "timestamp": at}
            session.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
            event.pop("text", None)
            session.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    finally:
        session.detach()


def _key(character: str) -> dict[str, Any]:
    if character == "\x1d":
        return {"key": "]", "code": "BracketRight", "modifiers": 2}
    if character == "Enter":
        return {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}
    if character == "Tab":
        return {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    return {"key": character, "code": "", "text": character}


def film(path: Path, parts: Sequence[tuple[str | None, int]], *, seed: int = 7) -> Path:
    """A film (MJPEG) of labels and, for None, of nothing, each for so many frames."""
    rng = np.random.default_rng(seed)
    with path.open("wb") as file:
        for content, frames in parts:
            for picture in _pictures(content, frames, rng):
                file.write(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])
    return path


def _pictures(content: str | None, frames: int, rng: Any) -> Iterator[Any]:
    if content is None:
        yield from (np.full((720, 1280, 3), 90, np.uint8) for _ in range(frames))
        return
    few = list(label_frames(content, rng=rng, count=min(frames, 3)))
    yield from (few[number % len(few)] for number in range(frames))


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the page to be looked at."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


Faults = Callable[[Page], list[dict[str, Any]]]
AXE: Final = Path("edge/web/node_modules/axe-core/axe.min.js")


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps people out: serious and critical violations."""
    session = page.context.new_cdp_session(page)
    try:  # past the page's own policy, as an extension would be
        session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        answer = session.send(
            "Runtime.evaluate",
            {"expression": "axe.run()", "awaitPromise": True, "returnByValue": True},
        )
    finally:
        session.detach()
    found = answer["result"]["value"]["violations"]
    return [
        f"{each['id']}: {[node['html'][:160] for node in each['nodes']]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
