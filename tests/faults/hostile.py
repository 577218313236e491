"""F12 to F14: segments repeated, forged, forked, poisoned, by somebody with a certificate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.ids import GatewayId
from shared.segment import GENESIS
from shared.topics import topic
from tests.faults.evidence import segments_of
from tests.faults.fault import Fault, expect
from tests.faults.forger import Forger
from tests.faults.invariants import Known
from tests.faults.trial import Trial

_POISON_DELAYS_S = 5.0


def _repeated(trial: Trial, site: str) -> int:
    """Everything of late five times more, in any order, by a second session of the gateway."""
    forger = Forger(trial.house, site)
    trial.sleep(2.0)
    sent = 0
    for _ in range(1 if trial.short else 3):
        bodies = segments_of(trial.house.sites[site].folder, 6) * 5
        trial.rng.shuffle(bodies)
        forger.send(bodies)
        sent += len(bodies)
        trial.sleep(1.0)
    return sent


def _interleaved(trial: Trial, site: str) -> int:
    """Two sessions of one gateway take turns, one message each."""
    forger = Forger(trial.house, site)
    trial.sleep(1.0)
    turns = 4 if trial.short else 12
    for _ in range(turns):
        bodies = segments_of(trial.house.sites[site].folder, 3)
        forger.send([trial.rng.choice(bodies)] if bodies else [])
        trial.sleep(0.3)
    return turns


def _forged(trial: Trial, site: str) -> int:
    """Wrong key, another's key, an epoch nobody granted, flipped bits, another one's topic."""
    house = trial.house
    trial.scan(site, 30)
    trial.settled(site)
    own = segments_of(house.sites[site].folder)
    forger = Forger(house, site)
    stranger = Forger(house, site, Ed25519PrivateKey.generate())
    first = 10_001
    sent = {
        "segment.foreign": [
            _alone(stranger, first),
            *segments_of(house.sites["AMS1"].folder, 10),
        ],
        "segment.epoch": [_alone(forger, first, epoch=epoch) for epoch in (77, 2**31 - 1, 2**40)],
        "segment.signature": [
            _alone(forger, first, trust_domain="else.where"),
            _alone(stranger, first, kid=forger.identity.kid),
        ],
    }
    bodies = [body for some in sent.values() for body in some]
    flipped = [_flip(trial, trial.rng.choice(own)) for _ in range(20)]
    forger.send([*bodies, *flipped])
    with forger.connected() as peer:
        reason = peer.publish(topic(GatewayId("gw-ams1"), "seg"), own[0])
    expect(reason != "Success", f"publishing for another gateway: {reason}")
    trial.wait(
        lambda: sum(trial.quarantine(site).values()) >= len(bodies) + len(flipped),
        says="all of it is quarantined",
    )
    codes = trial.quarantine(site)
    for code, some in sent.items():
        expect(codes[code] >= len(some), f"{code}: {codes[code]} of {len(some)}")
    trial.scan(site, 10)
    return len(bodies) + len(flipped) + 1


def _alone(signer: Forger, seq: int, **over: Any) -> bytes:
    """One good event at this place, which follows nothing."""
    signer.seq, signer.last_hash = seq - 1, GENESIS
    return signer.segment([signer.good()], first_seq=seq, prev_hash=GENESIS, **over)


def _flip(trial: Trial, body: bytes) -> bytes:
    place = trial.rng.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << trial.rng.randrange(8))]) + body[place + 1 :]


def _forked(trial: Trial, site: str) -> int:
    """Signed with the gateway's own key over sequence numbers that stand already."""
    trial.scan(site, 30)
    trial.settled(site)
    forger = Forger(trial.house, site)
    forks: list[bytes] = []
    for first in (1, 2, 5, 11, 17):
        forger.seq, forger.last_hash = first - 1, GENESIS
        bodies = [forger.good(), forger.good()]
        forks.append(forger.segment(bodies, first_seq=first, prev_hash=GENESIS))
    forger.send(forks)
    trial.wait(
        lambda: trial.quarantine(site)["segment.fork"] >= len(forks), says="forks are quarantined"
    )
    expect("segment.fork" in trial.alarms(site), f"no alarm: {trial.alarms(site)}")
    return len(forks)


def _deep(levels: int) -> object:
    nested: object = 1
    for _ in range(levels):
        nested = [nested]
    return nested


