"""A floor whose gateway decides by itself: its rounds are taken one by one, its clock is set."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from edge import fallback, people, stock, tasks
from edge.fallback import Fallback, Here, StockoutModel, Surroundings
from edge.outbox import head
from edge.outbox.retention import grow_older
from edge.ports import ScanAnswer, SystemIds
from shared.clock import Clock
from shared.downlink import Catalog, Code, DocumentKind, Item, Location, encode
from shared.errors import QuartermasterError
from shared.events import EventData
from shared.ids import SiteId
from shared.leases import Lease, Leases
from shared.people import People, Person
from shared.plan import PickFace
from shared.policy import replay
from shared.units import DAY, MINUTE
from tests.support.floor import CARTON, OAT, SOAP, TEA, FloorAt, label, new_id
from tests.support.gateway import offer_of

PLACES = Catalog(
    "berlin",
    [
        Item("TEA-1", "Green tea", [Code(TEA, 1), Code(CARTON, 12)], count_class="A"),
        Item("OAT-1", "Oats", [Code(OAT, 1)]),
        Item("SOAP-1", "Soap", [Code(SOAP, 1)]),
    ],
    [
        Location("DOCK-1", "dock", zone="in", capacity=100),
        Location("DOCK-2", "dock", zone="in", capacity=100),
        Location("A-01", "shelf", zone="a", capacity=100),
        Location("A-02", "shelf", zone="a", capacity=100),
        Location("R-01", "reserve", zone="r"),
        Location("R-02", "reserve", zone="r"),
        Location("STAGE-1", "staging", zone="out"),
    ],
)
FACE = PickFace("TEA-1", "A-01", 5, 20)


@dataclass
class Alone(FloorAt):
    """Adds the room that decides. ``away`` are the minutes without a word from the cloud."""

    away: int = 0
    heard: bool = True
    frozen: bool = False
    full: bool = False
    occupied: frozenset[str] = frozenset()
    model: StockoutModel | None = None
    decider: Fallback = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.put("catalog", PLACES)
        self.restart()

    def restart(self) -> None:
        """What was only in memory is gone."""
        store = self.store
        surroundings = Surroundings(
            Here("berlin", "gw-01"),
            cast("Clock", self.clock),
            store.outbox.append,
            lambda connection: 0 if self.frozen else head(connection).epoch,
            lambda _: self.clock.now() - self.away * MINUTE if self.heard else 0,
            lambda: self.full,
            lambda: self.occupied,
        )
        self.decider = Fallback(
            store.database, surroundings, SystemIds(), retention=7 * DAY, model=self.model
        )
        store.outbox._listeners = ()
        store.outbox.listen(self.decider.notes.heard)
        store.database.around(self.decider.notes.begin, self.decider.notes.end)

    def put(self, kind: DocumentKind, document: Any) -> None:
        """Put a document in force."""
        if kind != "leases":
            super().put(kind, document)
            return
        self.versions[kind] = self.versions.get(kind, 0) + 1
        content = encode(document)
        offer = offer_of(content, self.versions[kind], kind=kind)
        self.store.database.run_blocking(
            lambda connection: stock.put_in_force(
                connection,
                offer,
                content,
                site=SiteId("berlin"),
                now=self.clock.now(),
                entering=stock.Entering(leases=self.decider.enter_leases),
            )
        )

    def lease(self, *given: tuple[str, int], sku: str = "TEA-1", **over: Any) -> None:
        """Put a document of these leases in force."""
        now = self.clock.now()
        fields: dict[str, Any] = {"gateway": "gw-01", "epoch": 1} | over
        until = fields.pop("not_after", now + DAY)
        leases = [Lease(code, sku, most, now, until, **fields) for code, most in given]
        self.put("leases", Leases("berlin", leases))

    def receive(self, quantity: int, location: str = "R-01", **over: Any) -> None:
        """Goods come in, where they are kept."""
        lot, expiry = over.pop("lot", ""), over.pop("expiry", "")
        raw = label(over.pop("gtin", TEA), lot=lot, expiry=expiry)
        self.good(raw, "receive", quantity, location=location, **over)

    def scan_through(self, raw: str, step: str, quantity: int, **over: Any) -> dict[str, Any]:
        """One scan by the door that notes what is refused."""
        request = {"id": new_id(), "raw": raw, "step": step, "quantity": quantity, **over}
        point = self.decider.watched(self.store.pipeline)
        answer = asyncio.run(point.scan(json.dumps(request).encode(), device="sc-01"))
        return {"status": answer.status, **json.loads(answer.body)}

    def look(self) -> None:
        """One round."""
        asyncio.run(self.decider.rounds.once())

    def pass_time(self, micros: int) -> None:
        """Let time pass, and look."""
        self.clock.moment += micros
        self.look()

    def grow_older(self, micros: int) -> None:
        """Let the database be in use for so long, and look."""
        self.store.database.run_blocking(lambda connection: grow_older(connection, micros))
        self.pass_time(2 * MINUTE)

    def allocate(self, quantity: int, **over: Any) -> dict[str, Any]:
        """Ask for stock to be promised."""
        request = {"id": new_id(), "sku": "TEA-1", "quantity": quantity, "document": "SO-1", **over}
        return self._asked(lambda body: self.decider.allocate(body, device="sc-01"), request)

    def route(self, quantity: int, kind: str = "dock", **over: Any) -> dict[str, Any]:
        """Ask where goods go."""
        request = {"id": new_id(), "kind": kind, "sku": "TEA-1", "quantity": quantity, **over}
        return self._asked(lambda body: self.decider.route(body, device="sc-01"), request)

    def _asked(self, ask: Any, request: dict[str, Any]) -> dict[str, Any]:
        async def once() -> ScanAnswer:
            return await ask(json.dumps(request).encode())

        try:
            answer = asyncio.run(once())
        except QuartermasterError as error:
            return {"status": error.entry.status, "error": error.as_dict()}
        return {"status": answer.status, **json.loads(answer.body)}

    def override(self, decision: str, outcome: str, reason: str) -> dict[str, Any]:
        """Decide otherwise."""
        body = json.dumps({"outcome": outcome, "reason": reason}).encode()
        try:
            found = asyncio.run(self.decider.override(UUID(decision), body, device="sc-01"))
        except QuartermasterError as error:
            return {"error": error.as_dict()}
        return found.in_words()

    def sign_in(self) -> None:
        """An operator signs in at sc-01, with a secret."""
        document = People("berlin", [Person("ann", "Ann", "operator")])
        self.put("people", document)

        def unit(connection: Any) -> None:
            from edge.people.sessions import sign_in

            people.enter(connection, document, 1)
            known = people.known_person(connection, "ann")
            assert known is not None
            assert sign_in(connection, "sc-01", known, self.clock.now(), proven=True)

        self.store.database.run_blocking(unit)

    def decisions(self, kind: str | None = None) -> list[fallback.Decision]:
        """What was decided, the oldest first."""
        return fallback.decisions(self.store.database.reader, kind=kind)[::-1]

    def facts(self, *kinds: type[EventData]) -> list[Any]:
        """The events of some kinds, in order."""
        return [event.data for event in self.events() if isinstance(event.data, kinds)]

    def open_tasks(self) -> list[tuple[str, list[tuple[str, int, str | None, str | None]]]]:
        """Open tasks with their lines: item, quantity, from, to."""
        reader = self.store.database.reader
        return [
            (
                task.kind,
                [
                    (line.sku, line.quantity, line.location, line.to)
                    for line in tasks.lines_of(reader, task.code)
                ],
            )
            for task in tasks.open_tasks(reader)
        ]

    def replays(self) -> bool:
        """Whether every decision is taken again alike, with the policy that is in force now."""
        from shared.events import DecisionTaken

        policy = stock.policy(self.store.database.reader)
        return all(replay(policy, taken).identical for taken in self.facts(DecisionTaken))
