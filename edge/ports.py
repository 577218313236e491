"""What a gateway needs from outside itself, as protocols, and the system's own clock and ids.

Hardware, the broker and the neighbours inside the process are reached through these; tests and
simulators bring their own. This module is the only place of the gateway that reads the wall clock
or draws randomness.
"""

from __future__ import annotations

import ctypes
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import uuid_utils

from shared.clock import ClockState
from shared.events import EventData, SensorRead
from shared.units import Micros

Point = tuple[float, float]
"""Across and down, as fractions of a picture."""

CameraState = Literal["starting", "watching", "frozen", "black", "unreadable", "failed", "ended"]


class Frame(NamedTuple):
    """One picture of a source, numbered from 0.

    ``image`` is a BGR or grey array; ``at`` is seconds, monotonic.
    """

    image: Any
    number: int
    at: float


class Barcode(NamedTuple):
    """One code found in a picture.

    ``aim`` is the AIM symbology identifier (``]C1``), empty when unknown; ``position`` are the
    four corners in pixels, clockwise.
    """

    text: str
    symbology: str
    aim: str
    position: tuple[tuple[int, int], ...]


class FrameSource(Protocol):
    """A camera, a video or a folder of pictures."""

    dropped: int
    """Frames thrown away because the reader was busy; they are counted, never queued."""

    def frames(self) -> Iterator[Frame]:
        """The frames, until the source ends or is closed.

        Raises:
            QuartermasterError: ``camera.unreadable``.
        """
        ...

    def close(self) -> None:
        """Let go of the device; ``frames`` ends."""
        ...


class ZoneShown(NamedTuple):
    """A zone of a camera, as its settings say. Points are fractions of the picture."""

    name: str
    polygon: tuple[Point, ...]
    tasks: tuple[str, ...]
    location: str | None = None


class LineShown(NamedTuple):
    """A counting line; ``net`` is how many of each kind went in, less those that went back."""

    name: str
    start: Point
    end: Point
    net: dict[str, int]


class TrackShown(NamedTuple):
    """What is in the picture now; ``box`` is left, top, right, bottom, fractions of the picture."""

    id: str
    seen: str
    box: tuple[float, float, float, float]


class ReadShown(NamedTuple):
    """A code that was read, at microseconds UTC; ``sku`` where the item master knows it."""

    text: str
    sku: str | None
    at: int


class CameraShown(NamedTuple):
    """How one camera does.

    ``fps`` and ``cpu`` (share of one core) are of the last seconds, beside what the settings
    allow. ``dropped`` frames came while the worker was busy; for ``skipped`` looks the budget had
    no room. ``lacking`` are the ways of looking that there are not, with why. ``why`` says in words
    why it sees nothing. ``frame_at`` is when the newest frame was taken, microseconds UTC, 0 before
    the first; ``width`` and ``height`` are its pixels. ``blurred`` are the parts of the newest
    still that were: boxes as those of tracks.
    ``reads`` are the last few, the newest first. It never holds the camera's address.
    """

    name: str
    state: CameraState
    why: str
    frame_at: int
    width: int
    height: int
    fps: float
    fps_allowed: float
    cpu: float
    cpu_allowed: float
    dropped: int
    skipped: int
    zones: tuple[ZoneShown, ...] = ()
    masks: tuple[tuple[Point, ...], ...] = ()
    lines: tuple[LineShown, ...] = ()
    tracks: tuple[TrackShown, ...] = ()
    reads: tuple[ReadShown, ...] = ()
    keep_crops: bool = False
    lacking: tuple[tuple[str, str], ...] = ()
    blurred: tuple[tuple[float, float, float, float], ...] = ()


class CameraView(Protocol):
    """What an operator sees of the cameras; ``edge/app`` answers from the workers' shared memory.

    Both calls return at once, without a worker's help: the gateway's one loop makes them.
    """

    def cameras(self) -> list[CameraShown]:
        """Every configured camera, in the settings' order; also those that never came up."""
        ...

    def still(self, name: str) -> bytes | None:
        """The newest picture: a JPEG of at most 640 pixels a side and 64 KiB; None without one.

        Persons are blurred before it leaves the worker, and where nothing can look for them there
        is none. Nothing is drawn over it and it is never stored. Asking is what makes a worker make
        stills, one a second at most, until nobody has asked for ten seconds: the first answer may
        be None. None, too, for an unknown name.
        """
        ...


class SlotShown(NamedTuple):
    """A shelf slot, where it is in a camera's picture, and what it was last seen as.

    ``since`` is when that state began, microseconds UTC; 0 where it was not seen yet.
    """

    camera: str
    name: str
    location: str | None
    polygon: tuple[Point, ...]
    state: str = "unknown"
    since: int = 0


