"""A gateway enrols and renews over real HTTPS, against a real database and the real broker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_pem_x509_certificate
from typer.testing import CliRunner

from cloud.gateways import service
from cloud.gateways.model import MeetingPoints
from deploy.pki import create
from edge.cli.enrol import enrol as enrol_command
from edge.cli.enrol import renew as renew_command
from edge.link import enrolment
from edge.link.identity import Identity, confirm_connected, step_back
from shared.certificates import load_p256, spki
from shared.enrolment import RENEWABLE, EpochGranted, Slip
from shared.errors import QuartermasterError
from shared.ids import gateway_id
from shared.segment import GENESIS
from shared.units import DAY, HOUR, MINUTE, SECOND, Micros
from tests.support import FakeClock, WallClock
from tests.support.certificates import Credentials, service_credentials, tls_context
from tests.support.desk import SITE, Desk, serving
from tests.support.mqtt import Peer

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from deploy.broker import Broker

pytestmark = pytest.mark.database

MEETING = MeetingPoints(
    broker_host="localhost", broker_port=8883, door_url="https://localhost:8444"
)


@pytest.fixture
def clock() -> FakeClock:
    """Stands at the machine's time, as the TLS libraries look at the same certificates."""
    return FakeClock(WallClock().now())


@pytest.fixture
def desk(pool: ConnectionPool[Connection], pki: Path, clock: FakeClock) -> Iterator[Desk]:
    with serving(Desk(pool, pki, clock, MEETING)) as desk:
        yield desk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gateway" / "identity"


def enrol(desk: Desk, folder: Path, slip: Slip, *, new_event_key: bool = False) -> Identity:
    return enrolment.enrol(
        folder, slip, api_url=desk.url, clock=desk.clock, new_event_key=new_event_key
    )


def refused(desk: Desk, folder: Path, slip: Slip) -> str:
    with pytest.raises(QuartermasterError) as refusal:
        enrol(desk, folder, slip)
    return refusal.value.code


def renewal_refused(folder: Path) -> str:
    with pytest.raises(QuartermasterError) as refusal:
        enrolment.renew(folder)
    return refusal.value.code


def status(desk: Desk, name: str) -> str:
    with desk.pool.connection() as connection:
        return service.get(connection, name).status


def test_an_enrolled_gateway_knows_all_it_needs(desk: Desk, folder: Path) -> None:
    identity = enrol(desk, folder, desk.slip("gw-1"))
    assert (identity.gateway, identity.site, identity.epoch) == ("gw-1", SITE, 1)
    assert identity.trust_domain == "quartermaster.local"
    assert (identity.broker_host, identity.broker_port) == ("localhost", 8883)
    assert (identity.api_url, identity.door_url) == (desk.url, "https://localhost:8444")
    assert identity.not_after - identity.not_before == 7 * DAY + 10 * MINUTE
    assert identity.cloud_key == desk.authority.cloud_key
    assert Identity.load(folder).kid == identity.kid


def test_the_registry_then_knows_key_and_epoch(desk: Desk, folder: Path) -> None:
    slip = desk.slip("gw-1")
    assert status(desk, "gw-1") == "registered"
    identity = enrol(desk, folder, slip)
    with desk.pool.connection() as connection:
        found = service.lookup(connection, ["gw-1", "gw-unknown"])
    assert set(found) == {"gw-1"}
    known = found[identity.gateway]
    assert (known.status, known.site, known.epochs) == ("active", SITE, frozenset({1}))
    assert known.keys == {identity.kid: identity.event_key.public_key()}


@pytest.mark.broker
def test_an_enrolled_gateway_speaks_to_the_broker_under_its_name(
    desk: Desk, folder: Path, broker: Broker
) -> None:
    identity = enrol(desk, folder, desk.slip("gw-1"))
    credentials = Credentials(certificate=identity.tls_certificate, key=identity.tls_key)
    ours = tls_context(desk.pki, credentials)
    cloud = tls_context(desk.pki, service_credentials(desk.pki))
    with (
        Peer("ingest-1", cloud, broker.service_port) as ingest,
        Peer("whatever", ours, broker.gateway_port) as gateway,
    ):
        ingest.subscribe("qm/v1/+/seg")
        assert gateway.publish("qm/v1/gw-2/seg", b"not mine") == "Not authorized"
        assert gateway.publish("qm/v1/gw-1/seg", b"mine") == "Success"
        assert ingest.receive() == ("qm/v1/gw-1/seg", b"mine")


