"""The development PKI: one folder with everything that broker, cloud and gateways trust.

Public: :func:`create`, :func:`renew`, :func:`revocations`. The folder is complete or absent. Every
private key is PKCS #8 PEM with mode 0600. For production the root's key is moved offline after
`pki init`; nothing that runs reads it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud.gateways import revocation
from cloud.gateways.authority import (
    Authority,
    House,
    follow,
    found,
    issue_cloud_client,
    issue_server,
    issue_subscriber,
)
from shared.certificates import (
    Issuer,
    chain_pem,
    hosts_of,
    key_pem,
    load_chain,
    load_p256,
    new_key,
)
from shared.clock import Clock
from shared.errors import QuartermasterError

__all__ = ["LOCAL_HOSTS", "create", "renew", "revocations", "subscriber"]

_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}\Z")
"""As SPIFFE allows, without underscores (SPIFFE-ID §2.1)."""
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


def create(folder: Path, *, trust_domain: str, clock: Clock, hosts: Sequence[str] = ()) -> None:
    """Make a whole PKI in ``folder``; nothing is left behind when it fails.

    Args:
        folder: where it will stand; must not exist yet, or be empty.
        trust_domain: the SPIFFE trust domain, e.g. ``quartermaster.local``.
        clock: when the certificates start.
        hosts: names and addresses of the servers besides the local ones.

    Raises:
        QuartermasterError: ``pki.exists`` when there is something already: authorities are never
            overwritten, as every gateway that trusts them would be cut off.
            ``settings.invalid`` for a trust domain or host that cannot be one.
    """
    if _TRUST_DOMAIN.match(trust_domain) is None:
        raise QuartermasterError(
            "settings.invalid", f"not a trust domain: {trust_domain[:80]!r}", where="trust domain"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise QuartermasterError("pki.exists", where=folder.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o755)
    try:
        _write_all(partial, trust_domain, clock, [*LOCAL_HOSTS, *hosts])
        revocations(partial, clock=clock)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def renew(folder: Path, *, clock: Clock, hosts: Sequence[str] = ()) -> None:
    """New certificates for the keys that are there, the root's excepted; nobody enrols anew.

    Each file is replaced in one step. The server keeps its hosts and gets ``hosts`` besides.
    Needs ``root.key`` in its place for the moment.

    Raises:
        QuartermasterError: ``file.unreadable`` naming what is missing or damaged, or
            ``settings.invalid`` for a host that cannot be one.
    """
    now = clock.now()
    house = follow(
        House(
            root=_issuer(folder, "root"),
            devices=_issuer(folder, "devices"),
            services=_issuer(folder, "services"),
        ),
        now=now,
    )
    served = hosts_of(load_chain(_read(folder, "server.crt"))[0])
    wanted = list(dict.fromkeys([*served, *hosts]))
    server_key = load_p256(_read(folder, "server.key")).public_key()
    ingest_key = load_p256(_read(folder, "ingest.key")).public_key()
    for name, content in _certificates(
        house,
        server=issue_server(house.services, server_key, hosts=wanted, now=now),
        ingest=issue_cloud_client(house.services, ingest_key, now=now),
    ).items():
        aside = folder / f".{name}.new"
        _write(aside, content)
        aside.replace(folder / name)
    revocations(folder, clock=clock)


def subscriber(folder: Path, name: str, *, clock: Clock) -> tuple[Path, Path]:
    """A key and a month's certificate for a system that may read what has changed at the broker.

    Returns:
        The files of the certificate and the key, in ``subscribers/`` of the PKI's folder. Asked for
        again, the key stays and the certificate is new.

    Raises:
        QuartermasterError: ``settings.invalid`` for the name, ``file.unreadable`` for a PKI without
            the services' authority.
    """
    services = _issuer(folder, "services")
    target = folder / "subscribers"
    certificate, key_file = target / f"{name}.crt", target / f"{name}.key"
    key = load_p256(key_file.read_bytes()) if _is_file(target, key_file) else new_key()
    issued = issue_subscriber(services, key.public_key(), name=name, now=clock.now())
    target.mkdir(mode=0o755, exist_ok=True)
    _write(key_file, key_pem(key))
    _write(certificate, chain_pem(issued, services.certificate))
    return certificate, key_file


def _is_file(folder: Path, path: Path) -> bool:
    """Whether a file is there, in this very folder: a name is no path."""
    return path.parent == folder and path.is_file()


def revocations(folder: Path, *, clock: Clock) -> None:
    """The revocation list anew with the entries that it has, empty where there was none.

    Raises:
        QuartermasterError: ``settings.invalid`` naming the file that is missing.
    """
    revocation.repeat(Authority.load(folder), folder, now=clock.now())


def _write_all(folder: Path, trust_domain: str, clock: Clock, hosts: Sequence[str]) -> None:
    now = clock.now()
    house = found(trust_domain, now=now)
    server_key, ingest_key, downlink_key = new_key(), new_key(), Ed25519PrivateKey.generate()
    for name, key in (
        ("root", house.root.key),
        ("devices", house.devices.key),
        ("services", house.services.key),
        ("server", server_key),
        ("ingest", ingest_key),
        ("downlink", downlink_key),
    ):
        _write(folder / f"{name}.key", key_pem(key))
    _write(folder / "root.crt", chain_pem(house.root.certificate))
    public = downlink_key.public_key()
    _write(
        folder / "downlink.pub",
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    for name, content in _certificates(
        house,
        server=issue_server(house.services, server_key.public_key(), hosts=hosts, now=now),
        ingest=issue_cloud_client(house.services, ingest_key.public_key(), now=now),
    ).items():
        _write(folder / name, content)


def _certificates(
    house: House, *, server: x509.Certificate, ingest: x509.Certificate
) -> dict[str, bytes]:
    """Everything below the root, by file."""
    root, devices, services = (
        issuer.certificate for issuer in (house.root, house.devices, house.services)
    )
    return {
        "devices.crt": chain_pem(devices),
        "services.crt": chain_pem(services),
        "devices-chain.crt": chain_pem(devices, root),
        "services-chain.crt": chain_pem(services, root),
        "server.crt": chain_pem(server, services),
        "ingest.crt": chain_pem(ingest, services),
    }


def _issuer(folder: Path, name: str) -> Issuer:
    return Issuer(
        certificate=load_chain(_read(folder, f"{name}.crt"))[0],
        key=load_p256(_read(folder, f"{name}.key")),
    )


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise QuartermasterError("file.unreadable", type(error).__name__, where=name) from None


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600 if path.suffix == ".key" else 0o644)
    path.write_bytes(content)
