"""The story that the demo tells: two floors at work, one cut off, healed, caught up, checked.

It owns the order of events and the clock; starting things is the stack's business, drawing the
show's, judging the verdict's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.live import Live

from deploy.clock import SystemClock
from deploy.demo.assortment import demo_assortment, endless_sales
from deploy.demo.crew import Crew, Post, percentile
from deploy.demo.probe import PROBE_DEVICE, PROBE_SKU, Probe
from deploy.demo.reader import Reader
from deploy.demo.show import Chapter, View, addresses, line, screen
from deploy.demo.site import Site, invite
from deploy.demo.stack import DatabaseKind, Stack
from deploy.demo.staff import OPERATOR
from deploy.demo.verdict import Verdict, when_settled
from deploy.demo.watch import Watch
from edge.simulator.floor import Floor
from edge.simulator.oracle import Oracle
from edge.web.pairing import Pairing
from shared.units import MINUTE

GATEWAYS: Final = {"AMS1": "gw-amsterdam", "VIE1": "gw-vienna"}
CUT_SITE: Final = "VIE1"
SCANS_PER_S: Final = 20.0
"""Per gateway; people with scanners are slower, but there are many of them."""
_NEARLY_NOTHING: Final = 10
_LOOK_EVERY_S: Final = 0.5
_LINE_EVERY_S: Final = 5.0
_DRAIN_WITHIN_S: Final = 60.0
VISITOR: Final = "visitor"
"""The device that a visitor's browser becomes."""

CHAPTERS: Final = (
    Chapter("at work", "Two warehouses scan; every answer is durable before it is given.", 30.0),
    Chapter(
        "cut off",
        "The line of gw-vienna is cut. Its people go on scanning, its outbox grows.",
        20.0,
    ),
    Chapter("healed", "The line is back: the backlog drains, oldest first, each event once.", 0.0),
    Chapter("complete", "Everything has arrived. Try the addresses below. Ctrl-C ends.", 0.0),
)