def test_keys_are_made_on_the_gateway_readable_by_their_owner_only(
    desk: Desk, folder: Path
) -> None:
    identity = enrol(desk, folder, desk.slip("gw-1"))
    keys = [path for path in folder.rglob("*.key") if "current" not in path.parts]
    assert {path.name for path in keys} == {"tls.key", "event.key", "ca.key"}
    for path in keys:
        assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    said = b"".join(desk.bodies)
    tls_key = load_p256(identity.tls_key.read_bytes())
    secret = tls_key.private_numbers().private_value.to_bytes(32, "big")
    assert said
    for private in (
        secret,
        identity.event_key.private_bytes_raw(),
        identity.event_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    ):
        for written in (private, _base64(private), private.hex().encode()):
            assert written not in said
    assert b"PRIVATE" not in said


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")[:-1]


def test_two_enrolments_give_distinct_keys(desk: Desk, tmp_path: Path) -> None:
    one = enrol(desk, tmp_path / "1", desk.slip("gw-1"))
    two = enrol(desk, tmp_path / "2", desk.slip("gw-2"))
    assert one.kid != two.kid
    assert one.tls_key.read_bytes() != two.tls_key.read_bytes()
    assert one.serial != two.serial


def test_a_token_works_once(desk: Desk, folder: Path, tmp_path: Path) -> None:
    slip = desk.slip("gw-1")
    identity = enrol(desk, folder, slip)
    assert refused(desk, tmp_path / "thief", slip) == "enrol.token"
    assert not (tmp_path / "thief" / "current").exists()
    assert desk.rows("SELECT count(*) FROM gateway_certificate") == [(1,)]
    assert desk.rows("SELECT kid FROM gateway_key") == [(identity.kid,)]


def test_a_lost_answer_is_asked_for_again(desk: Desk, folder: Path, clock: FakeClock) -> None:
    slip = desk.slip("gw-1")
    desk.lose_answers = True
    assert refused(desk, folder, slip) == "cloud.unreachable"
    desk.lose_answers = False
    clock.advance(9 * MINUTE)
    identity = enrol(desk, folder, slip)
    assert desk.rows("SELECT serial FROM gateway_certificate") == [(identity.serial,)]
    assert not (folder / "pending").exists()


def test_a_lost_answer_is_not_given_after_ten_minutes(
    desk: Desk, folder: Path, clock: FakeClock
) -> None:
    slip = desk.slip("gw-1")
    desk.lose_answers = True
    assert refused(desk, folder, slip) == "cloud.unreachable"
    desk.lose_answers = False
    clock.advance(10 * MINUTE)
    assert refused(desk, folder, slip) == "enrol.token"


def test_a_token_expires_after_a_day(desk: Desk, folder: Path, clock: FakeClock) -> None:
    slip = desk.slip("gw-1")
    clock.advance(24 * HOUR)
    assert refused(desk, folder, slip) == "enrol.token"
    assert status(desk, "gw-1") == "registered"


def test_a_new_token_voids_the_old_one(desk: Desk, folder: Path) -> None:
    old = desk.slip("gw-1")
    new = desk.new_slip("gw-1")
    assert refused(desk, folder, old) == "enrol.token"
    assert enrol(desk, folder, new).gateway == "gw-1"


def test_the_sixth_try_is_refused_even_with_the_right_token(desk: Desk, folder: Path) -> None:
    slip = desk.slip("gw-1")
    wrong = Slip(slip.gateway, bytes(32), slip.fingerprint)
    assert [refused(desk, folder, wrong) for _ in range(5)] == ["enrol.token"] * 5
    assert refused(desk, folder, wrong) == "enrol.too-many-tries"
    assert refused(desk, folder, slip) == "enrol.too-many-tries"
    assert desk.rows("SELECT tries, used_at FROM enrolment_token") == [(5, None)]
    assert enrol(desk, folder, desk.new_slip("gw-1")).epoch == 1


