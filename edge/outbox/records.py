"""What the outbox is given and what it tells."""

from __future__ import annotations

from typing import NamedTuple

from edge.outbox.reading import Sealed
from shared.cose import Sign
from shared.events import EpochOpened
from shared.ids import GatewayId


class Signer(NamedTuple):
    """Who signs, and for which epoch: what the outbox needs of the gateway's identity."""

    sign: Sign
    kid: bytes
    trust_domain: str
    gateway: GatewayId
    epoch: int


class Opening(NamedTuple):
    """The first event of a new epoch, to be made."""

    data: EpochOpened
    event_id: bytes
    clock_state: int


class Acknowledged(NamedTuple):
    """What a watermark did: was it news, which segments are wanted again, why it froze."""

    news: bool
    again: list[Sealed]
    frozen: str = ""


class Depth(NamedTuple):
    """How full the outbox is, and where it stands."""

    epoch: int
    seq: int
    waiting: int
    unacknowledged_segments: int
    unacknowledged_events: int
    watermark: int
    frozen: str
