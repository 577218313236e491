"""The named steps on the way of an event at which a process can die, and how they are watched.

Each is a method of the product and the side of it on which the step lies. Wrapping happens in the
child process, before anything is composed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, Literal, NamedTuple

Passing = Callable[[str], None]
"""Told of each step as it is passed."""


class Point(NamedTuple):
    """A step: a name, where the product does it, and on which side of that it lies.

    ``begun`` is reached when a coroutine has run up to its first wait: what it sends is on the
    wire, what it waits for has not come. ``sent`` is reached when the HTTP answer that it returned
    has been written.
    """

    name: str
    module: str
    method: str
    side: Literal["before", "begun", "after", "sent"]


GATEWAY: tuple[Point, ...] = (
    Point("commit.before", "edge.db.database", "Database._end", "before"),
    Point("commit.after", "edge.db.database", "Database._end", "after"),
    Point("answer.before", "edge.pipeline.pipeline", "Pipeline.scan", "after"),
    Point("answer.after", "edge.web.api", "_Door.post_scans", "sent"),
    Point("seal.before", "edge.outbox.outbox", "Outbox.seal", "before"),
    Point("seal.after", "edge.outbox.outbox", "Outbox.seal", "after"),
    Point("publish.after", "edge.link.uplink", "Uplink._publishing", "begun"),
    Point("puback.after", "edge.link.uplink", "Uplink._publishing", "after"),
    Point("watermark.before", "edge.link.uplink", "Uplink.heard", "before"),
    Point("watermark.after", "edge.link.uplink", "Uplink._written", "after"),
)
CLOUD: tuple[Point, ...] = (
    Point("verify.before", "cloud.ingest.worker", "Worker._judge", "before"),
    Point("transaction.within", "cloud.ingest.service", "apply", "after"),
    Point("commit.after", "cloud.ingest.settlement", "Settlement.settle", "after"),
    Point("watermark.before", "cloud.ingest.settlement", "Settlement.advance", "before"),
)


def watch(points: Sequence[Point], passing: Sequence[Passing]) -> None:
    """Have everybody in ``passing`` told of every step, for the life of this process.

    Raises:
        AttributeError: the product does this step no more, or elsewhere.
    """
    if not passing:
        return

    def told(name: str) -> None:
        for each in passing:
            each(name)

    for point in points:
        owner: Any = import_module(point.module)
        *path, method = point.method.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, method, _wrapped(getattr(owner, method), point, told))


def _wrapped(step: Callable[..., Any], point: Point, told: Passing) -> Callable[..., Any]:
    if iscoroutinefunction(step):

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            if point.side == "before":
                told(point.name)
            if point.side == "begun":
                asyncio.get_running_loop().call_soon(told, point.name)
            result = await step(*args, **kwargs)
            if point.side == "after":
                told(point.name)
            if point.side == "sent":
                result.background = _later(told, point.name)
            return result

        return awaited

    def called(*args: Any, **kwargs: Any) -> Any:
        if point.side == "before":
            told(point.name)
        result = step(*args, **kwargs)
        if point.side == "after":
            told(point.name)
        return result

    return called


def _later(told: Passing, name: str) -> Callable[[], Awaitable[None]]:
    async def reach() -> None:
        told(name)

    return reach
