"""Many who wait are answered at once: one transaction for all that came while the last one ran.

As the gateways' group commit has it: nobody waits for company, but whoever comes while the database
is at work goes with the next ones. Order of arrival is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

MOST: Final = 64
"""In one transaction. More would let the buyers' requests and the database wait in turns."""


class Gathering(Generic[Ask, Answer]):
    """Hands what is asked to ``work`` in groups, one group at a time.

    Args:
        work: answers all of these, in this order; it is called in a thread.
        most: how many at once.
    """

    def __init__(self, work: Callable[[Sequence[Ask]], Sequence[Answer]], most: int = MOST) -> None:
        self._work = work
        self._most = most
        self._waiting: deque[tuple[Ask, asyncio.Future[Answer]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, one: Ask) -> Answer:
        """The answer to one; what ``work`` raised for it is raised here."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(len(self._waiting), self._most)
                await self._answer([self._waiting.popleft() for _ in range(count)])
        finally:
            self._worker = None

    async def _answer(self, group: list[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        """What goes wrong for a group is tried singly: one cannot take the others with it."""
        try:
            answers = await run_in_threadpool(self._work, [one for one, _ in group])
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            if len(group) > 1:
                for each in group:
                    await self._answer([each])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():  # nobody waits any more
                    future.set_result(answer)
