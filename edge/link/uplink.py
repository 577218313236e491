"""The uplink: seals, sends in two lanes, resends, and frees by watermark only.

With room for what is new, a segment is sealed in the very transaction that answers the scans (it
rides along), so that a gateway sends at once, also while a backlog drains. Without room, or without
a connection, events wait until 256 are there: those are sealed, and stored as backlog. So at most
255 events stand between a new scan and its sending, whatever has gathered before.

Everything sent stays in flight until a verified watermark covers it, or says that it has arrived
above a gap. After a reconnect, or when a newer generation of the cloud knows less, all that is
stored and not covered is sent again, byte for byte: oldest first, beside what is new (the rules are
in :mod:`edge.link.lanes`). A connection on which nothing arrives is ended by a watchdog.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog

from edge.db import Connection, Database
from edge.link.flights import Flight, Flights, Landed
from edge.link.lanes import Lanes
from edge.link.pace import DEFAULT_PACE, Cloud, Pace, UplinkCounts
from edge.outbox import Acknowledged, Outbox, Sealed
from edge.ports import BrokerLink
from shared.clock import Clock
from shared.downlink import Watermark, verify_dated
from shared.errors import QuartermasterError
from shared.segment import MAX_EVENTS
from shared.topics import topic

_log: Final[Any] = structlog.get_logger("edge.uplink")
_TICK_S: Final = 0.5
_SETTLE_S: Final = 1.0
"""A watermark that found no transaction to ride with is written after this long."""
_LONGEST_RESEND_S: Final = 120.0


_Said = tuple[Watermark, Acknowledged]


class _Ridden(NamedTuple):
    """What one ride brought: a segment, and what the watermarks that rode along did.

    ``live`` says that there was room to send it at once.
    """

    sealed: Sealed
    live: bool
    words: list[_Said]


class Uplink:
    """Sends one gateway's outbox.

    Args:
        database: the store.
        outbox: what is sealed and freed.
        link: the broker.
        cloud: who signs watermarks.
        clock: for what is stored.
        told: hears when the cloud signed a watermark, and how many seconds after what it answers
            was sent; None where it answers nothing that this process was the first to send.
        pace: window and patience.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        link: BrokerLink,
        cloud: Cloud,
        clock: Clock,
        *,
        told: Callable[[int, float | None], None] = lambda _issued_at, _waited: None,
        pace: Pace = DEFAULT_PACE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._link = link
        self._cloud = cloud
        self._clock = clock
        self._told = told
        self._pace = pace
        self._monotonic = monotonic
        self._flights = Flights()
        self._lanes = Lanes(pace.window)
        self._cursor = (0, 0)
        self._backlog_waits = True
        """Whether there may be stored segments beyond the cursor."""
        self._live_waits = False
        """Whether events wait for room in the live lane."""
        self._asked_at = float("-inf")
        self._board_at = float("-inf")
        self._reached: dict[int, tuple[int, int]] = {}
        self._unwritten: dict[int, Watermark] = {}
        """The newest word about each epoch that the store does not hold yet; never changed in
        place, as the writer's thread reads it."""
        self._unwritten_since = 0.0
        self._urgent = False
        self._rewound = False
        self._online = asyncio.Event()
        self._changed = asyncio.Event()
        self._ride: asyncio.Task[_Ridden] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._progress_at = 0.0
        self.counts = UplinkCounts()

    @property
    def in_flight(self) -> int:
        """Segments sent and not covered yet."""
        return len(self._flights)

    # What the link tells

    def up(self) -> None:
        """Send everything again that is not covered."""
        self._lanes.start_over()
        self._start_over()
        self._live_waits = True
        self._online.set()
        self._changed.set()

    def down(self) -> None:
        """Stop sealing and sending."""
        self._online.clear()
        self._changed.set()

    def heard(self, payload: bytes) -> None:
        """A message on the ack topic: believed when the cloud has signed it for this gateway."""
        try:
            watermark, issued_at = verify_dated(
                payload,
                self._cloud.key,
                Watermark,
                trust_domain=self._cloud.trust_domain,
                gateway=self._cloud.gateway,
                now=self._clock.now(),
            )
        except QuartermasterError as error:
            self.counts.refused[error.code] += 1
            _log.warning("uplink.watermark-refused", code=error.code, detail=error.detail)
            return
        known = self._reached.get(watermark.epoch) or self._outbox.last_watermark(
            self._database.reader, watermark.epoch
        )
        word = (watermark.generation, watermark.contiguous_seq)
        if word < known:
            self._told(issued_at, None)
            self.counts.refused["stale"] += 1
            return
        self.counts.watermarks += 1
        self._rewind_for(watermark.generation)
        self._reached[watermark.epoch] = word
        now = self._monotonic()
        if not self._unwritten:
            self._unwritten_since = now
        elif watermark.epoch not in self._unwritten:
            self._urgent = True
        self._unwritten = {**self._unwritten, watermark.epoch: watermark}
        self._rewound = self._rewound or word[1] < known[1]
        landed = self._flights.land(watermark, now)
        asked = not self._rewound and self._asked(watermark, now)
        self._urgent = self._urgent or self._rewound or asked
        self._settle(landed, now)
        self._told(issued_at, min(landed.live, default=None))
        self._changed.set()

    def _rewind_for(self, generation: int) -> None:
        """A restored cloud: what the one before had of any epoch is in doubt, and sent again."""
        before = max((word[0] for word in self._reached.values()), default=0)
        if 0 < (before or self._outbox.generation(self._database.reader)) < generation:
            self._reached.clear()
            self._flights.forget_words()
            self._rewound = True

    def _settle(self, landed: Landed, now: float) -> None:
        for took in landed.backlog:
            self._lanes.arrived(took)
        for took in (*landed.live, *landed.backlog):
            self.counts.seconds_to_covered = took
        if landed.live or landed.backlog or not self._flights:
            self._progress_at = now

    def _asked(self, watermark: Watermark, now: float) -> bool:
        """Whether the cloud misses what was sent long ago: neither in flight nor still to send."""
        if now - self._asked_at < self._pace.resend:
            return False
        flying = [flight.sealed for flight in self._flights.every()]
        for first, last in watermark.missing:
            behind = (watermark.epoch, last) <= self._cursor or not self._backlog_waits
            if behind and not any(
                sealed.epoch == watermark.epoch
                and sealed.first_seq <= last
                and first <= sealed.last_seq
                for sealed in flying
            ):
                self._asked_at = now
                return True
        return False

    # The loop

    async def run(self) -> None:
        """Seal and send until cancelled."""
        try:
            while True:
                self._changed.clear()
                await self._alight()
                self._board()
                if self._online.is_set():
                    await self._write_watermarks()
                    self._fill()
                    self._resend_late()
                    self._watch()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: up to Python 3.11 it can swallow a cancellation.
                    async with asyncio.timeout(_TICK_S):
                        await self._changed.wait()
        finally:
            if self._ride is not None:
                self._ride.cancel()
                self._ride = None
            for task in self._sends:
                task.cancel()

    def _start_over(self) -> None:
        self._flights.clear()
        self._cursor, self._backlog_waits = (0, 0), True
        self._progress_at = self._monotonic()

    async def _write_watermarks(self) -> None:
        """Write the last watermarks, if they found nothing to ride with for long, or say more."""
        if not self._unwritten:
            return
        if not self._urgent and self._monotonic() - self._unwritten_since < _SETTLE_S:
            return
        self._urgent = False
        again = self._pace.window if self._asked_at >= self._unwritten_since else 0
        try:
            words = await self._database.run(lambda connection: self._note(connection, again))
        except QuartermasterError as error:  # a full disk: the cloud says it again
            _log.error("uplink.watermark-unwritten", code=error.code, detail=error.detail)
            self._unwritten_since = self._monotonic()
            return
        self._written(words)

    def _note(self, connection: Connection, again: int) -> list[_Said]:
        """In the writer's thread: what the unwritten words do to the store."""
        words, now = tuple(self._unwritten.values()), self._clock.now()
        return [
            (word, self._outbox.acknowledge(connection, word, now, again=again)) for word in words
        ]

    def _written(self, words: list[_Said]) -> None:
        done = [word for word, _ in words]
        left = {
            epoch: word
            for epoch, word in self._unwritten.items()
            if not any(word is each for each in done)
        }
        if left:
            self._unwritten_since = self._monotonic()
        self._unwritten = left
        for watermark, acknowledged in words:
            self._follow(watermark, acknowledged)

    def _follow(self, watermark: Watermark, done: Acknowledged) -> None:
        """Send what a word that is now in the store asks for."""
        if done.frozen:
            _log.error("uplink.frozen", why=done.frozen)
            self._flights.clear()  # the cloud would refuse them again and again
        if self._rewound:
            self._rewound = False
            _log.warning("uplink.cloud-restored", generation=watermark.generation)
            self._start_over()
        for sealed in done.again:
            if (sealed.epoch, sealed.first_seq) not in self._flights:
                self._send(sealed, live=False)
        for flight in self._flights.overtaken(watermark):
            self._again(flight)

    def _board(self) -> None:
        """Have a ride aboard all the time; wake it when what waits has found room."""
        if self._ride is None and self._monotonic() >= self._board_at:
            self._ride = asyncio.create_task(self._database.ride(self._unit, now=True))
            self._ride.add_done_callback(lambda _: self._changed.set())
        elif self._live_waits and self._room_for_live():
            self._live_waits = False
            self._database.nudge()

    def _room_for_live(self) -> bool:
        flights = self._flights
        return (
            self._online.is_set()
            and self._link.connected
            and self._lanes.may_send_live(
                flights.live, flights.backlog, backlog_waits=self._backlog_waits
            )
        )

    def _fill(self) -> None:
        """Send what is stored, as far as that is backlog's turn."""
        flights = self._flights
        while (
            self._backlog_waits
            and self._link.connected
            and self._lanes.may_send_backlog(
                flights.live, flights.backlog, live_waits=self._live_waits
            )
        ):
            found = self._outbox.unacknowledged(self._database.reader, after=self._cursor)
            if not found:
                self._backlog_waits = False
                return
            sealed = found[0]
            self._cursor = (sealed.epoch, sealed.first_seq)
            if self._cursor not in flights and not flights.has_arrived(sealed):
                self._send(sealed, live=False)

    def _unit(self, connection: Connection) -> _Ridden | None:
        """In the writer's thread, with the scans of a group: seal them, note the watermark."""
        live = self._room_for_live()
        if not live and not self._gathered(connection):
            return None
        sealed = self._outbox.seal(connection, self._clock.now())
        if sealed is None:
            return None
        return _Ridden(sealed, live, self._note(connection, again=0))

    def _gathered(self, connection: Connection) -> bool:
        """Whether enough waits for a full segment."""
        waiting = self._outbox.waiting(connection)
        self._live_waits = waiting > 0
        return waiting >= MAX_EVENTS

    async def _alight(self) -> None:
        if self._ride is None or not self._ride.done():
            return
        ride, self._ride = self._ride, None
        try:
            ridden = await ride
        except QuartermasterError as error:
            _log.error("uplink.not-sealed", code=error.code, detail=error.detail)
            self._board_at = self._monotonic() + _TICK_S
            return
        if ridden.live and self._online.is_set():
            self._send(ridden.sealed, live=True)
        else:
            self._backlog_waits = True
        if ridden.words:
            self._written(ridden.words)

    # Sending

    def _send(self, sealed: Sealed, *, live: bool) -> None:
        now = self._monotonic()
        if not self._flights:
            self._progress_at = now
        self._flights.take_off(sealed, now, live=live)
        other_waits = self._backlog_waits if live else self._live_waits
        self._lanes.sent(live=live, other_waits=other_waits)
        self.counts.segments += 1
        self.counts.events += sealed.events
        self._publish(sealed.body)

    def _again(self, flight: Flight) -> None:
        flight.sent_at = self._monotonic()
        flight.tries += 1
        self.counts.resent += 1
        self._publish(flight.sealed.body)

    def _publish(self, body: bytes) -> None:
        task = asyncio.create_task(self._publishing(body))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def _publishing(self, body: bytes) -> None:
        try:
            await self._link.publish(topic(self._cloud.gateway, "seg"), body)
        except QuartermasterError as error:  # it stays in flight, and is sent again
            self.counts.refused[error.code] += 1

    def _resend_late(self) -> None:
        now = self._monotonic()
        for flight in self._flights.every():
            patience = min(self._pace.resend * 2 ** (flight.tries - 1), _LONGEST_RESEND_S)
            if now - flight.sent_at > patience:
                self._again(flight)

    def _watch(self) -> None:
        if self._flights and self._monotonic() - self._progress_at > self._pace.watchdog:
            _log.warning("uplink.no-progress", in_flight=len(self._flights))
            self.counts.watchdog += 1
            self._progress_at = self._monotonic()
            self._link.interrupt()
