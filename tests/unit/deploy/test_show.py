"""The demo's face draws what it is told, and nothing gets lost in a narrow column."""

from __future__ import annotations

import io

from rich.console import Console

from deploy.demo.show import Chapter, CloudView, GatewayView, History, View, line, screen, sparkline


def _view() -> View:
    gateway = GatewayView(
        name="gw-vie", site="VIE1", link="cut off", scans=12_345, scans_per_s=20.2,
        answer_p95_ms=4.25, codes_seen=7, waiting=1_140, seq=112_400, watermark=111_260,
        history=[0, 3, 900, 1_140],
    )  # fmt: skip
    cloud = CloudView(
        events=24_000, expected=25_140, stock_lines=210, quarantined=0, gaps=0, visible_p95_ms=41.0
    )
    chapters = [Chapter("normal", "Two floors at work.", 30), Chapter("cut", "A line is cut.", 20)]
    return View(1, chapters, 7, 37, [gateway], cloud, [("API", "https://localhost:1/v1/stock")])


def _drawn(width: int) -> str:
    text = io.StringIO()
    Console(file=text, width=width, force_terminal=False).print(screen(_view(), width))
    return text.getvalue()


def test_every_figure_is_readable_at_common_widths() -> None:
    for width in (80, 108, 160):
        drawn = _drawn(width)

        for figure in ("gw-vie", "cut off", "12,345", "1,140", "111,260/112,400", "24,000", "41 ms",
                       "https://localhost:1/v1/stock", "cut 13 s", "A line is cut."):  # fmt: skip
            assert figure in drawn, figure


def test_a_plain_line_tells_the_same() -> None:
    told = line(_view())

    assert told.startswith("0:37 [cut] gw-vie: cut off")
    assert "24000/25140 events" in told


def test_a_chart_shows_anything_above_nothing() -> None:
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([0, 1, 100]) == "▁▂█"


def test_history_keeps_the_highest_of_each_second() -> None:
    history = History(width=3)

    history.note(0.1, 5)
    history.note(0.9, 2)

    assert history.note(1.0, 1) == (5, 1)
