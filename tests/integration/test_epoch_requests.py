"""Epochs are asked for over real HTTPS, of a real database, by a gateway's own files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud.cli.gateways import app as gateways_command
from cloud.db import unit_of_work
from cloud.exceptions import open_cases
from cloud.gateways import epochs, service
from cloud.gateways.model import MeetingPoints
from cloud.ingest.service import known_head
from edge.link import enrolment, epoch
from edge.link.epoch_request import Wish, ask
from edge.link.identity import Identity
from shared.enrolment import RENEWABLE, EpochGranted
from shared.errors import QuartermasterError
from shared.segment import GENESIS
from shared.units import DAY, MINUTE, SECOND
from tests.support import FakeClock, WallClock
from tests.support.desk import Desk, serving

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

HASH = bytes(range(32))
LOST = Wish("lost", 1)
FROZEN = Wish("frozen", 1, 40, HASH)


class Gateway:
    """An enrolled gateway's identity folder, and nonces."""

    def __init__(self, desk: Desk, folder: Path, name: str = "gw-1") -> None:
        self.desk = desk
        self.folder = folder
        self.name = name
        enrolment.enrol(folder, desk.slip(name), api_url=desk.url, clock=desk.clock)
        self._nonce = 0

    @property
    def identity(self) -> Identity:
        return Identity.load(self.folder)

    def ask(self, wish: Wish) -> EpochGranted:
        self._nonce += 1
        fresh = self._nonce.to_bytes(16, "big")
        return ask(self.folder, self.identity, wish, fresh=fresh)

    def refused(self, wish: Wish) -> str:
        with pytest.raises(QuartermasterError) as refusal:
            self.ask(wish)
        return refusal.value.code

    def epochs(self) -> list[tuple[Any, ...]]:
        return self.desk.rows(
            "SELECT epoch, reason, previous_epoch, previous_seq, awaited FROM gateway_epoch "
            f"JOIN gateway USING (gateway_id) WHERE name = '{self.name}' ORDER BY epoch"
        )

    def head(self, number: int, seq: int) -> None:
        """Let the cloud have an epoch through ``seq``."""
        with self.desk.pool.connection() as connection:
            connection.execute(
                "INSERT INTO gateway_head (gateway_id, epoch, contiguous_seq, head_hash, "
                "advanced_at) SELECT gateway_id, %s, %s, %s, now() FROM gateway WHERE name = %s",
                [number, seq, HASH, self.name],
            )

    def decide(self, **over: Any) -> int:
        with unit_of_work(self.desk.pool) as connection:
            given: dict[str, Any] = {"heads": known_head, "now": self.desk.clock.now()}
            return epochs.decide_epoch(connection, self.name, "looked into", **given | over).epoch

    def cases(self) -> dict[str, int]:
        with unit_of_work(self.desk.pool) as connection:
            return {case.code: case.times for case in open_cases(connection)}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(WallClock().now())


@pytest.fixture
def desk(pool: ConnectionPool[Connection], pki: Path, clock: FakeClock) -> Iterator[Desk]:
    meeting = MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://localhost:1")
    with serving(Desk(pool, pki, clock, meeting)) as desk:
        yield desk


@pytest.fixture
def gateway(desk: Desk, tmp_path: Path) -> Gateway:
    return Gateway(desk, tmp_path / "identity")


def test_a_lost_database_gets_the_next_epoch_with_the_head_that_the_cloud_knows(
    gateway: Gateway,
) -> None:
    gateway.head(1, 41)
    granted = gateway.ask(LOST)
    assert granted == EpochGranted(
        gateway="gw-1",
        epoch=2,
        previous_epoch=1,
        previous_seq=41,
        previous_hash=HASH,
        reason="lost",
    )
    assert epoch.granted(gateway.folder) == granted
    assert gateway.identity.epoch == 2
    assert gateway.epochs()[1:] == [(2, "lost", 1, 41, False)]
    assert gateway.cases() == {"epoch.opened": 1}


def test_an_epoch_of_which_the_cloud_has_nothing_ends_in_the_genesis(gateway: Gateway) -> None:
    granted = gateway.ask(LOST)
    assert (granted.previous_seq, granted.previous_hash) == (0, GENESIS)


