"""Two machines with one identity, in any order: what counts is what the ledger holds, each once."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.ingest.model import Chain
from shared.events import Line, Received
from shared.segment import header, parse
from tests.contracts.test_ingest_store import Port, simulated
from tests.simulation import memory_ledger
from tests.simulation.memory import Transaction
from tests.support.uplink import Hand

CHAIN = Chain(1, 1)


def told(
    common: list[int], mine: list[int], copys: list[int], shared_scans: int, draw: random.Random
) -> list[bytes]:
    """The segments of a gateway and of its copy; some scans were made at both of them."""
    hand, copy = Hand("gw-a"), Hand("gw-a")
    bodies = [hand.segment(*[_received() for _ in range(size)]) for size in common]
    for size in common:
        copy.segment(*[_received() for _ in range(size)])
    copy.rng = random.Random("the copy's own")
    ids = [number.to_bytes(16, "big") for number in range(1, shared_scans + 1)]
    for device, machine, lengths in (("sc-1", hand, mine), ("sc-2", copy, copys)):
        places = draw.sample(range(sum(lengths)), min(len(ids), sum(lengths)))
        again = {machine.seq + 1 + place: ids[n] for n, place in enumerate(places)}
        for length in lengths:
            first_seq, prev_hash = machine.seq + 1, machine.prev_hash
            events = [
                machine.event(_received(), event_id=again.get(machine.seq + 1), device=device)
                for _ in range(length)
            ]
            bodies.append(machine.seal(events, first_seq=first_seq, prev_hash=prev_hash))
    return bodies


def _received() -> Received:
    return Received(Line("SKU-0", 1), "L0")


sizes = st.lists(st.integers(1, 3), max_size=4)


@settings(max_examples=300, deadline=None)
@given(
    common=sizes, mine=sizes, copys=sizes, shared_scans=st.integers(0, 3), order=st.randoms(),
    parts=st.lists(st.integers(1, 4), min_size=1),
)  # fmt: skip
def test_in_any_order_every_scan_that_counts_counts_once_and_nothing_above_a_broken_link(
    *,
    common: list[int],
    mine: list[int],
    copys: list[int],
    shared_scans: int,
    order: random.Random,
    parts: list[int],
) -> None:
    bodies = told(common, mine, copys, shared_scans, order)
    order.shuffle(bodies)
    with memory_ledger.installed():
        port, tables = simulated(Hand("gw-a"))
        at = turn = 0
        while at < len(bodies):
            size = parts[turn % len(parts)]
            due = port.deliver(*bodies[at : at + size]).due
            if turn % 2:
                port.advance(*due)
            at, turn = at + size, turn + 1
        port.advance(CHAIN)
        port.take_back()
        assert port.take_back() == []
        _judge(port, Transaction(tables))


def _judge(port: Port, view: Transaction) -> None:
    tables = view.tables
    head = tables.heads[CHAIN]
    counting = sum(1 for _ in tables.event_ids)
    assert sum(port.see(port.on_hand).values()) == counting
    assert set(memory_ledger.legs_of(tables.movements.values()).values()) <= {0, 1}
    for _, _, seq in tables.event_ids.values():
        assert not head.frozen or seq <= head.contiguous_seq
    stored = [row for (*chain, _), row in tables.segments.items() if tuple(chain) == CHAIN]
    taken = {key[2] for key in tables.reversals}
    above = {row.first_seq for row in stored if row.first_seq > head.contiguous_seq}
    assert taken == (above if head.frozen else set())
    ids = {
        body[5:21]
        for row in stored
        if row.first_seq not in taken
        for body in header(parse(row.body)).events
    }
    assert tables.event_ids.keys() == ids, "every scan in force counts, by one event or the other"
    port.sound()
