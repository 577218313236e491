"""A random day on one floor: the gateway's stock is the fold of its events, and so is the ledger.

Whatever is scanned, counted, packed, undone and planned anew, with restarts in between.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud.ledger import posting
from cloud.ledger.model import Entry
from cloud.ledger.names import Names
from edge import stock, tasks
from edge.db import Database
from edge.outbox import Outbox, Signer
from edge.pipeline import Floor, Pipeline
from edge.tasks import Photos
from shared.cose import key_id
from shared.downlink import Catalog, Code, Item, Location, encode
from shared.events import Counted, Event, StockState, decode_event
from shared.gs1.digits import with_check_digit
from shared.ids import GatewayId, SiteId
from shared.movements import Position, movements_of
from shared.plan import Plan, Task, TaskLine
from shared.policy import Policy
from shared.policy.matching import STEPS_OF
from tests.simulation import memory_ledger
from tests.simulation.memory import Tables, Transaction
from tests.support.floor import SetClock
from tests.support.gateway import offer_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SKUS = list(memory_ledger.ITEMS)
PLACES = list(memory_ledger.LOCATIONS)
GTINS = [with_check_digit(f"095200000000{number}"[:13]) for number in range(len(SKUS))]
UNITS = [with_check_digit(f"0061414112345678{number}"[:17].ljust(17, "0")) for number in range(3)]
ROLES = ["dock", "shelf", "shelf", "staging"]
CATALOG = Catalog(
    "berlin",
    [
        Item(sku, sku, [Code(gtin, 1)], count_class="ABC"[number % 3])  # type: ignore[arg-type]
        for number, (sku, gtin) in enumerate(zip(SKUS, GTINS, strict=True))
    ],
    [Location(place, role) for place, role in zip(PLACES, ROLES, strict=True)],
)
STEPS = ["receive", "put_away", "pick", "pack", "ship", "return", "adjust", "move", "inspect"]
STATES = ["available", "allocated", "quarantined", "damaged"]

places = st.sampled_from(PLACES)
skus = st.integers(0, len(SKUS) - 1)
lots = st.sampled_from(["", "L1", "L2"])
few = st.integers(1, 30)


def label(number: int, lot: str) -> str:
    return f"]C101{GTINS[number]}" + (f"10{lot}" if lot else "")


def task_of(number: int, kind: str, lines: list[tuple[int, int, str, str]]) -> Task:
    counted = kind == "count"
    return Task(
        f"T-{number}",
        kind,  # type: ignore[arg-type]
        [
            TaskLine(
                SKUS[sku],
                0 if counted else quantity,
                location=place if counted else None,
                sscc=UNITS[sku % 3] if kind == "receive" else None,
            )
            for sku, quantity, place, _ in lines
        ],
    )


class DayOnTheFloor(RuleBasedStateMachine):
    """One gateway with two devices, and a plan that changes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="qm-floor-"))
        self.clock = SetClock(1_768_000_000_000_000)
        self.random = random.Random(1)
        self.accepted: list[tuple[dict[str, Any], bytes]] = []
        self.undone: set[str] = set()
        self.plans = 0
        self.open()
        self.put("catalog", CATALOG, 1)
        loose = Policy("loose", wrong_item="warn", wrong_location="warn", fefo="warn",
                       held_leaving="warn", over_task="warn")  # fmt: skip
        self.put("policy", loose, 1)

    def open(self) -> None:
        self.database = Database(self.folder / "gateway.db")
        gateway = GatewayId("gw-01")
        self.outbox = Outbox(
            Signer(KEY.sign, key_id(KEY.public_key()), "quartermaster.local", gateway, 1)
        )
        self.database.around(self.outbox.begin, self.outbox.end)
        self.database.run_blocking(lambda c: self.outbox.open(c, self.clock.now()))
        ids = SimpleNamespace(uuid7=lambda: self.new_id().bytes)
        parts: Any = (self.database, self.outbox, self.clock, ids)
        self.pipeline = Pipeline(*parts)
        self.floor = Floor(*parts, Photos(self.folder / "photos"))

    def teardown(self) -> None:
        self.the_ledger_is_the_floors_stock()
        self.database.close()
        shutil.rmtree(self.folder)

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def put(self, kind: Any, document: Any, version: int) -> None:
        content = encode(document)
        self.database.run_blocking(
            lambda connection: stock.put_in_force(
                connection,
                offer_of(content, version, kind=kind),
                content,
                site=SiteId("berlin"),
                now=self.clock.now(),
                entering=stock.Entering(plan=self.floor.enter_plan),
            )
        )

    def task_for(self, step: str, which: int) -> str | None:
        """Now and then a task; mostly one that asks for this kind of work."""
        open_now = tasks.open_tasks(self.database.reader)
        if which % 10 == 9:
            return open_now[0].code if open_now else "T-0"
        fitting = [task.code for task in open_now if step in STEPS_OF[task.kind]]
        return fitting[which % len(fitting)] if fitting and which % 3 else None

    def scan(self, **request: Any) -> None:
        request = {"id": str(self.new_id()), **request}
        answer = asyncio.run(self.pipeline.scan(json.dumps(request).encode(), device="sc-01"))
        if answer.status == 200:
            self.accepted.append((request, answer.body))

    @rule(
        step=st.sampled_from(STEPS),
        goods=st.tuples(skus, lots, few),
        places=st.tuples(places, places),
        state=st.sampled_from(STATES),
        task=few,
        late=st.integers(0, 3),
    )
    def somebody_scans(self, step: str, goods: Any, places: Any, **about: Any) -> None:
        sku, lot, quantity = goods
        task = self.task_for(step, about["task"])
        if task is not None and (lines := tasks.lines_of(self.database.reader, task)):
            sku = SKUS.index(lines[quantity % len(lines)].sku)
        over: dict[str, Any] = {}
        if step in {"inspect", "ship", "return"}:
            over["state"] = about["state"]
        if step in {"put_away", "pick", "move"}:
            over["to"] = places[1]
        if step == "adjust":
            over["reason"] = "so it is"
            quantity = quantity if about["state"] == "available" else -quantity
        if step == "pack":
            over["sscc"] = UNITS[sku % 3]
        self.scan(
            raw=label(sku, lot),
            step=step,
            quantity=quantity,
            location=places[0],
            task=task,
            occurred_at=self.clock.now() - about["late"] * 3_000_000,
            **over,
        )

    @rule(
        unit=st.sampled_from(UNITS),
        step=st.sampled_from(["receive", "put_away", "pick", "move", "ship"]),
        there=places,
    )
    def somebody_scans_a_whole_unit(self, unit: str, step: str, there: str) -> None:
        known = stock.unit(self.database.reader, unit)
        if (known is None or known.gone) and step != "put_away":
            step = "receive"
        self.scan(raw=unit, step=step, **({} if step in {"receive", "ship"} else {"to": there}))

    @rule(
        sku=skus,
        lot=lots,
        here=places,
        quantity=st.integers(0, 40),
        task=few,
    )
    def somebody_counts(self, sku: int, lot: str, here: str, quantity: int, task: int) -> None:
        code = self.task_for("count", task)
        found = stock.lines(self.database.reader, limit=40)
        lines = tasks.lines_of(self.database.reader, code or "")
        if lines:
            line = lines[quantity % len(lines)]
            sku, here = SKUS.index(line.sku), line.location or here
        elif found and quantity % 2:
            where = found[quantity % len(found)].position
            sku, lot, here = SKUS.index(where.sku), where.lot, where.location
        raw = label(sku, lot)
        self.scan(raw=raw, step="count", quantity=quantity, location=here, task=code)

    @rule(which=st.integers(0, 1 << 16), task=st.integers(0, 2))
    def somebody_ends_a_task(self, which: int, task: int) -> None:
        action = ["start", "finish", "short"][which % 3]
        body = {"id": str(self.new_id()), "action": action, "reason": "enough"}
        asyncio.run(self.floor.act(f"T-{task}", json.dumps(body).encode(), device="sc-01"))

    @rule(which=st.integers(0, 1 << 16))
    def somebody_undoes(self, which: int) -> None:
        if not self.accepted:
            return
        request, _ = self.accepted[which % len(self.accepted)]
        body = {"id": str(self.new_id()), "undoes": request["id"]}
        answer = asyncio.run(self.floor.undo(json.dumps(body).encode(), device="sc-01"))
        if request["id"] in self.undone:
            assert answer.status == 409
        elif answer.status == 200:
            self.undone.add(request["id"])

    @rule(which=st.integers(0, 1 << 16))
    def a_device_asks_again(self, which: int) -> None:
        if self.accepted:
            request, body = self.accepted[which % len(self.accepted)]
            before = len(self.events())
            again = asyncio.run(self.pipeline.scan(json.dumps(request).encode(), device="sc-01"))
            assert (again.body, len(self.events())) == (body, before)

    @rule(
        kinds=st.lists(st.sampled_from(["receive", "pick", "ship", "count", "return"]), max_size=3),
        lines=st.lists(st.tuples(skus, few, places, places), min_size=1, max_size=3),
    )
    def a_plan_comes_down(self, kinds: list[str], lines: list[tuple[int, int, str, str]]) -> None:
        self.plans += 1
        asked = [task_of(number, kind, lines) for number, kind in enumerate(kinds)]
        self.put("plan", Plan("berlin", asked), self.plans)

    @rule(seconds=st.integers(0, 120))
    def time_passes(self, seconds: int) -> None:
        self.clock.moment += seconds * 1_000_000

    @rule()
    def the_gateway_starts_again(self) -> None:
        self.database.close()
        self.open()

    def events(self) -> list[Event]:
        rows = self.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
        return [decode_event(body) for (body,) in rows]

    def balances(self) -> dict[Position, int]:
        return {
            line.position: line.quantity for line in stock.lines(self.database.reader, limit=10_000)
        }

    @invariant()
    def stock_is_the_fold_of_the_events(self) -> None:
        folded: Counter[Position] = Counter()
        for event in self.events():
            if isinstance(event.data, Counted):
                assert folded[_counted_at(event.data)] == event.data.expected
            for position, quantity in movements_of(event.data):
                folded[position] += quantity
        assert {place: left for place, left in folded.items() if left} == self.balances()

    @invariant()
    def what_is_done_is_never_less_than_nothing(self) -> None:
        (below,) = self.database.reader.execute(
            "SELECT count(*) FROM task_line WHERE done < 0"
        ).fetchone()
        assert below == 0

    def the_ledger_is_the_floors_stock(self) -> None:
        """Post all events, in batches of any order, as the cloud does."""
        events = self.events()
        assert len({event.id for event in events}) == len(events)
        self.random.shuffle(events)
        tables = Tables()
        connection: Any = Transaction(tables)
        names = Names(memory_ledger._item_ids, memory_ledger._location_ids)
        memory = SimpleNamespace(
            copy_movements=memory_ledger.copy_movements,
            add_to_balances=memory_ledger.add_to_balances,
            defer_count_checks=memory_ledger.defer_count_checks,
        )
        with patch.object(posting, "store", memory):
            for start in range(0, len(events), 7):
                entry = Entry(1, 1, 1, events[start : start + 7])
                assert posting.post(connection, [entry], names=names, at=self.clock.now()) == []  # type: ignore[arg-type]
        assert memory_ledger.drift(connection) == []
        assert memory_ledger.on_hand(connection, 1) == self.balances()


def _counted_at(data: Counted) -> Position:
    line = data.line
    return Position(
        line.sku, data.location, line.lot or "", line.serial or "", int(StockState(data.state))
    )


TestDayOnTheFloor = DayOnTheFloor.TestCase
TestDayOnTheFloor.settings = settings(
    max_examples=30, stateful_step_count=50, deadline=None, derandomize=True
)
