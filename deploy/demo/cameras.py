"""Simulated network cameras over each site's inbound conveyor, in a process of their own.

Rendering a realistic frame costs tens of milliseconds, so a short reel of cartons is rendered once
and then runs in a loop. Gateways see it as they would see any cheap camera: MJPEG over HTTP.

Run as ``python -m deploy.demo.cameras SITE:PORT…``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import count, cycle, islice
from typing import Final

from deploy.clock import SystemClock
from deploy.demo.assortment import demo_assortment
from edge.ports import Frame
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from edge.simulator.goods import draw

CARTONS: Final = 16
FRAMES_EACH: Final = 3
PERIOD_S: Final = 0.7
"""A lap takes over 30 s: a camera tells a code anew when it was out of sight that long."""
SIZE: Final = (960, 540)
_LAST_IN_QUEUE: Final = 10
"""Cameras give way to everything else: on a small machine a late frame costs nothing."""


class Reel:
    """Frames that were rendered once, shown over and over."""

    dropped = 0

    def __init__(self, frames: list[Frame], period_s: float) -> None:
        self._frames = frames
        self._period_s = period_s
        self._closing = threading.Event()

    def frames(self) -> Iterator[Frame]:
        """The frames, until closed."""
        for number, frame in zip(count(), cycle(self._frames), strict=False):
            if self._closing.wait(self._period_s):
                return
            yield frame._replace(number=number, at=time.monotonic())

    def close(self) -> None:
        """End :meth:`frames`."""
        self._closing.set()


def cartons_of(site: str, today: date) -> list[Carton]:
    """What arrives at a site's dock, labelled as its scanners see it."""
    goods = sorted(
        demo_assortment().goods.values(), key=lambda good: draw("conveyor", site, good.sku)
    )
    expiry = today + timedelta(days=200)
    return [
        Carton(
            good.label(case=True, lot="C2601" if good.has_lots else "", expiry=expiry), good.name
        )
        for good in islice(goods, CARTONS)
    ]


def main() -> None:
    """Serve one camera per site until told to end."""
    os.nice(_LAST_IN_QUEUE)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: over.set())
    today = SystemClock().today()
    with ExitStack() as servers:
        for argument in sys.argv[1:]:
            site, _, port = argument.partition(":")
            camera = SimulatedCamera(
                cartons_of(site, today),
                seed=draw(site) % 2**32,
                frames_each=FRAMES_EACH,
                size=SIZE,
            )
            reel = Reel(list(camera.frames()), PERIOD_S)
            servers.enter_context(MjpegServer(reel, port=int(port)))
        over.wait()


if __name__ == "__main__":
    main()
