"""Is this a configuration that the gateway can run with? Every fault is named, with its line.

First what is written: unknown names, wrong values, all of them and not only the first. Then what
it means on this machine: a port that is somebody else's, a name that is none or that devices would
have to trust anew, a camera that is not there. Nothing is changed.
"""

from __future__ import annotations

import difflib
import re
import shutil
import socket
import tomllib
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, get_type_hints

import msgspec
from msgspec import inspect

from edge import settings as settings_file
from edge.app.safe_mode import in_force
from edge.settings import Settings
from shared.certificates import hosts_of, load_chain, vouches_for
from shared.errors import QuartermasterError
from shared.findings import Finding, Level

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(#.*)?\Z")
_KEY: Final = re.compile(r"\s*([\w.\-\"']+)\s*=")
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)")
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\Z")
_LONGEST: Final = 60
_MEBIBYTE: Final = 1 << 20


class Fault(NamedTuple):
    """What is wrong with one setting; a ``note`` keeps nobody from using it."""

    key: str
    line: int | None
    level: Level
    says: str
    do: str = ""

    def finding(self) -> Finding:
        """For a list of findings."""
        where = f" (line {self.line})" if self.line else ""
        return Finding(f"{self.key}{where}", self.level, self.says, self.do)


def check(text: bytes, data: Path, *, runs: bool) -> tuple[Settings | None, list[Fault]]:
    """The settings of a text, where it holds any, and all that is wrong with them.

    Args:
        text: of the file.
        data: the data folder that it is for.
        runs: whether the gateway of that folder runs now, and so has its ports itself.
    """
    try:
        table = tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        return None, [Fault("file", None, "problem", "It is no text.", "Save it as UTF-8.")]
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax(str(error))]
    lines = _lines(text.decode("utf-8"))
    faults = list(_written(table, Settings, "", lines))
    if faults:
        return None, faults
    try:
        settings = settings_file.parse(text)
    except QuartermasterError as error:
        key = error.where.partition(" ")[2]
        return None, [Fault(key, _line_of(key, lines), "problem", f"{error.detail}.")]
    ports = in_force(data) if runs else None
    found = [
        *_ports(settings, None if ports is None else ports.settings),
        *_names(settings, data),
        *_cameras(settings),
        *_sensors(settings),
        *_room(settings, data),
    ]
    return settings, [fault._replace(line=_line_of(fault.key, lines)) for fault in found]


def _syntax(error: str) -> Fault:
    at = _AT_LINE.search(error)
    says = f"It is no TOML: {_AT_LINE.sub('', error)}."
    remedy = "Look at the quotes and brackets there."
    return Fault("file", int(at[1]) if at else None, "problem", says, remedy)


# What is written


def _lines(text: str) -> dict[str, int]:
    """The line of each table and key, as far as a simple look tells: ``camera.0.source``."""
    found: dict[str, int] = {}
    numbers: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = _bare(header[2])
            if header[1] == "[[":
                numbers[name] = numbers.get(name, -1) + 1
                name = f"{name}.{numbers[name]}"
            table = f"{name}."
            found.setdefault(name, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}{_bare(key[1])}", number)
    return found


def _bare(name: str) -> str:
    return re.sub(r"[\"' ]", "", name)


