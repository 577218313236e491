"""Files around the feeds: the folder of secrets, and the folder from which files are taken.

A secret's file is named as its feed and holds one secret per line, the newest first: while one is
changed, both hold. ``FEED.token`` beside it is what we show the other system when we ask it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Event
from typing import Final

import httpx
import structlog
from psycopg_pool import ConnectionPool

from cloud import feeds
from cloud.db import Connection, unit_of_work
from cloud.feeds import Arrival, Feed, Secrets, content_key, no_secrets, reconciling
from cloud.feeds.model import MAX_FILE
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import SECOND

_MAX_SECRETS: Final = 4096
_SETTLED_S: Final = 5 * SECOND
"""A file that was changed later than this may still be written."""
_UNFINISHED: Final = (".part", ".tmp", ".filepart", ".crdownload")
_LOOK_S: Final = 10.0
SHOP_TIMEOUT_S: Final = 20.0
TAKEN: Final = "taken"
REFUSED: Final = "refused"

_log = structlog.stdlib.get_logger(__name__)


def secrets_in(folder: Path | None) -> Secrets:
    """Reads a feed's secrets each time it is asked, so that a change needs no restart."""
    if folder is None:
        return no_secrets

    def of(feed: str) -> tuple[str, ...]:
        try:
            text = (folder / feed).read_bytes()[:_MAX_SECRETS].decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return ()
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    return of


def write_secret(folder: Path, feed: str, secret: str) -> Path:
    """Put a secret before those that a feed has, for its owner's eyes only.

    Raises:
        QuartermasterError: ``settings.invalid`` where the folder cannot be written.
    """
    path = folder / feed
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = path.read_text("utf-8") if path.exists() else ""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(f"{secret}\n{before}")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise QuartermasterError("settings.invalid", why, where="QM_FEED_SECRETS") from None
    return path


class Shops:
    """Asks shops what their webhooks missed, in a thread of its own: a slow shop delays nobody."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        secrets: Secrets,
        client: httpx.Client,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._secrets = secrets
        self._client = client
        self._clock = clock

    def run(self, stop: Event) -> None:
        """Ask until ``stop`` is set; what is away is waited for."""
        while not stop.wait(_LOOK_S):
            try:
                self.tick()
            except QuartermasterError as error:
                _log.warning("feeds.waiting", code=error.code, why=error.detail)

    def tick(self) -> int:
        """Ask the shops that are due and whose access token is here; returns how many.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        now = self._clock.now()
        with unit_of_work(self._pool) as connection:
            shops = feeds.feeds(connection, kind="shopify", limit=10_000)
            ready = [each for each in shops if reconciling.due(connection, each, now=now)]
        asked = 0
        for shop in ready:
            if tokens := self._secrets(f"{shop.code}.token"):
                found = reconciling.reconcile(self._pool, shop, self._client, tokens[0], now=now)
                _log.info("feeds.reconciled", feed=shop.code, **found._asdict())
                asked += 1
        return asked


class Drop:
    """Takes files out of ``FOLDER/FEED/`` into the inbox; a file is the same by its content.

    What was taken goes to ``taken/`` below it, what could not be kept to ``refused/``.
    """

    def __init__(self, folder: Path, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._folder = folder
        self._pool = pool
        self._clock = clock

    def tick(self) -> int:
        """Take what lies there and is no longer written to; returns how many files.

        Raises:
            QuartermasterError: ``database.unreachable``.
        """
        taken = 0
        for folder in sorted(self._folder.glob("*/")):
            with unit_of_work(self._pool) as connection:
                found = feeds.find(connection, folder.name)
            if found is not None and found.standing == "on":
                for path in self._ready(folder):
                    self._take(found, path)
                    taken += 1
        return taken

    def _ready(self, folder: Path) -> list[Path]:
        now = self._clock.now()
        return sorted(
            path
            for path in folder.iterdir()
            if path.is_file()
            and not path.is_symlink()
            and not path.name.startswith(".")
            and path.suffix.lower() not in _UNFINISHED
            and now - path.stat().st_mtime_ns // 1000 >= _SETTLED_S
        )

    def _take(self, to: Feed, path: Path) -> None:
        where = TAKEN
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE + 1)  # one more is refused as too large
            arrival = Arrival(content, content_key(content), path.name[:80], "file")
            with unit_of_work(self._pool) as connection:
                receipt = feeds.accept(connection, to, arrival, now=self._clock.now())
            _log.info(
                "feeds.taken", feed=to.code, delivery=receipt.delivery_id, fresh=receipt.fresh
            )
        except QuartermasterError as error:
            if error.code == "database.unreachable":
                raise
            _log.error("feeds.not-taken", feed=to.code, code=error.code, why=error.detail)
            where = REFUSED
        target = path.parent / where
        target.mkdir(exist_ok=True)
        path.replace(target / path.name)
