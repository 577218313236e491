"""Leases plus commitments never exceed stock, whoever is cut off or wrong about the time.

The gateway restarts and loses its database; messages are lost, repeated and overtake one another.
The gateway is the real room over real SQLite tables; the cloud is its own arithmetic over the
facts that have reached it. What is moved by hand here is only what lies between: messages.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from cloud.orders.model import Account, Held, Promised
from edge.db.upgrade import apply_schema
from edge.fallback import leases as site
from edge.fallback.leases import Whose
from shared.events import LeaseCommitted, LeaseReturned
from shared.leases import Lease, Leases
from shared.policy import BUILT_IN, RULES, Allocation, decide, may_promise
from shared.policy import Held as HeldHere

SKU = "TEA-1"
NAME = "gw-a"
STOCK = 100


class Pick(NamedTuple):
    """So many units left available stock for a document."""

    document: str
    quantity: int


class Fact(NamedTuple):
    """An event of a gateway, as it arrives: which one, and what it says."""

    epoch: int
    seq: int
    says: LeaseCommitted | LeaseReturned | Pick


@dataclass
class Gateway:
    """One gateway's database, its clock's error, and what it has said."""

    name: str
    stock: int
    epoch: int = 1
    clock_error: int = 0
    promised: int = 0
    seq: int = 0
    outbox: list[Fact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = _database()

    @property
    def whose(self) -> Whose:
        return Whose(self.name, self.epoch)

    def say(self, says: Any) -> None:
        self.seq += 1
        self.outbox.append(Fact(self.epoch, self.seq, says))

    def could_still_promise(self) -> int:
        """What it would promise if its clock stood still and its stock were endless."""
        found = site.in_force(self.connection)
        return sum(each.remaining for each in found if each.is_ours(self.whose))

    def unpicked(self) -> int:
        return site.outstanding(self.connection, SKU)


def _database(like: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """A database as it is made, or a copy of one as it stands."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    (like or _made()).backup(connection)
    return connection


@cache
def _made() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    apply_schema(connection)
    return connection


class Cloud:
    """What the cloud knows: grants it made, facts that arrived, each once."""

    def __init__(self) -> None:
        self.grants: dict[str, Lease] = {}
        self.recalled: set[str] = set()
        self.arrived: dict[tuple[int, int], Fact] = {}

    def hear(self, fact: Fact) -> None:
        self.arrived[fact.epoch, fact.seq] = fact

    def facts(self) -> list[Fact]:
        return [self.arrived[key] for key in sorted(self.arrived)]

    def available(self) -> int:
        """What is in the ledger: the stock but for what is known to be picked."""
        picked = [fact.says for fact in self.facts() if isinstance(fact.says, Pick)]
        return STOCK - sum(pick.quantity for pick in picked)

    def account(self) -> Account:
        committed = [fact.says for fact in self.facts() if isinstance(fact.says, LeaseCommitted)]
        held = [
            Held(
                lease.quantity,
                sum(each.quantity for each in committed if each.lease == lease.code),
                self.returned(lease),
                forced=False,
            )
            for lease in self.grants.values()
        ]
        loose = sum(each.quantity for each in committed if each.lease not in self.grants)
        return Account(self.available(), held, loose, self._documents())

    def returned(self, lease: Lease) -> int | None:
        """What came back of a lease, once all before that is here, in the lease's epoch."""
        through = 0
        while (lease.epoch, through + 1) in self.arrived:
            through += 1
        said = [
            fact.says.quantity
            for fact in self.facts()
            if isinstance(fact.says, LeaseReturned)
            and (fact.says.lease, fact.epoch) == (lease.code, lease.epoch)
            and fact.seq <= through
        ]
        return min(said, default=None)

    def _documents(self) -> list[Promised]:
        """What is still to be kept for each document: picks fulfil what was promised before."""
        outstanding: dict[str, int] = {}
        committed: dict[str, int] = {}
        for fact in self.facts():
            if isinstance(fact.says, LeaseCommitted):
                document = fact.says.document
                committed[document] = committed.get(document, 0) + fact.says.quantity
                outstanding[document] = outstanding.get(document, 0) + fact.says.quantity
            elif isinstance(fact.says, Pick):
                document = fact.says.document
                outstanding[document] = max(outstanding.get(document, 0) - fact.says.quantity, 0)
        return [Promised(committed[each], outstanding[each]) for each in committed]


documents = st.sampled_from(["SO-1", "SO-2"])
quantities = st.sampled_from([10, 30, 60, 100])


