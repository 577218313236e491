"""What the gateway and a camera's worker say to each other, as bytes over a socket.

The worker is told its job once, on the socket alone: an address may hold a password, and what
stands on a command line everybody on the machine can read. Neither side trusts the other to be
well: what cannot be understood ends the worker, and the gateway starts another.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Final

import msgspec

from edge.ports import ReadShown, TrackShown
from edge.vision.calibration import Slot
from edge.vision.lanes import CountingLine, Finding, Point, Uncertain, Zone
from shared.errors import QuartermasterError
from shared.events import DATA_OF, KIND_OF, EventData

MAX_MESSAGE: Final = 512 * 1024
"""A crop and its embedding are far smaller."""

MAX_JOB: Final = 32 * 1024 * 1024
"""A site's heads are 16 MiB at most; slots have small references."""


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """What a worker is to look at. ``offset`` leads from its steady clock to the gateway's (µs).

    ``slots`` are as people drew them, ``heads`` the document of retrained heads in force.
    """

    camera: str
    source: str
    zone: str | None
    zones: tuple[Zone, ...]
    masks: tuple[tuple[Point, ...], ...]
    lines: tuple[CountingLine, ...]
    frames_per_second: float
    cpu: float
    keep_crops: bool
    offset: int
    slots: tuple[Slot, ...] = ()
    heads: bytes = b""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Whose code it is that was asked for under this number."""

    number: int
    sku: str | None


class Clock(msgspec.Struct, frozen=True, tag="clock"):
    """The way from the worker's steady clock to the gateway's has changed."""

    offset: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Let go of the camera and end."""


class Told(msgspec.Struct, frozen=True, tag="told"):
    """A fact, by its number in the catalogue, with the crop that shows it.

    ``head`` is the classifier that was not sure of it, if one was.
    """

    kind: int
    fact: msgspec.Raw
    crop: bytes | None = None
    head: str = ""
    predicted: str = ""
    embedding: bytes = b""

    @property
    def data(self) -> EventData:
        """The fact.

        Raises:
            QuartermasterError: ``event.malformed``.
        """
        shape = DATA_OF.get(self.kind)
        if shape is None:
            raise QuartermasterError("event.malformed", f"type {self.kind}")
        try:
            return msgspec.msgpack.decode(self.fact, type=shape)
        except msgspec.DecodeError as error:
            raise QuartermasterError("event.malformed", str(error)) from None

    @property
    def finding(self) -> Finding:
        """As its lane found it.

        Raises:
            QuartermasterError: ``event.malformed``.
        """
        doubt = Uncertain(self.head, self.predicted, self.embedding) if self.head else None
        return Finding(self.data, self.crop, doubt)


PALLET: Final = "(00)"
"""Before a pallet's number in a question: is it announced?"""


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """Whose code is this?"""

    number: int
    code: str


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag="beat"):
    """The worker is well, and what it has done so far; once a second, and when its state changes.

    ``captured`` frames came; of those ``dropped`` were overtaken by a newer one and ``looked`` were
    looked at. ``looks`` and ``skipped`` are by zone and task. ``held_up`` is how often the gateway
    was slower to take a fact than frames came. ``scan_p95_ms`` is of the last looks for codes.
    """

    state: str
    why: str = ""
    captured: int = 0
    dropped: int = 0
    looked: int = 0
    unreadable: int = 0
    reconnects: int = 0
    suppressed: int = 0
    held_up: int = 0
    unshown: int = 0
    cpu: float = 0.0
    cpu_seconds: float = 0.0
    fps: float = 0.0
    scan_p95_ms: float = 0.0
    looks: dict[str, int] = {}
    skipped: dict[str, int] = {}
    lacking: dict[str, str] = {}


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What there is to see now, for the console; it lies in the shared memory.

    ``nets`` are by counting line and kind, ``blurred`` the parts of the newest still that were.
    """

    frame_at: int
    width: int
    height: int
    tracks: tuple[TrackShown, ...] = ()
    reads: tuple[ReadShown, ...] = ()
    nets: dict[str, dict[str, int]] = {}
    blurred: tuple[tuple[float, float, float, float], ...] = ()


ToWorker = Job | Answer | Clock | Stop
ToGateway = Told | Asked | Beat

_to_worker: Final = msgspec.msgpack.Decoder(ToWorker)
_to_gateway: Final = msgspec.msgpack.Decoder(ToGateway)
_seen: Final = msgspec.msgpack.Decoder(Seen)
_encoder: Final = msgspec.msgpack.Encoder()


def told(finding: Finding) -> Told:
    """What a lane found, to be told."""
    kind = int(KIND_OF[type(finding.fact)])
    fact = msgspec.Raw(_encoder.encode(finding.fact))
    doubt = finding.uncertain
    if doubt is None:
        return Told(kind, fact, finding.crop)
    return Told(kind, fact, finding.crop, doubt.head, doubt.predicted, doubt.embedding)


def encode_seen(seen: Seen) -> bytes:
    """As it lies in the shared memory."""
    return _encoder.encode(seen)


def decode_seen(state: bytes) -> Seen | None:
    """What lies in the shared memory; None before there is anything."""
    try:
        return _seen.decode(state) if state else None
    except msgspec.DecodeError:
        return None


def say(link: Connection, words: ToWorker | ToGateway) -> None:
    """Say something; waits while the other side does not take it.

    Raises:
        OSError: when the other side is gone.
    """
    link.send_bytes(_encoder.encode(words))


def hear_gateway(link: Connection) -> ToWorker:
    """What the gateway says next.

    Raises:
        EOFError: when it is gone.
        OSError: likewise, or it speaks at too great length.
        msgspec.DecodeError: it speaks another language.
    """
    return _to_worker.decode(link.recv_bytes(MAX_JOB))


def hear_worker(link: Connection) -> ToGateway:
    """What the worker says next.

    Raises:
        EOFError: when it is gone.
        OSError: likewise, or it speaks at too great length.
        msgspec.DecodeError: it speaks another language.
    """
    return _to_gateway.decode(link.recv_bytes(MAX_MESSAGE))
