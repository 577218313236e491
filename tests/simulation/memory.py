"""The cloud's database in memory: the contract of the ingest and ledger stores, with commits.

Transactions are whole or nothing (an undo log), and a commit can be made to fail before, or to
succeed and lose its answer. What the tables promise is what the SQL promises: no two stored ranges
of an epoch overlap, an event id is claimed once, heads are moved under a lock (transactions here
never interleave, so the lock is implied). ``tests/contracts/test_ingest_store.py`` runs one suite
on this and on the real TimescaleDB.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg_pool import PoolTimeout

from cloud.gateways.model import Registered
from cloud.ingest.gaps import Tombstone
from shared.ids import GatewayId, SiteId

Failure = Literal["refuse", "lose", "answer-lost"]
_ABSENT: Any = object()


class Killed(BaseException):
    """The process that held the transaction is gone."""


class StoredSegment(NamedTuple):
    """A row of ``segment``."""

    first_seq: int
    last_seq: int
    prev_hash: bytes
    last_hash: bytes
    sha256: bytes
    body: bytes
    received_at: int


class StoredHead(NamedTuple):
    """A row of ``gateway_head``."""

    contiguous_seq: int
    head_hash: bytes
    frozen: bool
    why: str = ""


class StoredReject(NamedTuple):
    """A row of ``quarantine``."""

    gateway: str
    gateway_id: int | None
    whole_segment: bool
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    code: str
    body: bytes | None
    times: int


class Opening(NamedTuple):
    """What ``gateway_epoch`` keeps of an epoch that follows another."""

    epoch: int
    previous_seq: int
    reason: str
    granted_at: int


class Tables:
    """Everything the cloud knows."""

    NAMES = (
        "segments", "event_ids", "heads", "quarantine", "tallies", "movements", "balances",
        "observations", "cases", "gateways", "grants", "openings",
        "tombstones", "reversals", "released",
    )  # fmt: skip

    def __init__(self) -> None:
        self.segments: dict[tuple[int, int, int], StoredSegment] = {}
        self.event_ids: dict[bytes, tuple[int, int, int]] = {}
        self.heads: dict[tuple[int, int], StoredHead] = {}
        self.quarantine: dict[tuple[str, bytes, str], StoredReject] = {}
        self.tallies: dict[tuple[str, str], Any] = {}
        self.movements: dict[int, tuple[Any, ...]] = {}
        self.observations: dict[int, tuple[Any, ...]] = {}
        self.balances: dict[tuple[Any, ...], int] = {}
        self.cases: dict[tuple[str, str], str] = {}
        self.gateways: dict[str, Registered] = {}
        self.grants: dict[tuple[str, int], str] = {}
        self.openings: dict[tuple[int, int], Opening] = {}
        """By gateway and the epoch that ended."""
        self.tombstones: dict[tuple[int, int, int], tuple[int, Tombstone]] = {}
        """By the event that says so: of which epoch, and what."""
        self.reversals: dict[tuple[int, int, int], Any] = {}
        self.released: dict[tuple[str, bytes, str], str] = {}
        """Keys of the quarantine, and by whom they were released."""

    def copy(self) -> dict[str, dict[Any, Any]]:
        """A backup."""
        return {name: dict(getattr(self, name)) for name in self.NAMES}

    def restore(self, backup: dict[str, dict[Any, Any]]) -> None:
        """Go back to a backup."""
        for name, rows in backup.items():
            setattr(self, name, dict(rows))


class Transaction:
    """An open connection of the in-memory database: writes that can be undone."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Insert or update one row."""
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        """Delete one row."""
        self._undo.append((table, key, table.pop(key)))

    def roll_back(self, to: int = 0) -> None:
        """Undo everything, or what was written after the first ``to`` rows."""
        for table, key, old in reversed(self._undo[to:]):
            if old is _ABSENT:
                del table[key]
            else:
                table[key] = old
        del self._undo[to:]

    @contextmanager
    def transaction(self) -> Generator[None]:
        """A savepoint."""
        written = len(self._undo)
        try:
            yield
        except BaseException:
            self.roll_back(written)
            raise

    @property
    def written(self) -> bool:
        """Whether anything was changed."""
        return bool(self._undo)


class MemoryDatabase:
    """Stands for the pool of connections; one transaction at a time."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.down = False
        self.fail_next: Failure | None = None
        self.kill_in_transaction = False
        self.ever_stored: set[bytes] = set()
        """SHA-256 of every segment that a commit has made durable, restores notwithstanding."""
        self.committed_heads: dict[tuple[int, int], StoredHead] = {}
        self.failed = 0

    @contextmanager
    def connection(self) -> Generator[Any]:
        """One transaction, as ``ConnectionPool.connection`` gives it."""
        if self.down:
            raise PoolTimeout("the database is away")
        if self.fail_next == "refuse":
            self.fail_next = None
            self.failed += 1
            raise psycopg.OperationalError("connection refused")
        transaction = Transaction(self.tables)
        try:
            yield transaction
        except BaseException:
            transaction.roll_back()
            raise
        if not transaction.written:
            return
        if self.kill_in_transaction:
            self.kill_in_transaction = False
            transaction.roll_back()
            raise Killed
        failure, self.fail_next = self.fail_next, None
        if failure == "lose":
            transaction.roll_back()
        else:
            self._note(transaction)
        if failure is not None:
            self.failed += 1
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def _note(self, transaction: Transaction) -> None:
        for table, key, _ in transaction._undo:
            if key not in table:
                continue
            if table is self.tables.segments:
                self.ever_stored.add(table[key].sha256)
            elif table is self.tables.heads:
                self.committed_heads[key] = table[key]

    def restore(self, backup: dict[str, dict[Any, Any]]) -> None:
        """Lose what was committed since a backup; the registry is entered again by a person."""
        tables = self.tables
        registry = tables.gateways, tables.grants, tables.openings
        tables.restore(backup)
        tables.gateways, tables.grants, tables.openings = registry
        self.committed_heads = dict(self.tables.heads)

    def register(self, name: str, gateway_id: int, site_id: int, keys: dict[bytes, Any]) -> None:
        """Enter an active gateway in epoch 1."""
        self.tables.gateways[name] = Registered(
            gateway_id, site_id, SiteId(f"S-{name}"), "active", keys, frozenset({1})
        )
        self.tables.grants[name, 1] = "enrolled"

    def grant(self, name: str, reason: str, at: int = 0) -> int:
        """Grant the next epoch; returns it."""
        known = self.tables.gateways[name]
        last = max(known.epochs)
        epoch = last + 1
        head = self.tables.heads.get((known.gateway_id, last))
        reached = 0 if head is None else head.contiguous_seq
        self.tables.openings[known.gateway_id, last] = Opening(epoch, reached, reason, at)
        self.tables.gateways[name] = Registered(
            known.gateway_id, known.site_id, known.site, known.status, known.keys,
            known.epochs | {epoch},
        )  # fmt: skip
        self.tables.grants[name, epoch] = reason
        return epoch

    def revoke(self, name: str) -> None:
        """Revoke a gateway."""
        known = self.tables.gateways[name]
        self.tables.gateways[name] = Registered(
            known.gateway_id, known.site_id, known.site, "revoked", known.keys, known.epochs
        )


def lookup(connection: Transaction, names: Any) -> dict[GatewayId, Registered]:
    """The registry's answer, as ``cloud.gateways.service.lookup`` gives it."""
    known = connection.tables.gateways
    return {GatewayId(name): known[name] for name in names if name in known}
