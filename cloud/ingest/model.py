"""Records of ingest: what arrived, what was found, what is handed on, what is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud.ingest.gaps import Tombstone
from shared.errors import QuartermasterError
from shared.events import Event
from shared.ids import GatewayId
from shared.segment import Segment
from shared.units import Micros


class Sender(Protocol):
    """A registered gateway, as ingest needs it."""

    @property
    def gateway_id(self) -> int:
        """Its surrogate key."""
        ...

    @property
    def site_id(self) -> int:
        """The site that owns its events."""
        ...

    @property
    def status(self) -> str:
        """``registered``, ``active`` or ``revoked``."""
        ...

    @property
    def keys(self) -> Mapping[bytes, Ed25519PublicKey]:
        """Its event keys in force, by key id."""
        ...

    @property
    def epochs(self) -> Collection[int]:
        """The epochs granted to it."""
        ...

    @property
    def closed(self) -> Collection[int]:
        """Those of which nothing new is taken, because another has begun."""
        ...


class Arrived(NamedTuple):
    """One message as it came."""

    topic: str
    payload: bytes


class Verified(NamedTuple):
    """A segment that its sender signed."""

    gateway: GatewayId
    gateway_id: int
    site_id: int
    sha256: bytes
    body: bytes
    segment: Segment

    @property
    def range(self) -> Range:
        """The sequence numbers it covers."""
        return Range(
            self.gateway_id, self.segment.epoch, self.segment.first_seq, self.segment.last_seq
        )


class Range(NamedTuple):
    """Sequence numbers of one epoch, both ends included."""

    gateway_id: int
    epoch: int
    first_seq: int
    last_seq: int


class Rejected(NamedTuple):
    """A message, or one event of a segment, that is set aside with the reason."""

    gateway: str
    gateway_id: int | None
    site_id: int | None
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    whole_segment: bool
    sha256: bytes
    body: bytes
    error: QuartermasterError


Examined = Verified | Rejected


class Origin(NamedTuple):
    """Whose events these are."""

    gateway: GatewayId
    gateway_id: int
    site_id: int
    epoch: int


class Facts(NamedTuple):
    """Events of one segment, in sequence, for one handler."""

    origin: Origin
    events: list[Event]


class Unapplied(NamedTuple):
    """An event that a handler could not apply; it is quarantined alone."""

    origin: Origin
    seq: int
    error: QuartermasterError


class Tally(NamedTuple):
    """received = applied + duplicate + quarantined, of one gateway."""

    segments_received: int = 0
    segments_applied: int = 0
    segments_duplicate: int = 0
    segments_quarantined: int = 0
    events_received: int = 0
    events_applied: int = 0
    events_quarantined: int = 0

    def plus(self, other: Tally) -> Tally:
        """The sum of both."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


class Applied(NamedTuple):
    """What one batch did: the epochs whose watermark is due, and the counts per gateway."""

    due: frozenset[Chain]
    tallies: Mapping[str, Tally]


class Chain(NamedTuple):
    """One epoch of one gateway."""

    gateway_id: int
    epoch: int


class Provisional(NamedTuple):
    """Ranges of one chain that were applied before their links were verified, and do not link.

    Nothing of them was received before ``since``.
    """

    chain: Chain
    ranges: list[tuple[int, int]]
    since: Micros


class Reversal(NamedTuple):
    """One segment that was taken back, and both ends of the link that broke.

    The verified chain ends with ``head_seq`` and ``head_hash``; the first segment above it starts
    at ``other_seq`` from ``other_hash`` instead.
    """

    gateway_id: int
    epoch: int
    first_seq: int
    last_seq: int
    code: str
    detail: str
    head_seq: int
    head_hash: bytes
    other_seq: int
    other_hash: bytes
    events: int
    movements: int
    at: Micros


class ReversalRow(NamedTuple):
    """A :class:`Reversal` as it is listed; ``key`` continues a listing after it."""

    gateway: str
    site: str
    epoch: int
    first_seq: int
    last_seq: int
    code: str
    detail: str
    head_seq: int
    head_hash: str
    other_seq: int
    other_hash: str
    events: int
    movements: int
    reversed_at: int
    key: tuple[int, ...]


class TakenBack(NamedTuple):
    """What one round of taking back did; ``recounted`` scans count by another event now."""

    segments: int = 0
    events: int = 0
    movements: int = 0
    recounted: int = 0


class HistoryLine(NamedTuple):
    """A history that is not in force, as a person decides about it.

    Of its ``events``, ``counted`` ones count already by another event with their id, ``own`` tell
    of the gateway itself and are never taken over, and ``waiting`` ones count nowhere: those are
    what a decision is about. ``after`` is ``verified``, another history's name, or nothing where
    what came before is not here. Times are microseconds.
    """

    gateway: str
    epoch: int
    name: str
    after: str
    first_seq: int
    last_seq: int
    events: int
    counted: int
    own: int
    waiting: int
    devices: list[str]
    occurred_from: int | None
    occurred_until: int | None
    received_from: int
    received_until: int


class Rehoming(NamedTuple):
    """A person's decision to take over what histories of ``from_epoch`` say, under ``epoch``."""

    epoch: int
    from_epoch: int
    histories: list[str]
    events: int
    reason: str
    by: str
    decided_at: int


class GatewayCompleteness(NamedTuple):
    """What the cloud can say of one epoch: complete and unaltered through ``contiguous_seq``.

    ``head_seq`` is the highest number known to exist: that arrived, or that a tombstone speaks of.
    ``missing`` are those of them that are not here and that nobody has explained,
    ``missing_since`` when the oldest gap was first seen, ``explained`` what was said of numbers
    that never arrive. ``complete`` means that all are here, ``accounted`` that all are here or
    explained; neither is said of a frozen epoch. Epoch 0 stands for what was recorded while none
    was in force: only its losses are known here.

    ``reasons`` counts what is quarantined by code; ``frozen`` tells that a neighbour did not link,
    ``reversed`` how many events counted until then, ``rehomed`` how many of those beside the chain
    a person took over.
    ``silent`` tells of the newest epoch that nothing came for longer than a heartbeat allows: its
    tail may be cut.
    """

    gateway: str
    epoch: int
    contiguous_seq: int
    head_seq: int | None
    missing: list[tuple[int, int]]
    missing_events: int
    missing_since: int | None
    explained: list[Tombstone]
    followed_by: int | None
    quarantined: int
    reasons: dict[str, int]
    last_received_at: int | None
    frozen: bool
    complete: bool
    accounted: bool
    last_heard_at: int | None = None
    silent: bool = False
    reversed: int = 0
    rehomed: int = 0


class Quarantined(NamedTuple):
    """An entry of the quarantine as it was kept; ``released`` once it has been applied."""

    quarantine_id: int
    gateway: str
    gateway_id: int | None
    site_id: int | None
    whole_segment: bool
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    code: str
    body: bytes | None
    released: bool


class Replay(NamedTuple):
    """One try to apply an entry of the quarantine: by whom, when, and what came of it."""

    replay_id: int
    quarantine_id: int
    gateway: str
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    was: str
    outcome: str
    code: str
    detail: str
    replayed_by: str
    replayed_at: int


QUARANTINE_KEY: Final = (int,)
"""The types of a quarantine row's ``key``."""


class QuarantineRow(NamedTuple):
    """One quarantined segment or event; ``key`` continues a listing after it."""

    quarantine_id: int
    gateway: str
    site: str | None
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    code: str
    detail: str
    size: int
    times: int
    received_at: int
    key: tuple[int, ...]
