"""A camera over a floor, and a canvas that knows which pixel belongs to whom.

Metres in, pixels out: x to the right, y away from the camera, z up, a pinhole camera that looks
down by its pitch. Who is drawn later hides who was drawn before; each pixel remembers its owner,
so that how much of a thing can be seen is counted, not guessed.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2 as _cv2
import numpy as np
from numpy.typing import NDArray

from cloud.vision.textures import Texture

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

NEAREST: Final = 0.25
"""What lies nearer to the camera, in metres, is not drawn."""
_SHIFT: Final = 4  # OpenCV's fixed point: sixteenths of a pixel
_FAR: Final = 6000.0
_SIDES: Final = ((4, 5, 1, 0), (5, 6, 2, 1), (6, 7, 3, 2), (7, 4, 0, 3), (7, 6, 5, 4))
"""Corners of a cuboid's sides and top, as one sees them from outside, clockwise from top left."""


class View(NamedTuple):
    """Where the camera hangs, and what it maps where."""

    place: Points
    turn: Points
    focal: float
    width: int
    height: int

    def project(self, points: Points) -> tuple[Points, Points]:
        """Pixels (n, 2) and depths (n,) of points (n, 3)."""
        seen = (points - self.place) @ self.turn.T
        depth = seen[:, 2]
        safe = np.where(depth > NEAREST / 5, depth, NEAREST / 5)
        pixels = seen[:, :2] * (self.focal / safe)[:, None]
        return pixels + np.array([self.width / 2, self.height / 2]), depth

    def floor_at(self, x: float, y: float) -> tuple[float, float] | None:
        """The place on the floor that a pixel shows; None above the horizon."""
        ray = np.array([(x - self.width / 2), (y - self.height / 2), self.focal]) @ self.turn
        if ray[2] > -1e-3 * self.focal:
            return None
        reach = -self.place[2] / ray[2]
        at = self.place + reach * ray
        return float(at[0]), float(at[1])


def look(
    size: tuple[int, int], *, height: float, pitch: float, field: float, roll: float = 0.0
) -> View:
    """A camera at a height in metres, tilted down; angles in degrees, ``field`` across."""
    down, lean = np.deg2rad(pitch), np.deg2rad(roll)
    cos, sin = float(np.cos(down)), float(np.sin(down))
    level = np.array([[1.0, 0, 0], [0, -sin, -cos], [0, cos, -sin]])
    c, s = float(np.cos(lean)), float(np.sin(lean))
    turn = np.array([[c, -s, 0.0], [s, c, 0], [0, 0, 1]]) @ level
    focal = size[0] / 2 / float(np.tan(np.deg2rad(field) / 2))
    return View(np.array([0.0, 0.0, height]), turn, focal, *size)


class Block(NamedTuple):
    """A cuboid: the middle of its foot, its size across, deep and high, and how it is turned."""

    x: float
    y: float
    z: float
    width: float
    depth: float
    height: float
    yaw: float = 0.0

    def corners(self) -> Points:
        """Four of the foot, counter-clockwise from above, then four of the top."""
        c, s = float(np.cos(self.yaw)), float(np.sin(self.yaw))
        across, along = self.width / 2, self.depth / 2
        foot = ((-across, -along), (across, -along), (across, along), (-across, along))
        flat = [(self.x + c * u - s * v, self.y + s * u + c * v) for u, v in foot]
        top = self.z + self.height
        return np.array([(x, y, self.z) for x, y in flat] + [(x, y, top) for x, y in flat])

    def on(self, across: float, along: float, up: float) -> tuple[float, float, float]:
        """A place given from the middle of the foot, in the block's own directions."""
        c, s = float(np.cos(self.yaw)), float(np.sin(self.yaw))
        return self.x + c * across - s * along, self.y + s * across + c * along, self.z + up


class Side(NamedTuple):
    """One side of a block as it is seen: its number (4 is the top), and its corners."""

    number: int
    pixels: Points
    corners: Points


