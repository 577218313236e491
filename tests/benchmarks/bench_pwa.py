"""How soon a person with a phone is told, how fast a backlog goes, how soon a camera reads.

Debian's Chromium works at a real gateway, both on this machine. Measured in the page itself:

``feedback``  from the scanner's last key, as the browser dates it, until the colour is on the
    screen; without a network, with the scan forced to the medium in between
``flush``     1,000 scans that waited, from the line's return until the last has been answered
``camera``    from the camera's first frame until an EAN-13 in it is a scan: the decoder as
    WebAssembly, loaded anew each time, two frames that agree
``decode``    one frame, from taking it until its codes are known

Bars: feedback p95 < 100 ms, flush < 30 s, camera < 700 ms, nothing unheard, lost or doubled.

What limits it: the two cores, which browser, its fake camera, driver and gateway share. The flush
is bound by the gateway's validation and the page's own storage, sixty-four scans at a time; the
camera by compiling the decoder (half of the time) and by the second frame that must agree.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from deploy.demo.crew import percentile
from deploy.pki import create
from edge.app.store import opened
from edge.web import pairing
from tests.support import WallClock
from tests.support.browser import LocalAuthority, chromium, film, phone, type_like_a_scanner
from tests.support.gateway import GTIN, TRUST_DOMAIN, RunningGateway, enrol, equip, running
from tests.support.scan_page import WEDGE_LABEL, installed, meanwhile, save_many

BACKLOG = 1000


def measure(folder: Path, rounds: int) -> dict[str, object]:
    """One run; every figure in milliseconds but the flush."""
    pki, data = folder / "pki", folder / "gw"
    create(pki, trust_domain=TRUST_DOMAIN, clock=WallClock())
    data.mkdir()
    enrol(data, pki)
    authority = LocalAuthority(folder / "door")
    authority.lend(data)
    token = equip(data)
    with opened(data) as store:
        now = store.clock.now()
        code = store.database.run_blocking(lambda c: pairing.begin(c, "ph-1", now=now)).code
    camera = film(folder / "camera.mjpeg", [(f"]E0{GTIN[1:]}", 30)])
    with (
        running(data, token) as gateway,
        chromium(authority, camera) as browser,
        phone(browser, f"https://localhost:{gateway.port}") as context,
    ):
        page = context.new_page()
        page.goto(f"/scan/#pair={code}")
        page.locator("#nav button").first.wait_for()
        installed(page)
        context.set_offline(True)
        feedback = _feedback(page, rounds)
        heard = len(feedback)
        save_many(page, BACKLOG - heard)
        began = time.monotonic()
        context.set_offline(False)
        page.get_by_text("Nothing waits").wait_for(timeout=120_000)
        flush = time.monotonic() - began
        applied, repeated = _counted(gateway, "accepted"), _counted(gateway, "repeated")
        camera_ms, decode_ms = _camera(page, max(3, rounds // 5))
    figures: dict[str, float] = {
        "feedback_p50_ms": percentile(feedback, 0.50),
        "feedback_p95_ms": percentile(feedback, 0.95),
        "feedback_max_ms": max(feedback),
        "flush_s": flush,
        "flush_scans_per_s": BACKLOG / flush,
        "camera_p50_ms": percentile(camera_ms, 0.50),
        "camera_max_ms": max(camera_ms),
        "decode_p50_ms": percentile(decode_ms, 0.50),
        "decode_p95_ms": percentile(decode_ms, 0.95),
    }
    quick = figures["feedback_p95_ms"] < 100 and figures["camera_max_ms"] < 700 and flush < 30
    lost = BACKLOG - applied
    unheard = rounds - heard
    return {
        **{name: round(value, 1) for name, value in figures.items()},
        "scans": BACKLOG,
        "unheard": unheard,
        "lost": lost,
        "doubled": repeated,
        "ok": quick and not (lost or repeated or unheard),
    }


def _feedback(page: Page, rounds: int) -> list[float]:
    for _ in range(rounds):
        type_like_a_scanner(page, WEDGE_LABEL, gap_ms=5)
        page.wait_for_timeout(100)
    return _measured(page, "qm:feedback")


def _camera(page: Page, rounds: int) -> tuple[list[float], list[float]]:
    key = page.locator("[data-key=camera]")
    for number in range(1, rounds + 1):
        key.click()
        meanwhile(page, lambda n=number: len(_measured(page, "qm:camera")) >= n, "a label read")
        page.wait_for_timeout(500)
        key.click()
        page.wait_for_timeout(1700)  # a label that is gone so long is a new one
    return _measured(page, "qm:camera"), _measured(page, "qm:decode")


def _measured(page: Page, name: str) -> list[float]:
    return page.evaluate(
        "name => performance.getEntriesByName(name).map((each) => each.duration)", name
    )


def _counted(gateway: RunningGateway, outcome: str) -> int:
    text = gateway.http.get("/metrics").text
    found = re.search(rf'scans_total{{outcome="{outcome}"}} (\d+)', text)
    return int(found.group(1)) if found else 0


def main() -> int:
    """Run and print; the last line is the JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="10 scans by hand instead of 50")
    rounds = 10 if parser.parse_args().short else 50
    Path(".run").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qm-pwa-", dir=Path(".run").absolute()) as folder:
        figures = measure(Path(folder), rounds)
    for name, value in figures.items():
        print(f"{name:>18}  {value}")
    print(json.dumps(figures))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