class Outcome(NamedTuple):
    """How the demo ended."""

    verdict: Verdict
    scans: int
    refused: dict[str, int]
    backlog: int
    drain_s: float
    scan_p95_ms: float
    visible_p95_ms: float
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or missing."""
        return self.verdict.clean

    def as_dict(self) -> dict[str, Any]:
        """The one JSON line."""
        verdict = self.verdict
        return {
            "ok": self.good,
            "scans": self.scans,
            "events_made": verdict.made,
            "in_ledger": verdict.in_ledger,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "gaps": verdict.gaps,
            "quarantined": verdict.quarantined,
            "misunderstood": verdict.misunderstood,
            "stock_differences": len(verdict.stock),
            "stock_lines": verdict.stock_lines,
            "refused": self.refused,
            "backlog": self.backlog,
            "drain_s": round(self.drain_s, 1),
            "scan_p95_ms": round(self.scan_p95_ms, 1),
            "visitors": verdict.visitors,
            "visible_p95_ms": round(self.visible_p95_ms, 1),
            "p95_latency_ms": round(self.visible_p95_ms, 1),
            "seconds": round(self.seconds, 1),
        }


Draw = Callable[[View], None]


class Play:
    """One performance.

    Args:
        folder: a fresh folder for everything.
        console: where to show it.
        once: tell the story once with plain lines and end; else live, until Ctrl-C.
        database: which database to stand on.
        chapters: the story; their order is fixed, their lengths are not.
    """

    def __init__(
        self,
        folder: Path,
        *,
        console: Console,
        once: bool,
        database: DatabaseKind,
        chapters: tuple[Chapter, ...] = CHAPTERS,
    ) -> None:
        self._console = console
        self._once = once
        self._chapters = chapters
        self._assortment = demo_assortment()
        self.stack = Stack(
            folder,
            gateways=GATEWAYS,
            assortment=self._assortment.with_article(PROBE_SKU, "Probe article"),
            database_kind=database,
        )
        self._chapter = 0
        self._chapter_began = self._began = time.monotonic()
        self._last_line = 0.0
        self._backlog = 0
        self._drain_s = 0.0
        self._steady: list[float] = []
        self._invited: dict[str, Pairing] = {}

    def run(self) -> Outcome:
        """Perform.

        Raises:
            QuartermasterError: something did not start, or stopped by itself; ``where`` is its log.
        """
        with self.stack:
            self._start()
            self.stack.publish_staff()
            oracle = Oracle(self.stack.folder / "oracle.jsonl")
            probes = [
                Probe(
                    code,
                    good=self.stack.assortment.goods[PROBE_SKU],
                    gateway=site.doors[PROBE_DEVICE],
                    api=self.stack.api_door(),
                    oracle=oracle,
                    every_s=0.5,
                )
                for code, site in self.stack.sites.items()
            ]
            crew = self._crew(oracle, probes)
            with closing(Watch(self.stack, oracle, crew, probes)) as watch:
                crew.start()
                try:
                    self._tell(watch, probes)
                    crew.finish(timeout=30)
                finally:
                    crew.abandon()
                    oracle.close()
            self._console.print("Comparing the ledger with what was scanned …")
            with closing(Reader(self.stack.api_door())) as cloud:
                verdict = when_settled(cloud, oracle, pause=time.sleep, crew=self._devices())
        return Outcome(
            verdict=verdict,
            scans=len(oracle.scans),
            refused=dict(oracle.refusals()),
            backlog=self._backlog,
            drain_s=self._drain_s,
            scan_p95_ms=1000
            * percentile([s for all_ in crew.seconds.values() for s in all_], 0.95),
            visible_p95_ms=1000 * percentile(self._steady, 0.95),
            seconds=time.monotonic() - self._began,
        )

    def _start(self) -> None:
        if self._once or not self._console.is_terminal:
            self.stack.start(
                cameras=True, say=lambda what: self._console.print(f"starting: {what}")
            )
            return
        with self._console.status("Starting …") as status:
            self.stack.start(cameras=True, say=lambda what: status.update(f"Starting: {what} …"))

    def _crew(self, oracle: Oracle, probes: list[Probe]) -> Crew:
        today = SystemClock().today()
        posts: list[Post] = []
        for code, site in self.stack.sites.items():
            floor = Floor(code, self._assortment.goods, today=today)
            sales = endless_sales(code, self._assortment.goods)
            doors = {name: door for name, door in site.doors.items() if name != PROBE_DEVICE}
            posts.append(Post(code, floor.scans(sales), doors, SCANS_PER_S))
        return Crew(posts, oracle, beside=[probe.run for probe in probes])

    def _devices(self) -> frozenset[str]:
        """What the crew and the probes scan with."""
        return frozenset(name for site in self.stack.sites.values() for name in site.doors)

    def _tell(self, watch: Watch, probes: list[Probe]) -> None:
        """Chapter by chapter."""
        wire = self.stack.sites[CUT_SITE].wire
        if self._once or not self._console.is_terminal:
            self._console.print(addresses(self._places()), soft_wrap=True)
        with self._stage() as draw:
            self._open_chapter(0)
            self._look_until(watch, draw, lambda view: view.in_chapter >= self._length())
            self._steady = [s.visible_s for probe in probes for s in probe.sightings]
            wire.cut()
            self._open_chapter(1)
            self._look_until(watch, draw, lambda view: view.in_chapter >= self._length())
            self._backlog = self._waiting(watch)
            wire.heal()
            self._open_chapter(2)
            self._look_until(watch, draw, self._is_caught_up)
            self._drain_s = time.monotonic() - self._chapter_began
            self._open_chapter(3)
            if self._once:
                self._look_until(watch, draw, lambda view: view.in_chapter >= self._length())
            else:
                try:
                    self._look_until(watch, draw, lambda _: False)
                except KeyboardInterrupt:
                    return

    def _length(self) -> float:
        return self._chapters[self._chapter].seconds

    def _open_chapter(self, number: int) -> None:
        self._chapter = number
        self._chapter_began = time.monotonic()
        self._last_line = 0.0

    def _is_caught_up(self, view: View) -> bool:
        cut = next(gateway for gateway in view.gateways if gateway.site == CUT_SITE)
        caught_up = cut.link == "online" and cut.waiting <= _NEARLY_NOTHING
        return caught_up or view.in_chapter > _DRAIN_WITHIN_S

    def _waiting(self, watch: Watch) -> int:
        gateways, _ = watch.look(time.monotonic() - self._began)
        return max(gateway.waiting for gateway in gateways)

    def _look_until(self, watch: Watch, draw: Draw, over: Callable[[View], bool]) -> None:
        while True:
            began = time.monotonic()
            gateways, cloud = watch.look(began - self._began)
            view = View(
                chapter=self._chapter,
                chapters=self._chapters,
                in_chapter=began - self._chapter_began,
                elapsed=began - self._began,
                gateways=gateways,
                cloud=cloud,
                places=self._places(),
            )
            draw(view)
            if over(view):
                return
            time.sleep(max(0.0, began + _LOOK_EVERY_S - time.monotonic()))

    @contextmanager
    def _stage(self) -> Generator[Draw]:
        """Where views are drawn: a live screen, or a plain line every few seconds."""
        if self._once or not self._console.is_terminal:
            yield self._say
            return
        last: list[View] = []

        def draw(view: View) -> None:
            last[:] = [view]
            live.update(screen(view, self._console.width), refresh=True)

        with Live(console=self._console, auto_refresh=False, screen=True) as live:
            yield draw
        # The live screen leaves no trace in the terminal: its last state stays as a record.
        for view in last:
            self._console.print(screen(view, self._console.width))

    def _say(self, view: View) -> None:
        now = time.monotonic()
        if now - self._last_line >= _LINE_EVERY_S:
            self._last_line = now
            self._console.print(line(view), highlight=False, markup=False, soft_wrap=True)

    def _places(self) -> list[tuple[str, str]]:
        api = self.stack.api_url
        auth = f'-H "Authorization: Bearer $(cat {self.stack.key_file})"'
        return [
            ("API", f"{api}/v1/stock?site={CUT_SITE}"),
            ("", f"{api}/v1/openapi.json"),
            *(
                ("" if number else "scan", f"{site.code}  {self._scan_url(site)}")
                for number, site in enumerate(self.stack.sites.values())
            ),
            *(
                (
                    "" if number else "console",
                    f"{site.code}  https://localhost:{site.port}/console/",
                )
                for number, site in enumerate(self.stack.sites.values())
            ),
            ("", f"sign in as {OPERATOR} with {self.stack.secret_file.read_text('ascii')}"),
            ("", "the browser asks first: each gateway is its own authority"),
            ("try", f"curl --cacert {self.stack.ca} {auth} '{api}/v1/stock?limit=3'"),
            ("logs", str(self.stack.logs)),
        ]

    def _scan_url(self, site: Site) -> str:
        """Where a visitor's browser becomes a scanner; the code in it is good for ten minutes."""
        now = SystemClock().now()
        invited = self._invited.get(site.code)
        if invited is None or invited.expires_at - now < MINUTE:
            invited = self._invited[site.code] = invite(site.folder, VISITOR, now=now)
        return f"https://localhost:{site.port}/scan/#pair={invited.code}"
