"""``quartermaster gateway support-bundle``: what somebody far away needs to see, and nothing more.

Each part is made by itself: one that cannot be made says why, and the others are there. What leaves
the site passes one gate (:class:`Gate`): no keys, tokens, badges, secrets or photos are read, and
what a text may hold of secrets and of people's names is blanked.
"""

from __future__ import annotations

import io
import os
import platform
import re
import sqlite3
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final, cast

import msgspec
import typer

from edge import settings as settings_file
from edge.app import applying, journal
from edge.app.checking import check
from edge.app.gateway import software
from edge.app.recovery import damages
from edge.app.safe_mode import chosen
from edge.cli import screen
from edge.cli.checks import Patient, examine
from edge.cli.options import FOLDER, Data, Json
from edge.cli.standing import report_of
from edge.db import Queries
from edge.db.copying import counts, schema_of
from edge.db.looking import looking
from edge.link.identity import Identity
from edge.outbox.carrying import chain_of
from edge.ports import SystemClock
from edge.web.hatch import ask
from shared.errors import QuartermasterError
from shared.units import SECOND
from shared.words import moment, size

_SQL: Final = Queries("edge.cli")
_LARGEST: Final = 1 << 20
"""Of one part; the log keeps its end."""
_FILES: Final = 500
_BLANK: Final = "(not shown)"
_LEAST: Final = 3
_TORN: Final = "(a person's words are not shown: the names to leave out cannot be read)"
_PLAIN: Final = frozenset({"timestamp", "level", "event", "code", "part", "epoch", "seq", "where"})
"""Of a line of the log where nobody knows which names to leave out."""
_LEFT_OUT: Final = (
    "Not in it: keys, tokens, badges, secrets, photos, the settings' passwords, people's names, "
    "goods and counts."
)


class Gate:
    """What leaves the site passes here.

    Args:
        people: codes and names to leave out; None where they cannot be read.
    """

    def __init__(self, people: Iterable[tuple[str, str]] | None) -> None:
        self.knows = people is not None
        words: set[str] = set()
        for code, name in people or ():
            words.update((code, name, *name.split()))
        longest = sorted((word for word in words if len(word) >= _LEAST), key=len, reverse=True)
        joined = "|".join(map(re.escape, longest))
        self._names = re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if joined else None

    def passed(self, value: Any, name: str = "") -> Any:
        """A value as it may leave."""
        if isinstance(value, dict):
            rows = cast("dict[str, Any]", value).items()
            return {self._text("", key): self.passed(each, key) for key, each in rows}
        if isinstance(value, list | tuple):
            return [self.passed(each, name) for each in cast("list[Any]", value)]
        if isinstance(value, str | bytes):
            return self._text(
                name, value.decode(errors="replace") if isinstance(value, bytes) else value
            )
        return value

    def line(self, said: dict[str, Any]) -> dict[str, Any]:
        """A line of the log."""
        if self.knows:
            return self.passed(said)
        kept = {name: value for name, value in said.items() if name in _PLAIN}
        return self.passed(kept) | ({} if len(kept) == len(said) else {"left_out": _TORN})

    def _text(self, name: str, text: str) -> str:
        without = settings_file.shown(journal.blanked(name, text))
        return self._names.sub(_BLANK, without) if self._names is not None else without


def support_bundle(
    file: Annotated[Path, typer.Argument(help="The file to make, .tar.gz.")],
    data: Data = FOLDER,
    *,
    json: Json = False,
) -> None:
    """Gather what support needs in one file; no secrets, no names, no network, nothing changes.

    Example: quartermaster gateway support-bundle gw-1.tar.gz
    """
    if not data.is_dir():
        raise QuartermasterError("file.unreadable", "no such folder", where=str(data))
    parts = gather(data)
    _write(file, parts)
    if json:
        listed = {name: len(content) for name, content in parts.items()}
        screen.show_json({"path": str(file), "bytes": file.stat().st_size, "parts": listed})
        return
    screen.show_text(f"{file} is made: {size(file.stat().st_size)}. In it:")
    for name, content in parts.items():
        screen.show_text(f"  {name:14}  {size(len(content))}")
    screen.show_text(_LEFT_OUT)
    screen.show_text("Look into it before you send it: tar -xzf.")


def gather(data: Path) -> dict[str, bytes]:
    """The parts by name; none larger than a mebibyte."""
    gate = Gate(_people(data))
    status: dict[str, Any] = _or_why(lambda: report_of(data))
    made: dict[str, Callable[[], Any]] = {
        "about.json": lambda: _about(data),
        "status.json": lambda: status,
        "findings.json": lambda: _findings(data, status),
        "settings.json": lambda: _settings(data),
        "database.json": lambda: _database(data),
        "damage.json": lambda: [msgspec.to_builtins(each) for each in damages(data)],
        "files.json": lambda: _files(data),
    }
    parts = {name: _part(gate, _or_why(make)) for name, make in made.items()}
    parts["log.jsonl"] = _log(data, gate)
    listed = "".join(f"{name:14}  {len(content)} bytes\n" for name, content in parts.items())
    return {"CONTENTS.txt": f"{listed}\n{_LEFT_OUT}\n".encode(), **parts}


