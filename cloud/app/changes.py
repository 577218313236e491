"""What has changed, told onwards: how each kind is told, to whom, and the worker's part in it.

Each tick gives committed changes their order, tells subscribers at the broker, queues messages for
webhooks, and sends those that are due. Sending happens in threads of its own: a receiver that
hangs delays nobody else.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Protocol

import httpx
import structlog
from psycopg_pool import ConnectionPool

from cloud import changes
from cloud.changes import Change, Log, webhooks
from cloud.changes.targets import chosen, target
from cloud.changes.webhooks import Due, Outcome
from cloud.db import Connection, unit_of_work
from cloud.exceptions import raise_exception
from cloud.feeds import Secrets
from cloud.ingest.model import Facts
from cloud.ledger.moved import Range, moved
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.events import StockState
from shared.topics import changes_topic
from shared.units import HOUR, SECOND, Micros
from shared.webhooks import read_secret, sign

_READER: Final = "mqtt"
_THREADS: Final = 8
_TIMEOUT_S: Final = 15.0
_LONGEST_ANSWER: Final = 16_384
_SWEEP_EVERY: Final = HOUR

_log = structlog.stdlib.get_logger(__name__)


def stock_changed(
    connection: Connection, ranges: Mapping[int, Sequence[Range]], *, at: Micros
) -> None:
    """Note that events moved stock, by site; the ledger's own log says what they moved."""
    for site_id, found in sorted(ranges.items()):
        body = {"at": at, "ranges": [list(each) for each in found]}
        changes.note(connection, "stock", "", body, at=at, site_id=site_id)


def ranges_of(batch: Sequence[Facts]) -> dict[int, list[Range]]:
    """The sequence numbers of a batch, by site."""
    found: dict[int, list[Range]] = {}
    for origin, events in batch:
        each = (origin.gateway_id, origin.epoch, events[0].seq, events[-1].seq)
        found.setdefault(origin.site_id, []).append(each)
    return found


def log(generation: int) -> Log:
    """The log, with how the kinds are told that are pointers only."""
    return Log(generation, {"stock": _stock})


def _stock(connection: Connection, change: Change) -> list[tuple[str, Mapping[str, Any]]]:
    ranges: list[Range] = [(int(a), int(b), int(c), int(d)) for a, b, c, d in change.body["ranges"]]
    return [
        (
            sku,
            {
                "item": sku,
                "moved": [
                    {
                        "location": row.location,
                        "state": StockState(row.state).name.lower(),
                        "lot": row.lot,
                        "serial": row.serial,
                        "quantity": row.quantity,
                    }
                    for row in rows
                ],
            },
        )
        for sku, rows in moved(
            connection,
            site_id=change.site_id or 0,
            at=Micros(int(change.body["at"])),
            ranges=ranges,
        )
    ]


class Send(Protocol):
    """Sends one message; what came of it is an outcome, never an error."""

    def __call__(self, message: Due, *, now: Micros) -> Outcome:
        """Try once."""
        ...


class Sender:
    """Sends over HTTPS, signed (Standard Webhooks), to public addresses only.

    Args:
        secrets: by webhook.
        resolve: the addresses of a name.
        client: the connections; certificates are checked against the name that was asked for.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        resolve: Callable[[str, int], Sequence[str]] | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        self._secrets = secrets
        self._resolve = resolve or _resolved
        self._client = client or httpx.Client(
            timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    def __call__(self, message: Due, *, now: Micros) -> Outcome:
        """Try once; a redirect, a refusal and no answer at all are each an outcome."""
        try:
            secrets = [
                read_secret(each) for each in self._secrets(webhooks.secret_of(message.code))
            ]
            if not secrets:
                return Outcome(None, "the webhook's secret is missing here")
            to = target(message.url)
            address = chosen(self._resolve(to.host, to.port))
            headers = sign(secrets, message.name, now // SECOND, message.body)
            port = "" if to.port == 443 else f":{to.port}"
            literal = f"[{address}]" if ":" in address else address
            with self._client.stream(
                "POST",
                f"https://{literal}{port}{to.path}",
                content=message.body,
                headers={
                    **headers,
                    "host": f"{to.host}{port}",
                    "content-type": "application/json",
                    "user-agent": "Quartermaster",
                },
                extensions={"sni_hostname": to.host},
            ) as answer:
                return Outcome(answer.status_code, _beginning(answer))
        except QuartermasterError as error:
            return Outcome(None, str(error.detail))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Outcome(None, type(error).__name__)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer; one that does not end is not read to its end."""
    read = b""
    for part in answer.iter_bytes(1024):
        read += part
        if len(read) >= _LONGEST_ANSWER:
            break
    return read[:200].decode("utf-8", "replace")


class Telling:
    """The worker's part; :meth:`tick` is to be called each second."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        *,
        generation: int,
        publish: Callable[[str, bytes], None],
        connected: Callable[[], bool],
        send: Send,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._changes = log(generation)
        self._publish = publish
        self._connected = connected
        self._send = send
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook")
        self._sending: set[Future[None]] = set()
        self._swept_at = Micros(0)

    def tick(self) -> None:
        """Order, tell, queue, and begin to send.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        while self._step(changes.order_waiting):
            pass
        if self._connected():
            while self._step(lambda each: changes.follow(each, self._changes, _READER, self._tell)):
                pass
        with unit_of_work(self._pool) as connection:
            wanted = [each for each in webhooks.webhooks(connection) if each.paused_at is None]
        for webhook in wanted:
            with unit_of_work(self._pool) as connection:
                queued = webhooks.queue(connection, self._changes, webhook, at=now)
                if queued.missed:
                    raise_exception(
                        connection, "webhook.missed", webhook.code, queued.missed, at=now
                    )
        self._begin_sending(now)
        if now - self._swept_at > _SWEEP_EVERY:
            while self._step(lambda each: changes.give_up(each, now=now)):
                pass
            while self._step(lambda each: webhooks.forget(each, now=now)):
                pass
            self._swept_at = now

    def settle(self) -> None:
        """Wait until what is being sent has come to something."""
        for each in list(self._sending):
            each.result()

    def close(self) -> None:
        """Send nothing more; what is under way ends by itself, and else is due again."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _step(self, step: Callable[[Connection], int]) -> int:
        with unit_of_work(self._pool) as connection:
            return step(connection)

    def _tell(self, message: changes.Message) -> None:
        payload = json.dumps(message.told(), separators=(",", ":")).encode()
        self._publish(changes_topic(message.site, message.kind), payload)

    def _begin_sending(self, now: Micros) -> None:
        self._sending = {each for each in self._sending if not each.done()}
        free = 2 * _THREADS - len(self._sending)
        if free <= 0:
            return
        with unit_of_work(self._pool) as connection:
            due = webhooks.due(connection, now=now, limit=free)
        for message in due:
            self._sending.add(self._threads.submit(self._send_one, message))

    def _send_one(self, message: Due) -> None:
        outcome = self._send(message, now=self._clock.now())
        now = self._clock.now()
        try:
            with unit_of_work(self._pool) as connection:
                told = webhooks.record(connection, message, outcome, now=now)
                if told is not None:
                    detail = f"{message.name}: {outcome.status or outcome.answer[:100]}"
                    raise_exception(connection, told, message.code, detail, at=now)
        except QuartermasterError as error:  # it is due again when its minute is over
            _log.warning("webhook.unrecorded", webhook=message.code, code=error.code)
