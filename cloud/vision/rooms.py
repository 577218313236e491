"""The room of a rendered scene: wall, floor, and the shadows on it."""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.typing import NDArray

from cloud.vision.colours import Image
from cloud.vision.painting import Block, Canvas, Points, View
from cloud.vision.stages import Stage
from cloud.vision.things import foot, shadow_of

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place


def paint_room(canvas: Canvas, stage: Stage) -> None:
    """Paint the wall and the floor before it."""
    view = canvas.view
    size = (view.width, view.height)
    # The wall stands across the whole view, its texture scaled to 24 m.
    x, y, high = 14.0, stage.wall_at, 9.0
    wall = np.array([(-x, y, high), (x, y, high), (x, y, 0.0), (-x, y, 0.0)])
    pixels, depth = view.project(wall)
    picture = stage.wall
    if depth.min() > 0.1:
        side = float(picture.shape[0])
        flat = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        matrix = cv2.getPerspectiveTransform(flat, pixels.astype(np.float32))
        cv2.warpPerspective(
            picture,
            matrix,
            size,
            dst=canvas.image,
            borderMode=cv2.BORDER_REFLECT_101,
            hint=cv2.ALGO_HINT_APPROX,
        )
    # The floor reaches to the wall: below the line where both meet.
    ground = _floor_seen(view, stage)
    mask = np.zeros((view.height, view.width), np.uint8)
    corners = _floor_corners(view, stage.wall_at)
    cv2.fillPoly(mask, [corners], 255)
    cv2.copyTo(ground, mask, canvas.image)


def _floor_corners(view: View, wall_at: float) -> NDArray[np.int32]:
    pixels, depth = view.project(np.array([(-60.0, wall_at, 0.0), (60.0, wall_at, 0.0)]))
    low = 4 * view.height
    if depth.min() <= 0.1:
        return np.array([[0, 0], [view.width, 0], [view.width, low], [0, low]], np.int32)
    pixels = np.clip(pixels, -20000, 20000)
    (ax, ay), (bx, by) = pixels
    return np.rint([(ax, ay), (bx, by), (bx, max(by, 0) + low), (ax, max(ay, 0) + low)]).astype(
        np.int32
    )


def _floor_seen(view: View, stage: Stage) -> Image:
    """The floor's texture laid out on the plane z = 0, mirrored where it ends."""
    texels = stage.floor.shape[0] / stage.floor_scale
    # From pixels to the floor: the homography of the plane, inverted by OpenCV's flag.
    columns = np.stack([view.turn[:, 0], view.turn[:, 1], -view.turn @ view.place], axis=1)
    lens = np.array([[view.focal, 0, view.width / 2], [0, view.focal, view.height / 2], [0, 0, 1]])
    to_metres = np.diag([1 / texels, 1 / texels, 1.0])
    matrix = lens @ columns @ to_metres
    return cv2.warpPerspective(
        stage.floor,
        matrix,
        (view.width, view.height),
        borderMode=cv2.BORDER_REFLECT_101,
        hint=cv2.ALGO_HINT_APPROX,
    )


def paint_shadows(canvas: Canvas, stage: Stage) -> None:
    """Shadows of all that stands there, a little wider than it is."""
    feet = [foot(each) for each in stage.things] + [block for block, _ in stage.rack]
    wider = [it._replace(width=it.width + 0.1, depth=it.depth + 0.1) for it in feet]
    cast_shadows(canvas, wider, stage.sun, stage.shine)


def cast_shadows(canvas: Canvas, blocks: list[Block], sun: Points, shine: float) -> None:
    """Soft shadows of blocks on the floor, a quarter as fine as the picture."""
    view = canvas.view
    mask = np.zeros((view.height // 4, view.width // 4), np.uint8)
    for block in blocks:
        if block.z > 0.4:
            continue
        spots = shadow_of(block._replace(height=min(block.height, 1.2)), sun)
        pixels, depth = view.project(np.column_stack([spots, np.zeros(len(spots))]))
        if depth.min() > 0.2 and np.abs(pixels).max() < 5000:
            cv2.fillConvexPoly(mask, np.rint(pixels / 4).astype(np.int32), 255)
    if not mask.any():
        return
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)
    deep = 0.25 + 0.45 * min(1.0, shine)
    gain = cv2.resize(255 - (soft * np.float32(deep)).astype(np.uint8), (view.width, view.height))
    cv2.multiply(canvas.image, cv2.merge([gain, gain, gain]), dst=canvas.image, scale=1 / 255)
