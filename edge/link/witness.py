"""Countersigned heads arrive here: verified, held against the own chain, kept.

A head that contradicts the own chain is kept too, and said aloud: then this database, or the
cloud's, is not the one that it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from edge.db import Database
from edge.link.identity import Identity
from edge.outbox.witness import keep_witness
from shared.clock import Clock
from shared.downlink import DailyHead, verify_message
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.witness")


class Witness:
    """Keeps what the cloud countersigns.

    Args:
        database: the store.
        identity: the one in force, asked each time.
        clock: for what is stored.
        announce: makes the next heartbeat come now: it carries a contradiction to the cloud.
    """

    def __init__(
        self,
        database: Database,
        identity: Callable[[], Identity],
        clock: Clock,
        announce: Callable[[], None],
    ) -> None:
        self._database = database
        self._identity = identity
        self._clock = clock
        self._announce = announce
        self._keeping: set[asyncio.Task[None]] = set()

    def heard(self, payload: bytes) -> bool:
        """Take a message on the cmd topic, if it is a countersigned head for this gateway."""
        identity = self._identity()
        try:
            head = verify_message(
                payload,
                identity.cloud_key,
                DailyHead,
                trust_domain=identity.trust_domain,
                gateway=identity.gateway,
                now=self._clock.now(),
            )
        except QuartermasterError:
            return False
        task = asyncio.create_task(self._keep(head, payload))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        return True

    async def _keep(self, head: DailyHead, message: bytes) -> None:
        now = self._clock.now()
        try:
            why = await self._database.run(
                lambda connection: keep_witness(connection, head, message, now)
            )
        except QuartermasterError as error:  # a full disk: the cloud says it again
            _log.error("witness.unwritten", code=error.code, detail=error.detail)
            return
        if why:
            _log.error("witness.contradicted", day=head.day, why=why)
            self._announce()
        elif why is not None:
            _log.info("witness.kept", day=head.day, epoch=head.epoch, seq=head.seq)
