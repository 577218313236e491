"""What the pipeline still takes while room gets scarce."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from edge.db import Level
from edge.pipeline import NOT_RECORDED
from shared.events import CodeSeen, DeviceHealth, SensorRead
from tests.support.gateway import scan

if TYPE_CHECKING:
    from edge.app.store import Store

SEEN = CodeSeen("cam-1", "EAN-13", "4006381333931")
MEASURED = SensorRead("t-1", "temperature", 215, 1, "Cel")


def ask(store: Store, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    body = json.dumps(request).encode()
    answer = asyncio.run(store.pipeline.scan(body, device="sc-01"))
    return answer.status, json.loads(answer.body)


def head(store: Store) -> int:
    return store.outbox.depth(store.database.reader).seq


@pytest.mark.parametrize("fact", [SEEN, MEASURED])
def test_evidence_is_dropped_and_counted_while_scans_go_on(
    store: Store, fact: CodeSeen | SensorRead
) -> None:
    store.space.level = Level.SCARCE
    before = head(store)
    assert store.pipeline.record_blocking(fact, device="cam-1") == NOT_RECORDED
    assert asyncio.run(store.pipeline.record(fact, device="cam-1")) == NOT_RECORDED
    assert head(store) == before
    assert store.pipeline.dropped_evidence == 2
    assert ask(store, scan())[0] == 200
    store.space.level = Level.LOW
    assert store.pipeline.record_blocking(fact, device="cam-1") == before + 2


def test_a_full_disk_refuses_new_scans_and_still_answers_retries(store: Store) -> None:
    request = scan(quantity=2)
    _, accepted = ask(store, request)
    store.space.level = Level.FULL
    before = head(store)
    status, refused = ask(store, scan(quantity=5))
    assert status == 507
    assert refused["outcome"] == "refused"
    assert refused["error"]["code"] == "disk.full"
    assert refused["error"]["do"]
    assert ask(store, request) == (200, accepted)
    assert head(store) == before
    assert store.pipeline.record_blocking(DeviceHealth("gw-01", "well"), device="gw-01") > 0
