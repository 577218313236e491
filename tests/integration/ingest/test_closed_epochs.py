"""After another epoch has begun, and its grace is over, the one before takes nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.ingest.test_apply import Cloud, received
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


class Closed(Cloud):
    """A gateway in epoch 2, whose epoch 1 came through 2 before it was closed."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.old, self.new = Hand("gw-a"), Hand("gw-a", epoch=2)
        super().__init__(pool, self.old, self.new)
        self.known = self.old.segment(received(1), received(1))
        self.bring(self.known)
        self.rows("UPDATE gateway_epoch SET closed_at = now() WHERE epoch = 1 RETURNING 1")

    def bring(self, *bodies: bytes) -> None:
        self.advance(*self.deliver(*(("gw-a", body) for body in bodies)).due)

    def heads(self) -> list[tuple[int, int]]:
        return self.rows("SELECT epoch, contiguous_seq FROM gateway_head ORDER BY 1")


@pytest.fixture
def cloud(pool: ConnectionPool[Connection]) -> Closed:
    return Closed(pool)


def test_a_segment_of_a_closed_epoch_is_set_aside_whole_and_told_to_a_person(
    cloud: Closed,
) -> None:
    cloud.bring(cloud.old.segment(received(7), received(7)))
    assert cloud.quarantined() == [("segment.epoch", True, 3)]
    (detail,) = cloud.rows("SELECT detail FROM quarantine")
    assert detail == ("epoch 1 is closed: another has begun",)
    assert cloud.cases() == ["segment.epoch"]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 2}
    assert cloud.one("SELECT count(*) FROM segment") == 1
    assert cloud.heads() == [(1, 2)]
    cloud.sound()


def test_what_was_stored_before_may_come_again_and_is_told_its_watermark(cloud: Closed) -> None:
    applied = cloud.deliver(("gw-a", cloud.known))
    assert len(applied.due) == 1
    assert [mark.contiguous_seq for mark in cloud.advance(*applied.due).values()] == [2]
    assert cloud.quarantined() == []
    cloud.sound()


def test_the_epoch_in_force_goes_on_in_the_same_batch(cloud: Closed) -> None:
    cloud.bring(cloud.old.segment(received(7)), cloud.new.segment(received(3)))
    assert cloud.quarantined() == [("segment.epoch", True, 3)]
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 5}
    assert cloud.heads() == [(1, 2), (2, 1)]
    cloud.sound()


def test_within_its_grace_what_is_under_way_is_taken(cloud: Closed) -> None:
    cloud.rows(
        "UPDATE gateway_epoch SET closed_at = now() + interval '1 minute' WHERE epoch = 1 "
        "RETURNING 1"
    )
    cloud.bring(cloud.old.segment(received(7)))
    assert cloud.quarantined() == []
    assert cloud.on_hand() == {("SKU-0", "L0", 0): 9}
