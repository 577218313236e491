"""Slots that operators draw: kept in the room that looks at them, told as changes of settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from edge import people
from edge.app.apart import asked_apart
from edge.db import Connection, Database
from edge.fallback import Append, sights
from edge.ports import Ids, Point, SlotShown
from edge.vision.calibration import Slot, check_polygon, put_slot, remove_slot, slots_of
from shared.clock import Clock
from shared.events import SettingChanged

_CUTTER: Final = "edge.vision.reference"
_LONGEST_NAME: Final = 64
_LONGEST: Final = 200

Cut = Callable[[bytes, Sequence[Point]], bytes]
"""A still and a polygon make a reference."""


class Slots:
    """Implements the port SlotDesk.

    Args:
        database: the store.
        append: chains an event.
        clock: the gateway's.
        ids: of events.
        cut: makes references.
        changed: is told the camera of which a slot is another one now.
    """

    def __init__(
        self,
        database: Database,
        append: Append,
        clock: Clock,
        ids: Ids,
        *,
        cut: Cut | None = None,
        changed: Callable[[str], object] = lambda _camera: None,
    ) -> None:
        self._database = database
        self._append = append
        self._clock = clock
        self._ids = ids
        self._cut = cut or cut_apart
        self._changed = changed

    def slots(self, camera: str) -> list[SlotShown]:
        """The slots of a camera, by name."""
        reader = self._database.reader
        seen = sights.of_camera(reader, camera)
        drawn = [
            SlotShown(camera, slot.name, slot.location, slot.polygon)
            for slot in slots_of(reader, camera)
        ]
        return [
            slot._replace(**seen[slot.name]._asdict()) if slot.name in seen else slot
            for slot in drawn
        ]

    async def put(
        self,
        slot: SlotShown,
        still: bytes,
        *,
        shows: Literal["empty", "full"],
        reason: str,
        device: str,
    ) -> None:
        """Keep a slot, or a slot drawn anew, with what it looks like now.

        Raises:
            QuartermasterError: ``slot.invalid``, ``scan.unknown-location``, ``request.invalid``
                or ``disk.full``.
        """
        check_polygon(slot.polygon)
        reference = await asyncio.to_thread(self._cut, still, slot.polygon)

        def unit(connection: Connection) -> None:
            before = _named(connection, slot.camera, slot.name)
            by, now = people.operator_of(connection, device, None) or "", self._clock.now()
            drawn = Slot(*slot[:4], reference, shows, by, now)
            put_slot(connection, drawn)
            self._tell(connection, (slot.camera, slot.name), (before, drawn), reason, device)

        await self._database.run(unit)
        self._changed(slot.camera)

    async def remove(self, camera: str, name: str, *, reason: str, device: str) -> None:
        """Forget a slot.

        Raises:
            QuartermasterError: ``request.not-found`` or ``disk.full``.
        """

        def unit(connection: Connection) -> None:
            before = _named(connection, camera, name)
            remove_slot(connection, camera, name)
            self._tell(connection, (camera, name), (before, None), reason, device)

        await self._database.run(unit)
        self._changed(camera)

    def _tell(
        self,
        connection: Connection,
        which: tuple[str, str],
        change: tuple[Slot | None, Slot | None],
        reason: str,
        device: str,
    ) -> None:
        """What was seen of the slot says nothing now; who changed it, and why, is an event."""
        sights.forget(connection, *which)
        before, after = (_in_words(each) for each in change)
        setting = f"slot.{'.'.join(which)}"[:_LONGEST_NAME]
        self._append(
            connection,
            SettingChanged(setting, before, after, reason[:_LONGEST]),
            event_id=self._ids.uuid7(),
            device=device,
            occurred_at=self._clock.now(),
            clock_state=int(self._clock.state()),
            operator=people.operator_of(connection, device, None),
        )


def cut_apart(still: bytes, polygon: Sequence[Point]) -> bytes:
    """A slot's part of a still, cut out by a process of its own.

    Raises:
        QuartermasterError: ``slot.invalid``, or ``program.failed`` where it does not end well.
    """
    return asked_apart((_CUTTER,), msgspec.json.encode(polygon) + b"\n" + still)


def _named(connection: Connection, camera: str, name: str) -> Slot | None:
    return next((slot for slot in slots_of(connection, camera) if slot.name == name), None)


def _in_words(slot: Slot | None) -> str:
    if slot is None:
        return ""
    corners = " ".join(f"{x:.3f},{y:.3f}" for x, y in slot.polygon)
    return f"{slot.location or 'no location'}, {slot.shows}: {corners}"[:_LONGEST]
