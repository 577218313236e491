"""Settle batches against the database, whatever it does: commit, watermark, sweep.

A batch is tried until it is committed. When the database cannot be reached, or chooses this
transaction as a deadlock's victim, or is lost in the middle of a COMMIT, the whole batch is run
again: segments that were committed after all come back as duplicates. When a batch fails for any
other reason, its messages are settled one by one, and the one that cannot be is quarantined
(``internal.unexpected``): one poison message never holds up the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

import structlog
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.ingest import reversal, service
from cloud.ingest.metrics import Metrics
from cloud.ingest.model import Applied, Chain, Examined, Rejected, Verified
from cloud.ingest.ports import Lookup, Routes, TakeBack
from shared.clock import Clock
from shared.downlink import Watermark
from shared.errors import CATALOGUE, QuartermasterError
from shared.ids import GatewayId

_log: Final[Any] = structlog.get_logger("cloud.ingest")
_LONGEST_DELAY_S: Final = 5.0
_FIRST_DELAY_S: Final = 0.05

Through = Sequence[tuple[int, int, int]]
"""(gateway_id, epoch, contiguous_seq) of chains that are complete so far."""


class Rooms(NamedTuple):
    """What the composition root hands to ingest.

    ``covered`` runs in a transaction of its own with each sweep, e.g. to compare counts;
    ``take_back`` undoes what events did that turned out not to link.
    """

    routes: Routes
    lookup: Lookup
    covered: Callable[[Connection, Through], None]
    take_back: TakeBack


class Settlement:
    """The database side of one worker.

    Args:
        pool: connections; one is used at a time.
        rooms: what events mean, and who may send them.
        publish: sends a watermark to its gateway, after the commit.
        clock: gives ``received_at``.
        pause: waits so many seconds; true when the worker is to end.
        randomness: numbers from 0 to 1, for the jitter.
        worker: whose counts these are.
        generation: the cloud's generation, said in every watermark.
        metrics: the worker's counters.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        rooms: Rooms,
        publish: Callable[[GatewayId, Watermark], None],
        *,
        clock: Clock,
        pause: Callable[[float], bool],
        randomness: Callable[[], float],
        worker: str,
        generation: int,
        metrics: Metrics,
    ) -> None:
        self._pool = pool
        self._rooms = rooms
        self._publish = publish
        self._clock = clock
        self._pause = pause
        self._randomness = randomness
        self._worker = worker
        self._generation = generation
        self._metrics = metrics
        self._through: dict[Chain, int] = {}

    def settle(self, batch: Sequence[Examined]) -> frozenset[Chain] | None:
        """Commit a batch; the chains whose watermark is due, or None when told to end first."""
        attempt = 0
        while True:
            try:
                with self._metrics.batch_seconds.time():
                    applied = self._apply(batch)
            except QuartermasterError as error:
                if error.code != "database.unreachable":
                    return self._settle_singly(batch, error)
                attempt += 1
                self._metrics.retries.inc()
                if self._back_off(attempt, error):
                    return None
            except Exception as error:  # noqa: BLE001 - whatever a poison message provokes
                return self._settle_singly(batch, error)
            else:
                self._metrics.count(applied)
                return applied.due

    def advance(self, chains: Collection[Chain]) -> None:
        """Move watermarks and publish them; what fails here is left to the next sweep."""
        try:
            with unit_of_work(self._pool) as connection:
                watermarks = service.advance(
                    connection, chains, generation=self._generation, at=self._clock.now()
                )
            for _, gateway, watermark in watermarks:
                self._publish(gateway, watermark)
            for chain, _, watermark in watermarks:
                self._through[chain] = watermark.contiguous_seq
        except QuartermasterError as error:
            _log.warning("ingest.watermark-later", code=error.code, detail=error.detail)
            return
        self._take_back([chain for chain, _, watermark in watermarks if watermark.frozen])

    def sweep(self) -> None:
        """Move the watermarks that another worker left behind, and tell what is covered."""
        through = [(chain.gateway_id, chain.epoch, seq) for chain, seq in self._through.items()]
        try:
            with unit_of_work(self._pool) as connection:
                chains = service.overdue(connection)
                frozen = reversal.provisional(connection)
            if through:
                with unit_of_work(self._pool) as connection:
                    self._rooms.covered(connection, through)
                self._through.clear()
        except QuartermasterError as error:
            _log.warning("ingest.sweep-later", code=error.code, detail=error.detail)
            return
        if chains:
            self.advance(chains)
        self._take_back(frozen)

    def _take_back(self, chains: Collection[Chain]) -> None:
        """Take back what stands above a broken link; the next sweep does what fails here."""
        for chain in chains:
            try:
                while self._took_back(chain):
                    pass
            except QuartermasterError as error:
                _log.warning("ingest.reversal-later", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - one epoch must not stop all others
                _log.error("ingest.reversal-failed", epoch=chain.epoch, exc_info=error)

    def _took_back(self, chain: Chain) -> bool:
        with unit_of_work(self._pool) as connection:
            done = reversal.reverse(
                connection,
                chain,
                take_back=self._rooms.take_back,
                routes=self._rooms.routes,
                worker=self._worker,
                at=self._clock.now(),
            )
        if done is None:
            return False
        self._metrics.count_reversal(done)
        _log.warning("ingest.reversed", **chain._asdict(), **done._asdict())
        return True

    def _apply(self, batch: Sequence[Examined]) -> Applied:
        with unit_of_work(self._pool) as connection:
            return service.apply(
                connection,
                batch,
                routes=self._rooms.routes,
                lookup=self._rooms.lookup,
                worker=self._worker,
                at=self._clock.now(),
            )

    def _settle_singly(
        self, batch: Sequence[Examined], error: Exception
    ) -> frozenset[Chain] | None:
        _log.error("ingest.batch-failed", messages=len(batch), exc_info=error)
        if len(batch) == 1:
            item = batch[0]
            if isinstance(item, Rejected):
                _log.error("ingest.unsettled", gateway=item.gateway, sha256=item.sha256.hex())
                return frozenset()
            return self.settle([_poison(item, error)])
        due: set[Chain] = set()
        for item in batch:
            chains = self.settle([item])
            if chains is None:
                return None
            due |= chains
        return frozenset(due)

    def _back_off(self, attempt: int, error: QuartermasterError) -> bool:
        """Full jitter; true when the worker is to end."""
        if attempt == 3:  # a deadlock or a dropped connection is normal once or twice
            entry = CATALOGUE[error.code]
            _log.error(error.code, says=entry.says, do=entry.do, detail=error.detail)
        ceiling = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(attempt, 10))
        return self._pause(ceiling * self._randomness())


def _poison(item: Verified, error: Exception) -> Rejected:
    """A verified segment that nothing could apply, as something to set aside."""
    return Rejected(
        item.gateway,
        item.gateway_id,
        item.site_id,
        item.segment.epoch,
        item.segment.first_seq,
        item.segment.last_seq,
        True,
        item.sha256,
        item.body,
        QuartermasterError("internal.unexpected", type(error).__name__),
    )
