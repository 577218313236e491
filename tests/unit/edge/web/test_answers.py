"""Words on crops that can be taken back: each is said once, and none is lost or asked twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from edge.web.console.answers import MOMENT_S, Answers
from shared.errors import QuartermasterError
from tests.support.sights import CROP, FakeCrops

IDS = ("c-1", "c-2", "c-3", "c-4")
DEVICES = ("console-a", "console-b")
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("say", "cannot tell", "skip", "take back", "wait", "leave")),
        st.sampled_from(IDS),
        st.sampled_from(DEVICES),
    ),
    max_size=14,
)


class Console:
    """Two operators who answer for four crops."""

    def __init__(self) -> None:
        self.desk = FakeCrops(*(CROP._replace(id=each) for each in IDS))
        self.seconds = 0.0
        self.answers = Answers(self.desk, lambda: self.seconds)

    async def do(self, deed: str, crop: str, device: str) -> None:
        match deed:
            case "say":
                await self.answers.say(crop, "full", device=device)
            case "cannot tell":
                await self.answers.say(crop, None, device=device)
            case "skip":
                await self.answers.skip(crop, device=device)
            case "take back":
                self.answers.take_back(crop, device=device)
            case "wait":
                self.seconds += MOMENT_S
                await self.answers.settle_over()
            case _:
                await self.answers.leave(device)

    def held(self) -> set[str]:
        last = (self.answers.last(device) for device in DEVICES)
        return {each.crop.id for each in last if each is not None}


@given(DEEDS)
def test_a_crop_waits_or_is_answered_for_and_never_both(deeds: list[tuple[str, str, str]]) -> None:
    console = Console()
    for deed in deeds:
        with suppress(QuartermasterError):
            asyncio.run(console.do(*deed))
        said = [crop for crop, _, _ in console.desk.words]
        assert len(said) == len(set(said))
        assert console.answers.count() == len(set(IDS) - set(said) - console.held())
        asked = console.answers.next()
        assert (asked is None) == (console.answers.count() == 0)
        assert asked is None or asked.id not in console.held()
    for device in DEVICES:
        asyncio.run(console.answers.leave(device))
        assert console.answers.given(device) == 0
    assert console.held() == set()
    assert console.desk.count() + len(console.desk.words) == len(IDS)
