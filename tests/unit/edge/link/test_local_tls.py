"""The gateway's own HTTPS certificate, as its scanners meet it."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from edge.link.local_tls import ensure, notice
from shared.certificates import (
    Issuer,
    Leaf,
    chain_pem,
    hosts_of,
    issue,
    key_pem,
    load_chain,
    load_p256,
    vouches_for,
)
from shared.certificates import new_key as fresh_key
from shared.clock import ClockState
from shared.errors import QuartermasterError
from shared.units import DAY, MINUTE, Micros
from tests.support import FakeClock, WallClock


def handshake(folder: Path, host: str, certificate: Path | None = None) -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    chain = certificate or folder / "tls.crt"
    server_side.load_cert_chain(chain, chain.with_suffix(".key"))
    scanner = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    scanner.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            with raw:
                try:
                    server_side.wrap_socket(raw, server_side=True).close()
                except (ssl.SSLError, OSError):
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname()) as raw:
                scanner.wrap_socket(raw, server_hostname=host).close()
        finally:
            thread.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "gw-berlin", "10.1.2.3"])
def test_scanners_that_trust_the_gateway_reach_it_by_all_its_names(
    tmp_path: Path, host: str
) -> None:
    folder = ensure(tmp_path, clock=WallClock(), hosts=["gw-berlin", "10.1.2.3"])
    handshake(folder, host)


def test_the_gateways_authority_can_vouch_for_nobody_else(tmp_path: Path) -> None:
    folder = ensure(tmp_path, clock=WallClock())
    authority = Issuer(
        certificate=load_chain((folder / "ca.crt").read_bytes())[0],
        key=load_p256((folder / "ca.key").read_bytes()),
    )
    key = fresh_key()
    leaf = Leaf(
        common_name="bank", public_key=key.public_key(), usage="server", hosts=["bank.example"]
    )
    forged = issue(authority, leaf, now=WallClock().now(), lifetime=DAY)
    (tmp_path / "bank.crt").write_bytes(chain_pem(forged))
    (tmp_path / "bank.key").write_bytes(key_pem(key))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(folder, "bank.example", tmp_path / "bank.crt")


def test_it_stays_as_it_is_while_it_is_good(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = ensure(tmp_path, clock=clock)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    clock.advance(366 * DAY)
    ensure(tmp_path, clock=clock)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (folder / "tls.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_month_before_its_end_it_is_made_anew_below_the_same_authority(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = ensure(tmp_path, clock=clock)
    authority, leaf = (folder / "ca.crt").read_bytes(), (folder / "tls.crt").read_bytes()
    clock.advance(368 * DAY)
    ensure(tmp_path, clock=clock)
    assert (folder / "ca.crt").read_bytes() == authority
    assert (folder / "tls.crt").read_bytes() != leaf


def test_a_new_name_needs_a_new_authority_and_people_are_told_for_a_month(tmp_path: Path) -> None:
    clock = FakeClock(WallClock().now() - 2 * DAY)
    folder = ensure(tmp_path, clock=clock, hosts=["gw-old"])
    authority = (folder / "ca.crt").read_bytes()
    assert notice(folder, clock.now()) is None
    clock.advance(DAY)
    ensure(tmp_path, clock=clock, hosts=["gw-berlin"])
    assert (folder / "ca.crt").read_bytes() != authority
    assert (folder / "before.crt").read_bytes() == authority
    told = notice(folder, clock.now())
    assert told is not None
    assert told.code == "gateway.door-authority"
    assert "gw-berlin" in told.detail
    for name in ("gw-berlin", "gw-old"):  # what devices have called it so far, they may go on with
        handshake(folder, name)
    assert notice(folder, Micros(clock.now() + 31 * DAY)) is None


def test_a_name_that_comes_before_anybody_trusts_it_is_not_told(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = ensure(tmp_path, clock=clock)
    clock.advance(MINUTE)
    ensure(tmp_path, clock=clock, hosts=["gw-berlin"])
    assert notice(folder, clock.now()) is None


def test_fewer_names_change_nothing_and_a_renewal_keeps_them_all(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = ensure(tmp_path, clock=clock, hosts=["gw-berlin", "FE80::1"])
    authority = (folder / "ca.crt").read_bytes()
    clock.advance(368 * DAY)
    ensure(tmp_path, clock=clock, hosts=["gw-berlin"])
    assert (folder / "ca.crt").read_bytes() == authority
    served = hosts_of(load_chain((folder / "tls.crt").read_bytes())[0])
    assert served == ["localhost", "gw-berlin", "127.0.0.1", "fe80::1"]
    leaf = (folder / "tls.crt").read_bytes()
    ensure(tmp_path, clock=clock, hosts=["gw-berlin", "FE80::1"])
    assert (folder / "tls.crt").read_bytes() == leaf
    assert notice(folder, clock.now()) is None


def test_a_clock_that_was_ahead_for_a_while_shuts_no_device_out(tmp_path: Path) -> None:
    clock = FakeClock(WallClock().now())
    folder = ensure(tmp_path, clock=clock)
    authority = (folder / "ca.crt").read_bytes()
    clock.advance(400 * DAY)
    ensure(tmp_path, clock=clock)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        handshake(folder, "localhost")
    clock.advance(-400 * DAY)
    ensure(tmp_path, clock=clock)
    handshake(folder, "localhost")
    assert (folder / "ca.crt").read_bytes() == authority


def test_an_authority_is_never_given_up_for_a_clock_that_nobody_vouches_for(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = ensure(tmp_path, clock=clock)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    clock.trust = ClockState.UNTRUSTED
    for years in (9, 30):
        clock.advance(years * 366 * DAY)
        ensure(tmp_path, clock=clock)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    clock.trust = ClockState.SYNCHRONIZED
    ensure(tmp_path, clock=clock)
    assert (folder / "ca.crt").read_bytes() != before["ca.crt"]
    assert notice(folder, clock.now()) is not None


def test_people_find_the_authority_by_the_gateways_name(tmp_path: Path) -> None:
    folder = ensure(tmp_path, clock=FakeClock(), gateway="gw-berlin")
    authority = load_chain((folder / "ca.crt").read_bytes())[0]
    assert "CN=Quartermaster gw-berlin" in authority.subject.rfc4514_string()
    assert vouches_for(authority) == ["localhost", "127.0.0.1"]


def test_a_host_that_cannot_be_one_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        ensure(tmp_path, clock=WallClock(), hosts=["not a host"])
    assert refusal.value.code == "settings.invalid"
    assert list(tmp_path.iterdir()) == []
