"""Draws a clip's plan, one frame at a time: nothing of it is kept but the empty room.

The room, the conveyor and the light are drawn once; each frame adds who is there, from far to near,
with their shadows, and then the lens, the sensor and the codec. How everything looks comes from the
seeds in the plan, and from ``world``: no two worlds share a surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cloud.vision.actors import Actor
from cloud.vision.cartons import Carton, any_labels, any_look
from cloud.vision.clips import Plan, on_stage
from cloud.vision.lenses import noisy
from cloud.vision.marks import Mark, plain_block
from cloud.vision.matter import World
from cloud.vision.painting import Block, Canvas, through_jpeg
from cloud.vision.pallets import Pallet, any_pallet
from cloud.vision.people import Person, any_person
from cloud.vision.rooms import cast_shadows
from cloud.vision.scenes import paint
from cloud.vision.stages import Stage
from cloud.vision.textures import Bank, Texture, bank
from cloud.vision.things import Thing, draw
from cloud.vision.worlds import SCENERY

Image = NDArray[np.uint8]

_CV: Final[Any] = cv2
_TRIES: Final = 40
_STEPS_S: Final = 1.1
"""Seconds that two steps take."""


class Filmed(NamedTuple):
    """A frame, and when it was taken: seconds from the clip's start."""

    at: float
    image: Image


class _Lens(NamedTuple):
    """What the camera of a clip makes of every picture."""

    gains: Any
    blur: float
    noise: float
    quality: int


def film(clip: Plan, world: World = "test") -> Iterator[Filmed]:
    """The frames of a clip, one after the other."""
    surfaces = bank(world)
    rng = np.random.default_rng([clip.seed, 1])
    stage, shine = _stage(rng, clip, surfaces), float(rng.uniform(0.15, 1.0))
    empty, _ = paint(stage)
    lens = _lens(rng, clip, world)
    looks: dict[int, tuple[Thing | Texture, Block]] = {}
    for number in range(int(clip.seconds * clip.frames_per_second)):
        at = number / clip.frames_per_second
        canvas = Canvas(clip.view, stage.sun)
        canvas.image[:] = empty.image
        present = on_stage(clip, at)
        cast_shadows(canvas, [block for _, _, block in present], stage.sun, shine)
        marks: list[Mark] = []
        for index, actor, block in present:
            if index not in looks:
                looks[index] = _made(actor, surfaces), actor.standing(0.0)
            made, home = looks[index]
            if isinstance(made, Texture):
                plain_block(canvas, block, (made, made), owner=0, shine=shine)
            else:
                draw(canvas, _moved(made, block.x - home.x, at), marks, shine)
        yield Filmed(at, _seen(rng, canvas.image, lens, surfaces))


def _stage(rng: Generator, clip: Plan, surfaces: Bank) -> Stage:
    """The empty room, with the conveyor in it as blocks of half a metre."""
    away, up = clip.belt
    metal = surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    blocks = [
        (Block(float(x), away, up - 0.12, 0.5, 0.6, 0.12), metal) for x in np.arange(-6, 6.1, 0.5)
    ]
    legs = [(Block(float(x), away, 0.0, 0.08, 0.5, up - 0.12), metal) for x in range(-5, 6, 2)]
    sun = np.array([rng.normal(0, 0.6), rng.normal(-0.4, 0.4), rng.uniform(0.8, 1.6)])
    return Stage(
        view=clip.view,
        sun=sun / np.linalg.norm(sun),
        shine=float(rng.uniform(0.15, 1.0)),
        floor=surfaces.floors[int(rng.integers(len(surfaces.floors)))],
        floor_scale=float(rng.uniform(1.5, 7)),
        wall=surfaces.walls[int(rng.integers(len(surfaces.walls)))],
        wall_at=away + float(rng.uniform(0.8, 4.0)),
        rack=(*legs, *blocks),
        things=(),
    )