class Promises(RuleBasedStateMachine):
    """One site with its gateway, and a cloud that is reached, or not."""

    published = Bundle("published")

    @initialize()
    def begin(self) -> None:
        self.now = 1_000
        self.cloud = Cloud()
        self.gateway = Gateway(NAME, STOCK)
        self.lost = 0

    @rule(
        target=published,
        quantity=quantities,
        lifetime=st.sampled_from([5, 50]),
        arrives=st.booleans(),
    )
    def grant(self, quantity: int, lifetime: int, *, arrives: bool) -> Leases:
        if quantity <= self.cloud.account().free():
            code = f"LE-{len(self.cloud.grants) + 1}"
            until, epoch = self.now + lifetime, self.gateway.epoch
            self.cloud.grants[code] = Lease(code, SKU, quantity, self.now, until, "", NAME, epoch)
        document = self._document()
        if arrives:
            self.a_document_arrives_early_late_or_again(document)
        return document

    @rule(target=published, data=st.data())
    def recall(self, data: st.DataObject) -> Leases:
        if self.cloud.grants:
            self.cloud.recalled.add(data.draw(st.sampled_from(sorted(self.cloud.grants))))
        return self._document()

    def _document(self) -> Leases:
        granted = self.cloud.grants.values()
        foreign = Lease("LE-X", SKU, 100, self.now, self.now + 50, "", "gw-x", 1)
        return Leases(
            "S",
            [
                foreign,
                *(
                    lease
                    for lease in granted
                    if lease.code not in self.cloud.recalled
                    and lease.not_after >= self.now
                    and self.cloud.returned(lease) is None
                ),
            ],
        )

    @rule(document=published)
    def a_document_arrives_early_late_or_again(self, document: Leases) -> None:
        gateway = self.gateway
        for returned in site.enter(gateway.connection, document, whose=gateway.whose):
            gateway.say(returned)

    @rule(document=documents, everything=st.booleans())
    def an_order_asks(self, document: str, *, everything: bool) -> None:
        gateway, now = self.gateway, self._clock()
        connection = gateway.connection
        for returned in site.expire(connection, now, whose=gateway.whose):
            gateway.say(returned)
        usable = site.usable(connection, SKU, "", whose=gateway.whose, limit=16)
        given = Allocation(
            RULES, 0, SKU, 10, document, "", gateway.stock - gateway.unpicked(), now,
            [HeldHere(each.lease.code, each.remaining, each.lease.not_after) for each in usable],
        )  # fmt: skip
        if everything:
            given = msgspec.structs.replace(given, quantity=may_promise(given))
        outcome = decide("allocate", BUILT_IN, given)
        for part in outcome.parts:
            site.commit(connection, part.source, part.quantity)
            gateway.say(LeaseCommitted(part.source, SKU, part.quantity, document))
        if outcome.acts:
            site.promise(connection, SKU, document, outcome.quantity)

    @rule(document=documents, data=st.data())
    def what_was_promised_is_picked(self, document: str, data: st.DataObject) -> None:
        gateway = self.gateway
        row = gateway.connection.execute(
            "SELECT promised - picked FROM promise WHERE document = ?", (document,)
        ).fetchone()
        if row is None or not row[0]:
            return
        quantity = data.draw(st.sampled_from([1, row[0]]))
        gateway.stock -= quantity
        gateway.say(Pick(document, quantity))
        scan = gateway.seq.to_bytes(16, "big")
        site.pick(gateway.connection, SKU, document, quantity, scan=scan)

    @rule(data=st.data())
    def a_message_arrives_in_any_order_and_may_arrive_again(self, data: st.DataObject) -> None:
        if self.gateway.outbox:
            self.cloud.hear(data.draw(st.sampled_from(self.gateway.outbox)))

    @rule()
    def the_line_heals_and_everything_arrives(self) -> None:
        for fact in self.gateway.outbox:
            self.cloud.hear(fact)

    @rule(passed=st.sampled_from([1, 30]))
    def time_passes(self, passed: int) -> None:
        self.now += passed

    @rule(error=st.sampled_from([-500, 0, 500]))
    def the_clock_goes_wrong(self, error: int) -> None:
        self.gateway.clock_error = error

    @rule()
    def the_gateway_restarts(self) -> None:
        copy = _database(self.gateway.connection)
        self.gateway.connection.close()
        self.gateway.connection = copy

    @rule()
    def the_gateway_loses_its_database(self) -> None:
        """What it had promised is on paper, what it had not sent is gone; a new epoch begins."""
        gateway = self.gateway
        self.lost += gateway.unpicked()
        gateway.outbox = self.cloud.facts()
        gateway.connection.close()
        gateway.connection = _database()
        gateway.epoch += 1
        gateway.seq = 0

    def _clock(self) -> int:
        return self.now + self.gateway.clock_error

    @invariant()
    def what_is_promised_and_may_be_promised_is_there(self) -> None:
        gateway: Gateway | None = getattr(self, "gateway", None)
        if gateway is not None:
            promised = gateway.unpicked() + self.lost
            assert promised + gateway.could_still_promise() <= gateway.stock

    @invariant()
    def no_lease_is_ever_exceeded(self) -> None:
        gateway: Gateway | None = getattr(self, "gateway", None)
        said = [fact.says for fact in gateway.outbox] if gateway is not None else []
        committed: dict[str, int] = {}
        for says in said:
            if isinstance(says, LeaseCommitted):
                committed[says.lease] = committed.get(says.lease, 0) + says.quantity
        for code, quantity in committed.items():
            assert quantity <= self.cloud.grants[code].quantity

    @invariant()
    def what_the_cloud_holds_covers_what_was_promised_and_may_be(self) -> None:
        gateway: Gateway | None = getattr(self, "gateway", None)
        if gateway is None:
            return
        account = self.cloud.account()
        assert account.free() >= 0
        here = gateway.unpicked() + self.lost + gateway.could_still_promise()
        on_the_way = account.available - gateway.stock
        assert here + on_the_way <= account.held()


Promises.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


@pytest.mark.timeout(300)
class TestPromises(Promises.TestCase):
    """Runs it."""
