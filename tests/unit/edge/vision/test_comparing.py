"""Pairs of heads are added up from when both were in force, and told; each count once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from edge.ports import SystemIds
from edge.vision.comparing import Comparing, Pair, Verdict
from shared.events import ShadowCompared, decode_event
from shared.heads import Head, Heads
from shared.units import MINUTE
from tests.support import FakeClock
from tests.support.heads import by_corner, head

if TYPE_CHECKING:
    from edge.app.store import Store

SHIPPED = ("slots-1", bytes(range(32)))
SHADOW = head(by_corner((1, 0, 2)), role="shadow", version="slots-r2")
PAIR = Pair("slots", *SHIPPED, "slots-r2", SHADOW.sha256)


class House:
    """The sums of one gateway, with a clock of its own."""

    def __init__(self, store: Store, *, judges: bool = True) -> None:
        self.store = store
        self.clock = FakeClock()
        self.comparing = Comparing(
            store.database,
            self.clock,
            SystemIds(),
            append=store.outbox.append,
            gateway="gw-01",
            shipped=lambda name: SHIPPED if judges and name == "slots" else None,
        )

    def enter(self, *heads: Head) -> None:
        document, now = Heads("berlin", list(heads)), self.clock.now()
        self.store.database.run_blocking(
            lambda connection: self.comparing.enter(connection, document, now)
        )

    def add(self, compared: int, agreed: int, pair: Pair = PAIR) -> bool:
        return self.comparing.add(ShadowCompared(*pair, 0, compared, agreed, 0, 0, 0))

    def word(self, label: str, active: str, candidate: str, pair: Pair = PAIR) -> None:
        verdict = Verdict(pair, active, candidate)
        self.store.database.run_blocking(
            lambda connection: self.comparing.judged(connection, verdict, label)
        )

    def tell(self) -> int:
        return asyncio.run(self.comparing.tell())

    def told(self) -> list[ShadowCompared]:
        rows = self.store.database.reader.execute("SELECT body FROM waiting ORDER BY seq")
        data: list[Any] = [decode_event(body).data for (body,) in rows.fetchall()]
        return [each for each in data if isinstance(each, ShadowCompared)]


def test_a_pair_is_counted_from_when_both_are_in_force(store: Store) -> None:
    house = House(store)
    assert not house.add(5, 5)
    house.enter(SHADOW)
    assert house.add(5, 4)
    assert house.add(3, 3)
    house.word("low", "low", "empty")
    house.word("empty", "low", "empty")
    house.word("full", "full", "full")
    (row,) = house.comparing.report()
    assert (row["version"], row["candidate"]) == ("slots-1", "slots-r2")
    assert (row["compared"], row["agreed"]) == (8, 7)
    assert (row["labelled"], row["right"], row["candidate_right"]) == (3, 2, 2)
    assert row["since"] == house.clock.now()


def test_words_are_told_at_once_and_agreement_each_quarter_of_an_hour(store: Store) -> None:
    house = House(store)
    house.enter(SHADOW)
    house.add(5, 4)
    assert (house.tell(), house.told()) == (0, [])
    house.word("low", "low", "empty")
    assert house.tell() == 1
    house.add(2, 2)
    assert house.tell() == 0
    house.clock.advance(15 * MINUTE)
    assert house.tell() == 1
    assert house.tell() == 0
    first, second = house.told()
    assert first == ShadowCompared(*PAIR, first.since, 5, 4, 1, 1, 0)
    assert second == ShadowCompared(*PAIR, first.since, 7, 6, 1, 1, 0)


def test_the_same_document_again_loses_no_count(store: Store) -> None:
    house = House(store)
    house.enter(SHADOW)
    house.add(5, 4)
    house.enter(SHADOW)
    assert house.comparing.report()[0]["compared"] == 5
    assert house.told() == []


def test_another_candidate_begins_anew_after_the_last_word_on_the_earlier_one(
    store: Store,
) -> None:
    house = House(store)
    house.enter(SHADOW)
    house.add(5, 4)
    other = head(by_corner((0, 2, 1)), role="shadow", version="slots-r3")
    house.enter(other)
    (last,) = house.told()
    assert (last.candidate, last.compared, last.agreed) == ("slots-r2", 5, 4)
    (row,) = house.comparing.report()
    assert (row["candidate"], row["compared"]) == ("slots-r3", 0)
    assert not house.add(1, 1)
    house.word("low", "low", "low")
    assert house.comparing.report()[0]["labelled"] == 0


def test_another_active_head_makes_another_pair(store: Store) -> None:
    house = House(store)
    house.enter(SHADOW)
    house.enter(head(by_corner((2, 1, 0)), version="slots-r1"), SHADOW)
    (row,) = house.comparing.report()
    assert (row["version"], row["candidate"]) == ("slots-r1", "slots-r2")


def test_a_withdrawn_candidate_is_compared_no_more(store: Store) -> None:
    house = House(store)
    house.enter(SHADOW)
    house.enter()
    assert house.comparing.report() == []
    assert [each.candidate for each in house.told()] == ["slots-r2"]
    assert house.tell() == 0


def test_where_no_camera_judges_nothing_is_compared(store: Store) -> None:
    house = House(store, judges=False)
    house.enter(SHADOW)
    assert house.comparing.report() == []


def test_a_word_without_a_verdict_counts_nothing(store: Store) -> None:
    house = House(store)
    house.enter(SHADOW)
    store.database.run_blocking(lambda connection: house.comparing.judged(connection, None, "low"))
    assert house.comparing.report()[0]["labelled"] == 0