POISON: dict[str, Callable[[Forger], bytes]] = {
    "unknown type": lambda forger: forger.odd(kind=99, data=[]),
    "type of another kind": lambda forger: forger.odd(kind="RECEIVED", data=[]),
    "no data": lambda forger: forger.odd(data=None),
    "data too short": lambda forger: forger.odd(data=[["COF-500"]]),
    "negative quantity": lambda forger: forger.odd(data=[["COF-500", -5], "DOCK-1"]),
    "a float": lambda forger: forger.odd(data=[["COF-500", 1.5], "DOCK-1"]),
    "not a number": lambda forger: forger.odd(data=[["COF-500", float("nan")], "DOCK-1"]),
    "huge integer": lambda forger: forger.odd(data=[["COF-500", 2**70], "DOCK-1"]),
    "deep nesting": lambda forger: forger.odd(data=_deep(200)),
    "a NUL in a lot": lambda forger: forger.odd(data=[["COF-500", 1, "L\0T"], "DOCK-1"]),
    "unknown item": lambda forger: forger.odd(data=[["NOWHERE-1", 1], "DOCK-1"]),
    "unknown location": lambda forger: forger.odd(data=[["COF-500", 1], "MOON-1"]),
}


def _poisoned(trial: Trial, site: str) -> int:
    """Verified and inapplicable, among good events, in a chain without a gap."""
    house = trial.house
    trial.known[site] = known = Known(gateway=False, stock_differs=True)
    forger = Forger(house, site)
    segments: list[bytes] = []
    for make in POISON.values():
        first_seq, prev_hash = forger.seq + 1, forger.last_hash
        bodies = [forger.good(), make(forger), forger.good()]
        segments.append(forger.segment(bodies, first_seq=first_seq, prev_hash=prev_hash))
    known.strangers.update(forger.made)
    with forger.connected() as peer:
        for body in segments:
            peer.publish(topic(GatewayId(forger.gateway), "seg"), body)
    began = time.monotonic()
    trial.wait(lambda: trial.head(site) == forger.seq, says="the chain is complete")
    took = time.monotonic() - began
    expect(took < _POISON_DELAYS_S, f"I7 poison delayed others by {took:.1f} s")
    aside = trial.quarantine(site)
    expect(sum(aside.values()) == len(POISON), f"set aside: {dict(aside)}")
    with house.database() as connection:
        rows = connection.execute(
            "SELECT event_id::text FROM movement m JOIN gateway USING (gateway_id) WHERE name = %s",
            [forger.gateway],
        ).fetchall()
    applied = Counter(event for (event,) in rows)
    expect(applied == Counter(forger.made), f"{len(applied)} of {len(forger.made)} are applied")
    return len(POISON)


def _oversized(trial: Trial, site: str) -> int:
    """Rubbish of every size, up to 10 MB; the broker ends the connection for the largest."""
    trial.scan(site, 5)
    forger = Forger(trial.house, site)
    rubbish = [
        b"",
        b"\0" * 100,
        trial.rng.randbytes(1000),
        cbor2.dumps(_deep(500)),
        b"\xd2\x84" + b"\x81" * 5000,
        bytes(131_000),
        cbor2.dumps({"a": [1.5] * 1000}),
    ]
    forger.send(rubbish)
    with forger.connected() as peer:
        peer._client.publish(topic(GatewayId(forger.gateway), "seg"), bytes(10_000_000), qos=1)
        trial.wait(peer.closed.is_set, says="the broker ends the session over 10 MB")
    trial.wait(
        lambda: sum(trial.quarantine(site).values()) >= len(rubbish) - 1, says="it is quarantined"
    )
    trial.scan(site, 5)
    return len(rubbish) + 1


FAULTS: list[Fault] = [
    Fault("segments repeated five times, in any order", "F12", "floor", _repeated),
    Fault("two sessions of one gateway interleaved", "F12", "floor", _interleaved),
    Fault("forged, foreign and flipped segments", "F13", "cell", _forged),
    Fault("same sequence, other hash, own key", "F13", "cell", _forked),
    Fault("signed poison of every kind", "F14", "vacant", _poisoned),
    Fault("rubbish, 10 MB, deep nesting", "F14", "cell", _oversized),
]
