"""An eye before a shelf or a carton, and tiles laid into what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


class Eye(NamedTuple):
    """A camera: where it stands, its turned axes in rows, focal length and centre in pixels."""

    place: Points
    axes: Points
    focal: float
    centre: tuple[float, float]

    def sees(self, points: Sequence[Sequence[float]] | Points) -> Points:
        """Where points in space (across, up, away) are in the picture."""
        turned = (np.asarray(points, dtype=np.float64) - self.place) @ self.axes.T
        away = np.maximum(turned[:, 2], 0.05)
        return np.stack(
            [
                self.centre[0] + self.focal * turned[:, 0] / away,
                self.centre[1] - self.focal * turned[:, 1] / away,
            ],
            axis=1,
        )


def eye(yaw: float, pitch: float, roll: float, target: Sequence[float], away: float) -> Eye:
    """A camera so far from a target, to its right by ``yaw`` and above it by ``pitch`` (radians).

    It looks at the target, with a focal length of one pixel and its centre at the origin.
    """
    ahead = np.array(
        [-np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)], dtype=float
    )
    right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    cos, sin = np.cos(roll), np.sin(roll)
    axes = np.stack([cos * right + sin * up, -sin * right + cos * up, ahead])
    return Eye(np.asarray(target, dtype=float) - away * ahead, axes, 1.0, (0.0, 0.0))


def put(canvas: Picture, tile: Picture, corners: Points, shade: float = 1.0) -> None:
    """Lay a tile (BGR, or BGRA where it has holes) on the canvas, its corners clockwise."""
    height, width = canvas.shape[:2]
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    if right - left < 2 or bottom - top < 2:
        return
    rows, columns = tile.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    moved = (corners - (left, top)).astype(np.float32)
    size = (right - left, bottom - top)
    matrix: Any = cv2.getPerspectiveTransform(source, moved)
    colour = cv2.warpPerspective(
        np.ascontiguousarray(tile[:, :, :3]), matrix, size, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(moved * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    if tile.shape[2] == 4:
        holes = cv2.warpPerspective(np.ascontiguousarray(tile[:, :, 3]), matrix, size)
        mask = np.minimum(mask, holes)
    blend(canvas[top:bottom, left:right], np.asarray(colour), mask, shade)


def blend(onto: Picture, colour: Any, mask: Any, shade: float = 1.0) -> None:
    """Mix a colour into a part of a picture, where the mask (0-255) says."""
    share = mask[:, :, None].astype(np.float32) * np.float32(1 / 255)
    lit = np.minimum(np.asarray(colour, dtype=np.float32) * np.float32(shade), 255)
    onto[:] = (onto * (1 - share) + lit * share).astype(np.uint8)


def fill(canvas: Picture, outline: Points, colour: Any, shade: float = 1.0) -> Picture:
    """Fill any outline with a colour; returns where it is (0-255)."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    blend(canvas, np.asarray(colour, dtype=np.float32).reshape(1, 1, 3), mask, shade)
    return mask
