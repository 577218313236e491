"""Once a day the worker countersigns each gateway's head and says it, for the gateway to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.fleet import witness
from cloud.fleet.witness import Seal
from shared.clock import Clock
from shared.cose import key_id
from shared.downlink import DailyHead, sign_message
from shared.ids import GatewayId
from shared.topics import topic
from shared.units import HOUR, MINUTE, Micros

LOOK_EVERY: Final = Micros(MINUTE)
SAY_EVERY: Final = Micros(HOUR)
"""Nothing depends on a message being queued: the last days' records are said again."""

_log = structlog.stdlib.get_logger(__name__)


def sealer(key: Ed25519PrivateKey, trust_domain: str, clock: Clock) -> Seal:
    """Signs records with the downlink key. They do not expire: they are kept as evidence."""
    kid = key_id(key.public_key())

    def seal(gateway: GatewayId, head: DailyHead) -> bytes:
        return sign_message(
            key.sign,
            kid=kid,
            trust_domain=trust_domain,
            gateway=gateway,
            body=head,
            issued_at=clock.now(),
        )

    return seal


class Witness:
    """Countersigns heads; :meth:`tick` is to be called each second, more often does no harm."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        seal: Seal,
        publish: Callable[[str, bytes], None],
        clock: Clock,
        *,
        generation: int,
    ) -> None:
        self._pool = pool
        self._seal = seal
        self._publish = publish
        self._clock = clock
        self._generation = generation
        self._looked_at = self._said_at = -SAY_EVERY
        self._said = 0

    def tick(self) -> int:
        """Sign what is due and say what is new, or all of the last days each hour; how many.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._looked_at < LOOK_EVERY:
            return 0
        again = now - self._said_at >= SAY_EVERY
        with unit_of_work(self._pool) as connection:
            signed = witness.sign_heads(
                connection, self._seal, generation=self._generation, now=now
            )
        with unit_of_work(self._pool) as connection:
            due = witness.recent(connection, now=now, after=0 if again else self._said)
        for record in due:
            self._publish(topic(GatewayId(record.gateway), "cmd"), record.message)
        self._looked_at = now
        if again:
            self._said_at = now
        self._said = max((record.witness_id for record in due), default=self._said)
        if signed:
            _log.info("heads.countersigned", heads=signed, day=witness.day_of(now))
        return len(due)
