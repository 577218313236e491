"""What devices ask for beside scans, as it stands in the local API."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from edge.pipeline.scan import Place
from shared.bodies import decoded
from shared.events import Name, Text

MAX_SMALL: Final = 8192
MAX_WITH_PHOTO: Final = 256 * 1024
_MAX_SUBJECT: Final = 4096

Kebab = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*\Z", max_length=64)]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of them all. ``id`` stays the same in every retry."""

    id: UUID
    operator: Name | None = None

    def content_hash(self, *about: str) -> bytes:
        """What must be equal for a second request with the same id to count as a retry."""
        head = "\x00".join((type(self).__name__, *about)).encode()
        return hashlib.sha256(head + b"\x00" + msgspec.json.encode(self)).digest()


class UndoRequest(_Request, frozen=True, kw_only=True):
    """Take back the scan with this id."""

    undoes: UUID
    reason: Text = ""


class TaskAction(_Request, frozen=True, kw_only=True):
    """Begin a task, say that it is finished, or give up what is left of it and say why."""

    action: Literal["start", "finish", "short"]
    reason: Text = ""


class ExceptionReport(_Request, frozen=True, kw_only=True):
    """Somebody should look at this. ``photo`` is a JPEG, as base64."""

    about: Kebab
    subject: Annotated[str, Meta(min_length=1, max_length=_MAX_SUBJECT)]
    note: Text = ""
    location: Place | None = None
    photo: str | None = None


class Resolution(_Request, frozen=True, kw_only=True):
    """An exception is done with, and how."""

    resolution: Kebab
    note: Text = ""


_undo: Final = msgspec.json.Decoder(UndoRequest)
_action: Final = msgspec.json.Decoder(TaskAction)
_report: Final = msgspec.json.Decoder(ExceptionReport)
_resolution: Final = msgspec.json.Decoder(Resolution)


def decode_undo(body: bytes) -> UndoRequest:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _undo, most=MAX_SMALL, code="request.invalid")


def decode_action(body: bytes) -> TaskAction:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _action, most=MAX_SMALL, code="request.invalid")


def decode_report(body: bytes) -> ExceptionReport:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _report, most=MAX_WITH_PHOTO, code="request.invalid")


def decode_resolution(body: bytes) -> Resolution:
    """Read it.

    Raises:
        QuartermasterError: ``payload.too-large``, ``payload.too-deep`` or ``request.invalid``.
    """
    return decoded(body, _resolution, most=MAX_SMALL, code="request.invalid")


def legible(text: str, most: int = 200) -> str:
    """A text for people and for the wire: control characters as pictures, cut where it is long."""
    shown = "".join(_shown(character) for character in text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _shown(character: str) -> str:
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    return "\ufffd" if 0x80 <= number < 0xA0 or 0xD800 <= number < 0xE000 else character