def _line_of(key: str, lines: dict[str, int]) -> int | None:
    """The line of a key, or of the table that it is in."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _written(table: Any, kind: type[Any], place: str, lines: dict[str, int]) -> Iterator[Fault]:
    """Faults of one table of the file."""
    if not isinstance(table, dict):
        says = f"{place} is a table: write [{place}] and its settings below."
        yield Fault(place, _line_of(place, lines), "problem", says)
        return
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in cast("dict[str, Any]", table).items():
        path = f"{place}.{name}" if place else name
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(fields)}."
            says = f"There is no setting {name[:_LONGEST]} here."
            yield Fault(path, _line_of(path, lines), "problem", says, remedy)
        else:
            yield from _value(value, inspect.type_info(hints[name]), hints[name], path, lines)
    for name, field in fields.items():
        if field.required and name not in table:
            says = f"{name} is missing: {_kind(inspect.type_info(hints[name]))}."
            yield Fault(f"{place}.{name}", _line_of(place, lines), "problem", says)


def _value(
    value: Any, info: inspect.Type, hint: Any, path: str, lines: dict[str, int]
) -> Iterator[Fault]:
    if isinstance(info, inspect.UnionType):
        known = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        if len(known) == 1 and isinstance(known[0], inspect.StructType):
            info = known[0]
    if isinstance(info, inspect.StructType):
        yield from _written(value, info.cls, path, lines)
        return
    if isinstance(info, inspect.ListType) and isinstance(info.item_type, inspect.StructType):
        if not isinstance(value, list):
            says = f"{path} is a list of tables: write [[{path}]] for each."
            yield Fault(path, _line_of(path, lines), "problem", says)
            return
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _written(each, info.item_type.cls, f"{path}.{number}", lines)
        return
    try:
        msgspec.convert(value, hint)
        if isinstance(value, int | float) and not abs(value) <= settings_file.MOST:
            yield Fault(path, _line_of(path, lines), "problem", "No number to use: too large.")
    except msgspec.ValidationError:
        said = settings_file.shown(value)[:_LONGEST]
        named = f'"{said}"' if isinstance(value, str) else said
        says = f"{named} is not {_kind(info)}."
        yield Fault(path, _line_of(path, lines), "problem", says)


def _kind(info: inspect.Type) -> str:
    """What is wanted, in words."""
    match info:
        case inspect.IntType() | inspect.FloatType():
            name = "a whole number" if isinstance(info, inspect.IntType) else "a number"
            words = f"{name}{_bounds(info)}"
        case inspect.StrType(min_length=least, max_length=most):
            length = f" of {least or 0} to {most} characters" if most else " in quotes"
            words = f"a text{length}"
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.ListType(item_type=item):
            words = f"a list, each {_kind(item)}"
        case inspect.UnionType(types=types):
            known = [each for each in types if not isinstance(each, inspect.NoneType)]
            words = " or ".join(map(_kind, known))
        case _:
            words = "what belongs here"
    return words


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    if info.ge is not None:
        return f" of at least {info.ge}"
    return f" above {info.gt}" if info.gt is not None else ""


# What it means here


def _ports(settings: Settings, running: Settings | None) -> Iterator[Fault]:
    """Each port is of one door only, and of nobody else."""
    here = {key: (host, port) for key, host, port in _doors(settings)}
    own = [] if running is None else [port for _, _, port in _doors(running)]
    seen: dict[int, str] = {}
    for key, (host, port) in here.items():
        if port in seen:
            says = f"{port} is the port of {seen[port]}, too."
            yield Fault(key, None, "problem", says, "Choose another.")
            continue
        seen[port] = key
        if port in own:
            continue
        try:
            socket.create_server((host, port)).close()
        except PermissionError:
            says = f"Port {port} is for root only."
            yield Fault(key, None, "problem", says, "Choose one from 1024 on.")
        except OSError as error:
            yield _not_open(key, host, port, error)


def _not_open(key: str, host: str, port: int, error: OSError) -> Fault:
    try:
        socket.create_server((host, 0)).close()
    except OSError:
        says = f"{host} is no address of this machine."
        return Fault(key.replace("port", "host"), None, "problem", says, "0.0.0.0 means all.")
    says = f"Port {port} is taken by another program ({error.strerror})."
    return Fault(key, None, "problem", says, f"Find it with: ss -ltnp sport = :{port}")


def _doors(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """What it listens on: the setting, the host, the port."""
    api = settings.api
    yield "api.port", api.host, api.port
    if api.install_port:
        yield "api.install_port", api.host, api.install_port
    for name, door in (("tcp", settings.tcp), ("mqtt", settings.mqtt)):
        if door is not None:
            yield f"{name}.port", door.host, door.port


def _names(settings: Settings, data: Path) -> Iterator[Fault]:
    """Names are names, and those that devices trust already."""
    trusted = _trusted(data / settings_file.IDENTITY / "local")
    for name in settings.api.names:
        if not _is_host(name):
            says = f"{name[:_LONGEST]!r} is neither a host's name nor an address."
            yield Fault("api.names", None, "problem", says)
        elif trusted and name not in trusted:
            says = (
                f"{name} does not fit the gateway's certificate: it gets a new one, of a new "
                "authority, and each phone must trust that once."
            )
            remedy = "Go on if that is wanted; the installation page shows how."
            yield Fault("api.names", None, "note", says, remedy)


def _trusted(folder: Path) -> set[str]:
    """What the certificate and its authority vouch for; empty where there is none yet."""
    try:
        served = hosts_of(load_chain((folder / "tls.crt").read_bytes())[0])
        bound = vouches_for(load_chain((folder / "ca.crt").read_bytes())[0])
    except (OSError, QuartermasterError):
        return set()
    return {*served, *bound}


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return _HOST.match(name) is not None
    return True


def _cameras(settings: Settings) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, camera in enumerate(settings.camera):
        if camera.name in seen:
            says = f"Two cameras are called {camera.name}."
            yield Fault(f"camera.{number}.name", None, "problem", says)
        seen.add(camera.name)
        source = f"/dev/video{camera.source}" if camera.source.isdecimal() else camera.source
        if "://" not in source and not Path(source).exists():
            says = f"There is no camera or file {source.rpartition('@')[2][:_LONGEST]}."
            remedy = "Connected ones: ls /dev/video*"
            yield Fault(f"camera.{number}.source", None, "problem", says, remedy)


def _sensors(settings: Settings) -> Iterator[Fault]:
    """Each is declared once, in a unit of its kind; and there is something that they speak to."""
    from edge.inputs import mosquitto, readings  # noqa: PLC0415 - only to check

    if settings.mqtt is not None and mosquitto.found() is None:
        says = "mosquitto, the broker for devices, is not installed."
        yield Fault("mqtt", None, "problem", says, "Install it: deploy/install/system-packages.sh")
    if settings.sensor and settings.mqtt is None:
        says = "Sensors speak MQTT, and there is no [mqtt]."
        yield Fault("sensor.0", None, "problem", says, "Add [mqtt].")
    asked = [readings.Declared(**msgspec.structs.asdict(each)) for each in settings.sensor]
    for number, error in readings.declared(asked).faults:
        says = f"{asked[number].name}: {error.detail}."
        yield Fault(f"sensor.{number}", None, "problem", says)


def _room(settings: Settings, data: Path) -> Iterator[Fault]:
    """The database fits, and the disk has what it may take."""
    file = data / settings_file.DATABASE
    held = file.stat().st_size if file.exists() else 0
    most = settings.store.max_mebibytes * _MEBIBYTE
    if held > most:
        says = f"The database holds {held // _MEBIBYTE} MiB already: scans would be refused."
        yield Fault("store.max_mebibytes", None, "problem", says, "Allow it more.")
    elif data.is_dir() and (free := shutil.disk_usage(data).free) < most - held:
        says = f"The disk has room for {free // _MEBIBYTE} MiB more, not for all of it."
        yield Fault("store.max_mebibytes", None, "note", says, "It is watched: disk.low tells.")
