"""Revocation, expiry and renewed authorities on real mosquitto, real HTTPS and a real database."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from typer.testing import CliRunner

from cloud.app import revocation as sessions
from cloud.cli.gateways import app as gateways_command
from cloud.gateways import revocation, service
from cloud.gateways.model import MeetingPoints
from cloud.settings import Settings
from deploy.broker import Broker
from deploy.pki import create, renew
from deploy.pki.cli import app as pki_command
from edge.app.identities import Identities
from edge.link import enrolment
from edge.link.identity import Identity
from edge.link.mqtt import MqttLink
from edge.link.tls import client_context
from edge.settings import Broker as BrokerSettings
from shared.certificates import Issuer, load_chain, load_p256, micros
from shared.errors import QuartermasterError
from shared.revocations import revocation_list
from shared.units import DAY, MINUTE, SECOND, Micros
from tests.support import FakeClock, WallClock
from tests.support.certificates import Credentials, device_credentials, service_credentials
from tests.support.certificates import tls_context as context_of
from tests.support.desk import Desk, serving
from tests.support.mqtt import Peer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = [pytest.mark.database, pytest.mark.broker]

TRUST_DOMAIN = "quartermaster.local"


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A PKI of this test's own: its revocation list is changed."""
    create(tmp_path / "pki", trust_domain=TRUST_DOMAIN, clock=WallClock())
    return tmp_path / "pki"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(WallClock().now())


@pytest.fixture
def desk(pool: ConnectionPool[Connection], pki: Path, clock: FakeClock) -> Iterator[Desk]:
    meeting = MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://localhost:1")
    with serving(Desk(pool, pki, clock, meeting)) as desk:
        yield desk


def enrolled(desk: Desk, folder: Path, name: str) -> Identity:
    return enrolment.enrol(folder, desk.slip(name), api_url=desk.url, clock=desk.clock)


def credentials(identity: Identity) -> Credentials:
    return Credentials(certificate=identity.tls_certificate, key=identity.tls_key)


def admitted(pki: Path, broker: Broker, known: Credentials, name: str = "x") -> bool:
    """Whether the gateways' door lets this certificate in now."""
    with Peer(name, context_of(pki, known), broker.gateway_port) as peer:
        return peer.connected.is_set() and not peer.closed.wait(0.2)


