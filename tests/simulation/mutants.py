"""Known bugs, one small substitution each: the suite must catch all of them.

A mutant that nothing catches measures a hole in the simulation, not a virtue of the product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

from cloud.db import unit_of_work
from cloud.ingest import reversal, service, verification
from cloud.ingest.chain import Head, Link, Walk, walk
from cloud.ingest.model import Applied, Examined, Range, Verified
from cloud.ingest.settlement import Settlement
from edge.db import Connection
from edge.link.uplink import Uplink
from edge.outbox import Acknowledged, Outbox, history, standing, succession
from shared.downlink import Watermark
from tests.simulation import memory_ingest
from tests.simulation.gateway import Parts
from tests.simulation.memory import StoredSegment, Transaction


class WatermarkBeforeCommit(Settlement):
    """Tells the gateway inside the transaction, before the COMMIT that may fail."""

    def _apply(self, batch: Sequence[Examined]) -> Applied:
        with unit_of_work(self._pool) as connection:
            at = self._clock.now()
            applied = service.apply(
                connection, batch, routes=self._rooms.routes, lookup=self._rooms.lookup,
                worker=self._worker, at=at,
            )  # fmt: skip
            for _, gateway, watermark in service.advance(
                connection, applied.due, generation=self._generation, at=at
            ):
                self._publish(gateway, watermark)
            return applied


class FloorOffByOne(Outbox):
    """Frees one event more than the watermark covers."""

    def acknowledge(
        self, connection: Connection, watermark: Watermark, now: int, *, again: int = 256
    ) -> Acknowledged:
        done = super().acknowledge(connection, watermark, now, again=again)
        if done.news and not done.frozen:
            connection.execute(
                "UPDATE watermark SET contiguous_seq = ?, mark = NULL WHERE epoch = ?",
                (watermark.contiguous_seq + 1, watermark.epoch),
            )
        return done


class GenerationIgnored(Outbox):
    """Takes the lower watermark of a restored cloud for an old one."""

    def acknowledge(
        self, connection: Connection, watermark: Watermark, now: int, *, again: int = 256
    ) -> Acknowledged:
        _, reached = self.last_watermark(connection, watermark.epoch)
        if watermark.contiguous_seq < reached:
            return Acknowledged(False, [])
        return super().acknowledge(connection, watermark, now, again=again)


class OneWordKept(Uplink):
    """Has room for one word of the cloud that the store does not hold yet."""

    def heard(self, payload: bytes) -> None:
        super().heard(payload)
        if self._unwritten:
            epoch, word = list(self._unwritten.items())[-1]
            self._unwritten = {epoch: word}


def _insert_by_hash(connection: Transaction, new: Sequence[Verified], at: int) -> set[Range]:
    """Only the very same bytes are a duplicate; ranges are not looked at."""
    table = connection.tables.segments
    known = {row.sha256 for row in table.values()}
    stored: set[Range] = set()
    for item in new:
        claims = item.segment
        if item.sha256 in known:
            continue
        stored.add(item.range)
        key = (item.gateway_id, claims.epoch, claims.first_seq)
        row = StoredSegment(
            claims.first_seq, claims.last_seq, claims.prev_hash, claims.last_hash, item.sha256,
            item.body, at,
        )  # fmt: skip
        connection.put(table, key, row)
    return stored


def _register_all(connection: Transaction, ids: Sequence[Any]) -> set[Any]:
    """A scan may count once per gateway database."""
    memory_ingest_register(connection, ids)
    return set()


memory_ingest_register = memory_ingest.register_ids


def _walk_unlinked(head: Head, links: Iterable[Link]) -> Walk:
    """Follows sequence numbers and never looks at the hashes."""
    relinked: list[Link] = []
    previous = head.head_hash
    for link in links:
        relinked.append(link._replace(prev_hash=previous))
        previous = link.last_hash
    return walk(head, relinked)


def _standing_whoever(sender: Any, kid: bytes, epoch: int | None = None) -> Any:
    """Does not ask whether the gateway was revoked."""
    trusted = None if sender is None else replace(sender, status="active")
    return _standing(trusted, kid, epoch)


_standing = verification.standing


def _replaced(*swaps: tuple[object, str, Any]) -> AbstractContextManager[Any]:
    stack = ExitStack()
    for owner, name, value in swaps:
        stack.enter_context(patch.object(owner, name, value))
    return stack


@dataclass(frozen=True)
class Mutant:
    """A build of the product with one bug.

    ``faults`` are those that the hunt keeps to, where the bug needs some of them one after the
    other and all of them together seldom meet.
    """

    name: str
    says: str
    faults: tuple[str, ...] = ()
    parts: Callable[[], Parts] = Parts
    settlement: Any = Settlement
    patched: Callable[[], AbstractContextManager[Any]] = nullcontext


HONEST = Mutant("none", "the product as it is")
MUTANTS = (
    Mutant(
        "synchronous-normal",
        "the gateway's database does not force its commits to the disk",
        parts=partial(Parts, synchronous="NORMAL"),
    ),
    Mutant(
        "answer-before-commit",
        "the scanner hears OK before the gateway's commit",
        parts=partial(Parts, answers_early=True),
    ),
    Mutant(
        "watermark-before-commit",
        "the gateway hears the watermark before the cloud's commit",
        settlement=WatermarkBeforeCommit,
    ),
    Mutant(
        "puback-is-delivery",
        "the gateway frees what the broker has taken",
        parts=partial(Parts, puback_frees=True),
    ),
    Mutant(
        "dedupe-by-hash-only",
        "overlapping ranges with other bytes are stored as new",
        patched=lambda: _replaced((memory_ingest, "insert_segments", _insert_by_hash)),
    ),
    Mutant(
        "watermark-floor-off-by-one",
        "the gateway frees one event above the watermark",
        parts=partial(Parts, outbox=FloorOffByOne),
    ),
    Mutant(
        "scan-ids-not-unique",
        "a scan that reached two histories counts twice",
        patched=lambda: _replaced((memory_ingest, "register_ids", _register_all)),
    ),
    Mutant(
        "links-not-verified",
        "the watermark follows numbers, not hashes",
        faults=("gateway_cloned", "partition"),
        patched=lambda: _replaced((service, "walk", _walk_unlinked)),
    ),
    Mutant(
        "generation-ignored",
        "a restored cloud is not filled again",
        faults=("cloud_restored_from_backup",),
        parts=partial(Parts, outbox=GenerationIgnored),
    ),
    Mutant(
        "closed-epochs-trusted",
        "a restored cloud is not filled with epochs that were closed before",
        faults=("cloud_restored_from_backup", "old_backup_restored"),
        patched=lambda: _replaced((standing, "doubt_others", lambda *_: None)),
    ),
    Mutant(
        "gaps-not-looked-at",
        "a gateway whose copy filled numbers beyond a gap resends for ever",
        faults=("gateway_cloned", "partition", "half_open", "one_way"),
        patched=lambda: _replaced((history, "_foreign_neighbour", lambda *_: "")),
    ),
    Mutant(
        "provisional-for-ever",
        "what stands above a broken link goes on counting",
        faults=("gateway_cloned", "partition"),
        patched=lambda: _replaced(
            (reversal, "provisional", lambda *_: []), (reversal, "reverse", lambda *_, **__: None)
        ),
    ),
    Mutant(
        "taken-back-for-ever",
        "a scan that was taken back cannot count when it is stated again",
        faults=("gateway_cloned", "partition"),
        patched=lambda: _replaced((memory_ingest, "release_ids", lambda *_: set())),
    ),
    Mutant(
        "late-scans-forgotten",
        "a scan that was set aside for one that is taken back counts nowhere",
        faults=("gateway_cloned", "partition"),
        patched=lambda: _replaced((reversal, "recount", lambda *_, **__: 0)),
    ),
    Mutant(
        "losses-not-said",
        "a gateway that lost its disk does not say that it did",
        faults=("database_lost",),
        patched=lambda: _replaced((succession, "_end_unknown", lambda *_, **__: [])),
    ),
    Mutant(
        "one-word-kept",
        "of watermarks of two epochs that come together only the last is kept",
        faults=(
            "old_backup_restored",
            "gateway_cloned",
            "broker_restarted_empty",
            "messages_swallowed",
        ),
        parts=partial(Parts, uplink=OneWordKept),
    ),
    Mutant(
        "revocation-ignored",
        "a revoked gateway still adds to the ledger",
        faults=("gateway_revoked",),
        patched=lambda: _replaced(
            (service, "standing", _standing_whoever), (verification, "standing", _standing_whoever)
        ),
    ),
)
BY_NAME = {mutant.name: mutant for mutant in (HONEST, *MUTANTS)}
