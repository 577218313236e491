"""The last scans as they come, refused ones too: in memory, bounded, beside the way of a scan.

Of a scan it keeps the bytes that were asked and answered, and reads them only when somebody looks:
it costs a scan less than a microsecond. What was refused changed nothing and is kept nowhere else.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from edge.db import Connection, Queries
from edge.ports import ScanAnswer, ScanPoint
from shared.clock import Clock
from shared.policy import Step

KEPT: Final = 200
_MOST_BYTES: Final = 8192
_LONGEST_CODE: Final = 80
_AIM: Final = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
"""An AIM symbology identifier (ISO/IEC 15424)."""
_SQL: Final = Queries(__package__ or "edge.web.console")


class Understood(msgspec.Struct, frozen=True):
    """What the label and the request said, in the catalog's words."""

    name: str = ""
    sku: str = ""
    quantity: int = 0
    location: str | None = None
    to: str | None = None
    lot: str | None = None


class Remark(msgspec.Struct, frozen=True):
    """A warning or a refusal."""

    says: str
    code: str = ""
    do: str = ""
    detail: str = ""


class _Task(msgspec.Struct, frozen=True):
    code: str


class _Answer(msgspec.Struct, frozen=True):
    id: UUID | None = None
    outcome: str = "accepted"
    understood: Understood | None = None
    on_hand: int | None = None
    warnings: list[Remark] = []
    error: Remark | None = None
    task: _Task | None = None


class _Asked(msgspec.Struct, frozen=True):
    raw: str = ""
    step: Step | None = None
    location: str | None = None
    to: str | None = None
    operator: str | None = None


class Scan(NamedTuple):
    """A scan as it is shown; ``at`` in microseconds, 0 where nobody knows."""

    at: int
    outcome: Literal["accepted", "refused"]
    device: str
    step: str
    code: str
    goods: Understood
    on_hand: int | None
    remarks: Sequence[Remark]
    task: str | None


class _Heard(NamedTuple):
    at: int
    device: str
    request: bytes
    answer: bytes


_answers: Final = msgspec.json.Decoder(_Answer)
_requests: Final = msgspec.json.Decoder(_Asked)
_NOTHING: Final = Understood()


class Feed:
    """The last scans since the gateway's start.

    Args:
        clock: the gateway's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: deque[_Heard] = deque(maxlen=KEPT)

    def watched(self, scans: ScanPoint) -> ScanPoint:
        """The same scan point; what it is asked and answers is kept for a while."""
        return _Watched(scans, self)

    def hear(self, device: str, request: bytes, answer: ScanAnswer) -> None:
        """Keep one."""
        asked = request if len(request) <= _MOST_BYTES else b""
        self._heard.append(_Heard(self._clock.now(), device, asked, answer.body))

    def last(self, reader: Connection, limit: int) -> list[Scan]:
        """The last scans, the newest first; those from before the start as far as they are kept."""
        shown: dict[object, Scan] = {}
        for heard in reversed(tuple(self._heard)):
            answer = _answer(heard.answer)
            if answer is not None:
                # A retry is the same scan: its first answer, further down, is the one to show.
                key = answer.id if answer.id and answer.outcome == "accepted" else heard
                shown.pop(key, None)
                shown[key] = _scan(heard, answer)
            if len(shown) >= limit:
                return list(shown.values())
        for scan_id, scan in _earlier(reader, limit):
            shown.setdefault(scan_id, scan)
            if len(shown) >= limit:
                break
        return list(shown.values())

    def refused(self, limit: int) -> list[Scan]:
        """The last refusals, the newest first."""
        found = (
            _scan(heard, answer)
            for heard in reversed(tuple(self._heard))
            if (answer := _answer(heard.answer)) is not None and answer.outcome == "refused"
        )
        return [scan for _, scan in zip(range(limit), found, strict=False)]


class _Watched(NamedTuple):
    """Implements the port ScanPoint."""

    scans: ScanPoint
    feed: Feed

    async def scan(self, request: bytes, *, device: str) -> ScanAnswer:
        """Answer one scan, and keep both for a while."""
        answer = await self.scans.scan(request, device=device)
        self.feed.hear(device, request, answer)
        return answer


def _earlier(reader: Connection, limit: int) -> Iterator[tuple[UUID, Scan]]:
    for request, body in reader.execute(_SQL["last_answers"], (limit,)):
        answer, scan_id = _answer(body), UUID(bytes=bytes(request))
        if answer is not None:
            yield scan_id, _scan(_Heard(made_at(scan_id), "", b"", b""), answer)


def _answer(body: bytes) -> _Answer | None:
    """The answer to a scan; None where something else was answered."""
    try:
        answer = _answers.decode(body)
    except msgspec.MsgspecError:
        return None
    return answer if answer.understood is not None or answer.error is not None else None


def _scan(heard: _Heard, answer: _Answer) -> Scan:
    try:
        asked = _requests.decode(heard.request) if heard.request else _Asked()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        asked = _Asked()
    goods = answer.understood or msgspec.structs.replace(
        _NOTHING, location=asked.location, to=asked.to
    )
    refused = answer.error is not None
    remarks = [answer.error] if answer.error is not None else answer.warnings
    return Scan(
        heard.at,
        "refused" if refused else "accepted",
        heard.device,
        asked.step or "",
        legible(asked.raw),
        goods,
        answer.on_hand,
        remarks,
        answer.task.code if answer.task is not None else None,
    )


def made_at(scan_id: UUID) -> int:
    """The moment in a UUIDv7 (RFC 9562 5.7), microseconds; 0 where it is none."""
    return (scan_id.int >> 80) * 1000 if scan_id.version == 7 else 0


def legible(code: str) -> str:
    """A code for people: without the symbology in front, control characters as pictures."""
    code = _AIM.sub("", code)
    short = code if len(code) <= _LONGEST_CODE else f"{code[: _LONGEST_CODE - 1]}…"
    return "".join(chr(0x2400 + ord(each)) if ord(each) < 0x20 else each for each in short)


def exported(scan: Scan) -> list[Any]:
    """A scan as a row of a table; see :data:`edge.web.console.exports.SCANS`."""
    goods = scan.goods
    return [
        scan.outcome,
        scan.device,
        scan.step,
        scan.code,
        goods.sku,
        goods.name,
        goods.quantity or "",
        goods.location,
        goods.to,
        goods.lot,
        scan.on_hand,
        scan.task,
        "; ".join(remark.says for remark in scan.remarks),
    ]
