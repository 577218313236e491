"""How a camera does, in words, and what is drawn over its picture: numbers for the templates.

Drawings are a thousand units wide whatever the camera's resolution, so that words over the picture
have one size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from edge.ports import CameraShown, CameraState, LineShown, Point, SlotShown
from edge.web.console.facts import Fact
from edge.web.console.feed import legible
from shared.units import SECOND
from shared.words import ago, clock_time, counted, many, plain

WIDE: Final = 1000
_SHAPE: Final = (16, 9)
"""Of a picture that never came."""
_ARROW: Final = 60
_ABOVE: Final = 12
"""How far above a counting line its name stands; it stays below the picture's top."""
_LEAST_TOP: Final = 32
_STALE: Final = 15 * SECOND
"""A picture older than this is not what happens there now."""
_OVER_BUDGET: Final = 1.2
"""A worker that takes this much more than its share is told: it slows the scans."""


class Stand(NamedTuple):
    """A camera's state in a word, what to do about it, and how it looks."""

    says: str
    do: str = ""
    look: str = ""


STANDS: Final[Mapping[CameraState, Stand]] = {
    "starting": Stand("Starting"),
    "watching": Stand("Watching", look="good"),
    "frozen": Stand(
        "Frozen", "Its picture stands still. Switch the camera off and on again.", "warned"
    ),
    "black": Stand("Black", "See whether it is covered, or the light there is off.", "warned"),
    "unreadable": Stand(
        "Unreadable",
        "Check its power, its cable and its source in gateway.toml. It is tried again by itself.",
        "refused",
    ),
    "failed": Stand(
        "Failed",
        "What watches it has ended; it is started again by itself. The log says more.",
        "refused",
    ),
    "ended": Stand("Ended", "All of its pictures have been looked at.", ""),
}


class Shape(NamedTuple):
    """A polygon: its corners for SVG, and where its name is written."""

    name: str
    points: str
    left: float
    top: float


class SlotDrawn(NamedTuple):
    """A shelf slot, and what it was last seen as, in the picture and beside it."""

    shape: Shape
    state: str
    says: str
    slot: SlotShown


class Line(NamedTuple):
    """A counting line, the arrow that says which way is in, and its words, at its upper end."""

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    middle: tuple[float, float]
    tip: tuple[float, float]
    says: str
    label: tuple[float, float]
    anchor: str


class Track(NamedTuple):
    """A box around what is in the picture."""

    says: str
    seen: str
    left: float
    top: float
    width: float
    height: float


class Drawing(NamedTuple):
    """All that lies over a picture, and the same in words; ``high`` to :data:`WIDE` wide."""

    high: float
    zones: list[Shape]
    masks: list[str]
    slots: list[SlotDrawn]
    lines: list[Line]
    tracks: list[Track]
    says: str


class Read(NamedTuple):
    """A code that was read."""

    text: str
    sku: str
    at: str


class CameraSeen(NamedTuple):
    """A camera as its card shows it."""

    name: str
    stand: Stand
    why: str
    picture: str
    frame_at: int
    drawing: Drawing
    facts: list[Fact]
    reads: list[Read]
    lacking: tuple[tuple[str, str], ...]


def seen(camera: CameraShown, slots: Sequence[SlotShown], now: int) -> CameraSeen:
    """What there is to say of a camera and its slots."""
    return CameraSeen(
        camera.name,
        STANDS[camera.state],
        camera.why,
        _age(camera.frame_at, now),
        camera.frame_at,
        drawing(camera, slots, now),
        _facts(camera),
        [Read(legible(each.text), each.sku or "", clock_time(each.at)) for each in camera.reads],
        camera.lacking,
    )


def drawing(camera: CameraShown, slots: Sequence[SlotShown], now: int) -> Drawing:
    """What lies over a camera's picture."""
    high = height_of(camera)
    zones = [shape(each.name, each.polygon, high) for each in camera.zones]
    lines = [_line(each, high) for each in camera.lines]
    tracks = [
        Track(
            "person, blurred" if each.seen == "person" else each.seen,
            each.seen,
            *_placed(each.box[:2], high),
            *_placed((each.box[2] - each.box[0], each.box[3] - each.box[1]), high),
        )
        for each in camera.tracks
    ]
    masks = [_points(polygon, high) for polygon in camera.masks]
    drawn = [_slot(each, high, now) for each in slots]
    return Drawing(high, zones, masks, drawn, lines, tracks, _told(camera, slots, lines))


def shape(name: str, polygon: Sequence[Point], high: float) -> Shape:
    """A polygon, with its name at its highest corner."""
    left, top = _placed(min(polygon, key=lambda point: (point[1], point[0])), high)
    return Shape(name, _points(polygon, high), left, top)


