"""A carton on a roller conveyor under a warehouse lamp.

Drawn, not photographed, but with what makes real frames hard: perspective, a turn in the plane,
motion and focus blur, uneven light, a shadow, sensor noise and the camera's JPEG.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float32]

FACE_SIZE: Final = (1100, 680)
_CARDBOARD: Final = (96.0, 142.0, 182.0)
_JPEG_QUALITY: Final = (72, 93)


def carton_face(label: Image, *, rng: Generator) -> Image:
    """The side of a carton with ``label`` on it: cardboard, flutes, tape, a print of its maker."""
    width, height = FACE_SIZE
    tint = np.asarray(_CARDBOARD) * rng.uniform(0.85, 1.1)
    face = np.empty((height, width, 3), np.float32)
    face[:] = tint
    flutes = np.sin(np.arange(width) * rng.uniform(0.5, 0.8)) * 2.0
    fibres = cv2.GaussianBlur(_noise(rng, (height, width), 16.0), (0, 0), 1.6)
    face += (flutes[None, :] + fibres)[:, :, None]
    tape = int(height * rng.uniform(0.02, 0.05))
    face[tape : tape + 62] = face[tape : tape + 62] * 0.55 + 110.0
    picture = _u8(face)
    _print_arrows(picture, left=bool(rng.integers(2)))
    rows, columns = int(label.shape[0]), int(label.shape[1])
    top = int(rng.integers(110, height - rows - 20))
    left = int(rng.integers(100, width - columns - 100))
    cv2.rectangle(
        picture, (left - 3, top + 4), (left + columns + 5, top + rows + 6), (70, 95, 120), -1
    )
    picture[top : top + rows, left : left + columns] = label
    return picture


def place_on_conveyor(
    face: Image, *, rng: Generator, count: int, size: tuple[int, int]
) -> Iterator[Image]:
    """The carton passing the camera in ``count`` frames."""
    width, height = size
    backdrop = _backdrop(rng, size)
    light = _light(rng, size)
    scale = width / FACE_SIZE[0] * rng.uniform(0.70, 0.80)
    turn = rng.uniform(-5.0, 5.0)
    tilt = rng.uniform(-0.045, 0.045, (4, 2))
    across = np.linspace(-0.08, 0.08, count) if count > 1 else np.zeros(1)
    for step in across:
        centre = (width * (0.5 + step), height * (0.48 + rng.uniform(-0.01, 0.01)))
        corners = _corners(centre, scale, turn + rng.uniform(-0.4, 0.4), tilt)
        scene = _with_carton(backdrop, face, corners)
        yield _as_the_camera_sees(scene * light, rng)


def _corners(centre: tuple[float, float], scale: float, turn: float, tilt: Any) -> Points:
    width, height = FACE_SIZE[0] * scale, FACE_SIZE[1] * scale
    flat = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) + tilt
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((flat * (width, height)) @ rotation + centre).astype(np.float32)


def _with_carton(backdrop: Image, face: Image, corners: Points) -> NDArray[np.float32]:
    height, width = backdrop.shape[:2]
    columns, rows = FACE_SIZE
    flat = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners)
    warped = cv2.warpPerspective(face, matrix, (width, height), flags=cv2.INTER_AREA)
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1.0, cv2.LINE_AA)
    shadow = cv2.GaussianBlur(np.roll(mask, (26, 18), (0, 1)), (0, 0), 16)
    scene = backdrop.astype(np.float32) * (1.0 - 0.6 * shadow)[:, :, None]
    scene += (warped.astype(np.float32) - scene) * mask[:, :, None]
    return np.asarray(scene, np.float32)


def _backdrop(rng: Generator, size: tuple[int, int]) -> Image:
    """Hall wall above, rollers between two rails below."""
    width, height = size
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.linspace(70, 105, height)[:, None, None] * np.array([1.02, 1.0, 0.97])
    top = int(height * 0.30)
    pitch = int(rng.integers(34, 52))
    phase = (np.arange(width) + int(rng.integers(pitch))) % pitch / pitch
    rollers = 60 + 120 * np.sin(np.pi * phase) ** 2
    picture[top:] = rollers[None, :, None]
    for rail in (top, height - 48):
        picture[rail : rail + 48] = np.linspace(150, 80, 48)[:, None, None]
    for _ in range(7):  # things that stand about in the hall
        left, upper = int(rng.integers(width)), int(rng.integers(top))
        right, lower = left + int(rng.integers(40, 220)), upper + int(rng.integers(30, 140))
        colour = tuple(float(value) for value in rng.uniform(40, 150, 3))
        cv2.rectangle(picture, (left, upper), (right, min(lower, top)), colour, -1)
    picture[:top] = cv2.GaussianBlur(picture[:top], (0, 0), 6)
    return _u8(picture)


def _light(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """A lamp somewhere above: brighter near it, darker in the corners."""
    width, height = size
    down, across = np.mgrid[0:height, 0:width]
    lamp = (rng.uniform(0.25, 0.75) * width, rng.uniform(-0.1, 0.4) * height)
    distance = np.hypot(across - lamp[0], down - lamp[1]) / np.hypot(width, height)
    gain = rng.uniform(0.85, 1.05) * (1.12 - 0.45 * distance)
    return gain[:, :, None].astype(np.float32)


def _as_the_camera_sees(scene: NDArray[np.float32], rng: Generator) -> Image:
    """Focus and motion blur, sensor noise, JPEG."""
    blurred = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.3, 0.7)))
    smear = int(rng.integers(1, 3))
    if smear > 1:
        blurred = cv2.blur(blurred, (smear, 1))
    noise = _noise(rng, (blurred.shape[0], blurred.shape[1]), rng.uniform(2.0, 6.0))
    noisy = _u8(blurred + noise[:, :, None])
    quality = int(rng.integers(*_JPEG_QUALITY))
    encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return _u8(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _print_arrows(picture: Image, *, left: bool) -> None:
    """The two arrows that say which side is up."""
    edge = 46 if left else FACE_SIZE[0] - 46
    for offset in (-18, 18):
        foot, head = (edge + offset, 640), (edge + offset, 560)
        cv2.arrowedLine(picture, foot, head, (45, 60, 75), 5, cv2.LINE_AA, tipLength=0.4)


def _noise(rng: Generator, shape: tuple[int, int], strength: float) -> NDArray[np.float32]:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(strength)


def _u8(picture: Any) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)
