"""What the house's authorities put into certificates, field by field, and what they refuse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.gateways.authority import Authority, found, read_request, root_fingerprint
from deploy.pki import create
from shared.certificates import fingerprint, instant, load_chain, new_key
from shared.errors import QuartermasterError
from shared.ids import GatewayId, SiteId
from shared.units import DAY, Micros
from tests.support import FakeClock

GATEWAY = GatewayId("gw-berlin-1")
SITE = SiteId("berlin")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority") / "pki"
    create(folder, trust_domain="quartermaster.local", clock=FakeClock())
    return Authority.load(folder)


@pytest.fixture(scope="module")
def device(authority: Authority) -> x509.Certificate:
    key = new_key().public_key()
    return authority.issue_device(GATEWAY, SITE, key, now=FakeClock().now())


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension:
    return certificate.extensions.get_extension_for_class(kind)


def request_of(key: object, **subject: str) -> bytes:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, subject.get("cn", "anything"))]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def test_device_certificate_carries_nothing_but_the_gateways_name(device: x509.Certificate) -> None:
    assert [(part.oid, part.value) for part in device.subject] == [
        (NameOID.COMMON_NAME, "gw-berlin-1")
    ]


def test_device_certificate_names_domain_site_and_gateway_as_spiffe_id(
    device: x509.Certificate,
) -> None:
    names = _extension(device, x509.SubjectAlternativeName).value
    assert list(names) == [
        x509.UniformResourceIdentifier("spiffe://quartermaster.local/site/berlin/gw/gw-berlin-1")
    ]


def test_device_certificate_is_no_authority(device: x509.Certificate) -> None:
    constraints = _extension(device, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca is False


def test_device_certificate_may_only_sign(device: x509.Certificate) -> None:
    usage = _extension(device, x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not any(
        [
            usage.value.key_cert_sign,
            usage.value.crl_sign,
            usage.value.key_agreement,
            usage.value.key_encipherment,
            usage.value.data_encipherment,
            usage.value.content_commitment,
        ]
    )


def test_device_certificate_serves_clients_only(device: x509.Certificate) -> None:
    usage = _extension(device, x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_device_certificate_names_its_own_and_its_issuers_key(
    device: x509.Certificate, authority: Authority
) -> None:
    own = _extension(device, x509.SubjectKeyIdentifier).value
    issuer = _extension(authority.devices.certificate, x509.SubjectKeyIdentifier).value
    above = _extension(device, x509.AuthorityKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(device.public_key())
    assert above.key_identifier == issuer.digest


def test_device_certificate_starts_ten_minutes_ago_and_lives_seven_days(
    device: x509.Certificate,
) -> None:
    now = instant(FakeClock().now())
    assert device.not_valid_before_utc == now - timedelta(minutes=10)
    assert device.not_valid_after_utc == now + timedelta(days=7)


def test_serial_numbers_are_random_and_of_128_bits(authority: Authority) -> None:
    key, now = new_key().public_key(), FakeClock().now()
    serials = {authority.issue_device(GATEWAY, SITE, key, now=now).serial_number for _ in range(64)}
    assert len(serials) == 64
    assert max(serials).bit_length() in range(121, 129)


def test_device_certificate_is_signed_by_the_devices_authority_with_sha256(
    device: x509.Certificate, authority: Authority
) -> None:
    device.verify_directly_issued_by(authority.devices.certificate)
    assert isinstance(device.signature_hash_algorithm, hashes.SHA256)
    with pytest.raises(ValueError, match="subject does not match"):
        device.verify_directly_issued_by(authority.root)


@pytest.mark.parametrize(
    "name", ["gw-01/x", "gw-", "GW-1", "cloud-ingest", "gw-a+b", "gw-" + "a" * 49]
)
def test_no_certificate_is_issued_for_a_name_that_could_widen_topics(
    authority: Authority, name: str
) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        authority.issue_device(GatewayId(name), SITE, new_key().public_key(), now=FakeClock().now())
    assert refusal.value.code == "gateway.name"


def test_an_expired_authority_issues_nothing(authority: Authority) -> None:
    later = Micros(FakeClock().now() + 400 * DAY)
    with pytest.raises(QuartermasterError) as refusal:
        authority.issue_device(GATEWAY, SITE, new_key().public_key(), now=later)
    assert refusal.value.code == "settings.invalid"


def test_a_certificate_never_outlives_its_authority(authority: Authority) -> None:
    late = Micros(FakeClock().now() + 363 * DAY)
    certificate = authority.issue_device(GATEWAY, SITE, new_key().public_key(), now=late)
    assert certificate.not_valid_after_utc == authority.devices.certificate.not_valid_after_utc


def test_devices_and_services_have_separate_authorities_below_one_root() -> None:
    house = found("quartermaster.local", now=FakeClock().now())
    for issuer, usages in (
        (house.devices, {ExtendedKeyUsageOID.CLIENT_AUTH}),
        (house.services, {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
    ):
        issuer.certificate.verify_directly_issued_by(house.root.certificate)
        constraints = _extension(issuer.certificate, x509.BasicConstraints)
        assert constraints.critical
        assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
        usage = _extension(issuer.certificate, x509.KeyUsage)
        assert usage.critical
        assert (usage.value.key_cert_sign, usage.value.digital_signature) == (True, False)
        assert set(_extension(issuer.certificate, x509.ExtendedKeyUsage).value) == usages
    keys = {
        fingerprint(issuer.certificate) for issuer in (house.root, house.devices, house.services)
    }
    assert len(keys) == 3


def test_the_desk_needs_no_root_key(tmp_path: Path) -> None:
    create(tmp_path / "pki", trust_domain="quartermaster.local", clock=FakeClock())
    (tmp_path / "pki" / "root.key").unlink()
    (tmp_path / "pki" / "services.key").unlink()
    (tmp_path / "pki" / "downlink.key").unlink()
    loaded = Authority.load(tmp_path / "pki")
    assert loaded.trust_domain == "quartermaster.local"
    assert root_fingerprint(tmp_path / "pki") == fingerprint(loaded.root)
    assert load_chain(loaded.trust_bundle()) == [loaded.root]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        Authority.load(tmp_path)
    assert (refusal.value.code, refusal.value.where) == ("settings.invalid", "root.crt")


def test_a_p256_request_gives_its_public_key() -> None:
    key = new_key()
    assert read_request(request_of(key)) == key.public_key()


def _changed(request: bytes) -> bytes:
    return request[:-3] + bytes([request[-3] ^ 1]) + request[-2:]


def _other_key() -> bytes:
    """A request signed by one key that carries another."""
    one, other = new_key(), new_key()
    raw = request_of(one)
    uncompressed = [
        key.public_key().public_numbers().x.to_bytes(32, "big")
        + key.public_key().public_numbers().y.to_bytes(32, "big")
        for key in (one, other)
    ]
    assert raw.count(uncompressed[0]) == 1
    return raw.replace(uncompressed[0], uncompressed[1])


REFUSED = {
    "rsa-1024": lambda: request_of(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - refused
    "rsa-2048": lambda: request_of(rsa.generate_private_key(65537, 2048)),
    "p-384": lambda: request_of(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: request_of(ec.generate_private_key(ec.SECP256K1())),
    "ed25519": lambda: request_of(ed25519.Ed25519PrivateKey.generate()),
    "one bit of the signature changed": lambda: _changed(request_of(new_key())),
    "another key put in": _other_key,
    "rubbish": lambda: b"\x30\x82" + bytes(100),
    "empty": lambda: b"",
    "too large": lambda: request_of(new_key()) + bytes(4096),
    "trailing bytes": lambda: request_of(new_key()) + b"\x00",
}


@pytest.mark.parametrize("case", REFUSED)
def test_any_other_request_is_refused(case: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        read_request(REFUSED[case]())
    assert (refusal.value.code, refusal.value.where) == ("enrol.proof", "csr")


def test_a_revocation_list_starts_after_the_one_before_and_never_in_the_future(
    authority: Authority,
) -> None:
    clock = FakeClock()
    first = authority.revocations({7: clock.now()}, now=clock.now(), follows=None)
    assert first.is_signature_valid(authority.devices.certificate.public_key())  # type: ignore[arg-type]
    assert first.issuer == authority.devices.certificate.subject
    assert [entry.serial_number for entry in first] == [7]
    second = authority.revocations({}, now=clock.now(), follows=first)
    assert second.last_update_utc == first.last_update_utc + timedelta(seconds=1)
    assert second.next_update_utc == instant(Micros(clock.now() + 7 * DAY))
    clock.advance(-365 * DAY)  # it had run ahead, and was set right
    third = authority.revocations({}, now=clock.now(), follows=second)
    assert third.last_update_utc < instant(clock.now())
