"""Each second the worker chains the audit trail, and each minute it tells the last link outside."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg_pool import ConnectionPool

from cloud.access import audit
from cloud.db import Connection, unit_of_work
from shared.clock import Clock
from shared.units import MINUTE, Micros

TELL_EVERY: Final = Micros(MINUTE)

_log = structlog.stdlib.get_logger(__name__)


class Trail:
    """Chains and tells; :meth:`tick` is to be called each second.

    Args:
        pool: the owner's connections.
        key: signs heads: the key that signs what goes down.
        trust_domain: whose chain it is.
        clock: says when.
        file: heads are appended here, one a line; None where the log alone tells them.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        key: Ed25519PrivateKey,
        *,
        trust_domain: str,
        clock: Clock,
        file: Path | None,
    ) -> None:
        self._pool = pool
        self._sign, self._kid = audit.signer(key)
        self._trust_domain = trust_domain
        self._clock = clock
        self._file = file
        self._told_at = -TELL_EVERY
        self._told = 0

    def tick(self) -> int:
        """Chain what was committed; how many entries.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        with unit_of_work(self._pool) as connection:
            sealed = audit.seal(connection)
        now = self._clock.now()
        if now - self._told_at >= TELL_EVERY:
            self._tell(now)
            self._told_at = now
        return sealed

    def _tell(self, now: Micros) -> None:
        with unit_of_work(self._pool) as connection:
            head = audit.head(
                connection, sign=self._sign, kid=self._kid, trust_domain=self._trust_domain, at=now
            )
        if head is None or head.seq == self._told:
            return
        self._told = head.seq
        told = head._asdict()
        _log.info("audit.head", **told)
        if self._file is None:
            return
        try:
            with self._file.open("ab") as file:
                file.write(msgspec.json.encode(told) + b"\n")
        except OSError as error:
            _log.error("audit.head-untold", file=str(self._file), why=type(error).__name__)
