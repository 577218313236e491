"""How often a shelf slot is told rightly as empty, low or full, and how often it is told at all.

Slots are drawn (``cloud/vision/shelves.py``): in surfaces, light and noise of the world ``fresh``,
which no model was learned in or chosen by, by a seed of their own (``--world test`` may be looked
at while something is learned; ``cloud/vision/worlds.py`` says what the worlds are for). Each goes
the way of a gateway: its polygon is cut out of the picture, the backbone makes an embedding, the
head judges it beside its reference's. It is single looks that are judged here: what holds for a few
looks (``SlotLane``) is wrong less often.

Bars: of what is answered 97 % are right, and 90 % of the slots that nobody stands before are
answered. Slots that somebody covers are counted apart: the answer to them should be none. Damage
is measured likewise on drawn cartons, without a bar.

What limits it: the backbone, which was taught for a few minutes; dark slots and single pieces far
back are left open. Nothing here is a photograph. Slots between three and six tenths full are not
drawn, for either answer would be right. The time is of one thread, eight slots at a time.

    python -m tests.benchmarks.bench_slots [--short] [--world WORLD]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from cloud.vision.crops import HARMS, crops
from cloud.vision.matter import WORLDS, World
from cloud.vision.shelves import Example, examples
from cloud.vision.worlds import JUDGE
from edge.vision.embedding import Backbone, boxed, cut, judged, small
from edge.vision.models import load, read_card
from edge.vision.slots import compared

SEED = 20_261_121
SLOTS, SHORT_SLOTS = 2600, 320
CARTONS, SHORT_CARTONS = 2000, 300
RIGHT, ANSWERED = 0.97, 0.90
AT_ONCE = 8


def fractions(example: Example, shape: tuple[int, ...]) -> list[tuple[float, float]]:
    """A polygon as a gateway keeps it."""
    height, width = shape[:2]
    return [(float(x) / width, float(y) / height) for x, y in example.polygon]


def looked_at(backbone: Backbone, head: Any, group: Sequence[Example]) -> list[tuple[str, bool]]:
    """What is said of some slots, and whether it is told."""
    polygons = [fractions(each, each.now.shape) for each in group]
    now = backbone.embed(
        [small(cut(each.now, it)) for each, it in zip(group, polygons, strict=True)]
    )
    then = backbone.embed(
        [small(cut(each.then, it)) for each, it in zip(group, polygons, strict=True)]
    )
    rows = [compared(a, b, each.shows) for a, b, each in zip(now, then, group, strict=True)]
    return [
        (verdict.label, verdict.is_sure and verdict.label != "unknown")
        for verdict in judged(head, np.stack(rows))
    ]


def measure_slots(number: int, world: World) -> dict[str, Any]:
    """How slots of a world are told."""
    backbone, head = Backbone(), load(read_card("slots"))
    counts: Counter[str] = Counter()
    confusion: Counter[tuple[str, str]] = Counter()
    spent = 0.0
    drawn = examples(SEED, number, world)
    while group := list(itertools.islice(drawn, AT_ONCE)):
        began = time.perf_counter()
        said = looked_at(backbone, head, group)
        spent += time.perf_counter() - began
        for each, (label, is_told) in zip(group, said, strict=True):
            kind = "hidden" if each.state == "unknown" else "slots"
            counts[kind] += 1
            counts[f"{kind}_answered"] += is_told
            counts[f"{kind}_right"] += is_told and label == each.state
            confusion[each.state, label if is_told else "no answer"] += 1
    print("\ntrue state → what was told")
    for (state, label), count in sorted(confusion.items()):
        print(f"  {state:8} → {label:9} {count:5}")
    return {
        "slots": counts["slots"],
        "answered": round(counts["slots_answered"] / counts["slots"], 4),
        "right_where_answered": round(counts["slots_right"] / max(counts["slots_answered"], 1), 4),
        "hidden": counts["hidden"],
        "hidden_answered": round(counts["hidden_answered"] / max(counts["hidden"], 1), 4),
        # A look makes two embeddings here; a gateway makes that of the reference once.
        "ms_a_slot": round(1000 * spent / number / 2, 2),
    }


def measure_damage(number: int, world: World) -> dict[str, Any]:
    """How damaged cartons of a world are suspected."""
    backbone, head = Backbone(), load(read_card("damage"))
    found: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    for each in crops(SEED, number, world):
        height, width = each.picture.shape[:2]
        crop = boxed(each.picture, (0, 0, width, height))
        assert crop is not None
        (verdict,) = judged(head, backbone.embed([crop]))
        drawn[each.harm] += 1
        found[each.harm] += verdict.is_sure and verdict.label == "suspect"
    harmed = sum(drawn[harm] for harm in HARMS[1:])
    right = sum(found[harm] for harm in HARMS[1:])
    return {
        "cartons": number,
        "precision": round(right / max(right + found["none"], 1), 4),
        "recall": round(right / harmed, 4),
        "whole_suspected": round(found["none"] / drawn["none"], 4),
        "recall_of": {harm: round(found[harm] / drawn[harm], 3) for harm in HARMS[1:]},
    }


def main() -> int:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--world", choices=WORLDS, default=JUDGE)
    asked = parser.parse_args()
    short, world = asked.short, asked.world
    cv2.setNumThreads(1)
    slots = measure_slots(SHORT_SLOTS if short else SLOTS, world)
    damage = measure_damage(SHORT_CARTONS if short else CARTONS, world)
    missed = [
        f"{name} {slots[name]}, {least} is needed"
        for name, least in (("right_where_answered", RIGHT), ("answered", ANSWERED))
        if slots[name] < least
    ]
    for each in missed:
        print(f"missed: {each}")
    result = {"bench": "slots", "world": world, **slots, "damage": damage, "missed_bars": missed}
    print(json.dumps({**result, "ok": not missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
