"""What the gateway decides by itself: when goods have moved, and when time has passed.

Scans never wait for it. What happens is noted while they are answered
(:mod:`edge.fallback.noting`); twice a second a round looks at what was noted, on a connection that
only reads and item by item; and only where there is something to decide, one short unit of work
decides it. Every quarter of an hour, and whenever another plan or policy is in force, all pick
faces are looked at: a hint that was lost with the process is made up for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

from edge import stock, tasks
from edge.db import Connection, Database
from edge.fallback import book, gathering, leases, sights
from edge.fallback.deciding import About, Deciding, Moment
from edge.fallback.errors import PickErrorsLately
from edge.fallback.filling import Filling
from edge.fallback.leases import SQL
from edge.fallback.model import StockoutModel
from edge.fallback.noting import Notes
from edge.fallback.surroundings import Surroundings
from shared.policy import (
    LEAVES_TO_THE_CLOUD_MINUTES,
    DecisionKind,
    Outlook,
    Recorded,
    decide,
    missing_of,
)
from shared.units import DAY, HOUR, MINUTE

_TICK_S: Final = 0.5
_SWEEP: Final = 15 * MINUTE
_LOW_AT_ONCE: Final = 5000
_GOING_AT_ONCE: Final = 500
_FORGET_AT_ONCE: Final = 500
_KEEP_OUTFLOW: Final = 8 * DAY

_Gather = Callable[[Connection], Recorded]


class Rounds:
    """Looks at what was noted.

    Args:
        database: the store.
        surroundings: its ports.
        deciding: takes decisions.
        notes: what has happened.
        retention: microseconds for which decisions are kept.
        model: of running out, where there is one.
    """

    def __init__(
        self,
        database: Database,
        surroundings: Surroundings,
        deciding: Deciding,
        notes: Notes,
        *,
        retention: int,
        model: StockoutModel | None,
    ) -> None:
        self._database = database
        self._around = surroundings
        self._deciding = deciding
        self._notes = notes
        self._retention = retention
        self._model = model
        self._errors = PickErrorsLately()
        self._looked_at: tuple[int, int] | None = None
        self._swept = self._minuted = 0

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            await self.once()

    async def once(self) -> None:
        """One round: what has moved, what is due. On a full disk nothing is decided."""
        if self._around.full():
            return
        reader = self._database.reader
        moment = self._around.moment(reader)
        await self._react(reader, moment)
        if abs(moment.now - self._minuted) >= MINUTE:
            self._minuted = moment.now
            await self._each_minute(reader, moment)
        versions = stock.versions(reader)
        looked_at = (versions["plan"], versions["policy"])
        if looked_at != self._looked_at or abs(moment.now - self._swept) >= _SWEEP:
            self._looked_at, self._swept = looked_at, moment.now
            await self._fill(await asyncio.to_thread(self._low_faces), reader, moment)

    async def _react(self, reader: Connection, moment: Moment) -> None:
        noted = self._notes.take()
        if noted.out:
            rows = [
                (sku, moment.now // HOUR, quantity) for sku, quantity in sorted(noted.out.items())
            ]

            def add(connection: Connection) -> None:
                connection.executemany(SQL["add_outflow"], rows)

            await self._database.run(add)
        if stock.versions(reader)["plan"]:
            for sku in sorted(noted.moved):
                await self._fill(tasks.faces(reader, sku), reader, moment)
            for location in sorted(noted.seen):
                await self._fill(sights.faces_at(reader, location), reader, moment)
        for sku in sorted(noted.counted):
            await self._take(
                About("shrinkage", sku, sku, _day(moment)), _losses(sku, moment), moment
            )
        await self._note_errors(reader, moment)

    async def _fill(self, faces: Iterable[tasks.Face], reader: Connection, moment: Moment) -> None:
        """Fill what needs it; between two faces others have their turn."""
        for face in faces:
            filling = Filling(self._deciding, face, moment)
            if filling.is_due(reader):
                await self._database.run(filling)
            await asyncio.sleep(0)

    def _low_faces(self) -> list[tasks.Face]:
        """Pick faces at their minimum or seen low, in a thread, on a connection of its own."""
        with closing(self._database.another_reader()) as reader:
            low = reader.execute(SQL["low_faces"], (_LOW_AT_ONCE,)).fetchall()
            seen = reader.execute(SQL["faces_seen"], (_LOW_AT_ONCE,)).fetchall()
            return [tasks.Face(*row) for row in dict.fromkeys([*low, *seen])]

    async def _note_errors(self, reader: Connection, moment: Moment) -> None:
        minutes = stock.policy(reader).pick_error_minutes
        cycle = str(moment.now // (max(minutes, 1) * MINUTE))
        while self._notes.refusals:
            error = self._errors.add(reader, self._notes.refusals.popleft(), moment.now)
            for about, subject in error.subjects() if error is not None else ():
                counted = self._errors.of(
                    about,
                    subject,
                    minutes=minutes,
                    now=moment.now,
                    away_minutes=moment.away_minutes,
                )
                what = About("pick_errors", subject, f"{about}:{subject}", cycle)
                await self._take(what, _given(counted), moment)

    async def _each_minute(self, reader: Connection, moment: Moment) -> None:
        """What time brings: leases end, items run out while the cloud is away, old rows go."""
        await self._database.run(lambda connection: self._expire(connection, moment))
        if moment.away_minutes >= LEAVES_TO_THE_CLOUD_MINUTES:
            arriving = tasks.arriving(reader)
            hour = moment.now // HOUR - gathering.OUTFLOW_HOURS + 1
            rows = reader.execute(SQL["items_going"], (hour, _GOING_AT_ONCE)).fetchall()
            for (sku,) in rows:
                outlook = gathering.outlook(reader, sku, arriving.get(sku, 0), moment)
                await self._supply(outlook, moment)
        await self._database.run(self._forget)

    async def _supply(self, outlook: Outlook, moment: Moment) -> None:
        """Whether an item runs out; then ask another site for it, then order what is missing."""
        if self._model is not None:
            outlook = await asyncio.to_thread(self._model.scored, outlook)
        reader, sku = self._database.reader, outlook.sku
        if decide("stockout", stock.policy(reader), outlook).idle:
            await asyncio.sleep(0)
            return
        await self._take(About("stockout", sku, sku, _day(moment)), _given(outlook), moment)
        since, missing = moment.now - moment.now % DAY, missing_of(outlook)
        await self._take(
            About("transfer", sku, sku, _day(moment)),
            _request("transfer", sku, missing, moment),
            moment,
        )
        missing -= book.asked_since(reader, "transfer", since, subject=sku)
        if missing > 0:
            await self._take(
                About("order", sku, sku, _day(moment)),
                _request("order", sku, missing, moment),
                moment,
            )

    async def _take(self, about: About, gather: _Gather, moment: Moment) -> None:
        reader = self._database.reader
        if self._deciding.is_due(reader, about, gather(reader)):
            await self._database.run(
                lambda connection: self._deciding.take(
                    connection, about, gather(connection), moment
                )
            )

    def _expire(self, connection: Connection, moment: Moment) -> None:
        whose = self._around.whose(connection)
        for returned in leases.expire(connection, moment.now, whose=whose):
            self._deciding.tell(connection, returned, moment)

    def _forget(self, connection: Connection) -> None:
        """Let go of what is past its term, by the age of the database: a date may be wrong."""
        (age,) = connection.execute(SQL["age"]).fetchone()
        book.forget(connection, age - self._retention, limit=_FORGET_AT_ONCE)
        epoch = self._around.whose(connection).epoch
        leases.forget(connection, age - self._retention, epoch=epoch)
        connection.execute(SQL["forget_outflow"], (age - _KEEP_OUTFLOW,))
        connection.execute(SQL["forget_losses"], (age - gathering.LOSS_DAYS * DAY,))


def _given(recorded: Recorded) -> _Gather:
    return lambda _: recorded


def _losses(sku: str, moment: Moment) -> _Gather:
    return lambda connection: gathering.losses(connection, sku, moment)


def _request(kind: DecisionKind, sku: str, missing: int, moment: Moment) -> _Gather:
    return lambda connection: gathering.request(connection, kind, sku, missing, moment)


def _day(moment: Moment) -> str:
    return str(moment.now // DAY)