def _made(actor: Actor, surfaces: Bank) -> Thing | Texture:
    """How an actor looks, standing in the middle of its way."""
    rng = np.random.default_rng(actor.seed)
    block = actor.standing(0.0)
    if actor.what == "pillar":
        return surfaces.metals[int(rng.integers(len(surfaces.metals)))]
    if actor.what == "person":
        return any_person(rng, 0.0, actor.away)._replace(height=actor.height)
    if actor.what == "pallet":
        return _pallet(rng, surfaces, actor)
    turned = block._replace(yaw=float(rng.normal(0, 0.12)))
    return Carton(turned, any_look(rng, surfaces), any_labels(rng, surfaces, block, 0.25))


def _pallet(rng: Generator, surfaces: Bank, actor: Actor) -> Pallet:
    """Of some pallets the one whose load is most as wide and high as the plan says."""
    some = [any_pallet(rng, surfaces, 0.0, actor.away) for _ in range(_TRIES)]
    return min((it for it in some if it.load), key=lambda it: _unlike(it, actor))


def _unlike(pallet: Pallet, actor: Actor) -> float:
    top = max(carton.block.z + carton.block.height for carton in pallet.load)
    corners = np.concatenate([carton.block.corners() for carton in pallet.load])
    across = max(float(np.ptp(corners[:, 0])), float(np.ptp(pallet.base.corners()[:, 0])))
    return abs(top - actor.height) + abs(across - actor.width)


def _moved(thing: Thing, x: float, at: float) -> Thing:
    """The thing so far to the right of where it was made; people step."""
    if isinstance(thing, Carton):
        return thing._replace(block=_shifted(thing.block, x))
    if isinstance(thing, Pallet):
        load = tuple(it._replace(block=_shifted(it.block, x)) for it in thing.load)
        return thing._replace(base=_shifted(thing.base, x), load=load)
    if isinstance(thing, Person):
        stride = 0.35 + 0.3 * float(np.sin(2 * np.pi * at / _STEPS_S))
        return thing._replace(x=thing.x + x, stride=stride)
    return thing._replace(block=_shifted(thing.block, x))


def _shifted(block: Block, x: float) -> Block:
    return block._replace(x=block.x + x)


def _lens(rng: Generator, clip: Plan, world: World) -> _Lens:
    """A clip's light and its camera; only ``fresh`` has a light of its own at the door, too."""
    rows, columns = clip.view.height // 8, clip.view.width // 8
    lamps = SCENERY[world].light if world == "fresh" else _door_lamps
    light = lamps(rng, rows, columns)
    gains = np.clip(light * rng.uniform(0.9, 1.1, 3) * 128, 24, 255).astype(np.uint8)
    return _Lens(
        _CV.resize(gains, (clip.view.width, clip.view.height)),
        float(rng.choice([0.0, rng.uniform(0.4, 1.0)])),
        float(rng.uniform(1.0, 6.0)),
        int(rng.integers(45, 92)),
    )


def _door_lamps(rng: Generator, rows: int, columns: int) -> Any:
    """From dim to bright, with a lamp or two."""
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    light: Any = rng.uniform(0.6, 1.1) + rng.uniform(-0.35, 0.35) * (across - 0.5)
    for _ in range(int(rng.integers(0, 3))):
        far = (down - rng.uniform(-0.2, 1.2)) ** 2 + (across - rng.uniform(-0.2, 1.2)) ** 2
        light = light + rng.uniform(-0.25, 0.4) * np.exp(-far / rng.uniform(0.05, 0.4))
    return light[:, :, None]


def _seen(rng: Generator, image: Image, lens: _Lens, surfaces: Bank) -> Image:
    """What light, lens, sensor and codec make of a picture."""
    lit = _CV.multiply(image, lens.gains, scale=1 / 128)
    if lens.blur:
        lit = _CV.GaussianBlur(lit, (0, 0), lens.blur)
    return through_jpeg(noisy(rng, lit, surfaces, lens.noise), lens.quality)
