"""The development PKI's folder: what lies in it, who may read it, whether TLS accepts it."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest

from deploy.cli import run
from deploy.pki import create, renew
from shared.certificates import load_chain, load_ed25519, load_p256, micros
from shared.errors import QuartermasterError
from shared.units import DAY
from tests.support import FakeClock, WallClock
from tests.support.certificates import device_credentials

KEYS = ("root.key", "devices.key", "services.key", "server.key", "ingest.key", "downlink.key")


def test_private_keys_are_readable_by_their_owner_only(pki: Path) -> None:
    assert {path.name for path in pki.glob("*.key")} == set(KEYS)
    for name in KEYS:
        assert (pki / name).stat().st_mode & 0o777 == 0o600
        assert (pki / name).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_every_key_fits_its_certificate(pki: Path) -> None:
    for name in ("root", "devices", "services", "server", "ingest"):
        certificate = load_chain((pki / f"{name}.crt").read_bytes())[0]
        key = load_p256((pki / f"{name}.key").read_bytes())
        assert certificate.public_key() == key.public_key()
    load_ed25519((pki / "downlink.key").read_bytes())


def test_chains_lead_from_the_issuing_authority_to_the_root(pki: Path) -> None:
    root = load_chain((pki / "root.crt").read_bytes())[0]
    for name in ("devices", "services"):
        issuing, top = load_chain((pki / f"{name}-chain.crt").read_bytes())
        assert top == root
        issuing.verify_directly_issued_by(root)
    leaf, issuing = load_chain((pki / "server.crt").read_bytes())
    leaf.verify_directly_issued_by(issuing)


def test_an_existing_pki_is_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    create(folder, trust_domain="one.example", clock=FakeClock())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(QuartermasterError) as refusal:
        create(folder, trust_domain="two.example", clock=FakeClock())
    assert refusal.value.code == "pki.exists"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("trust_domain", "host"),
    [("a.example", "bäd host"), ("a.example", ""), ("a/b", "ok"), ("", "ok"), ("A.example", "ok")],
)
def test_a_failure_leaves_no_half_of_a_pki(tmp_path: Path, trust_domain: str, host: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        create(tmp_path / "pki", trust_domain=trust_domain, clock=FakeClock(), hosts=[host])
    assert refusal.value.code == "settings.invalid"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "cloud.example"])
def test_strict_tls_accepts_server_and_client_under_every_host(tmp_path: Path, host: str) -> None:
    pki = tmp_path / "pki"
    create(pki, trust_domain="a.example", clock=WallClock(), hosts=["cloud.example"])
    peer = _handshake(pki, "ingest", "services-chain.crt", host)
    assert peer["subject"] == ((("commonName", "cloud-ingest"),),)


def test_strict_tls_refuses_the_server_under_another_host(pki: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
        _handshake(pki, "ingest", "services-chain.crt", "elsewhere.example")


def test_the_command_makes_a_pki_and_shows_its_fingerprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "pki")
    assert run(["pki", "init", "--folder", folder, "--host", "cloud.example", "--json"]) == 0
    made = capsys.readouterr().out
    assert run(["pki", "show", "--folder", folder, "--json"]) == 0
    assert capsys.readouterr().out == made
    assert run(["pki", "init", "--folder", folder]) != 0
    assert "pki.exists" in capsys.readouterr().err


def test_renewed_certificates_are_for_the_same_keys_and_meet_those_issued_before(
    tmp_path: Path,
) -> None:
    pki, clock = tmp_path / "pki", WallClock()
    create(pki, trust_domain="a.example", clock=FakeClock(clock.now() - 360 * DAY))
    before = {path.name: path.read_bytes() for path in pki.iterdir()}
    device = device_credentials(pki, tmp_path / "gw", "gw-1", lifetime=DAY)
    renew(pki, clock=clock, hosts=["cloud.example"])
    after = {path.name: path.read_bytes() for path in pki.iterdir()}
    same = {name for name in before if before[name] == after[name]}
    assert same == {*KEYS, "root.crt", "downlink.pub"}
    assert after.keys() == before.keys()
    for name in ("devices", "services", "server", "ingest"):
        certificate = load_chain(after[f"{name}.crt"])[0]
        assert micros(certificate.not_valid_after_utc) > clock.now() + 364 * DAY
    _handshake(pki, "ingest", "services-chain.crt", "cloud.example")
    issuing = load_chain(after["devices.crt"])[0]
    load_chain(device.certificate.read_bytes())[0].verify_directly_issued_by(issuing)


def test_renewal_needs_the_roots_key_and_changes_nothing_without(pki: Path, tmp_path: Path) -> None:
    copy = tmp_path / "pki"
    shutil.copytree(pki, copy)
    (copy / "root.key").unlink()
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(QuartermasterError) as refusal:
        renew(copy, clock=WallClock())
    assert (refusal.value.code, refusal.value.where) == ("file.unreadable", "root.key")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def _handshake(pki: Path, client: str, trust: str, host: str) -> dict[str, object]:
    """Meet our own server certificate as ``client``; what the server saw of the client."""
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki / trust))
    server_side.load_cert_chain(pki / "server.crt", pki / "server.key")
    client_side = ssl.create_default_context(cafile=str(pki / "services-chain.crt"))
    client_side.load_cert_chain(pki / f"{client}.crt", pki / f"{client}.key")
    for context in (server_side, client_side):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    seen: dict[str, object] = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            try:
                with server_side.wrap_socket(raw, server_side=True) as connection:
                    seen.update(connection.getpeercert() or {})
                    connection.sendall(b"ok")
            except (ssl.SSLError, OSError):
                raw.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname()) as raw,
                client_side.wrap_socket(raw, server_hostname=host) as connection,
            ):
                assert connection.recv(2) == b"ok"
        finally:
            thread.join()
    return seen
