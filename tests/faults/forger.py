"""Somebody who holds a gateway's keys, or another's, and sends whatever serves him."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils import uuid7

from edge.link.identity import Identity
from edge.simulator.floor import DOCK
from shared.cose import key_id
from shared.events import Line, Received, encode_event, event_hash
from shared.ids import GatewayId
from shared.segment import GENESIS, seal
from shared.topics import topic
from tests.faults.house import House
from tests.support.mqtt import Peer

OCCURRED_AT = 1_763_650_000_000_000


class Forger:
    """Signs and sends in a gateway's name; ``key`` is its own unless another is given."""

    def __init__(self, house: House, site: str, key: Ed25519PrivateKey | None = None) -> None:
        self._house = house
        self.identity = Identity.load(house.sites[site].folder / "identity")
        self.key = key or self.identity.event_key
        self.gateway = self.identity.gateway
        self.seq = 0
        self.last_hash = GENESIS
        self.made: list[str] = []
        """Ids of the events made here that can be applied."""

    def good(self, units: int = 1, sku: str = "COF-500", **over: Any) -> bytes:
        """The next event of the chain: goods received."""
        event_id = UUID(str(uuid7()))
        self.made.append(str(event_id))
        return self._chained(
            encode_event(
                Received(Line(sku, units), over.get("location", DOCK)),
                event_id=event_id.bytes,
                occurred_at=OCCURRED_AT + self.seq,
                seq=self.seq + 1,
                prev_hash=self.last_hash,
                device="forger",
                clock_state=1,
            )
        )

    def odd(self, kind: object = 1, data: object = None) -> bytes:
        """The next event of the chain, with any type and any data."""
        fields = {
            0: 1,
            1: UUID(str(uuid7())).bytes,
            2: kind,
            3: OCCURRED_AT + self.seq,
            4: self.seq + 1,
            5: self.last_hash,
            6: "forger",
            7: 1,
            8: data,
        }
        return self._chained(cbor2.dumps(fields))

    def _chained(self, body: bytes) -> bytes:
        self.seq += 1
        self.last_hash = event_hash(body)
        return body

    def segment(
        self, bodies: Sequence[bytes], *, first_seq: int, prev_hash: bytes, **over: Any
    ) -> bytes:
        """Sign these bodies."""
        given: dict[str, Any] = {
            "kid": key_id(self.key.public_key()),
            "trust_domain": self.identity.trust_domain,
            "gateway": GatewayId(self.gateway),
            "epoch": self.identity.epoch,
        }
        return seal(
            self.key.sign,
            first_seq=first_seq,
            prev_hash=prev_hash,
            events=list(bodies),
            **given | over,
        )

    @contextmanager
    def connected(self) -> Iterator[Peer]:
        """Connected with the gateway's own certificate: its own session ends by this."""
        tls = _context(self._house.ca, self.identity.tls_certificate, self.identity.tls_key)
        with Peer(self.gateway, tls, self._house.broker.gateway_port) as peer:
            assert peer.connected.is_set(), peer.refused
            yield peer

    def send(self, bodies: Sequence[bytes]) -> None:
        """Publish these messages as this gateway's segments."""
        with self.connected() as peer:
            for body in bodies:
                peer.publish(topic(GatewayId(self.gateway), "seg"), body)


def _context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.load_cert_chain(certificate, key)
    return context
