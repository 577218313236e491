"""The same access rule, remembered for a second: for routes that many ask at once.

A key that was found good is not looked up again for ``REMEMBERED_S`` seconds: that is how long a
key which was revoked, or whose rights were narrowed, may still be let through here, and no longer.
A key that was refused is not remembered at all. Each process remembers for itself.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.concurrency import run_in_threadpool

from cloud.access import Caller, Scope
from cloud.api.guard import BEARER, Requires, note_caller
from shared.errors import QuartermasterError

REMEMBERED_S: Final = 1.0
_MOST: Final = 10_000


class Recently(Requires):
    """As :class:`Requires`, where who was just let through is let through again."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def __call__(  # pyright: ignore[reportIncompatibleMethodOverride] - the framework awaits it
        self,
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ) -> Caller:
        """The caller.

        Raises:
            QuartermasterError: ``request.unauthenticated`` or ``request.forbidden``.
        """
        if given is None:
            raise QuartermasterError("request.unauthenticated")
        name = f"{id(request.app)}:{hashlib.sha256(given.credentials.encode()).hexdigest()}"
        now = time.monotonic()
        until, caller = self._known.get(name, (0.0, None))
        if caller is not None and now < until:
            note_caller(request, caller, self.scope)
            return caller
        self._known.pop(name, None)
        caller = await run_in_threadpool(super().__call__, request, given)
        self._known[name] = (now + REMEMBERED_S, caller)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return caller
