"""Dock clips are the same from the same seed, and say truly what crossed."""

from __future__ import annotations

import numpy as np

from cloud.vision.actors import Actor, Waypoint
from cloud.vision.clips import (
    HIDDEN,
    Line,
    Plan,
    box_of,
    moments,
    net,
    plan,
    shown,
    truth,
)
from cloud.vision.filming import film
from cloud.vision.painting import look

SECONDS = 12.0


def crossing(*across: tuple[float, float], away: float = 4.0) -> Actor:
    return Actor("carton", 0.5, 0.5, 0.4, away, 0.0, tuple(Waypoint(*it) for it in across), 7)


def staged(*actors: Actor) -> Plan:
    view = look((640, 360), height=3.4, pitch=30, field=60)
    line = Line((0.5, 0.98), (0.5, 0.02))
    return Plan(1, SECONDS, 5.0, view, line, (5.5, 0.7), actors)


def test_the_same_seed_is_the_same_clip() -> None:
    one, other = plan(5, seconds=SECONDS), plan(5, seconds=SECONDS)
    assert one.actors == other.actors
    assert one.actors != plan(6, seconds=SECONDS).actors


def test_what_crosses_goes_in_or_out_and_what_turns_back_does_neither() -> None:
    there = crossing((0, -3), (5, 3))
    out = crossing((0, 3), (5, -3))
    back = crossing((0, -3), (4, 1), (5, 1), (9, -3))
    clip = staged(there, out, back)
    assert [net(clip, it) for it in clip.actors] == [1, -1, 0]
    assert truth(clip) == (1, 1, 1)


def test_who_is_nearer_hides_who_is_behind() -> None:
    behind = crossing((0, 0), (9, 0.001), away=5.0)
    beside = (Waypoint(0, 0.2), Waypoint(9, 0.201))
    front = Actor("person", 0.6, 0.3, 1.8, 3.5, 0.0, beside, 1)
    alone = shown(staged(behind), 2.0)[0].share
    far, near = shown(staged(front, behind), 2.0)
    assert (far.what, near.what) == ("carton", "person")
    assert far.share < HIDDEN < alone


def test_nobody_is_there_before_or_after_the_way() -> None:
    late = crossing((3, -1), (6, 1))
    times = [at for at, present in moments(staged(late)) if present]
    assert (min(times), max(times)) == (3.0, 5.8)


def test_frames_are_drawn_alike_and_show_what_moves() -> None:
    mover = crossing((0, -2), (2, 2))
    clip = staged(mover)._replace(seconds=2.0)
    first, again = list(film(clip)), list(film(clip))
    assert len(first) == 10
    assert all(
        np.array_equal(one.image, other.image) for one, other in zip(first, again, strict=True)
    )
    there = mover.block(1.0)
    assert there is not None
    left, top, right, bottom = (round(it) for it in box_of(clip.view, mover, there))
    before, then = first[0].image.astype(int), first[5].image.astype(int)
    changed = np.abs(then - before).max(axis=2) > 25
    assert changed[top:bottom, left:right].mean() > 0.5
    assert changed.mean() < 0.2
