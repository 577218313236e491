"""What a device is doing: its step and its place; and what a line of it means then.

Rules:

1. a line that is the code of a location names a place for what follows, as on the scan page: the
   first that the step still lacks; after both are known, a third begins anew;
2. any other line is one scan, with the device's step and places;
3. a line that is a JSON object is a scan as ``POST /v1/scans`` takes it; what it does not say is
   filled in: an id, and, where it names no step, the device's step and places.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

import msgspec

from shared.errors import QuartermasterError
from shared.events import MAX_RAW

LineStep = Literal["receive", "put_away", "pick", "ship", "return", "move"]
"""Steps that a scanner can do that asks nobody for a quantity or a reason."""

_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "put_away": ("to",),
    "pick": ("location",),
    "move": ("location", "to"),
}
_AIM: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]", re.ASCII)
_encode: Final = msgspec.json.Encoder().encode
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Work(NamedTuple):
    """The step a device is at, and its places."""

    step: str = "receive"
    location: str | None = None
    to: str | None = None

    def at(self, code: str) -> Work:
        """After the label of a location was scanned."""
        needed = _NEEDED.get(self.step, ())
        lacking = next((slot for slot in needed if getattr(self, slot) is None), None)
        slot = lacking or next(iter(needed), "location")
        if slot == "to":
            return self._replace(to=code)
        return self._replace(location=code, to=None)

    def next_in_words(self) -> str:
        """What is to be scanned now."""
        if self.step == "move" and self.to is None:
            return "now scan the place that you put it to"
        return "now scan the goods"


def plain(text: str) -> str:
    """A code without its symbology's identifier and without blanks around it."""
    return _AIM.sub("", text, count=1).strip() if _AIM.match(text) else text.strip()


def scan_of(text: str, work: Work, made_id: str) -> bytes:
    """The request for a bare line.

    Raises:
        QuartermasterError: ``scan.too-long``.
    """
    if len(text) > MAX_RAW:
        raise QuartermasterError("scan.too-long", f"{len(text)} characters, {MAX_RAW} are allowed")
    return _encode({"id": made_id, "raw": text, **_told(work)})


def completed(body: bytes, work: Work, made_id: str | None) -> bytes:
    """A scan in JSON with what it does not say; without ``made_id`` its own id is demanded later.

    Raises:
        QuartermasterError: ``scan.malformed``.
    """
    try:
        fields = _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise QuartermasterError("scan.malformed", str(error)) from None
    added: dict[str, str] = {}
    if made_id is not None and "id" not in fields:
        added["id"] = made_id
    if "step" not in fields:
        added |= {name: value for name, value in _told(work).items() if name not in fields}
    return body if not added else _encode({**fields, **added})


def _told(work: Work) -> dict[str, str]:
    places = {"location": work.location, "to": work.to}
    return {"step": work.step, **{name: code for name, code in places.items() if code is not None}}
