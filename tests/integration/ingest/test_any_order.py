"""Any order, any duplication, any batching: the ledger is the pure fold of what was sent."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.app.handlers import routes
from cloud.db import unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import service
from cloud.ingest.model import Arrived
from cloud.ingest.verification import examine
from cloud.ledger.service import drift, stock
from shared.events import Adjusted, Counted, Inspected, Line, Picked, Received, StockState
from shared.movements import movements_of
from shared.units import Micros
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
AT = Micros(1_763_650_500_000_000)


def fact(rng: random.Random) -> object:
    line = Line(f"SKU-{rng.randrange(3)}", rng.randrange(1, 5), lot=rng.choice([None, "A"]))
    a, b = f"L{rng.randrange(3)}", f"L{rng.randrange(3)}"
    return rng.choice(
        [
            Received(line, a),
            Picked(line, a, b),
            Counted(line, a, rng.randrange(-3, 9)),
            Adjusted(line, a, rng.choice([-4, 4]), "found"),
            Inspected(line, a, StockState.AVAILABLE, StockState.DAMAGED),
        ]
    )


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_any_order_duplication_and_batching_give_the_pure_fold(
    pool: ConnectionPool[Connection], seed: int, data: st.DataObject
) -> None:
    rng = random.Random(seed)
    tag = f"{rng.getrandbits(48):x}"
    hands = [Hand(f"gw-{tag}-{letter}") for letter in "ab"]
    with unit_of_work(pool) as connection:
        stage(connection, hands)
    messages = [
        (hand, hand.segment(*[fact(rng) for _ in range(rng.randrange(1, 6))]))  # type: ignore[misc]
        for hand in hands
        for _ in range(8)
    ]
    repeated = data.draw(st.lists(st.sampled_from(messages), max_size=10))
    delivered = data.draw(st.permutations(messages + repeated))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(delivered) - 1), max_size=8)))
    table = routes()
    for start, end in zip([0, *cuts], [*cuts, len(delivered)], strict=True):
        with unit_of_work(pool) as connection:
            senders = lookup(connection, [hand.name for hand in hands])
            examined = [
                examine(Arrived(f"qm/v1/{hand.name}/seg", body), senders, trust_domain=TRUST_DOMAIN)
                for hand, body in delivered[start:end]
            ]
            due = service.apply(
                connection, examined, routes=table, lookup=lookup, worker="w", at=AT
            ).due
        with unit_of_work(pool) as connection:
            marks = service.advance(connection, due, generation=1, at=AT)
    heads = {name: mark for _, name, mark in marks}
    for hand in hands:
        with unit_of_work(pool) as connection:
            rows = stock(connection, sites=None, site=f"S-{hand.name}", limit=10_000)
            assert drift(connection) == []
        expected: dict[tuple[object, ...], int] = {}
        for made in hand.made.values():
            for where, quantity in movements_of(made):
                expected[where] = expected.get(where, 0) + quantity
        found = {(r.sku, r.location, r.lot, r.serial, r.state): r.quantity for r in rows}
        assert found == {where: quantity for where, quantity in expected.items() if quantity}
        if hand.name in heads:
            assert heads[hand.name].contiguous_seq <= hand.seq