def height_of(camera: CameraShown) -> float:
    """How high its picture is, where it is :data:`WIDE` wide."""
    wide, high = (camera.width, camera.height) if camera.width and camera.height else _SHAPE
    return round(WIDE * high / wide, 1)


def somebody_before(camera: CameraShown, polygon: Sequence[Point]) -> bool:
    """Whether a person may stand where a slot is drawn; the still is blurred there."""
    if not polygon:
        return False
    left, right = min(x for x, _ in polygon), max(x for x, _ in polygon)
    top, bottom = min(y for _, y in polygon), max(y for _, y in polygon)
    people = [*camera.blurred, *(each.box for each in camera.tracks if each.seen == "person")]
    return any(x < right and u > left and y < bottom and v > top for x, y, u, v in people)


def _points(polygon: Iterable[Point], high: float) -> str:
    return " ".join(f"{x},{y}" for x, y in (_placed(point, high) for point in polygon))


def _placed(point: Sequence[float], high: float) -> tuple[float, float]:
    return round(point[0] * WIDE, 1), round(point[1] * high, 1)


def _line(line: LineShown, high: float) -> Line:
    """A counting line; its right, seen from its start, is in (the picture's y points down)."""
    start, end = _placed(line.start, high), _placed(line.end, high)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    across, down = end[0] - start[0], end[1] - start[1]
    length = math.hypot(across, down) or 1.0
    tip = (
        round(middle[0] - down / length * _ARROW, 1),
        round(middle[1] + across / length * _ARROW, 1),
    )
    upper = min(start, end, key=lambda point: point[1])
    label = round(min(max(upper[0], 0.0), WIDE), 1), max(upper[1] - _ABOVE, _LEAST_TOP)
    sides = zip(("start", "middle", "end"), (WIDE / 4, WIDE * 3 / 4, WIDE), strict=True)
    anchor = next(side for side, ends in sides if label[0] <= ends)
    return Line(line.name, start, end, middle, tip, _net(line.net), label, anchor)


def _net(net: Mapping[str, int]) -> str:
    """Net counts in words: ``3 cartons in, 1 pallet out``."""
    told = [
        f"{many(abs(number), kind)} {'in' if number > 0 else 'out'}"
        for kind, number in net.items()
        if number
    ]
    return ", ".join(told) or "none so far"


def _slot(slot: SlotShown, high: float, now: int) -> SlotDrawn:
    outline = shape(slot.name, slot.polygon, high)
    if not slot.since:
        return SlotDrawn(outline, "", "Not seen yet", slot)
    since = f"{plain(slot.state)}, since {ago(slot.since, now)}"
    return SlotDrawn(outline, slot.state, since, slot)


def _told(camera: CameraShown, slots: Sequence[SlotShown], lines: Sequence[Line]) -> str:
    """The drawing for people who do not see it."""
    parts = [
        *(f"zone {zone.name}" for zone in camera.zones),
        *([many(len(camera.masks), "masked part")] if camera.masks else []),
        *(f"slot {slot.name}: {slot.state}" for slot in slots),
        *(f"line {line.name}: {line.says}" for line in lines),
        *([f"in sight: {', '.join(track.seen for track in camera.tracks)}"] * bool(camera.tracks)),
    ]
    return "; ".join(parts) or "nothing is marked"


def _age(frame_at: int, now: int) -> str:
    """Said of a picture that is not of now."""
    if not frame_at:
        return "No picture yet"
    return f"Last picture {ago(frame_at, now)}" if now - frame_at > _STALE else ""


def _frames(camera: CameraShown) -> Fact:
    if camera.state == "ended":
        return Fact("Frames", "No more come")
    is_new = camera.state == "watching" and not camera.fps
    says = "Not counted yet" if is_new else f"{camera.fps:.1f} a second"
    is_file = camera.fps > 2 * camera.fps_allowed
    more = "as fast as its file is read" if is_file else f"at most {camera.fps_allowed:g}"
    return Fact("Frames", says, more)


def _facts(camera: CameraShown) -> list[Fact]:
    over = camera.cpu > camera.cpu_allowed * _OVER_BUDGET
    return [
        _frames(camera),
        Fact(
            "Processor",
            f"{camera.cpu * 100:.0f} % of one core",
            f"its budget is {camera.cpu_allowed * 100:.0f} %",
            "warned" if over else "",
        ),
        Fact("Dropped", counted(camera.dropped), "frames that came while it was busy"),
        Fact("Skipped", counted(camera.skipped), "looks that its budget had no room for"),
    ]
