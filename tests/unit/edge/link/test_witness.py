"""The gateway keeps what the cloud countersigned, and says when it cannot be true."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.link.witness import Witness
from edge.outbox.witness import WitnessState, witness_state
from shared.downlink import DailyHead, Offer, sign_message
from shared.ids import GatewayId
from tests.unit.edge.link.test_uplink import CLOUD_KEY, DOMAIN, GATEWAY, KEY, Site, header


class Desk:
    """A gateway's store with three sealed events, and who hears the cloud for it."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.announced = 0
        identity: Any = SimpleNamespace(
            cloud_key=CLOUD_KEY.public_key(), trust_domain=DOMAIN, gateway=GATEWAY
        )
        self.witness = Witness(
            self.site.database, lambda: identity, self.site.clock, self._announce
        )

    def _announce(self) -> None:
        self.announced += 1

    async def seal(self, events: int = 3) -> bytes:
        """The hash of the last event sealed."""
        await self.site.scans(events)
        sealed = await self.site.database.run(
            lambda connection: self.site.outbox.seal(connection, self.site.clock.now())
        )
        return header(sealed.body).last_hash

    def say(self, head: DailyHead, *, gateway: str = GATEWAY, key: Any = CLOUD_KEY) -> bool:
        return self.witness.heard(
            sign_message(
                key.sign,
                kid=bytes(8),
                trust_domain=DOMAIN,
                gateway=GatewayId(gateway),
                body=head,
                issued_at=0,
            )
        )

    async def settle(self) -> None:
        await asyncio.gather(*self.witness._keeping)

    @property
    def state(self) -> WitnessState | None:
        return witness_state(self.site.database.reader)

    @property
    def kept(self) -> int:
        reader = self.site.database.reader
        return int(reader.execute("SELECT count(*) FROM head_witness").fetchone()[0])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_head_that_agrees_is_kept_with_its_signed_bytes(desk: Desk) -> None:
    async def play() -> None:
        last = await desk.seal()
        assert desk.say(DailyHead("2025-11-20", 1, 1, 3, last))
        assert desk.say(DailyHead("2025-11-20", 1, 1, 3, last))
        await desk.settle()

    asyncio.run(play())
    assert desk.state == WitnessState("2025-11-20", 1, 1, 3, "")
    assert (desk.kept, desk.announced) == (1, 0)


@pytest.mark.parametrize(
    ("seq", "why"),
    [(3, "another event at epoch 1, sequence 3"), (9, "through 9, this database through 3")],
)
def test_a_head_that_contradicts_is_kept_and_said_aloud(desk: Desk, seq: int, why: str) -> None:
    async def play() -> None:
        await desk.seal()
        assert desk.say(DailyHead("2025-11-20", 1, 1, seq, bytes([7] * 32)))
        await desk.settle()

    asyncio.run(play())
    assert desk.state is not None
    assert why in desk.state.disagreed
    assert (desk.kept, desk.announced) == (1, 1)


def test_a_contradiction_is_told_until_another_epoch_is_in_force(desk: Desk) -> None:
    async def play() -> None:
        await desk.seal()
        desk.say(DailyHead("2025-11-20", 1, 1, 3, bytes(32)))
        await desk.settle()

    asyncio.run(play())
    assert desk.state is not None
    assert desk.state.disagreed
    desk.site.database.run_blocking(
        lambda connection: connection.execute("UPDATE head SET epoch = 2")
    )
    assert desk.state is not None
    assert desk.state.disagreed == ""
    assert desk.kept == 1, "the evidence stays"


def test_a_head_in_another_name_or_by_another_key_is_not_kept(desk: Desk) -> None:
    async def play() -> None:
        head = DailyHead("2025-11-20", 1, 1, 3, await desk.seal())
        assert not desk.say(head, gateway="gw-02")
        assert not desk.say(head, key=KEY)
        await desk.settle()

    asyncio.run(play())
    assert (desk.state, desk.kept) == (None, 0)


def test_an_offer_is_left_to_the_downlink(desk: Desk) -> None:
    offer = Offer("policy", 0, 1, bytes(32), 1)
    message = sign_message(
        CLOUD_KEY.sign,
        kid=bytes(8),
        trust_domain=DOMAIN,
        gateway=GATEWAY,
        body=offer,
        issued_at=0,
    )
    assert not desk.witness.heard(message)
