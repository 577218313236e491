"""A gateway's settings: ``gateway.toml`` in its data folder. Read by the composition root only.

Everything has a default that works; an unknown key is refused, so that a typing error is seen.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from shared.errors import QuartermasterError

FILE: Final = "gateway.toml"
DATABASE: Final = "gateway.db"
BALLAST: Final = "gateway.ballast"
HEAD_NOTE: Final = "gateway.db-head"
IDENTITY: Final = "identity"
PHOTOS: Final = "photos"
MODELS: Final = "models"

_Port = Annotated[int, Meta(ge=1, le=65535)]
_Seconds = Annotated[float, Meta(gt=0)]
_Number = Annotated[int, Meta(ge=1)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all tables of the file."""


class Api(_Table, frozen=True):
    """The local HTTPS API. ``scans_per_second`` and ``burst`` bound each device."""

    host: str = "0.0.0.0"  # noqa: S104 - scanners are other machines of the site
    port: _Port = 8443
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


class Camera(_Table, frozen=True):
    """A source of pictures: a device number, a file or an address; where it looks."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    source: str
    zone: Annotated[str, Meta(max_length=64)] | None = None


class Settings(_Table, frozen=True):
    """All of ``gateway.toml``. ``heartbeat_seconds`` is how often the gateway tells of itself."""

    api: Api = Api()
    broker: Broker = Broker()
    uplink: Uplink = Uplink()
    store: Store = Store()
    camera: list[Camera] = []
    heartbeat_seconds: _Seconds = 60.0


def load(data: Path) -> Settings:
    """The settings in a data folder; the defaults where there is no file.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the key.
    """
    file = data / FILE
    try:
        table = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        return msgspec.convert(table, Settings)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuartermasterError("settings.invalid", str(error), where=str(file)) from None
    except msgspec.ValidationError as error:
        says, _, where = str(error).partition(" - at ")
        raise QuartermasterError(
            "settings.invalid", says, where=f"{FILE} {where.strip('`$.')}".strip()
        ) from None