class SlotDesk(Protocol):
    """Where shelf slots are kept that operators draw."""

    def slots(self, camera: str) -> list[SlotShown]:
        """The slots of a camera, by name."""
        ...

    async def put(
        self,
        slot: SlotShown,
        still: bytes,
        *,
        shows: Literal["empty", "full"],
        reason: str,
        device: str,
    ) -> None:
        """Keep a slot, or a slot drawn anew, with what it looks like now.

        The change becomes an event in the name of who is signed in at ``device``.

        Args:
            slot: its place; its own state does not count.
            still: a JPEG of the camera's whole picture, of which the slot's part is kept.
            shows: what the slot is on that picture.
            reason: why, in the operator's words.
            device: where the operator is signed in.

        Raises:
            QuartermasterError: ``slot.invalid``, ``scan.unknown-location``, ``request.invalid`` for
                a name that is no code, or one slot too many; ``disk.full``.
        """
        ...

    async def remove(self, camera: str, name: str, *, reason: str, device: str) -> None:
        """Forget a slot; likewise an event.

        Raises:
            QuartermasterError: ``request.not-found`` or ``disk.full``.
        """
        ...


class CropShown(NamedTuple):
    """A crop that a model was unsure of and that waits for a person's word.

    ``classes`` are those that ``head`` knows; ``predicted`` is one of them, ``confidence`` its ‰.
    ``gone_at`` is when it is thrown away unless somebody has answered. ``about`` says what the crop
    is of, e.g. the slot's name; empty where nobody knows.
    """

    id: str
    camera: str
    zone: str | None
    taken_at: int
    head: str
    predicted: str
    confidence: int
    classes: tuple[str, ...]
    gone_at: int
    about: str = ""


class CropDesk(Protocol):
    """Where crops wait that models are unsure of; never one with a person on it."""

    @property
    def retention_days(self) -> int:
        """How long one waits at most."""
        ...

    def count(self) -> int:
        """How many wait."""
        ...

    def waiting(self, limit: int) -> list[CropShown]:
        """Those that are next: the longest waiting first, skipped ones last."""
        ...

    def image(self, crop: str) -> bytes | None:
        """The JPEG of one that waits; None where it does not, or its bytes are not what they were.

        ``crop`` is what somebody sent, any text.
        """
        ...

    async def label(self, crop: str, label: str | None, *, device: str) -> None:
        """Take a person's word, an event in the name of who is signed in at ``device``.

        None: the person cannot tell; the crop is thrown away, and nothing is learned from it.

        Raises:
            QuartermasterError: ``request.not-found`` where it does not wait any more,
                ``request.invalid`` for a class that its head does not know, ``disk.full``.
        """
        ...

    async def skip(self, crop: str) -> None:
        """Put it behind all others.

        Raises:
            QuartermasterError: ``request.not-found``.
        """
        ...


class LabelTold(NamedTuple):
    """What a label's print says: lot and expiry (``YYYY-MM-DD``), None where it cannot be told.

    ``confidence`` is ‰ of the less sure one, ``text`` all that was read, ``model`` what read it.
    ``seq`` is the number under which it was recorded; 0: nothing was told, or no room. ``codes``
    are those beside the print.
    """

    lot: str | None
    expiry: str | None
    confidence: int
    text: str
    model: str
    seq: int
    codes: tuple[ReadShown, ...] = ()


class LabelDesk(Protocol):
    """Where the label on an exception's photo is read, for whoever asks."""

    async def read(self, exception: str, *, device: str) -> LabelTold:
        """Read it, an event in the name of who asks at ``device``; it takes seconds.

        Raises:
            QuartermasterError: ``request.not-found`` without such an exception or its photo,
                ``request.too-many`` where enough wait, ``file.unreadable``, ``model.missing`` or
                ``program.failed``.
        """
        ...

    def told(self, exception: str) -> LabelTold | None:
        """What was read of late; None where nobody asked."""
        ...


class LinkListener(Protocol):
    """Who is told what happens on the way to the broker."""

    def up(self) -> None:
        """A connection stands; nothing of what was sent before may be taken as delivered."""
        ...

    def down(self) -> None:
        """The connection has ended."""
        ...

    def received(self, topic: str, payload: bytes) -> None:
        """A message came down; whatever it holds, nothing is raised."""
        ...


