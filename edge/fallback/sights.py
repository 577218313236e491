"""What cameras saw of shelf slots, as far as it calls for goods to be brought.

A sight counts for a day, until its face was filled because of it or otherwise, and only where the
location is the pick face of one item: of several, a camera cannot tell which one is missing.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from edge import tasks
from edge.db import Connection
from edge.fallback.leases import SQL
from shared.events import SlotSeen
from shared.units import DAY

CALLING: Final = frozenset({"low", "empty"})


class Seen(NamedTuple):
    """What was seen of a face, and by which camera in which slot; nothing by default."""

    state: Literal["", "low", "empty"] = ""
    by: str = ""


class Sighted(NamedTuple):
    """The state of a slot as it was told last, and when that was."""

    state: str
    since: int


def note(connection: Connection, data: SlotSeen, now: int) -> None:
    """A slot has changed."""
    row = (data.camera, data.slot, data.location or "", data.state, now)
    connection.execute(SQL["put_sight"], row)


def forget(connection: Connection, camera: str, slot: str) -> None:
    """A slot was drawn anew, or is looked at no more: what was seen of it says nothing now."""
    connection.execute(SQL["forget_sight"], (camera, slot))


def of_camera(connection: Connection, camera: str) -> dict[str, Sighted]:
    """What was last told of each slot of a camera."""
    rows = connection.execute(SQL["sights_of"], (camera,)).fetchall()
    return {slot: Sighted(state, at) for slot, state, at in rows}


def faces_at(connection: Connection, location: str) -> list[tasks.Face]:
    """The pick faces at a location."""
    rows = connection.execute(SQL["faces_at"], (location,)).fetchall()
    return [tasks.Face(*row) for row in rows]


def of_face(connection: Connection, face: tasks.Face, now: int) -> Seen:
    """What calls for a face to be filled. It is empty where all of its slots are."""
    rows = connection.execute(SQL["sights_at"], (face.location, now - DAY)).fetchall()
    known = [(state, camera, slot, at) for state, camera, slot, at in rows if state != "unknown"]
    calling = [each for each in known if each[0] in CALLING]
    if not calling or len(faces_at(connection, face.location)) > 1:
        return Seen()
    _, camera, slot, at = max(calling, key=lambda each: each[3])
    if connection.execute(SQL["filled_since"], (face.sku, face.location, at, at)).fetchone():
        return Seen()
    is_empty = all(state == "empty" for state, *_ in known)
    return Seen("empty" if is_empty else "low", f"{camera}/{slot}")
