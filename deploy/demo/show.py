"""The demo's face: one table that lives, or plain lines where there is no terminal.

It draws what it is given; it asks nobody and decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Link = Literal["online", "cut off", "connecting", "draining", "stopped"]

WIDTH: Final = 108
HISTORY_WIDTH: Final = 12
_LEFT: Final = ("scans", "per s", "p95 ms", "camera")
_BARS: Final = " ▁▂▃▄▅▆▇█"
_LINK_STYLE: Final[dict[Link, str]] = {
    "online": "green",
    "cut off": "bold white on red",
    "connecting": "yellow",
    "draining": "bold yellow",
    "stopped": "dim",
}


class GatewayView(NamedTuple):
    """One gateway as of now. ``watermark`` and ``seq`` are sequence numbers."""

    name: str
    site: str
    link: Link
    scans: int
    scans_per_s: float
    answer_p95_ms: float
    codes_seen: int
    waiting: int
    seq: int
    watermark: int
    history: Sequence[int] = ()


class CloudView(NamedTuple):
    """The cloud as of now. ``expected`` is how many scans the gateways have accepted."""

    events: int
    expected: int
    stock_lines: int
    quarantined: int
    gaps: int
    visible_p95_ms: float


class Chapter(NamedTuple):
    """A part of the demo's story and how long it takes; 0 where it takes as long as it takes."""

    title: str
    says: str
    seconds: float


class View(NamedTuple):
    """Everything on the screen."""

    chapter: int
    chapters: Sequence[Chapter]
    in_chapter: float
    elapsed: float
    gateways: Sequence[GatewayView]
    cloud: CloudView
    places: Sequence[tuple[str, str]]


class History:
    """The last outbox depths of one gateway, one a second, for its small chart."""

    def __init__(self, width: int = HISTORY_WIDTH) -> None:
        self._values: deque[int] = deque(maxlen=width)
        self._second = -1

    def note(self, elapsed: float, value: int) -> Sequence[int]:
        """Remember ``value``; returns what the chart shows."""
        if int(elapsed) != self._second:
            self._second = int(elapsed)
            self._values.append(value)
        else:
            self._values[-1] = max(self._values[-1], value)
        return tuple(self._values)


def sparkline(values: Sequence[int]) -> str:
    """A row of bars, the highest at full height; anything above nothing is visible."""
    top = max(values, default=0)
    if not top:
        return _BARS[1] * len(values)
    return "".join(_BARS[1 + -(-value * 7 // top)] for value in values)


def screen(view: View, width: int = WIDTH) -> RenderableType:
    """The live table for a terminal of ``width`` columns; a narrow one shows less."""
    narrow = width < WIDTH
    body = Group(
        _story(view), Text(), _gateways(view, narrow=narrow), _cloud(view.cloud), _places(view)
    )
    title = f"[bold]Quartermaster[/] demo · {_clock(view.elapsed)}"
    padding = (0, 0) if narrow else (1, 2)
    return Align.left(
        Panel(body, title=title, border_style="cyan", padding=padding, width=min(width, WIDTH))
    )


def line(view: View) -> str:
    """One plain line, for logs."""
    gateways = "  ".join(
        f"{gw.name}: {gw.link}, {gw.scans} scans, {gw.waiting} waiting, watermark {gw.watermark}"
        for gw in view.gateways
    )
    cloud = view.cloud
    return (
        f"{_clock(view.elapsed)} [{view.chapters[view.chapter].title}] {gateways}  "
        f"cloud: {cloud.events}/{cloud.expected} events, {cloud.stock_lines} stock lines, "
        f"visible p95 {cloud.visible_p95_ms:.0f} ms"
    )


def addresses(places: Sequence[tuple[str, str]]) -> RenderableType:
    """Where to look and how to get in, for logs."""
    lines = (f"  {name:<8} {where}" for name, where in places)
    return Text("\n".join(("Open meanwhile:", *lines)))


def _story(view: View) -> RenderableType:
    steps = Text()
    for number, chapter in enumerate(view.chapters):
        if number:
            steps.append("  →  ", "dim")
        if number < view.chapter:
            steps.append(f"✔ {chapter.title}", "green")
        elif number == view.chapter:
            left = chapter.seconds - view.in_chapter
            rest = f" {max(left, 0):.0f} s" if chapter.seconds else ""
            steps.append(f"● {chapter.title}{rest}", "bold yellow")
        else:
            steps.append(f"○ {chapter.title}", "dim")
    return Group(steps, Text(view.chapters[view.chapter].says, "italic"))


def _gateways(view: View, *, narrow: bool) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    table.add_column("gateway", no_wrap=True, min_width=6 if narrow else 11)
    table.add_column("link", no_wrap=True, min_width=9 if narrow else 12)
    names = ("scans", "p95 ms", "outbox") if narrow else (*_LEFT, "outbox")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if not narrow:
        table.add_column("", min_width=HISTORY_WIDTH, no_wrap=True)
    table.add_column("watermark", justify="right", no_wrap=True, min_width=15)
    for gateway in view.gateways:
        waiting = "bold yellow" if gateway.waiting > 20 else ""
        scans, answer = f"{gateway.scans:,}", f"{gateway.answer_p95_ms:.1f}"
        rate = f"{gateway.scans_per_s:.0f}"
        depth = Text(f"{gateway.waiting:,}", waiting)
        link = Text(f" {gateway.link} ", _LINK_STYLE[gateway.link])
        watermark = f"{gateway.watermark:,}[dim]/{gateway.seq:,}[/]"
        if narrow:
            table.add_row(f"[bold]{gateway.name}[/]", link, scans, answer, depth, watermark)
            continue
        table.add_row(
            f"[bold]{gateway.name}[/] [dim]{gateway.site}[/]",
            *(link, scans, rate, answer, f"{gateway.codes_seen}", depth),
            Text(sparkline(gateway.history), waiting or "cyan"),
            watermark,
        )
    return table


def _cloud(cloud: CloudView) -> RenderableType:
    behind = cloud.expected - cloud.events
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    table.add_column("cloud", no_wrap=True)
    names = ("events", "on the way", "stock lines", "gaps", "quarantined", "visible p95")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(
        "[bold]ledger[/]",
        f"{cloud.events:,}",
        Text(f"{max(behind, 0):,}", "bold yellow" if behind > 20 else "green"),
        f"{cloud.stock_lines:,}",
        _zero(cloud.gaps),
        _zero(cloud.quarantined),
        f"{cloud.visible_p95_ms:.0f} ms",
    )
    return table


def _places(view: View) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name, where in view.places:
        table.add_row(Text(name, "dim"), Text(where, overflow="fold"))
    return table


def _zero(number: int) -> Text:
    return Text(str(number), "green" if number == 0 else "bold red")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
