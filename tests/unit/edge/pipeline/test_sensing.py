"""A reading that is sent again counts once."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest

from edge.db import Level
from edge.pipeline import Pipeline
from edge.ports import Sensed
from shared.errors import QuartermasterError
from shared.events import SensorRead, decode_event

if TYPE_CHECKING:
    from edge.app.store import Store

READ = SensorRead("store", "temperature", 425, 2, "Cel", "A-01")
ID = uuid.UUID(int=7).bytes


def sense(store: Store, data: SensorRead = READ, device: str = "cold-1") -> Sensed:
    return asyncio.run(store.pipeline.sense(data, device=device, reading=ID))


def waiting(store: Store) -> list[bytes]:
    rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [body for (body,) in rows]


def test_a_reading_is_one_event_with_its_own_id_however_often_it_comes(store: Store) -> None:
    first = sense(store)
    assert sense(store) == Sensed(first.seq, repeated=True)
    (event,) = [decode_event(body) for body in waiting(store)]
    assert (event.id, event.device, event.data) == (ID, "cold-1", READ)


def test_an_id_that_was_used_for_another_reading_is_refused(store: Store) -> None:
    sense(store)
    for data, device in ((READ, "cold-2"), (SensorRead("store", "temperature", 1, 2, "Cel"), "")):
        with pytest.raises(QuartermasterError) as refused:
            sense(store, data, device or "cold-1")
        assert refused.value.code == "scan.id-reused"
    assert len(waiting(store)) == 1


def test_there_is_no_room_for_readings_on_a_nearly_full_disk(store: Store) -> None:
    store.space.level = Level.SCARCE
    assert sense(store) == Sensed(0, repeated=False)
    assert store.pipeline.dropped_evidence == 1
    assert waiting(store) == []


def test_readings_are_forgotten_by_the_age_of_the_database(store: Store) -> None:
    sense(store)
    assert store.database.run_blocking(lambda each: Pipeline.clean(each, 0)) == 0
    assert sense(store).repeated
    assert store.database.run_blocking(lambda each: Pipeline.clean(each, 1)) == 1
    assert not sense(store).repeated
