"""Bounded connections and the unit of work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import psycopg
import structlog
from psycopg.errors import QueryCanceled
from psycopg_pool import ConnectionPool, PoolTimeout

from cloud.breaker import Breaker, State
from shared.errors import QuartermasterError

Connection = psycopg.Connection[tuple[Any, ...]]

_WAIT_S: Final = 5.0
"""Seconds that a caller waits for a connection once the database was reached."""
_RECONNECT_S: Final = 4.0
"""The pool's own delays between attempts double; after this long it starts with short ones anew."""
_PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_log = structlog.stdlib.get_logger(__name__)


class GuardedPool(ConnectionPool[Connection]):
    """A pool behind a circuit breaker: while the database is away, callers are told at once."""

    def __init__(self, conninfo: str, **how: Any) -> None:
        super().__init__(conninfo, **how)
        self.breaker = Breaker("database", time.monotonic, told=_say)

    @contextmanager
    def connection(self, timeout: float | None = None) -> Generator[Connection]:
        """A connection for one block, as in the class above.

        Raises:
            QuartermasterError: ``database.unreachable`` at once while the circuit is open.
        """
        if not self.breaker.admits():
            wait = self.breaker.retry_after()
            raise QuartermasterError("database.unreachable", f"left alone for {wait:.1f} s")
        reached: Connection | None = None
        try:
            with super().connection(timeout) as connection:
                reached = connection
                yield connection
        except BaseException as error:
            if isinstance(error, PoolTimeout) or (reached is not None and reached.closed):
                self.breaker.failed()
            else:
                self.breaker.succeeded()
            raise
        self.breaker.succeeded()


def circuit(pool: ConnectionPool[Connection]) -> Breaker | None:
    """The breaker in front of a pool's database, if the pool has one."""
    return pool.breaker if isinstance(pool, GuardedPool) else None


def _say(name: str, state: State) -> None:
    level = _log.warning if state == "open" else _log.info
    level("circuit.changed", dependency=name, state=state)


def open_pool(
    url: str, *, size: int = 8, timeout: float = 10.0, longest_statement_s: int = 0
) -> GuardedPool:
    """A pool of at most ``size`` connections, proven to reach the database.

    Where ``url`` names several hosts and ``target_session_attrs=read-write``, each new connection
    goes to the one that is primary then. A server that is gone without a word is noticed within
    15 seconds, and one that came back within 5.

    Args:
        url: the database.
        size: connections at most.
        timeout: seconds to wait for the first connection.
        longest_statement_s: seconds after which a statement is ended; 0 never.

    Raises:
        QuartermasterError: ``database.unreachable`` within ``timeout`` seconds.
    """
    pool = GuardedPool(
        url,
        min_size=1,
        max_size=size,
        timeout=timeout,
        open=False,
        reconnect_timeout=_RECONNECT_S,
        kwargs={
            **_PATIENCE,
            "autocommit": False,
            "options": f"-c timezone=UTC -c statement_timeout={longest_statement_s}s",
        },
        check=ConnectionPool.check_connection,
    )
    try:
        pool.open(wait=True, timeout=timeout)
    except PoolTimeout:
        pool.close()
        raise QuartermasterError("database.unreachable") from None
    pool.timeout = min(timeout, _WAIT_S)
    return pool


before_commit: Final[ContextVar[Callable[[Connection], None] | None]] = ContextVar(
    "before_commit", default=None
)
"""What is still to be written in every transaction of this context: the audit trail's last word."""


@contextmanager
def unit_of_work(pool: ConnectionPool[Connection]) -> Generator[Connection]:
    """One transaction: committed when the block ends, rolled back when it raises.

    Raises:
        QuartermasterError: ``database.unreachable`` when no connection can be had or it breaks;
            ``database.slow`` when a statement ran out of time.
    """
    try:
        with pool.connection() as connection:
            yield connection
            if last_word := before_commit.get():
                last_word(connection)
    except QueryCanceled as error:
        raise QuartermasterError("database.slow") from error
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise QuartermasterError("database.unreachable", type(error).__name__) from error