def _part(gate: Gate, value: Any) -> bytes:
    content = msgspec.json.format(msgspec.json.encode(gate.passed(value)), indent=1)
    if len(content) <= _LARGEST:
        return content
    return msgspec.json.encode({"left_out": f"{len(content)} bytes are too many"})


def _or_why(make: Callable[[], Any]) -> Any:
    """What is made, or why it could not be: the others are there all the same."""
    try:
        return make()
    except QuartermasterError as error:
        return {"error": error.as_dict()}
    except (OSError, sqlite3.Error, ValueError, TypeError, KeyError) as error:
        return {"error": {"code": "internal.unexpected", "detail": type(error).__name__}}


def _people(data: Path) -> list[tuple[str, str]] | None:
    """Whose names are to be left out; None where the database does not tell."""
    file = data / settings_file.DATABASE
    if not file.exists():
        return []
    try:
        with looking(file) as reader:
            return [(str(c), str(n)) for c, n in reader.execute(_SQL["people_known"]).fetchall()]
    except (QuartermasterError, sqlite3.Error, TypeError, ValueError):
        return None


def _about(data: Path) -> dict[str, Any]:
    about: dict[str, Any] = {
        "made_at": moment(SystemClock().now()),
        "software": software(),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
    }
    known = _or_why(lambda: Identity.load(data / settings_file.IDENTITY))
    if isinstance(known, Identity):
        about |= {"gateway": known.gateway, "site": known.site, "epoch": known.epoch}
        about["certificate_not_after"] = moment(known.not_after)
        about["event_key"] = known.kid.hex()[:16]
    return about


def _findings(data: Path, status: dict[str, Any]) -> list[dict[str, str]]:
    patient = Patient(data, chosen(data).settings, status, SystemClock().now())
    return [each.as_dict() for each in examine(patient)]


def _settings(data: Path) -> dict[str, Any]:
    """What is in force and what the file says, without what a wrong text may hold."""

    def told(settings: settings_file.Settings) -> dict[str, str]:
        return {
            name: settings_file.shown(each) for name, each in settings_file.flat(settings).items()
        }

    choice = chosen(data)
    text = _or_why(lambda: settings_file.text_of(data / settings_file.FILE))
    faults = check(text, data, runs=ask(data).runs)[1] if isinstance(text, bytes) else []
    return {
        "in_force": told(applying.now_in_force(data)),
        "file": told(choice.settings) if not choice.fault else None,
        "using": choice.using,
        "faults": [{"setting": f.key, "line": f.line, "level": f.level} for f in faults],
    }


def _database(data: Path) -> dict[str, Any]:
    file = data / settings_file.DATABASE
    told: dict[str, Any] = {"bytes": file.stat().st_size}
    with looking(file) as reader:
        told["schema"] = schema_of(reader)
        told["rows"] = _or_why(lambda: counts(reader))
        told["table_bytes"] = _or_why(lambda: dict(reader.execute(_SQL["table_bytes"]).fetchall()))
        told["chain"] = _or_why(lambda: msgspec.to_builtins(chain_of(reader)))
    return told


def _files(data: Path) -> list[dict[str, Any]]:
    """What lies in the folder: names, sizes, modes; never what is in it."""
    found: list[dict[str, Any]] = []
    for path in sorted(data.rglob("*"))[:_FILES]:
        if path.parent.name == settings_file.PHOTOS or not path.is_file():
            continue
        stat = path.lstat()
        row = {"name": str(path.relative_to(data)), "bytes": stat.st_size}
        found.append(
            row | {"mode": oct(stat.st_mode & 0o777), "at": moment(int(stat.st_mtime) * SECOND)}
        )
    return found


def _log(data: Path, gate: Gate) -> bytes:
    """The last lines of the gateway's own log."""
    file = data / journal.FOLDER / journal.FILE
    lines: list[bytes] = []
    for path in (file.with_name(f"{file.name}.1"), file):
        if path.is_file():
            with path.open("rb") as stream:
                stream.seek(max(0, path.stat().st_size - _LARGEST))
                lines += stream.read(_LARGEST).splitlines()
    kept: list[bytes] = []
    room = _LARGEST
    for raw in reversed(lines):
        try:
            said = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError:  # torn: nobody knows what it is
            continue
        line = msgspec.json.encode(gate.line(said)) + b"\n"
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    return b"".join(reversed(kept))


def _write(file: Path, parts: dict[str, bytes]) -> None:
    """Write the archive, with mode 0600; one that could not be written is gone.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``request.conflict``.
    """
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise QuartermasterError(
            "request.conflict", "it is there already", where=str(file)
        ) from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", detail, where=str(file)) from None
    try:
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, content in parts.items():
                entry = tarfile.TarInfo(f"support/{name}")
                entry.size, entry.mode = len(content), 0o600
                entry.mtime = SystemClock().now() // SECOND
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        file.unlink(missing_ok=True)
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", detail, where=str(file)) from None
