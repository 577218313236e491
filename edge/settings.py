"""A gateway's settings: ``gateway.toml`` in its data folder. Read by the composition root only.

Everything has a default that works; an unknown key is refused, so that a typing error is seen.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta

from shared.errors import QuartermasterError

FILE: Final = "gateway.toml"
LAST_GOOD: Final = "gateway.toml.last-good"
"""With which the gateway last ran well."""
BEFORE: Final = "gateway.toml.before"
"""What the last change by command replaced."""
APPLIED: Final = "gateway.toml.applied"
"""Who made that change, and why."""
IN_FORCE: Final = "gateway.in-force.json"
"""What the gateway last started with."""
DATABASE: Final = "gateway.db"
BALLAST: Final = "gateway.ballast"
HEAD_NOTE: Final = "gateway.db-head"
IDENTITY: Final = "identity"
PHOTOS: Final = "photos"
MODELS: Final = "models"

MOST: Final = 2**53
"""Beyond it a number is not the same everywhere."""
_CALLED: Final = ("device", "name")
_MOST_FORMS: Final = 32
_LOT_FORM: Final = re.compile(r"(?=.*[0-9])[A-Z0-9][A-Z0-9/\-]{1,18}[A-Z0-9]\Z")
_QUERY: Final = re.compile(r"([?&/][^=&/\s]+=)[^&\s]+")
_CREDENTIALS: Final = re.compile(
    r"(\A\w+://)(?=[^/]*:).*@|(\w+://)(?:[^/\s]*:\S*|[^/\s]*)@", re.DOTALL
)
"""Up to the last @, also where a password holds what should be written %40, %2F or %20."""

_PLAINLY: Final = (
    (re.compile(r"Object contains unknown field `(.*)`"), r"there is no setting \1 here"),
    (re.compile(r"Object missing required field `(.*)`"), r"\1 is missing"),
    (re.compile(r"\AExpected "), "expected is "),
    (re.compile(r", got "), ", not "),
)
_KIND: Final = re.compile(r"`(\w+)`")
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}

_Port = Annotated[int, Meta(ge=1, le=65535)]
_Seconds = Annotated[float, Meta(gt=0)]
_Number = Annotated[int, Meta(ge=1)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all tables of the file."""


class Api(_Table, frozen=True):
    """The local HTTPS API. ``scans_per_second`` and ``burst`` bound each device.

    ``install_port`` serves the page by which devices come to trust it, in plain HTTP; 0: nobody.
    """

    host: str = "0.0.0.0"  # noqa: S104 - scanners are other machines of the site
    port: _Port = 8443
    install_port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    names: list[str] = []
    scans_per_second: _Number = 500
    burst: _Number = 5000


class Broker(_Table, frozen=True):
    """Overrides of what enrolment told, and the patience of reconnects."""

    host: str | None = None
    port: _Port | None = None
    longest_delay_seconds: _Seconds = 40.0
    keepalive_seconds: _Number = 20


class Uplink(_Table, frozen=True):
    """How many segments may be in flight, and when they are sent again."""

    window: Annotated[int, Meta(ge=1, le=60)] = 16
    resend_seconds: _Seconds = 5.0
    watchdog_seconds: _Seconds = 30.0


class Store(_Table, frozen=True):
    """How large the database may grow, and how long what is done with is kept.

    ``ballast_mebibytes`` is taken in advance and given back when the disk is full.
    ``retention_days`` are days in which the gateway runs, from when the cloud had it.
    """

    max_mebibytes: _Number = 8192
    ballast_mebibytes: Annotated[int, Meta(ge=0)] = 16
    retention_days: _Number = 7


SYMBOLOGIES: Final = (
    "EAN/UPC",
    "ITF",
    "Code 128",
    "Code 39",
    "Code 93",
    "Codabar",
    "DataBar",
    "QR Code",
    "Data Matrix",
    "Aztec",
    "PDF417",
)
"""What a zone may name; nothing else is read."""

_Point = tuple[Annotated[float, Meta(ge=0, le=1)], Annotated[float, Meta(ge=0, le=1)]]
"""Across and down, as fractions of the picture: it stays right when the resolution changes."""
_Polygon = Annotated[list[_Point], Meta(min_length=3, max_length=32)]