def test_a_lost_answer_is_given_again_and_grants_nothing_more(gateway: Gateway) -> None:
    gateway.desk.lose_answers = True
    assert gateway.refused(LOST) == "cloud.unreachable"
    assert epoch.granted(gateway.folder) is None
    gateway.desk.lose_answers = False
    assert gateway.ask(LOST).epoch == 2
    assert [row[0] for row in gateway.epochs()] == [1, 2]
    assert not (gateway.folder / epoch.PENDING).exists()
    assert gateway.cases() == {"epoch.opened": 1}


def test_a_request_that_was_answered_long_ago_is_not_answered_again(gateway: Gateway) -> None:
    fresh = b"n" * 16
    ask(gateway.folder, gateway.identity, LOST, fresh=fresh)
    gateway.ask(Wish("lost", 2))
    with pytest.raises(QuartermasterError, match=r"epoch\.proof"):
        ask(gateway.folder, gateway.identity, LOST, fresh=fresh)
    assert not (gateway.folder / epoch.PENDING).exists(), "the next wish gets a fresh nonce"
    assert gateway.ask(Wish("lost", 3)).epoch == 4


@pytest.mark.parametrize(
    "wish",
    [FROZEN, Wish("restored", 1, 9, HASH), Wish("lost", 7)],
    ids=["frozen", "restored", "speaks of an epoch that the cloud does not know"],
)
def test_a_disputed_past_waits_for_a_person_and_raises_a_case(gateway: Gateway, wish: Wish) -> None:
    assert gateway.refused(wish) == "epoch.undecided"
    assert gateway.refused(wish) == "epoch.undecided"
    assert [row[0] for row in gateway.epochs()] == [1]
    assert gateway.cases() == {"epoch.undecided": 2}
    assert gateway.identity.epoch == 1


def test_a_gateway_whose_epoch_has_two_histories_may_not_call_it_lost(gateway: Gateway) -> None:
    with gateway.desk.pool.connection() as connection:
        connection.execute(
            "INSERT INTO quarantine (gateway, gateway_id, whole_segment, epoch, code, detail, "
            "sha256, size, received_at, last_at) SELECT name, gateway_id, true, 1, "
            "'segment.fork', '', %s, 0, now(), now() FROM gateway",
            [HASH],
        )
    assert gateway.refused(LOST) == "epoch.undecided"
    gateway.decide()
    assert gateway.ask(LOST).epoch == 2
    assert gateway.ask(Wish("lost", 2)).epoch == 3, "the new epoch is undisputed"


def test_a_decision_waits_for_the_gateway_and_is_given_once(gateway: Gateway, desk: Desk) -> None:
    assert gateway.refused(FROZEN) == "epoch.undecided"
    assert gateway.decide() == gateway.decide() == 2
    with desk.pool.connection() as connection:
        assert service.lookup(connection, ["gw-1"])[gateway.identity.gateway].epochs == {1}
        assert service.get(connection, "gw-1").epoch == 1
    gateway.head(1, 60)
    granted = gateway.ask(FROZEN)
    assert (granted.epoch, granted.previous_seq, granted.reason) == (2, 60, "looked into")
    with desk.pool.connection() as connection:
        assert service.lookup(connection, ["gw-1"])[granted.gateway].epochs == {1, 2}  # type: ignore[index]
    assert gateway.refused(FROZEN) == "epoch.undecided", "a copy that asks, too, gets nothing"
    assert [row[0] for row in gateway.epochs()] == [1, 2]


def test_a_renewal_or_enrolment_takes_no_decided_epoch_along(gateway: Gateway) -> None:
    gateway.decide()
    assert enrolment.renew(gateway.folder).epoch == 1
    slip = gateway.desk.new_slip("gw-1")
    again = enrolment.enrol(
        gateway.folder, slip, api_url=gateway.desk.url, clock=gateway.desk.clock
    )
    assert again.epoch == 1
    assert gateway.ask(FROZEN).epoch == 2
    assert enrolment.renew(gateway.folder).epoch == 2


def test_a_restored_cloud_counts_on_from_what_the_gateway_has_used(gateway: Gateway) -> None:
    assert gateway.refused(Wish("frozen", 6, 3, HASH)) == "epoch.undecided"
    assert gateway.decide() == 2
    assert gateway.ask(Wish("frozen", 6, 3, HASH)).epoch == 7


