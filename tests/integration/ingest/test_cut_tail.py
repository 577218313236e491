"""Somebody cuts off the end of what a gateway sends: within two minutes it shows, whatever passes.

A gateway scans and says its head each minute, on a clock that the test moves second by second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud.db import unit_of_work
from cloud.ingest import service
from shared.events import GatewayHealth
from shared.units import SECOND
from tests.integration.ingest.test_apply import Cloud, received
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from cloud.ingest.model import GatewayCompleteness
    from tests.support import FakeClock

pytestmark = pytest.mark.database
BEAT = 60
VISIBLE = 120


class Line:
    """A gateway's segments on their way to the cloud, and a knife."""

    def __init__(self, pool: ConnectionPool[Connection], clock: FakeClock) -> None:
        self.hand = Hand("gw-a")
        self.cloud = Cloud(pool, self.hand)
        self.clock = clock
        self.second = 0
        self.cut: list[bytes] | None = None
        self.site_id = self.cloud.one("SELECT site_id FROM site")
        self.send(self.hand.segment(GatewayHealth("q", 1, 1)))

    def send(self, body: bytes) -> None:
        if self.cut is not None:
            self.cut.append(body)
            return
        self.cloud.advance(*self.cloud.deliver((self.hand.name, body), at=self.clock.now()).due)

    def scan(self) -> None:
        self.send(self.hand.segment(received(1)))

    def tick(self) -> None:
        """A second passes; the heartbeat comes when it is due."""
        self.clock.advance(SECOND)
        self.second += 1
        if self.second % BEAT == 0:
            self.send(self.hand.segment(GatewayHealth("q", 1, 1)))

    def told(self) -> GatewayCompleteness:
        with unit_of_work(self.cloud.pool) as connection:
            (row,) = service.completeness(connection, self.site_id, self.clock.now())
        return row

    def seconds_until_told(self) -> int:
        """How long after now the cloud says that something is not here."""
        begun = self.second
        while self.second - begun <= VISIBLE:
            row = self.told()
            if row.silent or row.missing:
                return self.second - begun
            self.tick()
        raise AssertionError("it is not told")


@pytest.fixture
def line(pool: ConnectionPool[Connection], clock: FakeClock) -> Line:
    return Line(pool, clock)


@pytest.mark.parametrize("after", [1, 30, 59])
def test_a_tail_cut_off_after_a_heartbeat_is_named_by_the_next_one(line: Line, after: int) -> None:
    for _ in range(after):
        line.tick()
    line.cut = []
    for _ in range(3):
        line.scan()
    assert line.told().complete, "nothing can be known yet"
    line.cut, cut = None, line.cut

    assert line.seconds_until_told() == BEAT - after

    row = line.told()
    assert (row.head_seq, row.contiguous_seq) == (5, 1), "the gateway says that it is at 5"
    assert (row.missing, row.missing_events) == ([(2, 4)], 3), "of which three are not here"
    assert not row.silent
    for body in cut:
        line.send(body)
    assert line.told().complete


@pytest.mark.parametrize("after", [0, 1, 30, 59])
def test_a_tail_cut_off_with_every_heartbeat_in_it_makes_the_gateway_silent(
    line: Line, after: int
) -> None:
    for _ in range(after):
        line.tick()
    line.cut = []
    line.scan()

    seconds = line.seconds_until_told()

    assert seconds == VISIBLE - after
    row = line.told()
    assert (row.silent, row.missing, row.head_seq) == (True, [], 1)
    assert row.complete, "through what it has shown, and no further"
    line.cut, cut = None, line.cut
    for body in cut:
        line.send(body)
    assert (line.told().silent, line.told().complete) == (False, True)
