"""One behaviour of what is said of lost numbers: on the real TimescaleDB, and in the simulation."""

from __future__ import annotations

from typing import Any

from cloud.ingest import service
from shared.events import EpochOpened, EventsCarried, EventsLost
from shared.segment import GENESIS
from tests.contracts.test_ingest_store import AT, Port, hand, port, received
from tests.support.uplink import Hand

__all__ = ["hand", "port"]


def follow(port: Port) -> None:
    """Grant epoch 2 after what the cloud has of epoch 1."""
    port.grant(2)
    with port.transaction() as connection:
        if hasattr(connection, "execute"):
            connection.execute(
                "UPDATE gateway_epoch SET previous_epoch = 1, reason = 'lost', previous_seq = "
                "(SELECT contiguous_seq FROM gateway_head WHERE epoch = 1) WHERE epoch = 2"
            )


def told(port: Port) -> list[tuple[Any, ...]]:
    rows = port.see(service.completeness, 1)
    return [
        (
            (row.epoch, row.missing, row.accounted, row.complete, row.followed_by),
            *((item[:3], item.arrived) for item in row.explained),
        )
        for row in rows
    ]


def test_what_a_gateway_says_of_its_last_epoch_explains_the_gaps_in_it(
    port: Port, hand: Hand
) -> None:
    port.advance(*port.deliver(hand.segment(received(1))).due)
    hand.segment(received(1), received(1))
    port.deliver(hand.segment(received(1)))
    assert told(port) == [((1, [(2, 3)], False, False, None),)]
    follow(port)
    assert told(port) == [
        ((1, [], True, False, 2), ((2, None, "unknown"), 1)),
        ((2, [], True, True, None),),
    ]
    again = Hand("gw-a", epoch=2)
    said = [EventsLost(0, 1, 1, "x"), EventsCarried(1, 3, 3, "x"), EventsLost(1, 2, 2, "x")]
    port.deliver(again.segment(EpochOpened(1, 1, GENESIS, "lost"), *said, EventsLost(2, 1, 1, "x")))
    port.advance()
    assert told(port) == [
        ((0, [], True, False, None), ((1, 1, "lost"), 0)),
        ((1, [], True, False, 2), ((2, 2, "lost"), 0), ((3, 3, "carried"), 0)),
        ((2, [], True, True, None),),
    ]
    for row in port.see(service.completeness, 1):
        assert {item.stated_at for item in row.explained} <= {AT}
    assert port.see(port.cases) == ["epoch.events-lost"]
    assert port.see(port.quarantined) == [("event.malformed", False, 5, 1)]
    port.sound()
