"""Keeps the outbox in an epoch: notices when it cannot go on, asks the cloud, opens the new one.

Scans are answered meanwhile and wait. The order of the steps is what matters: the grant is on disk
before the database knows of it; the database has begun the epoch, and its use is noted outside the
database, before anything is signed in it. A power cut between any two of them is made good here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from edge.app.identities import Identities
from edge.app.store import Store, opening_of, signer_of
from edge.link import epoch as epochs
from edge.link.epoch_request import Wish, ask
from edge.outbox import Head, head
from edge.ports import Ids, Jitter
from shared.enrolment import EpochReason
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.epoch")
_LOOK_S: Final = 1.0
_FIRST_DELAY_S: Final = 1.0


class Epochs:
    """Looks each second; asks with full jitter.

    Args:
        folder: ``<data>/identity``.
        store: the outbox and its database.
        identities: whose keys sign.
        ids: for the first event of an epoch, and for requests.
        opened: told when a new epoch is in force: all that is stored has to be sent anew.
        longest_delay: seconds, the ceiling of the wait between two requests.
        jitter: how long to wait, up to a ceiling.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        identities: Identities,
        ids: Ids,
        opened: Callable[[], None],
        *,
        longest_delay: float,
        jitter: Jitter,
    ) -> None:
        self._folder = folder
        self._store = store
        self._identities = identities
        self._ids = ids
        self._opened = opened
        self._longest_delay = longest_delay
        self._jitter = jitter
        self.refusal = ""
        """Why the last request was not granted; empty when none waits."""

    async def run(self) -> None:
        """Look and ask until cancelled."""
        failures = 0
        while True:
            try:
                await self._step()
            except QuartermasterError as error:
                if str(error) != self.refusal:
                    _log.error("epoch.waiting", code=error.code, detail=error.detail)
                self.refusal = str(error)
                failures += 1
                ceiling = min(self._longest_delay, _FIRST_DELAY_S * 2 ** min(failures, 10))
                await asyncio.sleep(self._jitter(ceiling))
            else:
                self.refusal = ""
                failures = 0
                await asyncio.sleep(_LOOK_S)

    async def _step(self) -> None:
        store = self._store
        here = head(store.database.reader)
        if here.epoch == store.outbox.epoch and not here.frozen:
            return
        if await self._open():
            return
        wish = self._wish(here)
        _log.error("epoch.asking", reason=wish.reason, epoch=wish.last_epoch, why=here.frozen)
        await asyncio.to_thread(
            ask, self._folder, self._identities.current, wish, fresh=self._ids.uuid7()
        )
        await self._open()

    async def _open(self) -> bool:
        """Bring the database into the newest epoch that was granted; whether it may go on."""
        store, clock = self._store, self._store.clock
        target, used = self._newest(), epochs.used(self._folder)
        grants = (epochs.granted(self._folder), self._identities.current.opened)
        grant = next((each for each in grants if each and each.epoch == target), None)
        opening = opening_of(grant, target, self._ids.uuid7(), clock)
        epoch = await store.database.run(
            lambda connection: store.outbox.open(
                connection, clock.now(), used_epoch=used, epoch=target, opening=opening
            )
        )
        if not epoch:
            return False
        epochs.note_use(self._folder, epoch)
        store.outbox.use(signer_of(self._identities.current)._replace(epoch=epoch))
        _log.warning("epoch.opened", epoch=epoch)
        self._opened()
        return True

    def _wish(self, here: Head) -> Wish:
        used = epochs.used(self._folder)
        if not here.epoch:
            return Wish("lost", used)
        restored = here.epoch < used or here.epoch > self._newest()
        reason: EpochReason = "restored" if restored else "frozen"
        return Wish(reason, max(used, here.epoch), here.seq, here.hash)

    def _newest(self) -> int:
        """The newest epoch that was granted."""
        grant = epochs.granted(self._folder)
        return max(self._identities.current.epoch, grant.epoch if grant else 0)
