"""Scenes in the world ``fresh``, on which only what is finished is measured.

Its rules, written down before any model had seen it:

1. No maker of surfaces or light, no noise, no colours and no print of another world is used here:
   only this world's own (``grounds_fresh.py``, ``light_fresh.py``). Common are shapes (pallets'
   openings, labels, people, trucks, what harms a carton) and the camera: its lens, grain and JPEG.
2. What it looks like was judged by eye, as something that a camera at a dock could see, and by
   whether boxes are where things are. No model's answer had a part in it.
3. No model is trained, chosen or stopped by how it does here. Who has looked at a figure from here
   and learnt from it makes another world first, and this one becomes like ``test``.
4. What is changed here changes every figure that was ever told from it: it is left as it is.
"""

from __future__ import annotations

from typing import Any, Final

import cv2 as _cv2
import numpy as np
from numpy.random import Generator

from cloud.vision.grounds_fresh import (
    Tone,
    burst,
    cells,
    ink,
    lattice,
    quarter_arcs,
    seams,
    spectral,
    toned,
)
from cloud.vision.light_fresh import any_light
from cloud.vision.matter import Scenery

cv2: Final[Any] = _cv2  # its type stubs know neither dtypes nor numbers in an array's place

_FACE: Final = 96
_FIELD: Final = 256
_KRAFT: Final = Tone((46, 78), (14, 34), (62, 82))
_BLEACHED: Final = Tone((80, 97), (0, 7))
_COLOURED: Final = Tone((26, 74), (18, 62))
_TIMBER: Final = Tone((46, 80), (10, 34), (66, 86))
_GREY: Final = Tone((24, 78), (0, 6))


def _ground(colour: Any, size: int) -> Any:
    return np.ones((size, size, 3), np.float32) * colour


def _board(rng: Generator) -> Any:
    """Cardboard without print: pulp with its grain one way, and fibres in it."""
    tone = rng.choice(3, p=[0.62, 0.16, 0.22])
    face = _ground(toned(rng, (_KRAFT, _BLEACHED, _COLOURED)[tone]), _FACE)
    pulp = spectral(rng, (_FACE, _FACE), rng.uniform(0.7, 1.5), (1.0, rng.uniform(0.2, 1.0)))
    face += (pulp * rng.uniform(1, 6))[:, :, None]
    for _ in range(int(rng.integers(0, 45))):
        steps = np.cumsum(rng.normal(0, 0.5, 6)) + rng.uniform(0, 2 * np.pi)
        walk = np.cumsum(np.stack([np.cos(steps), np.sin(steps)], 1) * 2.2, 0)
        spots = np.rint(walk + rng.uniform(0, _FACE, 2)).astype(np.int32)
        at = spots[3].clip(0, _FACE - 1)
        cv2.polylines(face, [spots], False, ink(face[at[1], at[0]] * rng.uniform(0.82, 1.15)), 1)
    return face


def _stamp(rng: Generator, face: Any) -> None:
    """Handling marks as printers have them: a glass, an umbrella, a hook, in a row."""
    colour = ink(toned(rng, Tone((8, 45), (0, 60))))
    size, x, y = rng.uniform(8, 17), rng.uniform(4, 30), rng.uniform(50, 76)
    marks = (
        [
            (0, 0),
            (1, 0),
            (0.6, 0.5),
            (0.6, 0.9),
            (0.9, 1),
            (0.1, 1),
            (0.4, 0.9),
            (0.4, 0.5),
            (0, 0),
        ],
        [(0, 0.5), (0.2, 0.1), (0.5, 0), (0.8, 0.1), (1, 0.5), (0.5, 0.5), (0.5, 1), (0.7, 0.9)],
        [(0.5, 0), (0.5, 0.4), (0.9, 0.6), (0.8, 1), (0.3, 1), (0.2, 0.7)],
    )
    for _ in range(int(rng.integers(1, 4))):
        outline = np.array(marks[rng.integers(len(marks))]) * size + (x, y)
        cv2.polylines(face, [np.rint(outline).astype(np.int32)], False, colour, 1, cv2.LINE_AA)
        x += size * 1.4


