"""Crops that models are unsure of, shown to a person one by one.

============================================  ===========================================
``/console/crops``                            the next one, and how far one has come
``/console/crops/{crop}``                     the picture of one; POST: a person's word on it
============================================  ===========================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.ports import CameraView, CropDesk, CropShown
from edge.web.console.answers import Answer, Answers
from edge.web.console.facts import Fact
from edge.web.console.forms import line_in
from edge.web.console.pages import Pages, go
from edge.web.console.sessions import Visit
from edge.web.console.visits import Behind
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.words import counted, many, plain, when

_HERE: Final = "/console/crops"
_SKIPPED: Final = "Skipped. It comes again after all others."
_BACK: Final = "Your answer is taken back."
_MAX_NAME: Final = 64
_LOOK_S: Final = 1.0
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "damage": {"whole": "Not damaged", "suspect": "Damaged"},
    "slots": {"unknown": "Hidden from view"},
}
"""What classes are called, where their code says too little."""


class Choice(NamedTuple):
    """A class that a person may name, and the key that stands for it."""

    key: str
    label: str
    says: str


class CropDoor:
    """The pages of crops that wait for a word.

    Args:
        desk: where they wait; None at a gateway that has no camera.
        cameras: which of them keep crops.
        pages: renders.
        clock: the gateway's.
        steady: seconds that never jump.
        tried: how heads do that are tried out, as the gateway reports it.
    """

    def __init__(
        self,
        desk: CropDesk | None,
        cameras: CameraView | None,
        pages: Pages,
        clock: Clock,
        *,
        steady: Callable[[], float],
        tried: Callable[[], Sequence[Mapping[str, Any]]],
    ) -> None:
        self._desk = desk
        self._cameras = cameras
        self._pages = pages
        self._clock = clock
        self._tried = tried
        self._answers = Answers(desk, steady) if desk is not None else None

    def routes(self, behind: Behind) -> Sequence[Route]:
        """The addresses above."""
        page, asks, posts = behind
        return [
            page("/crops", asks(self._next)),
            page("/crops/{crop}", asks(self._picture)),
            page("/crops/{crop}", posts(self._word), "POST"),
        ]

    async def run(self) -> None:
        """Make events of words that nobody takes back, until cancelled."""
        while True:
            await self.settle_over()
            await asyncio.sleep(_LOOK_S)

    async def settle_over(self) -> None:
        """Make events of the words whose moment is over."""
        if self._answers is not None:
            await self._answers.settle_over()

    async def leave(self, device: str) -> None:
        """An operator goes: what they said is said."""
        if self._answers is not None:
            await self._answers.leave(device)

    async def _next(self, request: Request, visit: Visit) -> Response:
        answers, desk = self._answers, self._desk
        shown = self._cameras.cameras() if self._cameras is not None else []
        crop = answers.next() if answers is not None else None
        last = answers.last(visit.device) if answers is not None else None
        return self._pages.page(
            "cameras/crops",
            visit=visit,
            crop=crop,
            asked=question_of(crop) if crop is not None else "",
            thought=says_of(crop.head, crop.predicted) if crop is not None else "",
            choices=_choices(crop) if crop is not None else [],
            count=answers.count() if answers is not None else 0,
            given=answers.given(visit.device) if answers is not None else 0,
            last=last.crop if last is not None else None,
            said=_said(last) if last is not None else "",
            moment=int(answers.left(last)) if answers is not None and last is not None else 0,
            days=desk.retention_days if desk is not None else 0,
            keep=[each.name for each in shown if each.keep_crops],
            others=[each.name for each in shown if not each.keep_crops],
            tried=[fact for each in self._tried() for fact in tried_out(each)],
            done={"skipped": _SKIPPED, "back": _BACK}.get(request.query_params.get("done", ""), ""),
            now=self._clock.now(),
        )

    async def _picture(self, request: Request, _visit: Visit) -> Response:
        content = self._desk.image(request.path_params["crop"]) if self._desk is not None else None
        if content is None:
            raise QuartermasterError("request.not-found", "it waits no more", where="crop")
        return Response(content, media_type="image/jpeg", headers=self._pages.headers)

    async def _word(self, request: Request, visit: Visit, fields: dict[str, str]) -> Response:
        crop, answers = request.path_params["crop"], self._answers
        if answers is None:
            raise QuartermasterError("request.not-found", "there is no camera", where="crop")
        match fields.get("do", ""):
            case "skip":
                await answers.skip(crop, device=visit.device)
                return go(f"{_HERE}?done=skipped")
            case "take-back":
                answers.take_back(crop, device=visit.device)
                return go(f"{_HERE}?done=back")
            case "cannot-tell":
                await answers.say(crop, None, device=visit.device)
            case _:
                label = line_in(fields, "label", most=_MAX_NAME)
                await answers.say(crop, label, device=visit.device)
        return go(_HERE)


def question_of(crop: CropShown) -> str:
    """What a person is asked about a crop."""
    match crop.head:
        case "slots":
            return f"How full is slot {crop.about}?" if crop.about else "How full is this slot?"
        case "damage":
            return f"Is this {crop.about} damaged?" if crop.about.isalpha() else "Is this damaged?"
        case _:
            return f"{crop.about}: what is it?" if crop.about else "What is it?"


def says_of(head: str, label: str) -> str:
    """A class in a person's words."""
    return _WORDS.get(head, {}).get(label) or plain(label)


def tried_out(pair: Mapping[str, Any]) -> list[Fact]:
    """How a head does that is tried out beside the one in force."""
    candidate, version, words = pair["candidate"], pair["version"], pair["labelled"]
    agreed = f"{counted(pair['agreed'])} of {many(pair['compared'], 'look')}"
    right = f"{counted(pair['candidate_right'])} of {many(words, 'answer')}"
    return [
        Fact("On trial", candidate, f"since {when(pair['since'])}; {version} decides"),
        Fact("Says the same", agreed if pair["compared"] else "No look yet", f"as {version}"),
        Fact(
            "Right",
            right if words else "No answer yet",
            f"{version}: {counted(pair['right'])} of {counted(words)}" if words else "",
        ),
    ]


def _said(answer: Answer) -> str:
    """The last answer, in words."""
    if answer.label is None:
        return "“Cannot tell”: the picture is thrown away."
    return f"Your answer: {says_of(answer.crop.head, answer.label)}."


def _choices(crop: CropShown) -> list[Choice]:
    """Classes with the key that stands for each, as long as there are digits."""
    return [
        Choice(str(number) if number <= 9 else "", each, says_of(crop.head, each))
        for number, each in enumerate(crop.classes, 1)
    ]
