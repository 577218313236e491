"""Those who send what they should not, and gateways that send what cannot be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2

from edge.db import Connection
from shared.cose import key_id
from shared.events import Line, Received, encode_event, event_hash
from shared.ids import GatewayId
from shared.segment import GENESIS, seal
from tests.simulation.cloud import TRUST_DOMAIN
from tests.simulation.keys import PrivateKey
from tests.simulation.network import segments_of

if TYPE_CHECKING:
    from tests.simulation.gateway import Gateway
    from tests.simulation.world import World

_STOLEN = PrivateKey("stolen")


def _segment(
    world: World, name: str, key: PrivateKey, *, kid: bytes, epoch: int = 1,
    first: int = 1, prev: bytes = GENESIS, number: int = 1,
) -> bytes:  # fmt: skip
    """Well-formed events that nobody scanned."""
    bodies: list[bytes] = []
    previous = prev
    for offset in range(number):
        body = encode_event(
            Received(Line("SKU-0", 1_000), "L0"), event_id=world.new_id(), occurred_at=1,
            seq=first + offset, prev_hash=previous, device="mallory", clock_state=1,
        )  # fmt: skip
        previous = event_hash(body)
        bodies.append(body)
    return seal(
        key.sign, kid=kid, trust_domain=TRUST_DOMAIN, gateway=GatewayId(name), epoch=epoch,
        first_seq=first, prev_hash=prev, events=bodies,
    )  # fmt: skip


def forged(world: World) -> bool:
    """The right key id, another key's signature."""
    name = world.rng.choice(world.names)
    kid = key_id(world.machines[0].identity.key.public_key())
    body = _segment(world, name, _STOLEN, kid=kid, first=world.rng.randint(1, 90))
    world.broker.take(segments_of(name), body)
    return True


def foreign(world: World) -> bool:
    """Another gateway's segment on this one's topic, and a key that nobody registered."""
    name = world.rng.choice(world.names)
    body = _segment(world, name, _STOLEN, kid=key_id(_STOLEN.public_key()))
    world.broker.take(segments_of(name), body)
    for topic, payload in world.broker.tap[-3:]:
        for other in world.names:
            if topic != segments_of(other):
                world.broker.take(segments_of(other), payload)
    return True


def bit_flipped(world: World) -> bool:
    """A segment that passed by, one bit changed."""
    if not world.broker.tap:
        return False
    topic, payload = world.rng.choice(world.broker.tap)
    at = world.rng.randrange(len(payload))
    world.broker.take(topic, payload[:at] + bytes([payload[at] ^ 4]) + payload[at + 1 :])
    return True


def replayed(world: World) -> bool:
    """Segments that passed by, again and again."""
    for topic, payload in world.rng.choices(world.broker.tap, k=3) if world.broker.tap else ():
        world.broker.take(topic, payload)
    return bool(world.broker.tap)


def other_hash_for_a_known_sequence(world: World) -> bool:
    """Signed with the gateway's own key, over numbers that the cloud has already."""
    stored = sorted(world.cloud.database.tables.segments)
    if not stored:
        return False
    gateway_id, epoch, first = world.rng.choice(stored)
    name = world.names[gateway_id - 1]
    machine = next(m for m in world.machines if m.name == name)
    key = machine.identity.key
    body = _segment(
        world, name, key, kid=key_id(key.public_key()), epoch=epoch, first=first, number=2
    )
    world.broker.take(segments_of(name), body)
    return True


def epoch_never_granted(world: World) -> bool:
    """Signed with the gateway's own key, in an epoch of its own making."""
    machine = world.rng.choice(world.machines)
    key = machine.identity.key
    body = _segment(world, machine.name, key, kid=key_id(key.public_key()), epoch=77)
    world.broker.take(segments_of(machine.name), body)
    return True


def rubbish(world: World) -> bool:
    """Not a segment at all: too large, too deep, noise."""
    topic = segments_of(world.rng.choice(world.names))
    for payload in (bytes(140_000), b"\xd2\x84" + b"\x81" * 500, world.rng.randbytes(80)):
        world.broker.take(topic, payload)
    return True


def item_unknown_to_the_cloud(world: World) -> bool:
    """A good event about an item that the catalog does not have."""
    event = world.new_id()
    world.oracle.beats.add(event)
    machine = world.rng.choice(world.machines)
    return machine.record(Received(Line("SKU-X", 1), "L0"), event) is not None


def event_of_a_newer_version(world: World) -> bool:
    """A gateway with newer software states something that this cloud cannot read."""
    return _state(world, {2: 99})


def event_with_a_bad_schema(world: World) -> bool:
    """A field of the wrong type, in a signed and chained event."""
    return _state(world, {8: ["not", "a", "line", world.rng.random()]})


def _state(world: World, change: dict[int, object]) -> bool:
    machine: Gateway = world.rng.choice(world.machines)
    if not machine.running:
        return False
    event = world.new_id()
    world.oracle.beats.add(event)
    outbox = machine.outbox

    def unit(connection: Connection) -> None:
        last_seq, last_hash = outbox._last or outbox._load_last(connection)
        good = encode_event(
            Received(Line("SKU-0", 1), "L0"), event_id=event, occurred_at=1, seq=last_seq + 1,
            prev_hash=last_hash, device="sc-1", clock_state=1,
        )  # fmt: skip
        body = cbor2.dumps(cbor2.loads(good) | change)
        outbox._put_off.append((last_seq + 1, body))
        outbox._last = (last_seq + 1, event_hash(body))

    machine.database.submit(unit)
    return True


def gateway_revoked(world: World) -> bool:
    """The registry no longer trusts it; what it sends from now on is set aside."""
    if world.rng.random() < 0.5:
        return False
    name = world.rng.choice(world.names)
    database = world.cloud.database
    if name not in world.stored_when_revoked:
        world.stored_when_revoked[name] = set(database.ever_stored)
    database.revoke(name)
    world.distrusted.add(name)
    return True


ALL = (
    forged, foreign, bit_flipped, replayed, other_hash_for_a_known_sequence, epoch_never_granted,
    rubbish, item_unknown_to_the_cloud, event_of_a_newer_version, event_with_a_bad_schema,
    gateway_revoked,
)  # fmt: skip