def _emblem(rng: Generator, face: Any) -> None:
    """A brand: arcs around a common middle, open to some side."""
    colour = ink(toned(rng, _COLOURED))
    middle = (int(rng.integers(24, 72)), int(rng.integers(22, 60)))
    for ring in range(int(rng.integers(1, 4))):
        radius, open_at = 6 + 6 * ring, float(rng.uniform(0, 360))
        around = float(rng.uniform(150, 330))
        cv2.ellipse(face, middle, (radius, radius), open_at, 0, around, colour, 3, cv2.LINE_AA)


def _gummed(rng: Generator, face: Any) -> None:
    """Paper tape from one edge part of the way, with a ragged end and a gloss along it."""
    wide, long = int(rng.integers(7, 15)), int(rng.integers(18, 90))
    at = 48 - wide // 2 + int(rng.integers(-3, 4))
    tone, share = toned(rng, Tone((45, 85), (0, 30), (55, 95))), rng.uniform(0.35, 0.9)
    gloss = 1 + rng.uniform(0, 0.25) * np.cos(np.linspace(-1.5, 1.5, wide))
    for column in range(wide):
        end = max(1, long + int(rng.integers(-2, 3)))
        strip = face[:end, at + column]
        strip[:] = strip * (1 - share) + tone * (share * gloss[column])


def _dented(rng: Generator, face: Any) -> None:
    """Corners rubbed and edges soiled: the nearer to the rim, the more."""
    line = np.abs(np.linspace(-1, 1, _FACE, dtype=np.float32))
    power = np.float32(rng.uniform(6, 20))
    rim = (line[:, None] ** power + line[None, :] ** power) / 2
    face *= (1 + rng.uniform(-0.6, 0.35) * rim)[:, :, None]


def _carton(rng: Generator) -> Any:
    face = _board(rng)
    kind = int(rng.integers(6))
    strength = rng.uniform(0.15, 0.9)
    other = toned(rng, _COLOURED)
    if kind == 0:
        _blend(face, burst(rng, _FACE), other, strength)
    elif kind == 1:
        _blend(face, quarter_arcs(rng, _FACE, int(rng.integers(10, 26))), other, strength)
    elif kind == 2:
        part = lattice(_FACE, rng.uniform(6, 18)) % 7
        _blend(face, part < int(rng.integers(1, 4)), other, strength * 0.6)
    elif kind == 3:
        _emblem(rng, face)
    if rng.random() < 0.55:
        _stamp(rng, face)
    if rng.random() < 0.45:
        _gummed(rng, face)
    _dented(rng, face)
    return face


def _blend(face: Any, where: Any, colour: Any, share: float) -> None:
    face[where] = face[where] * (1 - share) + colour * share


def _top(rng: Generator) -> Any:
    """Two flaps that meet: a seam with a shadow that fades away from it, and tape like an H."""
    face = _board(rng)
    away = np.abs(np.arange(_FACE, dtype=np.float32) - 47.5)
    face *= (1 - rng.uniform(0.3, 0.75) * np.exp(-away / rng.uniform(0.6, 2.5)))[:, None, None]
    if rng.random() < 0.5:
        turned = np.ascontiguousarray(face.transpose(1, 0, 2))
        _gummed(rng, turned)
        face = np.ascontiguousarray(turned.transpose(1, 0, 2))
    if rng.random() < 0.3:
        _emblem(rng, face)
    _dented(rng, face)
    return face


def _wood(rng: Generator) -> Any:
    """Sawn timber: growth rings around an axis far off, and nails."""
    kind = rng.random()
    if kind < 0.72:
        base = toned(rng, _TIMBER)
    elif kind < 0.86:
        base = toned(rng, Tone((40, 66), (0, 9)))  # weathered grey
    else:
        base = toned(rng, Tone((32, 58), (25, 50)))  # pooled pallets are painted
    down, across = np.mgrid[0:_FACE, 0:_FACE].astype(np.float32)
    bend = spectral(rng, (_FACE, _FACE), 2.2) * rng.uniform(1, 6)
    far = np.hypot((across - rng.uniform(-60, 150)) * 0.12, down + rng.uniform(20, 160) + bend)
    rings = (far * rng.uniform(0.12, 0.4)) % 1
    wood = _ground(base, _FACE) * (1 - rng.uniform(0.08, 0.3) * rings**3)[:, :, None]
    for x in rng.integers(4, 92, int(rng.integers(0, 8))):
        for y in (12, 48, 84):
            cv2.circle(wood, (int(x), y), 1, (40.0, 42.0, 46.0), -1)
    return wood


