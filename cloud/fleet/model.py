"""Desired against reported versions, and when to offer again. Pure.

Nothing depends on a message being queued: an offer is repeated, 1 s to 10 s apart, until the
gateway's heartbeat echoes its version. After three deltas without an echo the gateway gets a
snapshot: it may not hold the base that it reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.downlink import DOCUMENT_KINDS, DocumentKind, Offer
from shared.units import SECOND, Micros

MAX_DELTAS: Final = 3
MAX_PAUSE: Final = Micros(10 * SECOND)
GENERATION_STEP: Final = 1_000_000
"""How far versions jump when a restored cloud begins a new generation: above any that was lost."""
PLAUSIBLE: Final = 2 * GENERATION_STEP
"""A gateway that claims a version further ahead than this lies or is broken: it is left alone."""


class Wanted(NamedTuple):
    """One active gateway: the versions that it should hold, and that it last said it holds."""

    gateway_id: int
    gateway: str
    site_id: int
    desired: Mapping[DocumentKind, int]
    reported: Mapping[DocumentKind, int]

    def version(self, kind: DocumentKind) -> int:
        """The desired version; 0 where there is nothing to hold."""
        return self.desired.get(kind, 0)

    def held(self, kind: DocumentKind) -> int:
        """The reported version; 0 for nothing."""
        return self.reported.get(kind, 0)


class Step(NamedTuple):
    """One offer to make now; ``base`` 0 asks for a snapshot."""

    wanted: Wanted
    kind: DocumentKind
    base: int


Shelf = dict[tuple[DocumentKind, int, int, int], Offer]
"""Offers already prepared, by kind, site, base and version. The worker's memory, bounded."""
MAX_SHELF: Final = 256


class _Attempt(NamedTuple):
    version: int
    held: int
    tries: int
    next_at: int


Attempts = dict[tuple[str, DocumentKind], _Attempt]
"""What has been offered and not yet echoed; lives in the worker's memory only."""


def due(wanted: Sequence[Wanted], attempts: Attempts, *, floor: int, now: Micros) -> list[Step]:
    """The offers to make now. ``floor`` is the oldest catalog version a delta may start from.

    Updates ``attempts``: forgets what was echoed, and doubles the pause of what was not.
    """
    steps: list[Step] = []
    open_now: set[tuple[str, DocumentKind]] = set()
    for gateway in wanted:
        for kind in DOCUMENT_KINDS:
            version, held = gateway.version(kind), gateway.held(kind)
            if version <= held:
                continue
            key = (gateway.gateway, kind)
            open_now.add(key)
            before = attempts.get(key)
            if before is None or (before.version, before.held) != (version, held):
                before = _Attempt(version, held, 0, now)
            if now < before.next_at:
                continue
            pause = min(SECOND << min(before.tries, 8), MAX_PAUSE)
            attempts[key] = before._replace(tries=before.tries + 1, next_at=now + pause)
            has_base = kind == "catalog" and held >= max(floor, 1) and before.tries < MAX_DELTAS
            steps.append(Step(gateway, kind, held if has_base else 0))
    for key in attempts.keys() - open_now:
        del attempts[key]
    return steps


def ahead(wanted: Wanted, kind: DocumentKind) -> bool:
    """Whether a gateway holds a version that this cloud, restored from a backup, never made."""
    desired, held = wanted.version(kind), wanted.held(kind)
    return desired < held <= desired + PLAUSIBLE


class Witnessed(NamedTuple):
    """A countersigned head, as it was signed."""

    witness_id: int
    gateway: str
    day: str
    generation: int
    epoch: int
    seq: int
    head_hash: bytes
    message: bytes
    signed_at: int


class Doubt(NamedTuple):
    """A countersigned head that the cloud's own history no longer bears out."""

    record: Witnessed
    why: str