class Canvas:
    """A picture being painted, back to front."""

    def __init__(self, view: View, sun: Points) -> None:
        self.view: Final = view
        self.image: Image = np.zeros((view.height, view.width, 3), np.uint8)
        self.owner: Final = np.zeros((view.height, view.width), np.int16)
        self._sun: Final = sun

    def sides(self, block: Block) -> list[Side]:
        """The sides of a block that face the camera; none where it comes too near."""
        corners = block.corners()
        pixels, depth = self.view.project(corners)
        if depth.min() < NEAREST or np.abs(pixels).max() > _FAR:
            return []
        found: list[Side] = []
        for number, order in enumerate(_SIDES):
            quad = pixels[list(order)]
            (ax, ay), (bx, by) = quad[2] - quad[0], quad[3] - quad[1]
            if ax * by - ay * bx > 1:
                found.append(Side(number, quad, corners[list(order)]))
        return found

    def shade(self, side: Side, shine: float) -> float:
        """How bright a side is under the sun: ``shine`` is how much the sun is beyond the sky."""
        a, b = side.corners[1] - side.corners[0], side.corners[3] - side.corners[0]
        normal = np.array(
            [b[1] * a[2] - b[2] * a[1], b[2] * a[0] - b[0] * a[2], b[0] * a[1] - b[1] * a[0]]
        )
        lit = float(normal @ self._sun) / (float(np.sqrt(normal @ normal)) + 1e-9)
        return 1.0 - shine / 2 + shine * max(0.0, lit)

    def quad(
        self,
        pixels: Points,
        texture: Texture,
        *,
        owner: int,
        gain: tuple[float, float, float] | float = 1.0,
        cover: float = 1.0,
    ) -> None:
        """A texture on four corners, clockwise from top left; ``cover`` 1 hides what is behind.

        Where ``cover`` is less, the owner of the pixels does not change.
        """
        left, top = np.floor(pixels.min(0)).astype(int)
        right, bottom = np.ceil(pixels.max(0)).astype(int) + 1
        left, top = max(0, int(left)), max(0, int(top))
        right, bottom = min(self.view.width, int(right)), min(self.view.height, int(bottom))
        if right <= left or bottom <= top:
            return
        mip = texture.for_pixels(float(np.ptp(pixels, axis=0).max()) * 0.8)
        side = float(mip.shape[0])
        corners = (pixels - (left, top)).astype(np.float32)
        flat = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        if not isinstance(gain, float) or abs(gain - 1) > 0.01:
            gains = gain if isinstance(gain, tuple) else (gain,) * 3
            mip = cv2.multiply(mip, (*gains, 1.0))
        matrix = cv2.getPerspectiveTransform(flat, corners)
        size = (right - left, bottom - top)
        drawn = cv2.warpPerspective(mip, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillConvexPoly(mask, _fixed(corners), 1, shift=_SHIFT)
        patch = self.image[top:bottom, left:right]
        if cover < 1:
            drawn = cv2.addWeighted(drawn, cover, patch, 1 - cover, 0)
        cv2.copyTo(drawn, mask, patch)
        if cover >= 1:
            self.owner[top:bottom, left:right][mask.view(bool)] = owner

    def polygon(self, pixels: Points, colour: Any, *, owner: int) -> None:
        """One colour within corners."""
        if np.abs(pixels).max() > _FAR:
            return
        points = _fixed(pixels.astype(np.float32))
        cv2.fillPoly(self.image, [points], colour, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.owner, [points], owner, cv2.LINE_8, _SHIFT)

    def ellipse(self, at: Any, axes: Any, angle: float, colour: Any, *, owner: int) -> None:
        """A filled ellipse; axes are half widths in pixels, ``angle`` is in degrees."""
        points = cv2.ellipse2Poly(
            (int(at[0]), int(at[1])), (max(1, int(axes[0])), max(1, int(axes[1]))), int(angle),
            0, 360, 24,
        )  # fmt: skip
        self.polygon(points.astype(np.float64), colour, owner=owner)

    def edges(self, pixels: Points, colour: Any, strength: float) -> None:
        """Thin lines along the corners of a side, blended into what is there."""
        points = _fixed(pixels.astype(np.float32))
        if strength >= 1:
            cv2.polylines(self.image, [points], True, colour, 1, cv2.LINE_AA, _SHIFT)
            return
        left, top = np.maximum(np.floor(pixels.min(0)).astype(int) - 1, 0)
        right, bottom = np.ceil(pixels.max(0)).astype(int) + 2
        patch = self.image[top : max(0, int(bottom)), left : max(0, int(right))]
        if patch.size:
            before = patch.copy()
            cv2.polylines(self.image, [points], True, colour, 1, cv2.LINE_AA, _SHIFT)
            cv2.addWeighted(patch, strength, before, 1 - strength, 0, dst=patch)

    def owned(self, box: tuple[int, int, int, int], owners: range) -> int:
        """How many pixels within a box belong to one of some owners."""
        left, top, right, bottom = box
        patch = self.owner[top:bottom, left:right]
        return int(np.count_nonzero((patch >= owners.start) & (patch < owners.stop)))


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    # A pixel's middle is its whole number in OpenCV, its half one here.
    return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def through_jpeg(image: Any, quality: int) -> Any:
    """What a camera's codec leaves of a picture."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)
