"""Cameras, slots and crops that keep the ports' promises without a camera."""

from __future__ import annotations

from typing import Any, Final, Literal

import cv2
import numpy as np

from edge.ports import (
    CameraShown,
    CropShown,
    LineShown,
    ReadShown,
    Recorder,
    SlotShown,
    TrackShown,
    ZoneShown,
)
from shared.errors import QuartermasterError
from shared.events import SettingChanged
from shared.ids import is_code
from shared.units import DAY, SECOND
from tests.support.clock import START

MOST_STILL: Final = 64 * 1024
WATCHING: Final = CameraShown(
    name="dock-1",
    state="watching",
    why="",
    frame_at=START - SECOND // 2,
    width=1280,
    height=720,
    fps=4.93,
    fps_allowed=5.0,
    cpu=0.18,
    cpu_allowed=0.25,
    dropped=1204,
    skipped=88,
    zones=(
        ZoneShown("ramp", ((0.05, 0.35), (0.6, 0.35), (0.6, 0.95), (0.05, 0.95)), ("scan",)),
        ZoneShown("door", ((0.68, 0.1), (0.95, 0.1), (0.95, 0.9), (0.68, 0.9)), ("detect",), "D-1"),
    ),
    masks=(((0.0, 0.0), (0.3, 0.0), (0.3, 0.15), (0.0, 0.15)),),
    lines=(LineShown("sill", (0.62, 0.95), (0.66, 0.3), {"carton": 12, "pallet": -1}),),
    tracks=(
        TrackShown("018f-7a31", "carton", (0.22, 0.5, 0.4, 0.8)),
        TrackShown("018f-7a32", "pallet", (0.42, 0.45, 0.58, 0.9)),
    ),
    reads=(
        ReadShown("]C10109506000134352", "TEA-1", START - 3 * SECOND),
        ReadShown("4006381333931", None, START - 9 * SECOND),
    ),
    keep_crops=True,
)
DEAD: Final = CameraShown(
    name="rack <7>/a",
    state="unreadable",
    why="5 tries without a frame",
    frame_at=START - 600 * SECOND,
    width=1280,
    height=720,
    fps=0.0,
    fps_allowed=2.0,
    cpu=0.0,
    cpu_allowed=0.25,
    dropped=0,
    skipped=0,
)
CROP: Final = CropShown(
    id="c-1",
    camera="dock-1",
    zone="shelf",
    taken_at=START - 60 * SECOND,
    head="slots",
    predicted="low",
    confidence=412,
    classes=("empty", "low", "full"),
    gone_at=START + 14 * DAY,
    about="A-01-3",
)


def picture(wide: int = 640, high: int = 360) -> bytes:
    """A shelf with cartons, as a camera may see it."""
    image = np.full((high, wide, 3), (96, 104, 110), np.uint8)
    rng = np.random.default_rng(11)
    for level in (high // 2 - 10, high - 30):
        cv2.rectangle(image, (20, level), (wide - 20, level + 12), (40, 70, 160), -1)
        for number in range(5):
            if rng.random() < 0.25:
                continue
            left, tall = 40 + number * (wide - 80) // 5, int(rng.integers(60, 110))
            corner = (left + (wide - 80) // 5 - 16, level)
            cv2.rectangle(image, (left, level - tall), corner, (110, 160, 196), -1)
            cv2.rectangle(image, (left, level - tall), corner, (60, 90, 110), 2)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


class FakeCameras:
    """Implements the port CameraView."""

    def __init__(self, *cameras: CameraShown) -> None:
        self.shown = list(cameras)
        self.stills: dict[str, bytes] = {
            each.name: picture() for each in cameras if each.state == "watching"
        }

    def cameras(self) -> list[CameraShown]:
        return list(self.shown)

    def still(self, name: str) -> bytes | None:
        return self.stills.get(name)

    def change(self, **fields: Any) -> None:
        """The first camera is otherwise from now on."""
        self.shown[0] = self.shown[0]._replace(**fields)


class FakeSlots:
    """Implements the port SlotDesk."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.kept: dict[tuple[str, str], SlotShown] = {}
        self.pictures: list[tuple[bytes, str]] = []

    def slots(self, camera: str) -> list[SlotShown]:
        found = [slot for (where, _), slot in self.kept.items() if where == camera]
        return sorted(found, key=lambda slot: slot.name)

    async def put(
        self,
        slot: SlotShown,
        still: bytes,
        *,
        shows: Literal["empty", "full"],
        reason: str,
        device: str,
    ) -> None:
        if not is_code(slot.name):
            raise QuartermasterError("request.invalid", repr(slot.name), where="name")
        if len(slot.polygon) < 3:
            raise QuartermasterError("slot.invalid", f"it has {len(slot.polygon)} corners")
        if slot.location == "NOWHERE":
            raise QuartermasterError("scan.unknown-location", slot.location, where="location")
        await self._tell(slot.camera, slot.name, "drawn", reason, device)
        self.kept[slot.camera, slot.name] = slot._replace(state="unknown", since=0)
        self.pictures.append((still, shows))

    async def remove(self, camera: str, name: str, *, reason: str, device: str) -> None:
        if (camera, name) not in self.kept:
            raise QuartermasterError("request.not-found", name, where="slot")
        await self._tell(camera, name, "", reason, device)
        del self.kept[camera, name]

    async def _tell(self, camera: str, name: str, after: str, reason: str, device: str) -> None:
        changed = SettingChanged(f"slot.{camera}.{name}"[:64], "", after, reason)
        await self._recorder.record(changed, device=device)


class FakeCrops:
    """Implements the port CropDesk."""

    retention_days = 14

    def __init__(self, *crops: CropShown) -> None:
        self.line = list(crops)
        self.words: list[tuple[str, str | None, str]] = []

    def count(self) -> int:
        return len(self.line)

    def waiting(self, limit: int) -> list[CropShown]:
        return self.line[:limit]

    def image(self, crop: str) -> bytes | None:
        return picture(320, 240) if any(each.id == crop for each in self.line) else None

    async def label(self, crop: str, label: str | None, *, device: str) -> None:
        found = self._found(crop)
        if label is not None and label not in found.classes:
            raise QuartermasterError("request.invalid", label[:64], where="label")
        self.words.append((crop, label, device))
        self.line.remove(found)

    async def skip(self, crop: str) -> None:
        found = self._found(crop)
        self.line.remove(found)
        self.line.append(found)

    def _found(self, crop: str) -> CropShown:
        for each in self.line:
            if each.id == crop:
                return each
        raise QuartermasterError("request.not-found", "it waits no more", where="crop")
