"""The worker's part in promises: look at what changed, promise anew, tell who is to be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import httpx
import structlog
from psycopg_pool import ConnectionPool

from cloud import promise
from cloud.app.feeds import secrets_in
from cloud.db import Connection, unit_of_work
from cloud.promise import Receivers, Sender, ShopifyMetafields, Webhook
from cloud.settings import Settings
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import SECOND
from shared.webhooks import read_secret

CUSTOMER: Final = "customer"
STOREFRONT: Final = "storefront"
_EVERY: Final = 5 * SECOND
_ANSWER_S: Final = 5.0

_log = structlog.stdlib.get_logger(__name__)


class Promising:
    """Every few seconds: items that something changed of are promised anew, messages are sent."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        clock: Clock,
        senders: Mapping[str, Sender],
        segments: tuple[str, ...] = (),
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._senders = senders
        self._segments = segments
        self._receivers = Receivers(
            (CUSTOMER,) if CUSTOMER in senders else (),
            (STOREFRONT,) if STOREFRONT in senders else (),
        )
        self._began_at = 0

    def tick(self) -> None:
        """Promise anew what changed, then send what is due.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        if now - self._began_at < _EVERY:
            return
        self._began_at = now
        with unit_of_work(self._pool) as connection:
            items = promise.concerned(connection)
        for item_id in items:
            self._replan(item_id)
        with unit_of_work(self._pool) as connection:
            promise.looked(connection, now)
        if self._senders:
            with unit_of_work(self._pool) as connection:
                promise.tell(connection, self._senders, now=self._clock.now())

    def _replan(self, item_id: int) -> None:
        """One item in a transaction of its own; what is wrong with one holds up no other."""
        try:
            with unit_of_work(self._pool) as connection:
                promise.replan(
                    connection,
                    item_id,
                    now=self._clock.now(),
                    receivers=self._receivers,
                    segments=self._segments,
                )
        except QuartermasterError as error:
            if error.code.startswith("database."):
                raise
            _log.error("promise.left", item_id=item_id, code=error.code, why=error.detail)


def senders(settings: Settings, pool: ConnectionPool[Connection]) -> dict[str, Sender]:
    """Who is to be told, as the settings name them; what proves us lies in the folder of secrets.

    Raises:
        QuartermasterError: ``settings.invalid`` where a receiver is named without its secret.
    """
    secrets = secrets_in(settings.feed_secrets)
    http = httpx.Client(timeout=_ANSWER_S, follow_redirects=False)
    found: dict[str, Sender] = {}
    if settings.promise_webhook:
        keys = [read_secret(text) for text in _demanded(secrets, "promise-webhook")]
        found[CUSTOMER] = Webhook(http, settings.promise_webhook, keys)
    if settings.shop_admin:
        (token, *_) = _demanded(secrets, "shop-admin")

        def variants(sku: str) -> list[str]:
            with unit_of_work(pool) as connection:
                found = promise.variants(connection, settings.shop_feed, sku)
            return [f"gid://shopify/ProductVariant/{each}" for each in found if each.isdigit()]

        found[STOREFRONT] = ShopifyMetafields(http, settings.shop_admin, token, variants)
    return found


def _demanded(secrets: Callable[[str], tuple[str, ...]], name: str) -> tuple[str, ...]:
    if not (found := secrets(name)):
        says = f"the folder of secrets has no {name}"
        raise QuartermasterError("settings.invalid", says, where="QM_FEED_SECRETS")
    return found
