"""The steps at which processes are killed are those of the product, and a wrapped step is told."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

import pytest

from tests.faults.points import CLOUD, GATEWAY, Point, _wrapped


@pytest.mark.parametrize("point", [*GATEWAY, *CLOUD], ids=lambda point: f"{point.method}")
def test_every_step_is_still_done_by_the_product(point: Point) -> None:
    owner: Any = import_module(point.module)
    for part in point.method.split("."):
        owner = getattr(owner, part)
    assert callable(owner)


def test_a_step_is_told_on_its_side() -> None:
    said: list[str] = []

    def step() -> None:
        said.append("step")

    for side in ("before", "after"):
        _wrapped(step, Point(side, "", "", side), said.append)()
    assert said == ["before", "step", "step", "after"]


def test_what_has_begun_is_told_before_it_ends() -> None:
    said: list[str] = []

    async def step() -> None:
        said.append("sent")
        await asyncio.sleep(0.01)
        said.append("answered")

    asyncio.run(_wrapped(step, Point("begun", "", "", "begun"), said.append)())
    assert said == ["sent", "begun", "answered"]