def test_an_unknown_gateway_is_refused_like_a_wrong_token(desk: Desk, folder: Path) -> None:
    slip = desk.slip("gw-1")
    stranger = Slip(gateway_id("gw-stranger"), slip.token, slip.fingerprint)
    assert refused(desk, folder, stranger) == "enrol.token"


def test_the_token_is_not_told_to_a_cloud_with_another_root(desk: Desk, folder: Path) -> None:
    slip = desk.slip("gw-1")
    pinned = Slip(slip.gateway, slip.token, bytes(32))
    assert refused(desk, folder, pinned) == "enrol.fingerprint"
    assert all(body == b"" for body in desk.bodies)
    assert not folder.exists()


def test_the_token_is_not_told_to_a_server_that_only_repeats_the_bundle(
    desk: Desk, tmp_path: Path, clock: FakeClock
) -> None:
    slip = desk.slip("gw-1")
    create(tmp_path / "evil", trust_domain="quartermaster.local", clock=clock)
    middle = desk.behind(tmp_path / "evil")
    with serving(middle):
        assert refused(middle, tmp_path / "identity", slip) == "enrol.fingerprint"
    assert middle.bodies == [b""]
    assert desk.rows("SELECT tries FROM enrolment_token") == [(0,)]


def test_an_unreachable_cloud_leaves_the_gateway_unenrolled(desk: Desk, folder: Path) -> None:
    slip = desk.slip("gw-1")
    desk.url = "https://localhost:1"
    assert refused(desk, folder, slip) == "cloud.unreachable"
    with pytest.raises(QuartermasterError, match=r"gateway\.not-enrolled"):
        Identity.load(folder)


def test_a_data_folder_belongs_to_one_gateway(desk: Desk, folder: Path) -> None:
    identity = enrol(desk, folder, desk.slip("gw-1"))
    assert refused(desk, folder, desk.slip("gw-2")) == "gateway.exists"
    assert Identity.load(folder).serial == identity.serial


def test_enrolling_again_keeps_event_key_and_epoch(desk: Desk, folder: Path) -> None:
    first = enrol(desk, folder, desk.slip("gw-1"))
    second = enrol(desk, folder, desk.new_slip("gw-1"))
    assert (second.kid, second.epoch) == (first.kid, 1)
    assert second.tls_key.read_bytes() != first.tls_key.read_bytes()


