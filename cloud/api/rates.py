"""How often somebody may ask: each API key for itself, everybody else by address.

A key that was made up costs a look into the database, and another is made up at once: so a key has
a bucket of its own only after it was found good. Until then, as without one, its sender's address
pays; so it is with who signs webhooks. Buckets are this process's own; several behind one address
each allow as much.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final, NamedTuple

from starlette.types import Scope

from shared.rates import RateLimit

_MOST_KEYS: Final = 10_000
_BURST_S: Final = 10
"""A bucket holds what fills it in so many seconds."""
KNOWN: Final = "quartermaster.caller"
"""Where the guard notes in a request's scope that its key was found good."""


class Rates(NamedTuple):
    """Requests a second, over ten seconds: of one good API key, and of one address without."""

    known: int = 200
    unknown: int = 20


class Turnstile:
    """The buckets of one application."""

    def __init__(self, rates: Rates) -> None:
        self._known = RateLimit(rates.known, rates.known * _BURST_S)
        self._unknown = RateLimit(rates.unknown, rates.unknown * _BURST_S)
        self._good: OrderedDict[str, None] = OrderedDict()

    def wait(self, scope: Scope, now: float) -> float:
        """Seconds until this request may come again; 0.0 where it is let through."""
        key = _key(scope)
        if key in self._good:
            self._good.move_to_end(key)
            return self._known.wait(key, 1, now)
        return self._unknown.wait((scope.get("client") or ("?",))[0], 1, now)

    def answered(self, scope: Scope) -> None:
        """Learn from an answer whether the key of its request is good."""
        key = _key(scope)
        if not key:
            return
        if scope.get(KNOWN):
            self._good[key] = None
            if len(self._good) > _MOST_KEYS:
                self._good.popitem(last=False)
        elif KNOWN in scope:
            self._good.pop(key, None)


def _key(scope: Scope) -> str:
    """What stands for the key that a request shows, never the key itself; empty without one.

    A webhook's sender shows none: to have been proven once by its signature lets its address send
    more to the same feed.
    """
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.sha256(value).hexdigest()
    if scope["path"].endswith("/webhooks"):
        return f"{scope['path'][:200]} from {(scope.get('client') or ('?',))[0]}"
    return ""
