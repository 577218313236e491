"""Whose word the uplink believes, how patient it is, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.ids import GatewayId


class Cloud(NamedTuple):
    """Whose word is believed, and to whom it is addressed."""

    gateway: GatewayId
    trust_domain: str
    key: Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much may be in flight (segments) and how long is waited (seconds)."""

    window: int = 16
    resend: float = 5.0
    watchdog: float = 30.0


DEFAULT_PACE: Final = Pace()


@dataclass(slots=True)
class UplinkCounts:
    """What happened since the process started."""

    segments: int = 0
    events: int = 0
    resent: int = 0
    watermarks: int = 0
    watchdog: int = 0
    seconds_to_covered: float = 0.0
    refused: Counter[str] = field(default_factory=Counter[str])
