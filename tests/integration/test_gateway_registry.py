"""The enrolment desk against requests that no honest gateway sends, and the registry's commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from cloud.cli.gateways import app
from cloud.gateways import service
from cloud.gateways.authority import Authority, root_fingerprint
from cloud.gateways.model import MeetingPoints
from cloud.ingest.service import known_head
from shared.certificates import load_chain, new_key
from shared.enrolment import Enrolled, EnrolRequest, Slip, read_slip, to_be_proven
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.units import MINUTE
from tests.support import FakeClock

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

MEETING = MeetingPoints(broker_host="b", broker_port=8883, door_url="https://d")
DOMAIN = "quartermaster.local"


class Counter:
    """The desk's side of the counter, without HTTPS."""

    def __init__(self, pool: ConnectionPool[Connection], pki: Path) -> None:
        self.pool = pool
        self.pki = pki
        # The PKI is of now, so the clock has to be as well.
        self.authority = Authority.load(pki)
        issued = self.authority.devices.certificate.not_valid_before_utc
        self.clock = FakeClock(int(issued.timestamp()) * 1_000_000 + 11 * MINUTE)
        with pool.connection() as connection:
            connection.execute("INSERT INTO site (code) VALUES ('berlin'), ('hamburg')")

    def slip(self, name: str, site: str = "berlin") -> Slip:
        with self.pool.connection() as connection:
            return service.register(
                connection,
                name=name,
                site=site,
                fingerprint=root_fingerprint(self.pki),
                now=self.clock.now(),
            )

    def enrol(self, request: EnrolRequest) -> Enrolled:
        return service.enrol(
            self.pool,
            self.authority,
            request,
            meeting=MEETING,
            heads=known_head,
            now=self.clock.now(),
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.pool.connection() as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]


@pytest.fixture
def counter(pool: ConnectionPool[Connection], pki: Path) -> Counter:
    return Counter(pool, pki)


def csr(
    key: ec.EllipticCurvePrivateKey, change: Callable[..., Any] = lambda builder: builder
) -> bytes:
    builder = change(x509.CertificateSigningRequestBuilder())
    if builder._subject_name is None:
        builder = builder.subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def request_for(
    slip: Slip,
    body: bytes,
    event: Ed25519PrivateKey,
    *,
    trust_domain: str = DOMAIN,
    purpose: Any = "enrol",
    proven_for: str = "",
) -> EnrolRequest:
    message = to_be_proven(
        purpose,
        trust_domain=trust_domain,
        gateway=GatewayId(proven_for or slip.gateway),
        csr=body,
    )
    return EnrolRequest(
        gateway=slip.gateway,
        token=slip.token,
        csr=body,
        event_public_key=event.public_key().public_bytes_raw(),
        proof=event.sign(message),
    )


def test_only_the_public_key_of_a_request_is_used(counter: Counter) -> None:
    key, event = new_key(), Ed25519PrivateKey.generate()
    greedy = csr(
        key,
        lambda builder: (
            builder.subject_name(
                x509.Name(
                    [
                        x509.NameAttribute(NameOID.COMMON_NAME, "cloud-ingest"),
                        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody"),
                    ]
                )
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [
                        x509.DNSName("cloud.example"),
                        x509.UniformResourceIdentifier(
                            f"spiffe://{DOMAIN}/site/hamburg/gw/gw-other"
                        ),
                    ]
                ),
                critical=True,
            )
        ),
    )
    answer = counter.enrol(request_for(counter.slip("gw-1"), greedy, event))
    issued = load_chain(answer.certificate.encode())[0]
    assert issued.public_key() == key.public_key()
    assert issued.subject.rfc4514_string() == "CN=gw-1"
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(f"spiffe://{DOMAIN}/site/berlin/gw/gw-1")]
    constraints = issued.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def _flip(request: EnrolRequest, field: str) -> EnrolRequest:
    value: bytes = getattr(request, field)
    return msgspec.structs.replace(request, **{field: value[:-1] + bytes([value[-1] ^ 1])})


