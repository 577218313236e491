"""People at work: paced scanners on several floors, in a thread with an event loop of its own.

Arrivals are open-loop: scans fall due at the given rate whether or not earlier ones have been
answered, and each answer's time counts from when its scan was due. One article is always handled
by the same scanner, one scan after the other, as on a floor where goods are received before they
are picked. A gateway that does not answer makes its people wait; nothing is skipped.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Final, NamedTuple

from edge.simulator.floor import Planned
from edge.simulator.goods import draw
from edge.simulator.oracle import Oracle
from edge.simulator.scanner import Door, Scanner

_WAITING: Final = 2_000
"""How many scans may be due at one scanner before its floor stops pulling triggers."""
_RECENT: Final = 400


Companion = Callable[[Callable[[], bool]], Coroutine[None, None, None]]
"""Work that goes on beside the scanning until the function it is given says that it is over."""


class Post(NamedTuple):
    """One floor to work on: its scans, its gateway's door, and the devices paired with it."""

    site: str
    plans: Iterator[Planned]
    doors: dict[str, Door]
    rate: float


class Crew:
    """Works all posts at once until told to stop or out of plans.

    Args:
        posts: the floors.
        oracle: notes each scan.
        beside: what else runs in the same loop as long as the work does (probes).
        on_answer: told of each answered scan: site, scan id and seconds.
    """

    def __init__(
        self,
        posts: list[Post],
        oracle: Oracle,
        *,
        beside: Sequence[Companion] = (),
        on_answer: Callable[[str, str, float], None] | None = None,
    ) -> None:
        self._posts = posts
        self._beside = beside
        self._oracle = oracle
        self._on_answer = on_answer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="crew", daemon=True)
        self._finish = threading.Event()
        self._main: asyncio.Task[None] | None = None
        self.seconds: dict[str, list[float]] = {post.site: [] for post in posts}
        self._recent: dict[str, deque[float]] = {post.site: deque(maxlen=_RECENT) for post in posts}
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def finish(self, *, timeout: float | None = None) -> bool:
        """Pull no more triggers and wait until every scan is answered; False when late."""
        self._finish.set()
        return self.wait(timeout=timeout)

    def wait(self, *, timeout: float | None = None) -> bool:
        """Wait until the plans are used up and answered; False when late.

        Raises:
            BaseException: whatever ended the work before its time.
        """
        self._thread.join(timeout)
        if self.failure is not None:
            raise self.failure
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Stop at once, leaving scans unanswered."""
        self._finish.set()
        if self._thread.is_alive() and self._main is not None:
            self._loop.call_soon_threadsafe(self._main.cancel)
            self._thread.join(5)

    def scans_per_s(self, site: str, now: float) -> float:
        """Answers in the last five seconds (of the loop's clock), per second."""
        recent = self._recent[site]
        return sum(1 for moment in tuple(recent) if now - moment <= 5.0) / 5.0

    def now(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._main = self._loop.create_task(self._all())
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            self.failure = error
        finally:
            self._loop.close()

    async def _all(self) -> None:
        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for companion in self._beside:
                group.create_task(companion(lambda: self._finish.is_set() or done.is_set()))
            posts = [asyncio.create_task(self._post(post)) for post in self._posts]
            try:
                await asyncio.gather(*posts)
            finally:
                done.set()

    async def _post(self, post: Post) -> None:
        queues = [asyncio.Queue[tuple[Planned, float] | None](_WAITING) for _ in post.doors]
        async with asyncio.TaskGroup() as group:
            for (name, door), queue in zip(post.doors.items(), queues, strict=True):
                scanner = Scanner(
                    name, post.site, door, self._oracle, on_answer=self._noter(post.site)
                )
                group.create_task(self._person(scanner, queue))
            try:
                await self._pace(post, queues)
            finally:
                for queue in queues:
                    await queue.put(None)

    async def _pace(
        self, post: Post, queues: list[asyncio.Queue[tuple[Planned, float] | None]]
    ) -> None:
        """Let scans fall due, evenly spread with a jitter that follows from their number."""
        loop = asyncio.get_running_loop()
        due = loop.time() + draw("start", post.site) % 1000 / 1000 / post.rate
        for number, planned in enumerate(post.plans):
            if self._finish.is_set():
                return
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            queue = queues[draw(planned.sku) % len(queues)]
            await queue.put((planned, max(due, loop.time()) if queue.full() else due))
            due += (0.5 + draw(post.site, number) % 1000 / 1000) / post.rate

    async def _person(
        self, scanner: Scanner, queue: asyncio.Queue[tuple[Planned, float] | None]
    ) -> None:
        try:
            while (work := await queue.get()) is not None:
                planned, due = work
                await scanner.scan(planned, pulled_at=due)
        finally:
            await scanner.close()

    def _noter(self, site: str) -> Callable[[str, float], None]:
        seconds, recent = self.seconds[site], self._recent[site]

        def note(scan_id: str, taken: float) -> None:
            seconds.append(taken)
            recent.append(self._loop.time())
            if self._on_answer is not None:
                self._on_answer(site, scan_id, taken)

        return note


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lies (nearest rank); 0 when there are none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
