"""Puts another configuration in place of the present one, and takes it back.

The order of the steps is what matters: what is replaced is kept, and who replaces it and why is
noted, before the one step that decides, which a power cut leaves done or not done. The gateway
reads its file when it starts, and tells then, event by event, what has changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from edge import settings as settings_file
from edge.app.safe_mode import Applied, chosen, differences, in_force, keep_good
from edge.link.durable import replace_file
from edge.settings import Settings
from shared.errors import QuartermasterError

_PRIVATE: Final = 0o600


def now_in_force(data: Path) -> Settings:
    """What the gateway of a data folder last started with, or would start with."""
    known = in_force(data)
    return chosen(data).settings if known is None else known.settings


def apply(data: Path, text: bytes, *, by: str, reason: str) -> dict[str, tuple[Any, Any]]:
    """Put a text in place as ``gateway.toml``; what the one before is kept as.

    Returns:
        Each setting that will differ from what is in force, with both values.

    Raises:
        QuartermasterError: ``settings.invalid`` when it holds no settings, ``file.unreadable``
            without a data folder; nothing has changed.
    """
    if not data.is_dir():
        raise QuartermasterError("file.unreadable", "no such folder", where=str(data))
    settings = settings_file.parse(text)
    file = data / settings_file.FILE
    present = settings_file.text_of(file)
    known, before = in_force(data), now_in_force(data)
    if known is not None and known.using == "file" and _says(present) == known.settings:
        keep_good(data, present)
    replace_file(data / settings_file.BEFORE, present, mode=_PRIVATE)
    note = Applied(sha256=hashlib.sha256(text).hexdigest(), by=by, reason=reason)
    content = msgspec.json.encode(note)
    replace_file(data / settings_file.APPLIED, content, mode=_PRIVATE)
    replace_file(file, text, mode=_PRIVATE)
    return differences(before, settings)


def earlier(data: Path, *, last_good: bool) -> bytes:
    """What a change is taken back to: the text before it, or the last good one.

    Raises:
        QuartermasterError: ``file.unreadable`` where none was kept.
    """
    file = data / (settings_file.LAST_GOOD if last_good else settings_file.BEFORE)
    if not file.exists():
        raise QuartermasterError("file.unreadable", "none was kept", where=file.name)
    return settings_file.text_of(file)


def _says(text: bytes) -> Settings | None:
    try:
        return settings_file.parse(text)
    except QuartermasterError:
        return None
