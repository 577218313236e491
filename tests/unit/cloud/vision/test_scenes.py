"""Rendered scenes: the same from the same seed, and every box where the thing is."""

from __future__ import annotations

import ast
import inspect
import sys

import numpy as np
import pytest

from cloud.vision.cartons import Carton, Look
from cloud.vision.marks import CLASSES, Mark
from cloud.vision.matter import WORLDS, World
from cloud.vision.painting import Block, Canvas, look
from cloud.vision.pallets import Pallet
from cloud.vision.scenes import LEAST_SEEN, NARROWEST, SMALLEST, Scene, boxes_of, render
from cloud.vision.textures import Texture, bank
from cloud.vision.things import draw, foot
from cloud.vision.worlds import JUDGE, SCENERY, SHELVING

SUN = np.array([0.0, -0.6, 0.8])


def scenes(world: World, count: int) -> list[Scene]:
    return [render(np.random.default_rng([5, index]), world) for index in range(count)]


def plain(value: int) -> Texture:
    return Texture(tuple(np.full((side, side, 3), value, np.uint8) for side in (96, 48, 24)))


LOOK = Look((plain(120), plain(130)), plain(140), (1.0, 1.0, 1.0), 0.0, dark_edge=False)


def canvas() -> Canvas:
    return Canvas(look((416, 416), height=2.0, pitch=15, field=60), SUN)


@pytest.mark.parametrize("world", WORLDS)
def test_a_scene_is_the_same_from_the_same_seed_and_another_from_another(world: World) -> None:
    one, again = (render(np.random.default_rng(11), world) for _ in range(2))
    other = render(np.random.default_rng(12), world)
    assert np.array_equal(one.image, again.image)
    assert one.boxes == again.boxes
    assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_lie_within_the_picture_and_count_only_as_was_fixed(world: World) -> None:
    found = 0
    for scene in scenes(world, 8):
        assert scene.image.shape == (416, 416, 3)
        for seen, (left, top, right, bottom), visible, ignored in scene.boxes:
            assert seen in CLASSES
            assert 0 <= left < right <= 416
            assert 0 <= top < bottom <= 416
            assert 0 < visible <= 1
            sides = sorted((right - left, bottom - top))
            large = sides[0] * sides[1] >= SMALLEST**2 and sides[0] >= NARROWEST
            counts = visible >= LEAST_SEEN and large
            assert counts == (not ignored)
            found += counts
    assert found > 20


def test_a_scene_may_have_another_size() -> None:
    scene = render(np.random.default_rng(3), size=(640, 360))
    assert scene.image.shape == (360, 640, 3)
    assert all(each.box[2] <= 640 and each.box[3] <= 360 for each in scene.boxes)


def test_a_carton_alone_is_seen_whole_where_it_is_painted() -> None:
    drawn, marks = canvas(), list[Mark]()
    draw(drawn, Carton(Block(0, 4, 0, 0.6, 0.6, 0.6), LOOK), marks)
    (box,) = boxes_of(drawn, marks)
    rows, columns = np.nonzero(drawn.image.any(2))
    assert box.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box.visible == pytest.approx(1.0, abs=0.05)
    assert not box.ignored


def test_what_stands_before_hides_and_what_is_hidden_is_not_asked_for() -> None:
    drawn, marks = canvas(), list[Mark]()
    draw(drawn, Carton(Block(0, 4, 0, 0.5, 0.5, 0.5), LOOK), marks)
    draw(drawn, Carton(Block(0.1, 3, 0, 0.6, 0.6, 0.7), LOOK), marks)
    found = boxes_of(drawn, marks)
    assert [each.ignored for each in found[-1:]] == [False]
    assert all(each.ignored for each in found[:-1])


def test_a_pallets_box_holds_its_load_and_film_hides_the_cartons_under_it() -> None:
    base = Block(0, 4, 0, 1.2, 0.8, 0.15)
    carton = Carton(Block(0, 4, 0.15, 0.8, 0.7, 0.8), LOOK)
    pallet = Pallet(base, plain(90), plain(100), 1.0, (carton,), plain(200), 0.8)
    drawn, marks = canvas(), list[Mark]()
    draw(drawn, pallet, marks)
    found = {each.seen: each for each in boxes_of(drawn, marks)}
    whole, inner = found["pallet"].box, found["carton"].box
    assert whole[0] <= inner[0]
    assert whole[1] <= inner[1]
    assert whole[2] >= inner[2]
    assert whole[3] > inner[3]
    assert not found["pallet"].ignored
    assert found["carton"].ignored
    assert foot(pallet).height == pytest.approx(0.95)


def test_what_the_pictures_edge_cuts_off_counts_as_hidden() -> None:
    drawn, marks = canvas(), list[Mark]()
    view = drawn.view
    edge = view.floor_at(416, 300)
    assert edge is not None
    draw(drawn, Carton(Block(edge[0], edge[1], 0, 0.6, 0.6, 0.6), LOOK), marks)
    (box,) = boxes_of(drawn, marks)
    assert box.box[2] == 416
    assert 0.3 < box.visible < 0.7


def test_the_floor_is_found_where_it_is_projected() -> None:
    view = look((640, 360), height=3.0, pitch=20, field=70, roll=2)
    pixels, _ = view.project(np.array([[0.7, 5.0, 0.0]]))
    assert view.floor_at(*pixels[0]) == pytest.approx((0.7, 5.0))
    assert view.floor_at(320, -400) is None


def test_no_two_worlds_share_a_surface() -> None:
    banks = [bank(world) for world in WORLDS]
    seen = [
        texture.mips[0].tobytes()
        for each in banks
        for texture in (*each.cartons, *each.wood_tops, *each.films, *each.metals)
    ]
    rooms = [image.tobytes() for each in banks for image in (*each.floors, *each.walls)]
    assert len(set(seen)) == len(seen)
    assert len(set(rooms)) == len(rooms)


@pytest.mark.parametrize("parts", [SCENERY, SHELVING])
def test_the_world_that_judges_is_made_by_procedures_of_its_own(parts: dict[World, object]) -> None:
    """Nothing of another world comes into it, nor what others are mixed from."""
    home = "cloud.vision."
    own = {home + it for it in ("scenery_fresh", "shelving_fresh", "grounds_fresh", "light_fresh")}
    reached, ahead = set[str](), {f"{home}{type(parts[JUDGE]).__name__.lower()}_{JUDGE}"}
    while ahead:
        name = ahead.pop()
        reached.add(name)
        ahead |= _made_of(name) - reached
    assert reached <= own | {home + "matter"}


def _made_of(name: str) -> set[str]:
    """Which modules of this room's own a module takes something from."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    taken = {it.module for it in ast.walk(tree) if isinstance(it, ast.ImportFrom) and it.module}
    return {it for it in taken if it.startswith("cloud.")}
