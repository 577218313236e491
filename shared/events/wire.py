"""An event's bytes: a CBOR map with the integer keys 0–8, read strictly, written once.

0 version · 1 id · 2 type · 3 occurred_at (µs UTC) · 4 sequence · 5 previous hash · 6 device ·
7 clock state · 8 data, the fields of one record of the catalogue, by position. Where a person was
signed in, or a task was worked on, their codes follow: 9 operator · 10 task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, cast

import cbor2
import msgspec
from msgspec import Meta

from shared.cose import decode, decode_each
from shared.errors import QuartermasterError
from shared.events.catalogue import DATA_OF, KIND_OF, EventData
from shared.events.fields import Data, Hash, Name

VERSION: Final = 1
MAX_EVENT_BYTES: Final = 4096

_UP_TO_ID: Final = b"\x00" + cbor2.dumps(VERSION) + b"\x01\x50"
_MAP_OF: Final = tuple(bytes((0xA0 + keys,)) for keys in range(12))
_KEYS: Final = 9
_ALL_KEYS: Final = frozenset(range(11))
_KIND_BYTES: Final = {data: b"\x02" + cbor2.dumps(int(kind)) for data, kind in KIND_OF.items()}

_CLOCK_BYTES: Final = (b"\x07\x00\x08", b"\x07\x01\x08", b"\x07\x02\x08")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One fact, as read from its bytes.

    ``id`` is the client-made UUIDv7 of the scan (or the gateway's own for other facts): a retry
    carries the same id. ``hash`` is SHA-256(0x00 ‖ bytes) and the next event's ``prev_hash``.
    ``operator`` is the person signed in at the device, ``task`` the task of the plan worked on.
    """

    id: bytes
    kind: int
    occurred_at: int
    seq: int
    prev_hash: bytes
    device: str
    clock_state: int
    data: EventData
    hash: bytes
    operator: str | None = None
    task: str | None = None


def event_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ bytes): the prefix keeps leaves apart from any inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def encode_event(
    data: EventData,
    *,
    event_id: bytes,
    occurred_at: int,
    seq: int,
    prev_hash: bytes,
    device: str,
    clock_state: int,
    operator: str | None = None,
    task: str | None = None,
) -> bytes:
    """The event's bytes: keys ascending, which is RFC 8949's deterministic order for 0–10.

    The map's head, keys and fixed lengths are written here, the values by the encoder: half the
    time of handing it the whole map, and this is the gateway's hottest function.

    Raises:
        QuartermasterError: ``event.malformed`` when id or hash do not have their length.
    """
    if len(event_id) != 16 or len(prev_hash) != 32:
        raise QuartermasterError("event.malformed", "id or previous hash")
    return b"".join(
        (
            _MAP_OF[_KEYS + (operator is not None) + (task is not None)],
            _UP_TO_ID,
            event_id,
            _KIND_BYTES[type(data)],
            b"\x03",
            _whole(occurred_at),
            b"\x04",
            _whole(seq),
            b"\x05\x58\x20",
            prev_hash,
            b"\x06",
            _text(device),
            _CLOCK_BYTES[clock_state],
            cbor2.dumps(msgspec.to_builtins(data, builtin_types=(bytes,))),
            b"" if operator is None else b"\x09" + _text(operator),
            b"" if task is None else b"\x0a" + _text(task),
        )
    )


def _whole(number: int) -> bytes:
    """A CBOR unsigned integer, in its shortest form; moments and sequences by hand."""
    if number >> 32 > 0:
        return b"\x1b" + number.to_bytes(8, "big")
    if number >> 16 > 0:
        return b"\x1a" + number.to_bytes(4, "big")
    return cbor2.dumps(number)


_text = lru_cache(maxsize=1024)(cbor2.dumps)
"""The names of devices and people come again and again."""


def decode_event(data: bytes) -> Event:
    """Read one event.

    Raises:
        QuartermasterError: ``event.malformed``, ``event.unknown-version``, ``event.unknown-type``
            or ``payload.too-deep``.
    """
    _bound(data)
    return _event(data, decode(data, code="event.malformed"))


def decode_events(bodies: Sequence[bytes]) -> list[Event | QuartermasterError]:
    """Read many, each on its own: in place of one that cannot be read, why."""
    try:
        for data in bodies:
            _bound(data)
        items = decode_each(bodies, code="event.malformed")
    except QuartermasterError:
        return [_attempt(data) for data in bodies]
    read: list[Event | QuartermasterError] = []
    for data, item in zip(bodies, items, strict=True):
        try:
            read.append(_event(data, item))
        except QuartermasterError as error:
            read.append(error)
    return read


def _attempt(data: bytes) -> Event | QuartermasterError:
    try:
        return decode_event(data)
    except QuartermasterError as error:
        return error


def _bound(data: bytes) -> None:
    if len(data) > MAX_EVENT_BYTES:
        raise QuartermasterError("event.malformed", f"{len(data)} bytes")


def _event(data: bytes, item: Any) -> Event:
    fields = cast("dict[int, Any]", item) if isinstance(item, dict) else {}
    if fields.get(0) != VERSION:
        raise QuartermasterError("event.unknown-version")
    if len(fields) != _KEYS and not fields.keys() <= _ALL_KEYS:
        raise QuartermasterError("event.malformed", "a map with the keys 0 to 10 is expected")
    kind = fields.get(2)
    shape = DATA_OF.get(kind) if type(kind) is int else None
    if kind is None or shape is None:
        raise QuartermasterError("event.unknown-type")
    try:
        header = msgspec.convert(
            (
                fields[1],
                fields[3],
                fields[4],
                fields[5],
                fields[6],
                fields[7],
                fields.get(9),
                fields.get(10),
            ),
            _Header,
        )
        body = msgspec.convert(fields[8], shape)
    except KeyError as error:
        raise QuartermasterError("event.malformed", f"key {error} is missing") from None
    except msgspec.ValidationError as error:
        raise QuartermasterError("event.malformed", str(error)) from None
    return Event(
        header.id,
        kind,
        header.occurred_at,
        header.seq,
        header.prev_hash,
        header.device,
        header.clock_state,
        body,
        event_hash(data),
        header.operator,
        header.task,
    )


def rechained(data: bytes, *, seq: int, prev_hash: bytes) -> bytes:
    """The same event at another place of a chain, also one that this version cannot read.

    Raises:
        QuartermasterError: ``event.malformed`` when it is no map.
    """
    item = decode(data, code="event.malformed")
    if not isinstance(item, dict):
        raise QuartermasterError("event.malformed", "a map is expected")
    return cbor2.dumps({**cast("dict[int, Any]", item), 4: seq, 5: prev_hash})


class _Header(Data, frozen=True):
    id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    occurred_at: Annotated[int, Meta(ge=0, lt=2**53)]
    seq: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    prev_hash: Hash
    device: Name
    clock_state: Annotated[int, Meta(ge=0, le=2)]
    operator: Name | None
    task: Name | None