FORGED: dict[str, Callable[[Slip, bytes, Ed25519PrivateKey], EnrolRequest]] = {
    "a bit of the proof changed": lambda s, c, k: _flip(request_for(s, c, k), "proof"),
    "another event key": lambda s, c, k: msgspec.structs.replace(
        request_for(s, c, k),
        event_public_key=Ed25519PrivateKey.generate().public_key().public_bytes_raw(),
    ),
    "proven for another trust domain": lambda s, c, k: request_for(s, c, k, trust_domain="other"),
    "proven for another gateway": lambda s, c, k: request_for(s, c, k, proven_for="gw-2"),
    "proven for a renewal": lambda s, c, k: request_for(s, c, k, purpose="renew"),
    "proven for another request": lambda s, c, k: msgspec.structs.replace(
        request_for(s, c, k), csr=csr(new_key())
    ),
    "P-384": lambda s, _, k: request_for(s, csr(ec.generate_private_key(ec.SECP384R1())), k),
    "a bit of the request changed": lambda s, c, k: request_for(
        s, c[:-3] + bytes([c[-3] ^ 1]) + c[-2:], k
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_request_that_its_keys_have_not_signed_changes_nothing_but_the_tries(
    counter: Counter, case: str
) -> None:
    slip = counter.slip("gw-1")
    key, event = new_key(), Ed25519PrivateKey.generate()
    with pytest.raises(QuartermasterError) as refusal:
        counter.enrol(FORGED[case](slip, csr(key), event))
    assert refusal.value.code == "enrol.proof"
    assert counter.rows("SELECT tries, used_at FROM enrolment_token") == [(1, None)]
    assert counter.rows("SELECT status FROM gateway") == [("registered",)]
    for table in ("gateway_key", "gateway_epoch", "gateway_certificate"):
        assert counter.rows(f"SELECT * FROM {table}") == []
    assert counter.enrol(request_for(slip, csr(key), event)).epoch == 1


def test_no_key_is_registered_for_two_gateways(counter: Counter) -> None:
    key, event = new_key(), Ed25519PrivateKey.generate()
    counter.enrol(request_for(counter.slip("gw-1"), csr(key), event))
    slip = counter.slip("gw-2")
    for same in (
        request_for(slip, csr(new_key()), event),
        request_for(slip, csr(key), Ed25519PrivateKey.generate()),
    ):
        with pytest.raises(QuartermasterError, match="used before"):
            counter.enrol(same)
    assert counter.rows("SELECT count(*) FROM gateway_key") == [(1,)]
    assert counter.rows("SELECT status FROM gateway WHERE name = 'gw-2'") == [("registered",)]


def test_a_successful_try_does_not_count(counter: Counter) -> None:
    request = request_for(counter.slip("gw-1"), csr(new_key()), Ed25519PrivateKey.generate())
    answers = {counter.enrol(request).certificate for _ in range(8)}
    assert len(answers) == 1
    assert counter.rows("SELECT tries FROM enrolment_token") == [(0,)]


def test_only_the_tokens_hash_is_kept(counter: Counter) -> None:
    slip = counter.slip("gw-1")
    kept = counter.rows("SELECT to_jsonb(t)::text FROM enrolment_token t")[0][0]
    assert slip.token.hex() not in kept


def test_registering_needs_a_site_a_name_and_a_free_one(counter: Counter) -> None:
    counter.slip("gw-1")
    for name, site, code in (
        ("gw-2", "nowhere", "request.not-found"),
        ("gw-1", "berlin", "gateway.exists"),
        ("GW 2", "berlin", "gateway.name"),
    ):
        with pytest.raises(QuartermasterError) as refusal:
            counter.slip(name, site)
        assert refusal.value.code == code
    assert counter.rows("SELECT name FROM gateway") == [("gw-1",)]


def test_looking_up_is_one_round_trip_over_indexes(counter: Counter) -> None:
    for number in range(3):
        slip = counter.slip(f"gw-{number}", "hamburg" if number else "berlin")
        counter.enrol(request_for(slip, csr(new_key()), Ed25519PrivateKey.generate()))
    with counter.pool.connection() as connection:
        found = service.lookup(connection, ["gw-0", "gw-2", "gw-9"])
    assert {name: known.site for name, known in found.items()} == {
        "gw-0": "berlin",
        "gw-2": "hamburg",
    }
    assert all(len(known.keys) == 1 and known.epochs == {1} for known in found.values())


def test_pages_are_ordered_bounded_and_by_site(counter: Counter) -> None:
    for number in range(4):
        counter.slip(f"gw-{number}", "hamburg" if number == 1 else "berlin")
    with counter.pool.connection() as connection:

        def names(**asked: Any) -> list[str]:
            return [known.name for known in service.page(connection, **asked)]

        assert names() == ["gw-0", "gw-1", "gw-2", "gw-3"]
        assert names(after="gw-1", limit=1) == ["gw-2"]
        assert names(sites=["hamburg"]) == ["gw-1"]
        assert names(sites=[]) == []


@pytest.fixture
def command(
    counter: Counter, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_PKI", str(counter.pki))
    monkeypatch.setenv("QM_API_URL", "https://cloud.example")

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        if result.exception is not None:
            raise result.exception
        return json.loads(result.stdout)

    return run


def test_the_commands_add_list_show_and_revoke(
    counter: Counter, command: Callable[..., Any]
) -> None:
    added = command("add", "gw-1", "--site", "berlin", "--serial", "SN-7")
    assert added["api_url"] == "https://cloud.example"
    slip = read_slip(added["token"])
    assert slip.fingerprint == root_fingerprint(counter.pki)
    assert added["fingerprint"] == slip.fingerprint.hex()
    assert command("list") == [command("show", "gw-1")]
    again = read_slip(command("token", "gw-1")["token"])
    counter.clock.set(counter.clock.now() + MINUTE)
    counter.enrol(request_for(again, csr(new_key()), Ed25519PrivateKey.generate()))
    shown = command("show", "gw-1")
    assert (shown["status"], shown["serial_number"], shown["epoch"]) == ("active", "SN-7", 1)
    assert command("revoke", "gw-1")["status"] == "revoked"
    assert command("revoke", "gw-1")["revoked_at"] == command("show", "gw-1")["revoked_at"]
    with pytest.raises(QuartermasterError, match=r"gateway\.unknown"):
        command("revoke", "gw-9")