def test_a_forgotten_epoch_is_entered_by_its_number(gateway: Gateway) -> None:
    assert gateway.decide(number=4) == 4
    assert gateway.epochs()[-1] == (4, "looked into", 1, 0, False)
    with pytest.raises(QuartermasterError, match=r"request\.conflict"):
        gateway.decide(number=3)


def test_once_an_epoch_has_begun_the_one_before_is_closed_after_ten_minutes(
    gateway: Gateway, clock: FakeClock
) -> None:
    def closed() -> frozenset[int]:
        with gateway.desk.pool.connection() as connection:
            return service.lookup(connection, ["gw-1"])[gateway.identity.gateway].closed

    now = clock.now()
    clock.set(now - 9 * MINUTE)  # the database's own clock tells when it is closed
    gateway.ask(LOST)
    assert closed() == set()
    clock.set(now - 11 * MINUTE)
    gateway.ask(Wish("lost", 2))
    assert closed() == {2}


def test_a_broken_gateway_cannot_use_up_numbers(gateway: Gateway, clock: FakeClock) -> None:
    for number in range(1, 12):  # the enrolment's is the twelfth
        gateway.ask(Wish("lost", number))
    assert gateway.refused(Wish("lost", 12)) == "request.too-many"
    with pytest.raises(QuartermasterError, match=r"request\.too-many"):
        gateway.decide()
    clock.advance(DAY + SECOND)
    assert gateway.ask(Wish("lost", 12)).epoch == 13


def test_both_keys_in_force_must_sign(gateway: Gateway, desk: Desk, tmp_path: Path) -> None:
    other = Gateway(desk, tmp_path / "other", "gw-2")
    for key in ("event.key", "tls.key"):
        path = gateway.folder / "current" / key
        own = path.read_bytes()
        path.write_bytes((other.folder / "current" / key).read_bytes())
        assert gateway.refused(LOST) == "epoch.proof"
        path.write_bytes(own)
    assert gateway.epochs() == [(1, "enrolment", None, None, False)]
    assert gateway.cases() == {}


def test_an_ended_certificate_still_proves_for_ninety_days(
    gateway: Gateway, clock: FakeClock
) -> None:
    clock.set(gateway.identity.not_after + RENEWABLE + SECOND)
    assert gateway.refused(LOST) == "renew.too-late"
    clock.set(gateway.identity.not_after + RENEWABLE - SECOND)
    assert gateway.ask(LOST).epoch == 2


def test_a_revoked_gateway_gets_no_epoch(gateway: Gateway) -> None:
    gateway.decide()
    gateway.desk.revoke("gw-1")
    assert gateway.refused(FROZEN) == "gateway.revoked"
    with pytest.raises(QuartermasterError, match=r"gateway\.revoked"):
        gateway.decide()


def test_a_new_event_key_after_a_revocation_comes_after_an_undelivered_decision(
    gateway: Gateway,
) -> None:
    gateway.decide()
    gateway.desk.revoke("gw-1")
    slip = gateway.desk.new_slip("gw-1")
    back = enrolment.enrol(
        gateway.folder,
        slip,
        api_url=gateway.desk.url,
        clock=gateway.desk.clock,
        new_event_key=True,
    )
    assert back.epoch == 3


@pytest.mark.usefixtures("gateway")
def test_the_command_decides(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(gateways_command, ["epoch", "gw-1", *arguments, "--json"])
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout.splitlines()[-1])

    with pytest.raises(QuartermasterError, match="a reason"):
        run("--reason", " ")
    assert run("--reason", "clone removed") == {
        "gateway": "gw-1",
        "epoch": 2,
        "awaited": True,
        "previous_epoch": 1,
        "previous_seq": 0,
        "reason": "clone removed",
    }


def test_a_torn_note_of_use_cannot_be(tmp_path: Path) -> None:
    for number in (1, 3, 2):
        epoch.note_use(tmp_path, number)
    assert epoch.used(tmp_path) == 3
    assert [path.name for path in tmp_path.iterdir()] == [epoch.USED]
    (tmp_path / epoch.GRANT).write_text("{")
    with pytest.raises(QuartermasterError, match=r"file\.unreadable"):
        epoch.granted(tmp_path)
