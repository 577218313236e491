"""What a damaged disk took is said to the cloud: once, first of all, range by range."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edge.app import recovery, store
from edge.app.recovery import STATUS, Damage
from edge.link.durable import replace_file
from edge.link.epoch import GRANT
from edge.outbox.statements import Statement, statement_id
from shared.enrolment import EpochGranted
from shared.events import EpochOpened, Event, EventsCarried, EventsLost, decode_event
from shared.ids import GatewayId
from shared.segment import GENESIS, header, parse
from tests.support.damage import flip_bit_in, make_illegible
from tests.unit.edge.app.test_recovery import COVERED, SEALED, WAITING, Gateway

NAME = GatewayId("gw-01")
LAST = COVERED + SEALED + WAITING


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Gateway:
    return Gateway(tmp_path, pki)


def flip_waiting(gateway: Gateway, seq: int) -> None:
    flip_bit_in(gateway.database, gateway.body("SELECT body FROM waiting WHERE seq = ?", seq))


def grant(gateway: Gateway, epoch: int, reached: int) -> None:
    """As the cloud answers a gateway that lost its database."""
    answer = EpochGranted(
        gateway=NAME,
        epoch=epoch,
        previous_epoch=epoch - 1,
        previous_seq=reached,
        previous_hash=GENESIS,
        reason="lost",
    )
    replace_file(gateway.data / "identity" / GRANT, msgspec.json.encode(answer))


def said(gateway: Gateway) -> list[Event]:
    """Everything that stands in the outbox, in order, sealed or not."""
    with store.opened(gateway.data) as opened:
        unit = opened.database.run_blocking
        while unit(lambda c: opened.outbox.seal(c, 1)) is not None:
            pass
        rows = opened.database.reader.execute(
            "SELECT body FROM segment WHERE epoch > 1 ORDER BY epoch, first_seq"
        ).fetchall()
        waiting = opened.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    bodies = [body for (segment,) in rows for body in header(parse(segment)).events]
    return [decode_event(body) for body in [*bodies, *(body for (body,) in waiting)]]


def statements(events: list[Event]) -> list[Statement]:
    return [event.data for event in events if isinstance(event.data, EventsLost | EventsCarried)]


def test_the_first_events_of_the_new_epoch_say_what_was_lost_and_what_goes_on(
    gateway: Gateway,
) -> None:
    seq = COVERED + SEALED + 7
    flip_waiting(gateway, seq)
    damage = gateway.recover()
    grant(gateway, 2, COVERED)

    events = said(gateway)

    assert isinstance(events[0].data, EpochOpened)
    assert [event.data for event in events[1:4]] == [
        EventsLost(1, seq, seq, STATUS, "a test"),
        EventsCarried(1, COVERED + 1, seq - 1, STATUS),
        EventsCarried(1, seq + 1, LAST, STATUS),
    ]
    assert [event.data for event in events[1:4]] == damage.statements()
    assert [event.id for event in events[1:4]] == [
        statement_id(NAME, each, damage.at) for each in damage.statements()
    ]
    assert {event.device for event in events[:4]} == {NAME}
    assert len(events) == 1 + 3 + SEALED + WAITING - 1 + 1


def test_restarts_say_nothing_more(gateway: Gateway) -> None:
    flip_waiting(gateway, COVERED + SEALED + 7)
    gateway.recover()
    before = said(gateway)
    grant(gateway, 2, COVERED)
    assert len(statements(said(gateway))) == len(statements(before)) == 3
    assert said(gateway) == said(gateway)


def test_what_the_cloud_has_is_neither_lost_nor_carried(gateway: Gateway) -> None:
    gateway.checkpoint()
    body = gateway.body("SELECT body FROM segment WHERE first_seq = 1")
    flip_bit_in(gateway.database, body[100:200])
    damage = gateway.recover()
    assert damage.statements() == [EventsCarried(1, COVERED + 1, LAST, STATUS)]


def test_where_nothing_can_be_read_the_whole_range_is_said_to_be_lost(gateway: Gateway) -> None:
    gateway.checkpoint()
    make_illegible(gateway.database)
    gateway.recover()
    grant(gateway, 2, COVERED)
    (lost,) = statements(said(gateway))
    assert lost == EventsLost(1, COVERED + 1, LAST, STATUS, "a test")


def test_an_end_that_nobody_knows_is_said_to_be_unknown_and_only_once(gateway: Gateway) -> None:
    gateway.checkpoint()
    make_illegible(gateway.database)
    (gateway.data / "gateway.db-head").unlink()
    damage = gateway.recover()
    assert damage.unknown_from == [(1, 1)]
    grant(gateway, 2, COVERED)
    (lost,) = statements(said(gateway))
    assert lost == EventsLost(1, 1, None, STATUS, "a test")


def test_a_second_damage_says_its_own_and_carries_the_first_ones_words(gateway: Gateway) -> None:
    first = COVERED + SEALED + 7
    flip_waiting(gateway, first)
    gateway.recover()
    grant(gateway, 2, COVERED)
    said(gateway)
    again = gateway.recover()
    assert again.lost == []
    grant(gateway, 3, 0)
    events = said(gateway)
    told = statements(events)
    assert told.count(EventsLost(1, first, first, STATUS, "a test")) == 1
    assert told[0] == EventsCarried(2, 1, 1 + 3 + SEALED + WAITING, STATUS)
    assert len({event.id for event in events}) == len(events)


def test_words_that_may_be_lost_themselves_are_said_again_under_their_ids(
    gateway: Gateway,
) -> None:
    first = COVERED + SEALED + 7
    flip_waiting(gateway, first)
    damage = gateway.recover()
    flip_waiting(gateway, 1)  # no epoch has been granted: the first word waits as number 1
    again = gateway.recover()
    assert again.lost == [(0, 1, 1)]
    grant(gateway, 2, COVERED)

    events = said(gateway)

    told = statements(events)
    assert told[:2] == [EventsLost(0, 1, 1, STATUS, "a test"), *damage.statements()[:1]]
    assert told.count(EventsLost(1, first, first, STATUS, "a test")) == 1
    ids = [event.id for event in events if isinstance(event.data, EventsLost | EventsCarried)]
    known = {statement_id(NAME, each, damage.at) for each in damage.statements()}
    assert known < set(ids)
    assert len(ids) == len(set(ids)), "what survived is not said again"


def test_a_damage_from_before_this_was_said_is_still_read(gateway: Gateway) -> None:
    gateway.recover()
    (file,) = gateway.data.glob("gateway.db.damaged-*.json")
    told = msgspec.json.decode(file.read_bytes())
    del told["carried"], told["unknown_from"]
    file.write_bytes(msgspec.json.encode(told))
    (damage,) = recovery.damages(gateway.data)
    assert isinstance(damage, Damage)
    assert damage.statements() == []
