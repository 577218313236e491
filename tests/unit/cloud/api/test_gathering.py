"""Who waits goes together, in order; what is wrong with one is that one's alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cloud.api.gathering import Gathering


def test_those_who_come_while_others_are_served_go_together_in_order() -> None:
    groups: list[list[int]] = []

    def work(asked: Sequence[int]) -> list[int]:
        groups.append(list(asked))
        return [number * 10 for number in asked]

    async def crowd() -> list[int]:
        gathering = Gathering(work, most=4)
        return await asyncio.gather(*(gathering.ask(number) for number in range(9)))

    assert asyncio.run(crowd()) == [number * 10 for number in range(9)]
    assert [number for group in groups for number in group] == list(range(9))
    assert max(len(group) for group in groups) == 4


def test_one_that_cannot_be_answered_takes_no_other_with_it() -> None:
    def work(asked: Sequence[int]) -> list[int]:
        if 2 in asked:
            raise ValueError("two")
        return list(asked)

    async def crowd() -> list[int | BaseException]:
        gathering = Gathering(work)
        wishes = (gathering.ask(number) for number in range(4))
        return await asyncio.gather(*wishes, return_exceptions=True)

    answers = asyncio.run(crowd())
    assert [answers[n] for n in (0, 1, 3)] == [0, 1, 3]
    with pytest.raises(ValueError, match="two"):
        raise answers[2]  # type: ignore[misc]