def test_a_gateway_that_lost_its_disk_gets_a_new_key_and_epoch(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    lost = enrol(desk, folder, desk.slip("gw-1"))
    found = enrol(desk, tmp_path / "new-disk", desk.new_slip("gw-1"))
    assert found.epoch == 2
    with desk.pool.connection() as connection:
        known = service.lookup(connection, ["gw-1"])[found.gateway]
    assert set(known.keys) == {found.kid}
    assert known.epochs == frozenset({1, 2})
    assert desk.rows("SELECT kid FROM gateway_key WHERE revoked_at IS NOT NULL") == [(lost.kid,)]


def head(desk: Desk, epoch: int, seq: int, digest: bytes) -> None:
    """Let the cloud have an epoch through ``seq``."""
    with desk.pool.connection() as connection:
        connection.execute(
            "INSERT INTO gateway_head (gateway_id, epoch, contiguous_seq, head_hash, advanced_at) "
            "SELECT gateway_id, %s, %s, %s, now() FROM gateway",
            [epoch, seq, digest],
        )


def test_the_epoch_of_a_new_key_names_the_head_that_it_follows_over_renewals(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    first = enrol(desk, folder, desk.slip("gw-1"))
    assert first.opened is None, "nothing came before"
    digest = bytes(range(32))
    head(desk, 1, 41, digest)
    slip = desk.new_slip("gw-1")
    desk.lose_answers = True
    assert refused(desk, tmp_path / "new-disk", slip) == "cloud.unreachable"
    desk.lose_answers = False
    head(desk, 2, 7, bytes(32))
    found = enrol(desk, tmp_path / "new-disk", slip)
    granted = EpochGranted(
        gateway="gw-1",
        epoch=2,
        previous_epoch=1,
        previous_seq=41,
        previous_hash=digest,
        reason="enrolment",
    )
    assert (found.epoch, found.opened) == (2, granted), "a lost answer is the same again"
    assert enrolment.renew(tmp_path / "new-disk").opened == granted
    assert Identity.load(tmp_path / "new-disk").opened == granted
    assert desk.rows(
        "SELECT epoch, reason, previous_epoch, previous_seq FROM gateway_epoch ORDER BY 1"
    ) == [(1, "enrolment", None, None), (2, "enrolment", 1, 41)]


def test_an_epoch_of_which_the_cloud_has_nothing_is_followed_from_the_genesis(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    enrol(desk, folder, desk.slip("gw-1"))
    opened = enrol(desk, tmp_path / "new-disk", desk.new_slip("gw-1")).opened
    assert opened is not None
    assert (opened.previous_epoch, opened.previous_seq) == (1, 0)
    assert opened.previous_hash == GENESIS


def test_renewal_comes_at_half_life_with_a_new_key(
    desk: Desk, folder: Path, clock: FakeClock
) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    assert enrolment.renew_if_due(folder, clock=clock, jitter=0.0) is None
    clock.advance(3 * DAY + 12 * HOUR)
    assert enrolment.renew_if_due(folder, clock=clock, jitter=0.5) is None
    new = enrolment.renew_if_due(folder, clock=clock, jitter=0.0)
    assert new is not None
    assert (new.gateway, new.epoch, new.kid) == (old.gateway, old.epoch, old.kid)
    assert _public(new) != _public(old)
    assert new.not_after - old.not_after == 3 * DAY + 12 * HOUR
    certificate = load_pem_x509_certificate(new.tls_certificate.read_bytes())
    certificate.verify_directly_issued_by(desk.authority.devices.certificate)
    assert spki(certificate.public_key()) == _public(new)


def _public(identity: Identity) -> bytes:
    return spki(load_p256(identity.tls_key.read_bytes()).public_key())


def test_the_version_before_stays_until_the_new_one_has_connected(desk: Desk, folder: Path) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    new = enrolment.renew(folder)
    assert old.tls_key.exists()
    back = step_back(folder)
    assert back is not None
    assert back.serial == old.serial
    newer = enrolment.renew(folder)
    assert newer.serial not in {old.serial, new.serial}
    confirm_connected(folder)
    assert not old.tls_key.exists()
    assert Identity.load(folder).serial == newer.serial
    assert step_back(folder) is None


def test_a_lost_renewal_is_asked_for_again_and_gives_the_same_certificate(
    desk: Desk, folder: Path
) -> None:
    enrol(desk, folder, desk.slip("gw-1"))
    desk.lose_answers = True
    assert renewal_refused(folder) == "cloud.unreachable"
    desk.lose_answers = False
    new = enrolment.renew(folder)
    assert desk.rows("SELECT count(*) FROM gateway_certificate") == [(2,)]
    assert new.folder.name == "v0002"


@pytest.mark.parametrize("late", [SECOND, RENEWABLE - MINUTE])
def test_an_expired_gateway_renews_by_its_keys(
    desk: Desk, folder: Path, clock: FakeClock, late: int
) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    clock.set(old.not_after + late)
    new = enrolment.renew(folder)
    assert new.not_after == clock.now() // SECOND * SECOND + 7 * DAY


def test_after_ninety_days_only_a_new_token_helps(
    desk: Desk, folder: Path, clock: FakeClock
) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    clock.set(old.not_after + RENEWABLE + SECOND)
    assert renewal_refused(folder) == "renew.too-late"
    assert Identity.load(folder).serial == old.serial
    again = enrol(desk, folder, desk.new_slip("gw-1"))
    assert (again.kid, again.epoch) == (old.kid, 1)


def test_a_revoked_gateway_neither_renews_nor_keeps_a_key(desk: Desk, folder: Path) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    desk.revoke("gw-1")
    assert renewal_refused(folder) == "gateway.revoked"
    with desk.pool.connection() as connection:
        known = service.lookup(connection, ["gw-1"])[old.gateway]
    assert (known.status, dict(known.keys)) == ("revoked", {})
    assert desk.rows("SELECT count(*) FROM gateway_certificate") == [(1,)]


def test_revoking_voids_tokens_and_lost_answers(desk: Desk, folder: Path, tmp_path: Path) -> None:
    desk.slip("gw-1")
    slip = desk.new_slip("gw-1")
    desk.revoke("gw-1")
    assert refused(desk, folder, slip) == "enrol.token"
    other = desk.slip("gw-2")
    desk.lose_answers = True
    assert refused(desk, tmp_path / "2", other) == "cloud.unreachable"
    desk.lose_answers = False
    desk.revoke("gw-2")
    assert refused(desk, tmp_path / "2", other) == "gateway.revoked"


def test_a_revoked_gateway_comes_back_with_a_new_token_and_a_new_event_key(
    desk: Desk, folder: Path
) -> None:
    old = enrol(desk, folder, desk.slip("gw-1"))
    desk.revoke("gw-1")
    slip = desk.new_slip("gw-1")
    assert refused(desk, folder, slip) == "enrol.proof"
    assert status(desk, "gw-1") == "revoked"
    back = enrol(desk, folder, slip, new_event_key=True)
    assert (back.epoch, back.kid == old.kid) == (2, False)
    assert status(desk, "gw-1") == "active"


def test_a_renewal_is_refused_without_the_event_key(desk: Desk, tmp_path: Path) -> None:
    one = tmp_path / "1"
    enrol(desk, one, desk.slip("gw-1"))
    other = enrol(desk, tmp_path / "2", desk.slip("gw-2"))
    key = (tmp_path / "2" / "current" / "event.key").read_bytes()
    (one / "current" / "event.key").write_bytes(key)
    assert renewal_refused(one) == "renew.proof"
    assert other.gateway == "gw-2"
    assert desk.rows("SELECT count(*) FROM gateway_certificate") == [(2,)]


def test_a_renewal_is_refused_without_the_tls_key_in_force(desk: Desk, tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    enrol(desk, one, desk.slip("gw-1"))
    enrol(desk, two, desk.slip("gw-2"))
    (one / "current" / "tls.key").write_bytes((two / "current" / "tls.key").read_bytes())
    assert renewal_refused(one) == "renew.proof"


def test_a_broken_gateway_cannot_fill_the_registry(desk: Desk, folder: Path) -> None:
    enrol(desk, folder, desk.slip("gw-1"))
    for _ in range(23):
        enrolment.renew(folder)
    assert renewal_refused(folder) == "request.too-many"
    assert desk.rows("SELECT count(*) FROM gateway_certificate") == [(24,)]


def test_now_is_the_clocks(desk: Desk, folder: Path, clock: FakeClock) -> None:
    identity = enrol(desk, folder, desk.slip("gw-1"))
    due = enrolment.renewal_due(identity, 0.0)
    assert due == Micros(identity.not_before + (7 * DAY + 10 * MINUTE) // 2)
    assert enrolment.renewal_due(identity, 0.999) < identity.not_after
    assert clock.now() < due


def test_the_commands_enrol_and_renew(desk: Desk, tmp_path: Path) -> None:
    gateway = typer.Typer()
    gateway.command("enrol")(enrol_command)
    gateway.command("renew")(renew_command)

    def run(*arguments: str) -> dict[str, object]:
        result = CliRunner().invoke(gateway, [*arguments, "--data", str(tmp_path), "--json"])
        if result.exception is not None:
            raise result.exception
        return json.loads(result.stdout.splitlines()[-1])  # the desk logs to the same output

    slip = desk.slip("gw-1")
    said = run("enrol", "--token", slip.text(), "--api", f"{desk.url}/", "--host", "gw-berlin")
    identity = Identity.load(tmp_path / "identity")
    assert (said["gateway"], said["epoch"]) == ("gw-1", 1)
    assert said["event_key"] == identity.kid.hex()
    assert (tmp_path / "identity" / "local" / "tls.crt").exists()
    assert run("renew")["event_key"] == identity.kid.hex()
    assert Identity.load(tmp_path / "identity").folder.name == "v0002"
    with pytest.raises(QuartermasterError, match=r"enrol\.token"):
        run("enrol", "--token", "qm1.gw-1.abc", "--api", desk.url)