def _film(rng: Generator) -> Any:
    """Film pulled tight: ridges that catch the light on one flank and are dark on the other."""
    tone = toned(rng, Tone((12, 30), (0, 12)) if rng.random() < 0.15 else Tone((62, 94), (0, 16)))
    long = rng.uniform(0.08, 0.5)
    folds = 1 - np.abs(spectral(rng, (_FACE, _FACE), rng.uniform(1.1, 1.9), (1.0, long)))
    turn = cv2.getRotationMatrix2D((48, 48), float(rng.uniform(-40, 40)), 1.45)
    folds = cv2.warpAffine(folds, turn, (_FACE, _FACE), borderMode=cv2.BORDER_REFLECT_101)
    flank = np.gradient(folds, axis=0) + np.gradient(folds, axis=1)
    shine = np.clip(flank, 0, None) ** 1.5 * rng.uniform(30, 160)
    return _ground(tone, _FACE) + (shine - np.clip(-flank, 0, None) * 25)[:, :, None]


def _metal(rng: Generator) -> Any:
    """Galvanised steel with its spangle, brushed paint, or a perforated post."""
    kind = int(rng.integers(3))
    paint = Tone((25, 72), (25, 80)) if rng.random() < 0.65 else _GREY
    metal = _ground(toned(rng, _GREY if kind == 0 else paint), _FACE)
    if kind == 0:
        nearest, _ = cells(rng, _FACE, int(rng.integers(40, 220)))
        sparkle = rng.uniform(0.88, 1.12, int(nearest.max()) + 1)
        metal *= sparkle[nearest].astype(np.float32)[:, :, None]
    else:
        metal += np.cumsum(rng.normal(0, 1.2, _FACE))[:, None, None] * rng.uniform(0.2, 1.2)
    if kind == 2:
        pitch = int(rng.integers(12, 24))
        down, across = np.mgrid[0:_FACE, 0:_FACE]
        hole = (np.abs(down % pitch - pitch // 2) < pitch // 4) & (np.abs(across % 48 - 24) < 5)
        metal[hole] *= rng.uniform(0.15, 0.5)
    return metal


def _floor(rng: Generator) -> Any:
    """Terrazzo, six-sided pavers, flakes in resin, trowelled concrete, blocks laid aslant."""
    chroma = Tone((22, 76), (0, 10)) if rng.random() < 0.75 else Tone((25, 65), (10, 38))
    floor = _ground(toned(rng, chroma), _FIELD)
    kind = int(rng.integers(5))
    if kind == 0:
        nearest, far = cells(rng, _FIELD, int(rng.integers(300, 1500)))
        shade = rng.normal(1, rng.uniform(0.04, 0.2), int(nearest.max()) + 1)
        floor *= np.where(far < rng.uniform(1.5, 4), shade[nearest], 1)[:, :, None]
    elif kind == 1:
        part = lattice(_FIELD, rng.uniform(14, 40))
        floor *= (1 + (part * 7919 % 13 - 6) * rng.uniform(0.002, 0.018))[:, :, None]
        floor[seams(part.astype(np.int32))] *= rng.uniform(0.55, 0.9)
    elif kind == 2:
        spots = rng.integers(0, _FIELD, (2, int(rng.integers(300, 2500))))
        floor[spots[0], spots[1]] = toned(rng, Tone((10, 95), (0, 40)))
        floor = cv2.blur(floor, (2, 2))
    elif kind == 3:
        swirl = spectral(rng, (_FIELD, _FIELD), rng.uniform(1.2, 2.2)) * rng.uniform(3, 14)
        floor += swirl[:, :, None]
    else:
        pitch = int(rng.integers(12, 30))
        down, across = np.mgrid[0:_FIELD, 0:_FIELD] // pitch
        lying = (down + across) % 4 < 2
        floor *= np.where(lying, 1.0, rng.uniform(0.86, 0.97))[:, :, None]
    floor += (spectral(rng, (_FIELD, _FIELD), 1.1) * rng.uniform(0.5, 5))[:, :, None]
    _lanes(rng, floor)
    return floor


def _lanes(rng: Generator, floor: Any) -> None:
    """Curved lanes, and crossings with stripes, as far as they are not worn off."""
    for _ in range(int(rng.integers(0, 3))):
        colour = ink(toned(rng, Tone((60, 96), (0, 75), (60, 110))))
        # Around a corner: there the floor is mirrored, so that the curve goes on.
        middle = (255 * int(rng.integers(2)), 255 * int(rng.integers(2)))
        radius, thick = int(rng.integers(40, 240)), int(rng.integers(2, 6))
        worn = floor.copy()
        cv2.circle(worn, middle, radius, colour, thick, cv2.LINE_AA)
        cv2.addWeighted(worn, 0.7, floor, 0.3, 0, dst=floor)
    if rng.random() < 0.25:
        x, y = (int(each) for each in rng.integers(0, 180, 2))
        crossing = floor[y : y + 60, x : x + 70]
        down, across = np.mgrid[0 : crossing.shape[0], 0 : crossing.shape[1]]
        _blend(crossing, (down + across) // 7 % 2 == 0, toned(rng, Tone((70, 95), (0, 60))), 0.6)


def _wall(rng: Generator) -> Any:
    """Rubble, ribbed sheet, a rolled-down shutter, panes; and what is fixed there."""
    wall = _ground(toned(rng, Tone((24, 90), (0, 30))), _FIELD)
    kind = int(rng.integers(4))
    line = np.arange(_FIELD, dtype=np.float32)
    if kind == 0:
        nearest, _ = cells(rng, _FIELD, int(rng.integers(300, 1800)))
        wall *= rng.normal(1, 0.09, int(nearest.max()) + 1)[nearest][:, :, None]
        wall[seams(nearest)] *= rng.uniform(0.5, 1.25)
    elif kind == 1:
        pitch = rng.uniform(10, 36)
        flank = np.clip(np.abs(line / pitch % 1 - 0.5) * 6 - 1, -0.5, 0.5)
        wall *= (1 + rng.uniform(0.08, 0.35) * flank)[None, :, None]
    elif kind == 2:
        slat = line / rng.uniform(6, 16) % 1
        wall *= (0.65 + 0.4 * np.sqrt(slat * (1 - slat)) * 2)[:, None, None]
    else:
        pitch = int(rng.integers(24, 70))
        down, across = np.mgrid[0:_FIELD, 0:_FIELD] % pitch
        frame = (down < 3) | (across < 3)
        wall *= (0.8 + 0.4 * (down + across) / (2 * pitch))[:, :, None]
        wall[frame] = toned(rng, _GREY)
    wall += (spectral(rng, (_FIELD, _FIELD), 1.4) * rng.uniform(0.5, 6))[:, :, None]
    _fittings(rng, wall, line)
    return wall


def _fittings(rng: Generator, wall: Any, line: Any) -> None:
    """Cables that sag, pipes that shine along their middle, round fans, lamps that glow."""
    for _ in range(int(rng.integers(0, 3))):
        sag = rng.uniform(10, 60) * (2 * line / _FIELD - 1) ** 2
        cable = np.stack([line, rng.uniform(0, 230) - sag], 1)
        cv2.polylines(wall, [np.rint(cable).astype(np.int32)], False, (35.0, 35.0, 38.0), 2)
    for _ in range(int(rng.integers(0, 3))):
        at, wide = int(rng.integers(0, 236)), int(rng.integers(6, 20))
        curve = 0.45 + 0.75 * np.sin(np.linspace(0.2, 2.9, wide))[None, :, None]
        wall[:, at : at + wide] = (toned(rng, _COLOURED) * curve)[:, : _FIELD - at]
    for _ in range(int(rng.integers(0, 3))):
        spot = (int(rng.integers(20, 236)), int(rng.integers(20, 236)))
        tone = toned(rng, Tone((15, 90), (0, 60)))
        for radius in range(int(rng.integers(8, 26)), 2, -4):
            cv2.circle(wall, spot, radius, ink(tone * (0.6 + 0.4 * (radius // 4 % 2))), -1)
    if rng.random() < 0.3:
        down, across = np.mgrid[0:_FIELD, 0:_FIELD] - rng.integers(30, 220, 2)[:, None, None]
        wall += (np.exp(-(down**2 + across**2) / rng.uniform(150, 900)) * 150)[:, :, None]


SCENERY: Final = Scenery(
    carton=_carton,
    carton_top=_top,
    wood=_wood,
    film=_film,
    metal=_metal,
    floor=_floor,
    wall=_wall,
    light=any_light,
)