def until(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def keeper(desk: Desk, pki: Path, evicted: list[str] | None = None) -> sessions.Revocations:
    """What the worker runs each second."""
    gone = [] if evicted is None else evicted
    return sessions.Revocations(desk.pool, desk.authority, pki, clock=desk.clock, evict=gone.append)


def test_the_broker_rereads_the_list_and_refuses_the_revoked_certificate_only(
    desk: Desk, pki: Path, tmp_path: Path, broker: Broker
) -> None:
    good = credentials(enrolled(desk, tmp_path / "1", "gw-1"))
    bad = credentials(enrolled(desk, tmp_path / "2", "gw-2"))
    assert admitted(pki, broker, good)
    assert admitted(pki, broker, bad)

    desk.revoke("gw-2")
    keeper(desk, pki).tick()

    until(lambda: not admitted(pki, broker, bad), "the revoked certificate is refused")
    assert admitted(pki, broker, good)


def test_a_second_revocation_within_the_same_second_counts_as_well(
    desk: Desk, pki: Path, tmp_path: Path, broker: Broker
) -> None:
    known = [
        credentials(enrolled(desk, tmp_path / str(number), f"gw-{number}")) for number in (1, 2)
    ]
    for number in (1, 2):
        desk.revoke(f"gw-{number}")
        keeper(desk, pki).tick()
        broker.reload()
    until(lambda: not any(admitted(pki, broker, one) for one in known), "both are refused")


def test_certificates_of_a_gateway_that_came_back_stay_revoked_and_its_new_one_does_not(
    desk: Desk, pki: Path, tmp_path: Path, broker: Broker
) -> None:
    stolen = credentials(enrolled(desk, tmp_path / "stolen", "gw-1"))
    desk.revoke("gw-1")
    keeper(desk, pki).tick()
    slip = desk.new_slip("gw-1")
    back = enrolment.enrol(tmp_path / "new", slip, api_url=desk.url, clock=desk.clock)
    keeper(desk, pki).tick()
    until(lambda: not admitted(pki, broker, stolen), "the stolen certificate is refused")
    assert admitted(pki, broker, credentials(back))


def test_a_live_session_of_a_revoked_gateway_is_ended_and_does_not_come_back(
    desk: Desk, pki: Path, tmp_path: Path, broker: Broker
) -> None:
    known = credentials(enrolled(desk, tmp_path / "1", "gw-1"))
    settings = Settings(
        database_url="postgresql://unused",
        pki=pki,
        gateway_broker_host="localhost",
        gateway_broker_port=broker.gateway_port,
    )
    keeping = sessions.start(settings, desk.pool, desk.clock)
    assert keeping is not None
    with Peer("gw-1", context_of(pki, known), broker.gateway_port) as live:
        assert live.publish("qm/v1/gw-1/seg", b"before") != "Not authorized"
        desk.revoke("gw-1")
        keeping.tick()
        time.sleep(1.0)  # the broker has read the list: it says so to nobody
        assert not live.closed.is_set(), "the list alone ends no session"
        desk.clock.advance(4 * SECOND)  # type: ignore[attr-defined]
        keeping.tick()
        assert live.closed.wait(5), "the session is ended"
        live.connected.clear()
        assert not live.connected.wait(3), "and it is not let in again"


def test_eviction_is_tried_again_and_only_for_those_who_are_revoked(
    desk: Desk, pki: Path, tmp_path: Path, clock: FakeClock
) -> None:
    enrolled(desk, tmp_path / "1", "gw-1")
    enrolled(desk, tmp_path / "2", "gw-2")
    evicted: list[str] = []
    keeping = keeper(desk, pki, evicted)
    desk.revoke("gw-1")
    for _ in range(100):
        keeping.tick()
        clock.advance(SECOND)
    assert evicted == ["gw-1"] * 3
    clock.advance(15 * MINUTE)
    keeper(desk, pki, evicted).tick()
    clock.advance(15 * SECOND)
    assert len(evicted) == 3, "a worker started later has nothing to do with it"


def test_the_list_is_written_daily_and_otherwise_only_when_it_says_something_new(
    desk: Desk, pki: Path, tmp_path: Path, clock: FakeClock
) -> None:
    keeping = keeper(desk, pki)
    first = (pki / revocation.FILE).read_bytes()
    keeping.tick()
    assert (pki / revocation.FILE).read_bytes() == first
    clock.advance(DAY + MINUTE)
    keeping.tick()
    second = revocation.read(pki)
    assert second is not None
    assert second.next_update_utc is not None
    assert micros(second.next_update_utc) == clock.now() // SECOND * SECOND + 7 * DAY
    enrolled(desk, tmp_path / "1", "gw-1")
    keeping.tick()
    assert revocation.read(pki) == second
    desk.revoke("gw-1")
    keeping.tick()
    third = revocation.read(pki)
    assert third is not None
    assert [f"{entry.serial_number:x}" for entry in third] == [
        row[0] for row in desk.rows("SELECT serial FROM gateway_certificate")
    ]
    clock.advance(16 * DAY)
    keeping.tick()
    last = revocation.read(pki)
    assert last is not None
    assert len(last) == 0, "an entry ends some time after its certificate"


def test_a_list_that_cannot_be_written_says_so(desk: Desk, pki: Path, tmp_path: Path) -> None:
    with (
        desk.pool.connection() as connection,
        pytest.raises(QuartermasterError, match=r"devices\.crl"),
    ):
        revocation.publish(connection, desk.authority, tmp_path / "nowhere", now=desk.clock.now())
    assert (pki / revocation.FILE).exists()


def test_the_commands_write_the_list(
    desk: Desk,
    pki: Path,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(app: Any, *arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout.splitlines()[-1])

    enrolled(desk, tmp_path / "1", "gw-1")
    enrolled(desk, tmp_path / "2", "gw-2")
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_PKI", str(pki))
    assert run(gateways_command, "revoke", "gw-1")["status"] == "revoked"
    assert len(list(revocation.read(pki) or [])) == 1
    desk.revoke("gw-2")
    assert run(pki_command, "crl")["revoked"] == 2
    monkeypatch.delenv("QM_DATABASE_URL")
    assert run(pki_command, "crl")["revoked"] == 2, "without a registry nothing is forgotten"


def test_past_its_end_the_list_closes_the_door_to_all_and_a_fresh_one_opens_it(
    pki: Path, tmp_path: Path, broker: Broker
) -> None:
    known = device_credentials(pki, tmp_path / "gw", "gw-1")
    devices = Issuer(
        certificate=load_chain((pki / "devices.crt").read_bytes())[0],
        key=load_p256((pki / "devices.key").read_bytes()),
    )
    now = WallClock().now()
    short = revocation_list(
        devices, {}, now=now, lifetime=Micros(2 * SECOND), follows=revocation.read(pki)
    )
    revocation.write(pki, short)
    with Peer("live", context_of(pki, known), broker.gateway_port) as live:
        until(lambda: not admitted(pki, broker, known), "an ended list refuses everybody")
        ended = live.closed.is_set()
        cloud = context_of(pki, service_credentials(pki))
        with Peer("ingest", cloud, broker.service_port) as service_peer:
            assert service_peer.connected.is_set(), "the services' door has no list"
    assert CliRunner().invoke(pki_command, ["crl", "--folder", str(pki)]).exit_code == 0
    until(lambda: admitted(pki, broker, known), "a fresh list lets it in again")
    assert ended, "the second connection under one name ends the first, nothing else did"


class Running:
    """The gateway's link and identity as the gateway runs them, with a quick look at the time."""

    def __init__(self, folder: Path, broker: Broker, desk: Desk) -> None:
        known = Identity.load(folder)
        self.identities = Identities(
            folder, known, BrokerSettings(host="localhost", port=broker.gateway_port)
        )
        self.link = MqttLink(known.gateway, self.identities.endpoint, longest_delay=0.3)
        self._clock = desk.clock
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def up(self) -> None:
        self.identities.connected()

    def down(self) -> None:
        return

    def received(self, *_: object) -> None:
        return

    async def _run(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = partial(loop.call_soon_threadsafe, stopped.set)
        parts = [
            asyncio.create_task(self.link.run(self)),
            asyncio.create_task(
                self.identities.run(
                    _NoOutbox(),  # type: ignore[arg-type]
                    self.link,
                    self._clock,
                    lambda _: 0.0,
                    pause=lambda _: asyncio.sleep(0.2),
                )
            ),
        ]
        await stopped.wait()
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join()


class _NoOutbox:
    epoch = 1

    def use(self, *_: object) -> None:
        return


def short_lived(desk: Desk, seconds: float) -> None:
    desk.authority = replace(desk.authority, device_lifetime=Micros(int(seconds * SECOND)))


def test_a_certificate_that_ends_in_a_session_is_renewed_by_its_keys_and_the_session_goes_on(
    pool: ConnectionPool[Connection], pki: Path, tmp_path: Path, broker: Broker
) -> None:
    meeting = MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://localhost:1")
    desk = Desk(pool, pki, WallClock(), meeting)
    short_lived(desk, 4.0)
    folder = tmp_path / "gw"
    with serving(desk):
        old = enrolled(desk, folder, "gw-1")
    # The cloud cannot be asked now; the session outlives the certificate.
    with Running(folder, broker, desk) as gateway:
        until(lambda: gateway.link.connected, "connected")
        until(lambda: WallClock().now() > old.not_after + SECOND, "the certificate has ended")
        assert gateway.link.connected, "mosquitto does not end a session for it"
        assert not admitted(pki, broker, credentials(old)), "but starts none with it"
        gateway.link.interrupt()
        until(
            lambda: gateway.link.counts.refusals > 0,
            "the ended certificate is refused",
            30,  # under TLS 1.3 the client learns it by a silence
        )
        short_lived(desk, 3600)
        with serving(desk):
            until(lambda: gateway.identities.current.serial != old.serial, "renewed by its keys")
            until(lambda: gateway.link.connected, "and connected", 30)
    assert Identity.load(folder).not_after > WallClock().now()


def test_a_certificate_that_ended_while_the_gateway_was_off_is_renewed_by_its_keys(
    pool: ConnectionPool[Connection], pki: Path, tmp_path: Path, broker: Broker
) -> None:
    meeting = MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://localhost:1")
    desk = Desk(pool, pki, WallClock(), meeting)
    short_lived(desk, 1.0)
    folder = tmp_path / "gw"
    with serving(desk):
        old = enrolled(desk, folder, "gw-1")
        until(lambda: WallClock().now() > old.not_after + SECOND, "the certificate has ended")
        assert not admitted(pki, broker, credentials(old))
        short_lived(desk, 3600)
        with Running(folder, broker, desk) as gateway:
            until(lambda: gateway.link.connected, "connected with a new certificate")
            assert gateway.identities.current.serial != old.serial


def test_renewed_authorities_are_met_with_old_and_new_certificates(
    pool: ConnectionPool[Connection], tmp_path: Path
) -> None:
    """The authorities are at the end of their year; `pki renew`, restart: nobody enrols anew."""
    pki = tmp_path / "old-pki"
    made = FakeClock(WallClock().now() - 365 * DAY + 20 * SECOND)
    create(pki, trust_domain=TRUST_DOMAIN, clock=made)
    assert CliRunner().invoke(pki_command, ["crl", "--folder", str(pki)]).exit_code == 0
    meeting = MeetingPoints(broker_host="localhost", broker_port=1, door_url="https://localhost:1")
    desk = Desk(pool, pki, WallClock(), meeting)
    folder = tmp_path / "gw"
    with serving(desk):
        old = enrolled(desk, folder, "gw-1")
    ends = load_chain((pki / "devices.crt").read_bytes())[0].not_valid_after_utc
    assert old.not_after <= micros(ends), "never longer than its authority"
    with Broker(tmp_path / "broker", pki=pki) as broker:
        assert admitted(pki, broker, credentials(old))
        renew(pki, clock=WallClock())
        until(lambda: WallClock().now() > micros(ends) + SECOND, "the old authority ends", 30)
        broker.stop()
        broker.start()
        fresh = Desk.__new__(Desk)
        fresh.__dict__.update(desk.__dict__)
        fresh.authority = type(desk.authority).load(pki)
        with serving(fresh), Running(folder, broker, fresh) as gateway:
            until(lambda: gateway.link.connected, "renewed by its keys, and connected", 30)
        new = Identity.load(folder)
        assert new.serial != old.serial
        assert new.trust.read_bytes() == old_trust(pki)
        client_context(new)
        assert admitted(pki, broker, credentials(new))


def old_trust(pki: Path) -> bytes:
    return (pki / "root.crt").read_bytes()


def test_revoking_a_gateway_twice_changes_nothing(
    desk: Desk, tmp_path: Path, clock: FakeClock
) -> None:
    enrolled(desk, tmp_path / "1", "gw-1")
    desk.revoke("gw-1")
    (before,) = desk.rows("SELECT revoked_at FROM gateway_certificate")
    clock.advance(DAY)
    desk.revoke("gw-1")
    assert desk.rows("SELECT revoked_at FROM gateway_certificate") == [before]
    with desk.pool.connection() as connection:
        assert service.get(connection, "gw-1").status == "revoked"
