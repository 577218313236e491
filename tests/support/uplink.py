"""A gateway's hand in tests: makes chained events and seals them, without its database."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cose import key_id
from shared.events import EventData, encode_event, event_hash
from shared.ids import GatewayId
from shared.segment import GENESIS, seal

if TYPE_CHECKING:
    from cloud.db import Connection

TRUST_DOMAIN = "quartermaster.local"


def scan_id(millis: int, number: int, rng: random.Random) -> bytes:
    """A UUIDv7 of the ``number``-th scan in that millisecond."""
    tail = rng.getrandbits(62)
    return (millis << 80 | 7 << 76 | (number & 0xFFF) << 64 | 2 << 62 | tail).to_bytes(16, "big")


@dataclass
class Hand:
    """One gateway's key and the head of its chain."""

    name: str
    epoch: int = 1
    seed: int = 1
    seq: int = 0
    prev_hash: bytes = GENESIS
    key: Ed25519PrivateKey = field(init=False)
    made: dict[int, EventData] = field(default_factory=dict)

    def __post_init__(self) -> None:
        secret = hashlib.sha256(f"{self.name}/{self.seed}".encode()).digest()
        self.key = Ed25519PrivateKey.from_private_bytes(secret)
        self.rng = random.Random(f"{self.name}/{self.seed}/{self.epoch}")

    @property
    def kid(self) -> bytes:
        return key_id(self.key.public_key())

    def event(
        self, data: EventData, *, event_id: bytes | None = None, device: str = "sc-1"
    ) -> bytes:
        """The next event's bytes."""
        self.seq += 1
        self.made[self.seq] = data
        body = encode_event(
            data,
            event_id=event_id or scan_id(1_763_650_000_000 + self.seq, self.seq, self.rng),
            occurred_at=1_763_650_000_000_000 + self.seq,
            seq=self.seq,
            prev_hash=self.prev_hash,
            device=device,
            clock_state=1,
        )
        self.prev_hash = event_hash(body)
        return body

    def seal(self, bodies: list[bytes], *, first_seq: int, prev_hash: bytes, **over: Any) -> bytes:
        """Sign these bodies as they are."""
        given: dict[str, Any] = {
            "kid": self.kid,
            "trust_domain": TRUST_DOMAIN,
            "gateway": GatewayId(self.name),
            "epoch": self.epoch,
        }
        return seal(
            self.key.sign, first_seq=first_seq, prev_hash=prev_hash, events=bodies, **given | over
        )

    def segment(self, *data: EventData, **over: Any) -> bytes:
        """The next segment, holding these facts."""
        first_seq, prev_hash = self.seq + 1, self.prev_hash
        bodies = [self.event(item) for item in data]
        return self.seal(bodies, first_seq=first_seq, prev_hash=prev_hash, **over)


def stage(connection: Connection, hands: list[Hand], *, items: int = 5, locations: int = 4) -> None:
    """Enter one site per hand with locations L0…, the items SKU-0…, and the gateways, active."""
    connection.execute(
        "INSERT INTO item (sku, name) SELECT 'SKU-' || n, 'Item ' || n "
        "FROM generate_series(0, %s - 1) n ON CONFLICT DO NOTHING",
        [items],
    )
    for hand in hands:
        site = f"S-{hand.name}"
        connection.execute("INSERT INTO site (code) VALUES (%s) ON CONFLICT DO NOTHING", [site])
        connection.execute(
            "INSERT INTO location (site_id, code) SELECT site_id, 'L' || n FROM site, "
            "generate_series(0, %s - 1) n WHERE site.code = %s ON CONFLICT DO NOTHING",
            [locations, site],
        )
        connection.execute(
            "INSERT INTO gateway (name, site_id, status, created_at) "
            "SELECT %s, site_id, 'active', now() FROM site WHERE code = %s ON CONFLICT DO NOTHING",
            [hand.name, site],
        )
        connection.execute(
            "INSERT INTO gateway_key (kid, gateway_id, public_key, registered_at) "
            "SELECT %s, gateway_id, %s, now() FROM gateway WHERE name = %s ON CONFLICT DO NOTHING",
            [hand.kid, hand.key.public_key().public_bytes_raw(), hand.name],
        )
        connection.execute(
            "INSERT INTO gateway_epoch SELECT gateway_id, %s, now(), 'test' FROM gateway "
            "WHERE name = %s ON CONFLICT DO NOTHING",
            [hand.epoch, hand.name],
        )