class BrokerLink(Protocol):
    """The way to the broker, from the point of view of one gateway."""

    @property
    def connected(self) -> bool:
        """Whether messages can be sent now."""
        ...

    @property
    def last_error(self) -> str:
        """Why the last connection failed or ended; empty when none did."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with QoS 1; returns when the broker has taken it, which is not yet delivery.

        Raises:
            QuartermasterError: ``broker.unreachable``.
        """
        ...

    async def run(self, listener: LinkListener) -> None:
        """Connect, again and again, with full jitter in between, until cancelled."""
        ...

    def interrupt(self) -> None:
        """End the present connection; a new one is made."""
        ...


class Ids(Protocol):
    """Makes event ids."""

    def uuid7(self) -> bytes:
        """A fresh UUIDv7, 16 bytes."""
        ...


class ScanAnswer(NamedTuple):
    """The answer to one scan: an HTTP status for a single request, and the JSON text."""

    status: int
    body: bytes


class ScanPoint(Protocol):
    """Where scans are judged and made durable."""

    async def scan(self, request: bytes, *, device: str) -> ScanAnswer:
        """Answer one scan (JSON text) of a paired device, after the durable commit.

        Refusals are answers, too; nothing is raised for them.
        """
        ...


class Sensed(NamedTuple):
    """The number that a reading was recorded under, 0 for none; and whether it had been before."""

    seq: int
    repeated: bool


class SensorPoint(Protocol):
    """Where readings of sensors become events."""

    async def sense(self, data: SensorRead, *, device: str, reading: bytes) -> Sensed:
        """Make one reading durable, once: ``reading`` is its id, 16 bytes, made by the device.

        Raises:
            QuartermasterError: ``scan.id-reused`` or ``disk.full``.
        """
        ...


class FloorPoint(Protocol):
    """What devices ask for beside scans; JSON in and out, refusals are answers, too."""

    async def undo(self, body: bytes, *, device: str) -> ScanAnswer:
        """Take back a scan."""
        ...

    async def act(self, code: str, body: bytes, *, device: str) -> ScanAnswer:
        """Begin or end a task."""
        ...

    async def report(self, body: bytes, *, device: str) -> ScanAnswer:
        """Raise an exception, perhaps with a photo."""
        ...

    async def resolve(self, name: str, body: bytes, *, device: str) -> ScanAnswer:
        """Close an exception."""
        ...


class Recorder(Protocol):
    """Where facts that are not scans (codes seen, sensors, health) become events."""

    async def record(self, data: EventData, *, device: str, event_id: bytes | None = None) -> int:
        """Make one event durable; returns its sequence number.

        Raises:
            QuartermasterError: ``disk.full``.
        """
        ...


Jitter = Callable[[float], float]
"""A random duration between zero and the given number of seconds."""

Sleep = Callable[[float], Awaitable[None]]


def system_jitter(seconds: float) -> float:
    """Full jitter: anything from nothing to ``seconds``."""
    return secrets.SystemRandom().uniform(0.0, seconds)


class SystemIds:
    """UUIDv7 from the operating system's randomness and clock."""

    def uuid7(self) -> bytes:
        """A fresh UUIDv7, 16 bytes."""
        return uuid_utils.uuid7().bytes


def system_wall() -> int:
    """The machine's clock: microseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1000  # noqa: TID251 - the clock's port


def system_boot() -> str:
    """What is the same until the machine starts anew; empty where nobody knows."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def system_steady() -> float:
    """Seconds that never jump."""
    return time.monotonic()


class KernelTime:
    """Whether the kernel holds the machine's clock synchronized; asked twice a minute at most."""

    _TIME_ERROR: Final = 5  # adjtimex(2): "the system clock is not synchronized"
    _CHECK_SECONDS: Final = 30.0

    def __init__(self) -> None:
        self._checked_at = float("-inf")
        self._synchronized = False

    def __call__(self) -> bool:
        """Ask."""
        if time.monotonic() - self._checked_at > self._CHECK_SECONDS:
            self._checked_at = time.monotonic()
            self._synchronized = self._asked()
        return self._synchronized

    def _asked(self) -> bool:
        """Ask adjtimex(2) without changing anything; elsewhere than on Linux the answer is no."""
        try:
            adjtimex = ctypes.CDLL(None).adjtimex
        except (OSError, AttributeError):
            return False
        nothing_to_change = ctypes.create_string_buffer(512)  # struct timex with modes = 0
        state: int = adjtimex(nothing_to_change)
        return 0 <= state < self._TIME_ERROR


class SystemClock:
    """The machine's clock as it is, for commands."""

    def __init__(self) -> None:
        self._kept = KernelTime()

    def now(self) -> Micros:
        """Microseconds since the Unix epoch, UTC."""
        return Micros(system_wall())

    def state(self) -> ClockState:
        """The trust in the last reading."""
        return ClockState.SYNCHRONIZED if self._kept() else ClockState.UNTRUSTED
