"""Batches grow while settlers are busy; watermarks keep the order in which batches were taken."""

from __future__ import annotations

import threading

from cloud.bus import Delivery
from cloud.ingest.desk import BATCH_MESSAGES, Breath, Desk
from cloud.ingest.model import Chain, Rejected
from shared.errors import QuartermasterError


def message(number: int) -> tuple[Rejected, Delivery]:
    error = QuartermasterError("segment.malformed")
    item = Rejected("", None, None, None, None, None, True, b"", b"", error)
    return item, Delivery("t", b"", number, 0)


def test_a_free_settler_takes_one_message_at_once() -> None:
    desk = Desk()
    assert desk.add(*message(1), seconds=0)
    work = desk.take(seconds=0)
    assert work is not None
    assert [delivery.packet_id for delivery in work.deliveries] == [1]
    assert desk.take(seconds=0) is None


def test_what_arrives_while_settlers_are_busy_becomes_one_batch() -> None:
    desk = Desk()
    for number in range(50):
        assert desk.add(*message(number), seconds=0)
    work = desk.take(seconds=0)
    assert work is not None
    assert [delivery.packet_id for delivery in work.deliveries] == list(range(50))


def test_a_trickle_soon_after_a_batch_is_gathered_until_it_is_much() -> None:
    desk = Desk(Breath(commits=60.0, watermarks=0.0))
    desk.add(*message(0), seconds=0)
    assert desk.take(seconds=0) is not None  # the first waits for nothing
    taken: list[int] = []

    def settle() -> None:
        work = desk.take(seconds=10)
        assert work is not None
        taken.extend(delivery.packet_id for delivery in work.deliveries)

    settler = threading.Thread(target=settle)
    settler.start()
    for number in range(BATCH_MESSAGES):
        assert desk.add(*message(number), seconds=10)
    settler.join(10)
    assert taken == list(range(BATCH_MESSAGES))


def test_a_full_desk_takes_no_more_until_it_is_emptied() -> None:
    desk = Desk()
    for number in range(BATCH_MESSAGES):
        assert desk.add(*message(number), seconds=0)
    assert not desk.add(*message(0), seconds=0)
    desk.take(seconds=0)
    assert desk.add(*message(0), seconds=0)


def test_a_later_batch_waits_for_the_watermark_of_an_earlier_one() -> None:
    desk = Desk()
    first, second = frozenset({Chain(1, 1)}), frozenset({Chain(2, 1)})
    for _ in range(2):
        desk.add(*message(1), seconds=0)
        desk.take(seconds=0)
    desk.settled(1, second)
    assert desk.due(seconds=0) == frozenset()
    desk.settled(0, first)
    assert desk.due(seconds=0) == first | second
    assert desk.due(seconds=0) == frozenset()


def test_a_waiting_settler_wakes_when_a_message_comes() -> None:
    desk = Desk()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(desk.take(seconds=30)))
    thread.start()
    desk.add(*message(7), seconds=0)
    thread.join(10)
    assert taken
    assert taken != [None]


def test_the_watermarks_of_a_trickle_are_told_together() -> None:
    desk = Desk(Breath(commits=0.0, watermarks=0.05))
    chains = [frozenset({Chain(number, 1)}) for number in range(4)]
    for _ in chains:
        desk.add(*message(1), seconds=0)
        desk.take(seconds=0)
    desk.settled(0, chains[0])
    assert desk.due(seconds=0) == chains[0]  # the first waits for nothing
    later = threading.Thread(target=lambda: [desk.settled(n, chains[n]) for n in (1, 2, 3)])
    later.start()
    told = [desk.due(seconds=10)]
    later.join(10)
    while len(frozenset[Chain]().union(*told)) < 3:  # a slow thread may miss the breath
        told.append(desk.due(seconds=10))
    assert frozenset[Chain]().union(*told) == chains[1] | chains[2] | chains[3]
    assert desk.due(seconds=0) == frozenset()
