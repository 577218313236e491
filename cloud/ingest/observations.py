"""Events that move no stock, kept as observations: what was seen, measured, decided, reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from cloud.db import Connection
from cloud.ingest import store
from cloud.ingest.model import Facts, Unapplied
from shared.errors import QuartermasterError
from shared.events import KIND_OF, EventData
from shared.units import Micros

_JSONB_VERSION: Final = b"\x01"
"""PostgreSQL's binary jsonb is this byte and the text."""


def observe(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Append these events; a text with a NUL, which PostgreSQL cannot hold, is refused."""
    unapplied: list[Unapplied] = []
    rows: list[tuple[Any, ...]] = []
    for facts in batch:
        origin = facts.origin
        for event in facts.events:
            data = named(event.data)
            if "\0" in event.device or any("\0" in text for text in _texts(data)):
                error = QuartermasterError("event.malformed", "a text holds a NUL character")
                unapplied.append(Unapplied(origin, event.seq, error))
                continue
            rows.append(
                (
                    event.occurred_at,
                    event.seq,
                    event.id,
                    origin.gateway_id,
                    origin.epoch,
                    event.kind,
                    event.clock_state,
                    event.device,
                    _JSONB_VERSION + msgspec.json.encode(data),
                )
            )
    if rows:
        store.copy_observations(connection, rows, at)
    return unapplied


class Observed(NamedTuple):
    """One observation: whose it is, when it was received (microseconds), and its data by name."""

    event_id: UUID
    site: str
    gateway: str
    seq: int
    received_at: int
    data: dict[str, Any]


def observed(connection: Connection, kind: type[EventData], *, limit: int) -> list[Observed]:
    """The newest observations of a kind, of each gateway at most ``limit``, oldest first.

    An event that was applied twice, because its history was taken back in between, is one.
    """
    rows = store.observations(connection, int(KIND_OF[kind]), limit)
    seen = {row[0]: Observed(*row) for row in rows}
    return sorted(seen.values(), key=lambda each: (each.received_at, each.gateway, each.seq))


def named(data: Any) -> Any:
    """A positional record with its field names, hashes as hex."""
    if isinstance(data, msgspec.Struct):
        return {key: named(value) for key, value in msgspec.structs.asdict(data).items()}
    return data.hex() if isinstance(data, bytes) else data


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():  # pyright: ignore[reportUnknownVariableType] - any JSON
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:  # pyright: ignore[reportUnknownVariableType] - any JSON
            yield from _texts(value)
