"""Shelf slots as people drew them on a camera's picture: where they are, and how one looked then.

Of the picture only the slot itself is kept, as a small JPEG (:mod:`edge.vision.embedding` cuts it
out): what else the camera saw while somebody drew is nobody's business.
"""

from __future__ import annotations

import itertools
import math
from typing import Final, Literal, NamedTuple

import msgspec

from edge import stock
from edge.db import Connection, Queries
from edge.ports import Point
from shared.errors import QuartermasterError
from shared.ids import is_code
from shared.units import Micros

SQL: Final = Queries(__package__ or "edge.vision")
MAX_REFERENCE: Final = 64 * 1024
MAX_SLOTS: Final = 64
"""Of one camera: each costs its share of every look."""
_CORNERS: Final = range(3, 33)
_LEAST_AREA: Final = 0.0002
"""Of the picture: 14 x 14 pixels of one with 1280 x 720, below which nothing can be told."""
_TINY: Final = 1e-9
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")
_polygons: Final = msgspec.json.Decoder(tuple[Point, ...])

Shows = Literal["empty", "full"]


class Slot(NamedTuple):
    """A slot of a camera; ``polygon`` in fractions of the picture.

    ``reference`` is a JPEG of the slot, which then was ``shows``.
    """

    camera: str
    name: str
    location: str | None
    polygon: tuple[Point, ...]
    reference: bytes
    shows: Shows
    drawn_by: str
    drawn_at: Micros


def slots_of(connection: Connection, camera: str) -> list[Slot]:
    """The slots of a camera, by name."""
    rows = connection.execute(SQL["slots_of"], (camera,)).fetchall()
    return [
        Slot(camera, name, location, _polygons.decode(polygon), *rest)
        for camera, name, location, polygon, *rest in rows
    ]


def put_slot(connection: Connection, slot: Slot) -> None:
    """Keep a slot as it was drawn; it takes the place of the one with its name.

    Raises:
        QuartermasterError: ``slot.invalid`` for a polygon that encloses nothing or a
            reference that cannot be one, ``scan.unknown-location``, ``request.invalid`` for
            a name that is no code or one slot too many.
    """
    if not is_code(slot.name):
        raise QuartermasterError("request.invalid", repr(slot.name[:60]), where="name")
    check_polygon(slot.polygon)
    check_reference(slot.reference)
    if slot.location is not None and not stock.has_location(connection, slot.location):
        raise QuartermasterError("scan.unknown-location", slot.location[:64], where="location")
    (others,) = connection.execute(SQL["other_slots"], (slot.camera, slot.name)).fetchone()
    if others >= MAX_SLOTS:
        raise QuartermasterError("request.invalid", f"{MAX_SLOTS} slots at most", where="camera")
    polygon = msgspec.json.encode(slot.polygon).decode()
    connection.execute(SQL["put_slot"], (*slot[:3], polygon, *slot[4:]))


def remove_slot(connection: Connection, camera: str, name: str) -> None:
    """Look there no more.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    if not connection.execute(SQL["remove_slot"], (camera, name)).rowcount:
        raise QuartermasterError("request.not-found", name[:64], where="slot")


def check_polygon(polygon: tuple[Point, ...]) -> None:
    """Whether a polygon encloses a part of the picture, without crossing itself.

    Raises:
        QuartermasterError: ``slot.invalid``, saying what is wrong.
    """
    if len(polygon) not in _CORNERS:
        raise QuartermasterError("slot.invalid", f"it has {len(polygon)} corners", where="polygon")
    if not all(math.isfinite(each) and 0 <= each <= 1 for point in polygon for each in point):
        raise QuartermasterError("slot.invalid", "a corner is outside the picture", where="polygon")
    if _crosses_itself(polygon):
        raise QuartermasterError("slot.invalid", "its outline crosses itself", where="polygon")
    if area(polygon) < _LEAST_AREA:
        raise QuartermasterError("slot.invalid", "it is too small", where="polygon")


def check_reference(reference: bytes) -> None:
    """Whether these bytes may be a reference: a JPEG from its beginning to its end, and small.

    Raises:
        QuartermasterError: ``slot.invalid``.
    """
    begins, ends = _JPEG
    if not reference:
        raise QuartermasterError("slot.invalid", "there is none", where="reference")
    if len(reference) > MAX_REFERENCE:
        raise QuartermasterError("slot.invalid", f"{len(reference)} bytes", where="reference")
    if not (reference.startswith(begins) and reference.endswith(ends)):
        raise QuartermasterError("slot.invalid", "no whole JPEG", where="reference")


def area(polygon: tuple[Point, ...]) -> float:
    """What a polygon encloses, as a share of the picture (the shoelace formula)."""
    pairs = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return abs(math.fsum(x * v - u * y for (x, y), (u, v) in pairs)) / 2


def _crosses_itself(polygon: tuple[Point, ...]) -> bool:
    edges = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    last = len(edges) - 1
    for (one, edge), (two, other) in itertools.combinations(enumerate(edges), 2):
        if two - one == 1 or (one, two) == (0, last):
            if _folds_back(edge, other) or _folds_back(other, edge):
                return True
        elif _meet(edge, other):
            return True
    return False


def _folds_back(edge: tuple[Point, Point], after: tuple[Point, Point]) -> bool:
    """Whether an edge that begins where another ends runs back along it, or has no length."""
    (start, corner), (begin, end) = edge, after
    if start == corner:
        return True
    if corner != begin or abs(_turn(start, corner, end)) > _TINY:
        return False
    ahead = (corner[0] - start[0]) * (end[0] - corner[0])
    return ahead + (corner[1] - start[1]) * (end[1] - corner[1]) < 0


def _meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two edges have a point in common."""
    sides = [_turn(*one, point) for point in other], [_turn(*other, point) for point in one]
    if all(a * b < 0 for a, b in sides):
        return True
    touching = [
        *(_on(point, one) for point, side in zip(other, sides[0], strict=True) if side == 0),
        *(_on(point, other) for point, side in zip(one, sides[1], strict=True) if side == 0),
    ]
    return any(touching)


def _on(point: Point, edge: tuple[Point, Point]) -> bool:
    """Whether a point in line with an edge lies on it."""
    (a, b), (c, d) = edge
    return min(a, c) <= point[0] <= max(a, c) and min(b, d) <= point[1] <= max(b, d)


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of a triangle: which way one turns at ``b``."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
