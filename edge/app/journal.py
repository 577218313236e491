"""The gateway's own last lines: in memory for the console, in files that outlive a restart.

Rules:

1. bounded: 2,000 lines in memory, five files of 2 MiB at most, 4,000 characters to a field;
2. whoever says something never fails by it: a full disk loses lines of the file, memory keeps them;
3. no secrets: fields that are named after one and texts that look like one are blanked, whoever
   said them (OWASP Logging Cheat Sheet, "Data to exclude").

``<data>/logs/gateway.log``: one JSON object a line, with ``timestamp``, ``level`` and ``event``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from edge.ports import system_wall
from shared.units import SECOND

KEPT: Final = 2000
FILE_BYTES: Final = 2 << 20
FILES: Final = 5
FOLDER: Final = "logs"
FILE: Final = "gateway.log"
_MOST: Final = 4000
_BLANK: Final = "(not shown)"
_TAIL_BYTES: Final = 256 * 1024
_APART: Final = ("timestamp", "level", "event", "exception")
_NAMED_AFTER: Final = re.compile(
    r"(^|_)(secret|token|password|passphrase|badge|pin|cookie|authorization|private_key)s?$"
)
_LOOKS_LIKE: Final = re.compile(
    r"\bqm[a-z]{0,2}_[A-Za-z0-9_-]{16,}"
    r"|(?i:\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,})"
    r"|(?<=://)[^/\s]*:[^/\s]*@"
    r"|\$argon2[a-z]*\$\S+"
    r"|\b[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{5}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)


class Line(NamedTuple):
    """One line: when (microseconds), how bad, what happened, its particulars, and a trace."""

    at: int
    level: str
    event: str
    fields: Mapping[str, str]
    trace: str = ""


class Journal:
    """Takes what structlog and the standard library say; implements a structlog processor.

    Args:
        folder: ``<data>/logs``, made when absent; None for memory alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._file: _File | None = None
        if folder is not None:
            self._lines.extend(_last_lines(folder / FILE))
            with contextlib.suppress(OSError):
                folder.mkdir(mode=0o700, exist_ok=True)
                self._file = _File(folder / FILE)

    def __call__(
        self, _logger: object, _method: str, said: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Keep a line on its way to where it is shown."""
        self._keep({name: blanked(name, value) for name, value in said.items()})
        return said

    def handler(self) -> logging.Handler:
        """For what the standard library's loggers say."""
        return _Heard(self)

    def lines(self) -> Sequence[Line]:
        """All that are kept in memory, the newest first."""
        return tuple(reversed(self._lines))

    def close(self) -> None:
        """Let go of the file; memory goes on."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # the disk is full
                file.close()

    def _keep(self, said: Mapping[str, str]) -> None:
        self._lines.append(_line(said))
        if self._file is not None:
            text = msgspec.json.encode(said).decode()
            self._file.handle(logging.makeLogRecord({"msg": text}))


class _Heard(logging.Handler):
    """Brings a record of the standard library into the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        at = datetime.fromtimestamp(system_wall() / SECOND, UTC).isoformat()
        said = {"timestamp": at, "level": record.levelname.lower(), "event": record.name}
        with contextlib.suppress(Exception):  # whoever says something never fails by it
            self._journal(None, "", {**said, "detail": self.format(record)})


class _File(RotatingFileHandler):
    """A file of mode 0600 that loses lines rather than fail."""

    def __init__(self, path: Path) -> None:
        self._quiet_until = 0.0
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, unless that has just failed: then look again after a while."""
        if time.monotonic() >= self._quiet_until:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Say nothing: where would it be said?"""
        self._quiet_until = time.monotonic() + 10


def blanked(name: str, value: object) -> str:
    """A value without secrets: nothing of it where its name says what it is."""
    if _NAMED_AFTER.search(name):
        return _BLANK
    text = value if isinstance(value, str) else str(value)
    return _LOOKS_LIKE.sub(_BLANK, text[:_MOST])


def _line(said: Mapping[str, str]) -> Line:
    try:
        at = datetime.fromisoformat(said.get("timestamp", ""))
        micros = int(at.timestamp() * SECOND) if at.tzinfo is not None else 0
    except (ValueError, OverflowError):
        micros = 0
    return Line(
        micros or system_wall(),
        said.get("level", "info"),
        said.get("event", ""),
        {name: value for name, value in said.items() if name not in _APART and value},
        said.get("exception", ""),
    )


def _last_lines(file: Path) -> Iterable[Line]:
    """What an earlier life of the process wrote last; lines that are torn are left out."""
    text = b""
    for path in (file, file.with_name(f"{file.name}.1")):
        with contextlib.suppress(OSError), path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL_BYTES + len(text)))
            text = stream.read(_TAIL_BYTES) + text
        if len(text) >= _TAIL_BYTES:
            break
    for raw in text.splitlines():
        with contextlib.suppress(msgspec.MsgspecError):
            yield _line(msgspec.json.decode(raw, type=dict[str, str]))