class Zone(_Table, frozen=True, omit_defaults=True):
    """A part of a camera's picture, what is looked for there, and how urgently (1 first).

    ``symbologies`` are the only ones read there; none named means all. ``location`` is the place
    of the site that the zone shows.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    polygon: _Polygon
    tasks: tuple[Literal["scan", "detect", "damage"], ...] = ("scan",)
    symbologies: list[str] = []
    location: Annotated[str, Meta(max_length=64)] | None = None
    priority: Annotated[int, Meta(ge=1, le=9)] = 5


class CountingLine(_Table, frozen=True):
    """What crosses from the left of ``start`` → ``end`` to its right goes in, and back out."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    start: _Point
    end: _Point
    counts: tuple[Literal["carton", "pallet"], ...] = ("carton", "pallet")


class Camera(_Table, frozen=True, omit_defaults=True):
    """A source of pictures: a device number, a file or an address; where it looks.

    Without zones the whole picture is one, in which codes are read. Nothing is looked for within
    ``masks``. ``frames_per_second`` bounds how often it is looked at, ``cpu`` the share of one core
    that its worker may use; what is skipped is counted. ``keep_crops`` allows crops that the models
    are unsure of to wait for a person's word.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    source: str
    zone: Annotated[str, Meta(max_length=64)] | None = None
    zones: list[Zone] = []
    masks: list[_Polygon] = []
    lines: list[CountingLine] = []
    frames_per_second: Annotated[float, Meta(gt=0, le=60)] = 5.0
    cpu: Annotated[float, Meta(gt=0, le=1)] = 0.25
    keep_crops: bool = False


class Labels(_Table, frozen=True):
    """How labels are printed here, for those who ask what one says.

    ``lot_forms`` are the only forms of lots there are: ``9`` is a digit, ``A`` a letter other than
    I, O and Q, all else itself (``A9-9999``); none named means any, and what may be a letter or a
    digit is hardly ever told. ``dates`` says which of a date's readings counts; unset, a date with
    two readings is none.
    """

    lot_forms: list[str] = []
    dates: Literal["day-first", "month-first", "year-first"] | None = None


class Tcp(_Table, frozen=True):
    """Scanners that send lines over TCP; there is no such door without this table.

    ``terminator`` ends a line; empty means CR, LF or both. ``prefix`` is what
    scanners put in front.
    """

    port: _Port = 58627
    host: str = "0.0.0.0"  # noqa: S104 - scanners are other machines of the site
    terminator: Annotated[str, Meta(max_length=8)] = ""
    prefix: Annotated[str, Meta(max_length=8)] = ""
    connections: Annotated[int, Meta(ge=1, le=1000)] = 64
    connections_per_device: Annotated[int, Meta(ge=1, le=100)] = 4
    idle_seconds: _Seconds = 28_800.0


class Mqtt(_Table, frozen=True):
    """The broker for devices of this site; there is none without this table."""

    port: _Port = 8883
    host: str = "0.0.0.0"  # noqa: S104 - devices are other machines of the site
    connections: Annotated[int, Meta(ge=1, le=1000)] = 256


class Sensor(_Table, frozen=True):
    """A sensor of a paired device: what it measures, in which unit, within which bounds, and where.

    A vehicle that ``occupies`` keeps pallets from being sent to where it stands.
    A reading is recorded when it differs by ``change``, ``every_seconds`` apart at most; one that
    stays the same after ``at_least_minutes``.
    """

    device: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Literal["weight", "door", "temperature", "position"]
    unit: str = ""
    min: float | None = None
    max: float | None = None
    decimals: Annotated[int, Meta(ge=0, le=6)] = 2
    change: Annotated[float, Meta(ge=0)] = 0.0
    every_seconds: _Seconds = 5.0
    at_least_minutes: _Seconds = 15.0
    location: Annotated[str, Meta(max_length=64)] | None = None
    occupies: bool = False


class Settings(_Table, frozen=True):
    """All of ``gateway.toml``. ``heartbeat_seconds`` is how often the gateway tells of itself."""

    api: Api = Api()
    broker: Broker = Broker()
    uplink: Uplink = Uplink()
    store: Store = Store()
    camera: list[Camera] = []
    labels: Labels = Labels()
    tcp: Tcp | None = None
    mqtt: Mqtt | None = None
    sensor: list[Sensor] = []
    heartbeat_seconds: _Seconds = 60.0


def load(data: Path) -> Settings:
    """The settings in a data folder; the defaults where there is no file.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the key.
    """
    return parse(text_of(data / FILE), FILE)


def text_of(file: Path) -> bytes:
    """What a settings file holds; nothing where there is none.

    Raises:
        QuartermasterError: ``settings.invalid`` when it cannot be read.
    """
    try:
        return file.read_bytes() if file.exists() else b""
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("settings.invalid", detail, where=file.name) from None


def parse(text: bytes, name: str = FILE) -> Settings:
    """The settings that a file says.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the key.
    """
    try:
        table = tomllib.loads(text.decode("utf-8"))
        if (vast := _vast(table)) is not None:
            raise QuartermasterError("settings.invalid", f"{vast} is no number to use", where=name)
        settings = msgspec.convert(table, Settings)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuartermasterError("settings.invalid", str(error), where=name) from None
    except msgspec.ValidationError as error:
        says, _, where = str(error).partition(" - at ")
        raise QuartermasterError(
            "settings.invalid", _plainly(says), where=f"{name} {where.strip('`$.')}".strip()
        ) from None
    _demand_known_symbologies(settings, name)
    _demand_forms(settings.labels, name)
    return settings


def _demand_known_symbologies(settings: Settings, name: str) -> None:
    for camera in settings.camera:
        for zone in camera.zones:
            for symbology in zone.symbologies:
                if symbology not in SYMBOLOGIES:
                    raise QuartermasterError(
                        "settings.invalid",
                        f"{symbology[:40]!r} is no symbology; known are {', '.join(SYMBOLOGIES)}",
                        where=f"{name} camera.{camera.name}.zones.{zone.name}.symbologies",
                    )


def _demand_forms(labels: Labels, name: str) -> None:
    where = f"{name} labels.lot_forms"
    if len(labels.lot_forms) > _MOST_FORMS:
        raise QuartermasterError("settings.invalid", f"more than {_MOST_FORMS}", where=where)
    for form in labels.lot_forms:
        if _LOT_FORM.match(form) is None:
            raise QuartermasterError(
                "settings.invalid",
                f"{form[:40]!r} is no form of a lot: 3 to 20 of 9 (a digit), A (a letter), other "
                "capitals and digits, - and / between them, at least one digit",
                where=where,
            )


def _vast(value: Any) -> int | float | None:
    """A number in it with which nothing can be reckoned; None without one."""
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return next((it for it in map(_vast, cast("list[Any]", value)) if it is not None), None)
    if isinstance(value, int | float) and not abs(value) <= MOST:
        return value
    return None


def _plainly(says: str) -> str:
    """What the decoder says, in words for people who keep a gateway."""
    for pattern, words in _PLAINLY:
        says = pattern.sub(words, says)
    return _KIND.sub(lambda kind: _KINDS.get(kind[1], kind[1]), says)


def flat(settings: Settings) -> dict[str, Any]:
    """Each setting by its name: ``api.port``, ``camera.dock.source``."""
    tables = msgspec.to_builtins(settings)
    return dict(_flat("", {name: each for name, each in tables.items() if each != []}))


def _flat(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """One of a list of tables goes by what it is called."""
    if isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield from _flat(f"{place}.{name}" if place else name, each)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in cast("Any", value)):
        for each in cast("list[dict[str, Any]]", value):
            called = [str(each[key]) for key in _CALLED if key in each]
            others = {name: it for name, it in each.items() if name not in _CALLED}
            yield from _flat(".".join([place, *called]), others)
    else:
        yield place, value


def shown(value: Any) -> str:
    """A value for people, without the password that a camera's address may hold."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return _QUERY.sub(r"\1***", _CREDENTIALS.sub(r"\1\2***@", text))
