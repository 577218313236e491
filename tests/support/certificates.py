"""Certificates for tests: devices of the real devices' CA, and impostors of any kind."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.certificates import Issuer, Leaf, chain_pem, issue, key_pem, load_chain, load_p256
from shared.certificates import new_key as new_p256_key
from shared.units import DAY, Micros
from tests.support.clock import WallClock

WEEK = Micros(7 * DAY)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A client's certificate chain and key on disk."""

    certificate: Path
    key: Path


def issuer(pki: Path, name: Literal["devices", "services"]) -> Issuer:
    """One of a PKI folder's issuing authorities."""
    return Issuer(
        certificate=load_chain((pki / f"{name}.crt").read_bytes())[0],
        key=load_p256((pki / f"{name}.key").read_bytes()),
    )


def device_credentials(
    pki: Path,
    folder: Path,
    common_name: str,
    *,
    authority: Literal["devices", "services"] = "devices",
    usage: Literal["client", "server"] = "client",
    now: Micros | None = None,
    lifetime: Micros = WEEK,
) -> Credentials:
    """Credentials as a gateway named ``common_name`` would hold them, written into ``folder``.

    Nothing is checked: tests need names and usages that the real desk refuses.
    """
    key = new_p256_key()
    above = issuer(pki, authority)
    leaf = Leaf(common_name=common_name, public_key=key.public_key(), usage=usage)
    certificate = issue(
        above, leaf, now=WallClock().now() if now is None else now, lifetime=lifetime
    )
    folder.mkdir(parents=True, exist_ok=True)
    credentials = Credentials(certificate=folder / "tls.crt", key=folder / "tls.key")
    credentials.certificate.write_bytes(chain_pem(certificate, above.certificate))
    credentials.key.touch(mode=0o600)
    credentials.key.write_bytes(key_pem(key))
    return credentials


def service_credentials(pki: Path) -> Credentials:
    """The cloud's own client credentials."""
    return Credentials(certificate=pki / "ingest.crt", key=pki / "ingest.key")


def tls_context(pki: Path, credentials: Credentials | None) -> ssl.SSLContext:
    """A TLS 1.3 client context that trusts the services' CA, with a certificate or without."""
    context = ssl.create_default_context(cafile=str(pki / "services-chain.crt"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if credentials is not None:
        context.load_cert_chain(credentials.certificate, credentials.key)
    return context
