"""What gateways say of the numbers of earlier epochs that never arrive: kept, and told to a person.

The statement is an event like any other: signed, chained, counted once by its id. A gateway can
only speak of an epoch before the one in which it speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cloud.db import Connection
from cloud.exceptions import raise_exception
from cloud.ingest import store
from cloud.ingest.model import Facts, Unapplied
from cloud.ingest.observations import observe
from shared.errors import QuartermasterError
from shared.events import EventData, EventsCarried, EventsLost
from shared.units import Micros

_SAID: Final = 8
"""Lost ranges that a case names one by one; completeness names all."""


def explain(connection: Connection, batch: Sequence[Facts], at: Micros) -> list[Unapplied]:
    """Keep statements as observations and as tombstones; raise a case for what is lost."""
    unapplied: list[Unapplied] = []
    sound: list[Facts] = []
    for origin, events in batch:
        flaws = {event.seq: _flaw(origin.epoch, event.data) for event in events}
        unapplied += [
            Unapplied(origin, seq, QuartermasterError("event.malformed", why))
            for seq, why in flaws.items()
            if why
        ]
        sound.append(Facts(origin, [event for event in events if not flaws[event.seq]]))
    unapplied += observe(connection, sound, at)
    refused = {(item.origin.gateway_id, item.origin.epoch, item.seq) for item in unapplied}
    rows: list[tuple[Any, ...]] = []
    lost: dict[tuple[str, int], list[str]] = {}
    for origin, events in sound:
        for event in events:
            stated = (origin.gateway_id, origin.epoch, event.seq)
            if stated in refused:
                continue
            rows.append((*stated, *_words(event.data)))
            if isinstance(event.data, EventsLost):
                lost.setdefault((origin.gateway, origin.site_id), []).append(_named(event.data))
    if rows:
        store.insert_tombstones(connection, rows, at)
    for (gateway, site_id), ranges in sorted(lost.items()):
        more = [f"{len(ranges) - _SAID} more"] if len(ranges) > _SAID else []
        detail = "; ".join([*ranges[:_SAID], *more])
        raise_exception(connection, "epoch.events-lost", gateway, detail, at=at, site_id=site_id)
    return unapplied


def _flaw(stating: int, data: EventData) -> str:
    """Why a statement made in epoch ``stating`` cannot be true; empty when it can."""
    assert isinstance(data, EventsLost | EventsCarried)  # noqa: S101 - the table says so
    if data.epoch >= stating:
        return f"epoch {data.epoch} is not before {stating}"
    if data.last_seq is not None and data.last_seq < data.first_seq:
        return f"the range {data.first_seq}-{data.last_seq} is empty"
    return ""


def _words(data: EventData) -> tuple[Any, ...]:
    """epoch, first_seq, last_seq, outcome, reason, detail."""
    if isinstance(data, EventsLost):
        where = (data.epoch, data.first_seq, data.last_seq)
        return (*where, "lost", data.reason, data.detail)
    assert isinstance(data, EventsCarried)  # noqa: S101 - the table says so
    return data.epoch, data.first_seq, data.last_seq, "carried", data.reason, ""


def _named(data: EventsLost) -> str:
    end = " to an end that is not known" if data.last_seq is None else f"-{data.last_seq}"
    return f"epoch {data.epoch}: {data.first_seq}{end} ({data.reason})"
