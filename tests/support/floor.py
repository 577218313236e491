"""A floor with goods, zones and tasks, for tests of what is done on it."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import uuid_utils

from edge import stock
from edge.app.store import Store
from shared.clock import ClockState
from shared.downlink import Catalog, Code, DocumentKind, Item, Location, encode
from shared.events import Event, StockState, TaskChanged, decode_event
from shared.ids import SiteId
from shared.plan import PickFace, Plan, Task, TaskLine
from shared.policy import Policy
from tests.support.gateway import CARTON, GTIN, offer_of

TEA, OAT, SOAP = GTIN, "09520000000004", "09520000000011"
SSCC = "006141411234567890"
DAY = 86_400_000_000

CATALOG = Catalog(
    "berlin",
    [
        Item("TEA-1", "Green tea", [Code(TEA, 1), Code(CARTON, 12)], count_class="A"),
        Item("OAT-1", "Oats", [Code(OAT, 1)], count_class="B"),
        Item("SOAP-1", "Soap", [Code(SOAP, 1)], count_class="C"),
    ],
    [
        Location("DOCK-1", "dock", zone="in"),
        Location("A-01", "shelf", zone="a", capacity=100),
        Location("A-02", "shelf", zone="a"),
        Location("B-01", "shelf", zone="b"),
        Location("STAGE-1", "staging", zone="out"),
        Location("STAGE-2", "staging", zone="out"),
    ],
)


def label(gtin: str = TEA, *, lot: str = "", expiry: str = "") -> str:
    """A GS1 label; ``expiry`` as YYMMDD."""
    return f"]C101{gtin}" + (f"17{expiry}" if expiry else "") + (f"10{lot}" if lot else "")


def new_id() -> str:
    """An id as a device makes it."""
    return str(uuid.UUID(bytes=uuid_utils.uuid7().bytes))


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, now: int) -> None:
        self.moment = now

    def now(self) -> int:
        return self.moment

    def state(self) -> ClockState:
        return ClockState.SYNCHRONIZED


@dataclass
class FloorAt:
    """A gateway's floor, asked synchronously; its clock stands still until it is set."""

    store: Store
    clock: SetClock = field(default_factory=lambda: SetClock(1_768_000_000_000_000))
    versions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.pipeline._clock = self.clock  # type: ignore[assignment]
        self.store.floor._clock = self.clock  # type: ignore[assignment]
        self.put("catalog", CATALOG)

    def put(self, kind: DocumentKind, document: Any) -> None:
        """Put a document in force."""
        self.versions[kind] = self.versions.get(kind, 0) + 1
        content = encode(document)
        offer = offer_of(content, self.versions[kind], kind=kind)
        entering = stock.Entering(plan=self.store.floor.enter_plan)
        self.store.database.run_blocking(
            lambda connection: stock.put_in_force(
                connection,
                offer,
                content,
                site=SiteId("berlin"),
                now=self.clock.now(),
                entering=entering,
            )
        )

    def plan(self, *tasks: Task, faces: list[PickFace] | None = None) -> None:
        """Put a plan in force."""
        self.put("plan", Plan("berlin", list(tasks), faces or []))

    def policy(self, **over: Any) -> None:
        """Put a policy in force."""
        self.put("policy", Policy("test", **over))

    def ask(self, request: dict[str, Any], device: str = "sc-01") -> dict[str, Any]:
        """One scan; its answer, with the HTTP status."""
        body = json.dumps({"id": new_id(), **request}).encode()
        answer = asyncio.run(self.store.pipeline.scan(body, device=device))
        return {"status": answer.status, **json.loads(answer.body)}

    def scan(self, raw: str, step: str, quantity: int | None = None, **over: Any) -> dict[str, Any]:
        """One scan, by its words."""
        device = over.pop("device", "sc-01")
        request = {"raw": raw, "step": step, **over}
        return self.ask(request if quantity is None else {**request, "quantity": quantity}, device)

    def good(self, raw: str, step: str, quantity: int | None = None, **over: Any) -> dict[str, Any]:
        """One scan that must be accepted."""
        answer = self.scan(raw, step, quantity, **over)
        assert answer["outcome"] == "accepted", answer
        return answer

    def refused(self, raw: str, step: str, quantity: int | None = None, **over: Any) -> str:
        """One scan that must be refused and change nothing; its code."""
        before = self.trace()
        answer = self.scan(raw, step, quantity, **over)
        assert answer["outcome"] == "refused", answer
        assert answer["seq"] is None
        assert self.trace() == before
        assert answer["error"]["says"] and answer["error"]["do"]  # noqa: PT018
        return str(answer["error"]["code"])

    def undo(self, undoes: str, device: str = "sc-01", **over: Any) -> dict[str, Any]:
        """Take a scan back."""
        body = json.dumps({"id": new_id(), "undoes": undoes, **over}).encode()
        answer = asyncio.run(self.store.floor.undo(body, device=device))
        return {"status": answer.status, **json.loads(answer.body)}

    def act(self, code: str, action: str, device: str = "sc-01", **over: Any) -> dict[str, Any]:
        """Begin or end a task."""
        body = json.dumps({"id": new_id(), "action": action, **over}).encode()
        answer = asyncio.run(self.store.floor.act(code, body, device=device))
        return {"status": answer.status, **json.loads(answer.body)}

    def report(self, device: str = "sc-01", **request: Any) -> dict[str, Any]:
        """Raise an exception."""
        body = json.dumps({"id": new_id(), **request}).encode()
        answer = asyncio.run(self.store.floor.report(body, device=device))
        return {"status": answer.status, **json.loads(answer.body)}

    def resolve(self, name: str, device: str = "sc-01", **request: Any) -> dict[str, Any]:
        """Close an exception."""
        body = json.dumps({"id": new_id(), **request}).encode()
        answer = asyncio.run(self.store.floor.resolve(name, body, device=device))
        return {"status": answer.status, **json.loads(answer.body)}

    def events(self) -> list[Event]:
        """What was recorded, in order."""
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        return [decode_event(body) for (body,) in rows.fetchall()]

    def told(self, task: str) -> list[tuple[str, int, int]]:
        """What was told of a task."""
        return [
            (data.status, data.done, data.expected)
            for data in (event.data for event in self.events())
            if isinstance(data, TaskChanged) and data.task == task
        ]

    def balances(self) -> dict[tuple[str, str, str, str], int]:
        """What lies where: item, location, lot, state."""
        return {
            (line.position.sku, line.position.location, line.position.lot,
             StockState(line.position.state).name): line.quantity
            for line in stock.lines(self.store.database.reader, limit=10_000)
        }  # fmt: skip

    def progress(self, task: str) -> list[int]:
        """What is done of each line."""
        rows = self.store.database.reader.execute(
            "SELECT done FROM task_line WHERE task = ? ORDER BY line", (task,)
        )
        return [done for (done,) in rows.fetchall()]

    def status(self, task: str) -> str | None:
        """How a task stands."""
        row = self.store.database.reader.execute(
            "SELECT status FROM task WHERE code = ?", (task,)
        ).fetchone()
        return row[0] if row is not None else None

    def trace(self) -> tuple[Any, ...]:
        """All that a request may change."""
        reader = self.store.database.reader
        tables = (
            "waiting", "balance", "answered", "task", "task_line", "count_result", "exception",
            "effect", "logistic_unit", "unit_content", "lot_expiry", "last_count", "accuracy",
        )  # fmt: skip
        return tuple(reader.execute(f"SELECT * FROM {table}").fetchall() for table in tables)


__all__ = [
    "CARTON",
    "CATALOG",
    "DAY",
    "OAT",
    "SOAP",
    "SSCC",
    "TEA",
    "FloorAt",
    "SetClock",
    "Task",
    "TaskLine",
    "label",
    "new_id",
]
