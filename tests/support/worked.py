"""A gateway's data folder after some work: scans that the cloud has, that are sealed, that wait."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from edge.app.store import Store, opened
from shared.downlink import Watermark
from tests.support.gateway import enrol, equip, scan


def scans(store: Store, number: int) -> list[str]:
    """Accepted scans; their ids as hex."""
    done: list[str] = []
    for _ in range(number):
        request = scan(quantity=1)
        answer = asyncio.run(store.pipeline.scan(json.dumps(request).encode(), device="sc-01"))
        assert answer.status == 200, answer.body
        done.append(request["id"].replace("-", ""))
    return done


def seal(store: Store) -> None:
    """Seal all that waits, in segments of ten."""
    unit = store.database.run_blocking
    while unit(lambda c: store.outbox.seal(c, 1, limit=10)) is not None:
        pass


def cover(store: Store) -> int:
    """The cloud has all that is sealed; through where."""
    seq, last_hash = store.database.reader.execute(
        "SELECT last_seq, last_hash FROM segment ORDER BY epoch DESC, first_seq DESC LIMIT 1"
    ).fetchone()
    word = Watermark(1, store.outbox.epoch, seq, last_hash)
    store.database.run_blocking(lambda c: store.outbox.acknowledge(c, word, 1))
    return int(seq)


def work(data: Path, pki: Path, *, name: str = "gw-01") -> list[str]:
    """Enrol and equip a gateway and let it work: 20 scans covered, 20 sealed, 20 waiting."""
    enrol(data, pki, name=name)
    equip(data)
    with opened(data) as store:
        done = scans(store, 20)
        seal(store)
        cover(store)
        done += scans(store, 20)
        seal(store)
        return done + scans(store, 20)


def go_on(data: Path, number: int = 10) -> list[str]:
    """More scans, that wait."""
    with opened(data) as store:
        return scans(store, number)


def facts(data: Path) -> dict[str, Any]:
    """What a person would ask of a database."""
    with opened(data) as store:
        reader = store.database.reader
        depth = store.outbox.depth(reader)
        (on_hand,) = reader.execute("SELECT coalesce(sum(quantity), 0) FROM balance").fetchone()
        (answers,) = reader.execute("SELECT count(*) FROM answered").fetchone()
        return {"depth": depth, "on_hand": on_hand, "answers": answers}
