"""X.509 as Quartermaster writes it: the few profiles that exist, field by field (RFC 5280).

Authorities, servers, clients and devices differ only in the rows below; nothing else is ever
issued. EC P-256 and SHA-256 throughout. Every certificate starts ten minutes before it is made, so
that a clock that runs a little late accepts it, and never outlives its issuer.

What a requester writes into its request is not used here: callers pass a public key and the names
from their own records.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final, Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.errors import QuartermasterError
from shared.units import MINUTE, Micros

LATE_CLOCK: Final = Micros(10 * MINUTE)
"""How long before its making a certificate is already valid."""

_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\Z")

Usage = Literal["server", "client"]
_USAGES: Final[dict[Usage, x509.ObjectIdentifier]] = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authority's certificate with its private key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a server's, client's or device's certificate says."""

    common_name: str
    public_key: EllipticCurvePublicKey
    usage: Usage
    hosts: Sequence[str] = ()
    uri: str = ""


def instant(micros: Micros) -> datetime:
    """The aware UTC datetime of ``micros``, in whole seconds, as X.509 knows them."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC)


def micros(moment: datetime) -> Micros:
    """The microseconds of an aware datetime."""
    return Micros((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def new_key() -> EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_serial() -> int:
    """128 random bits, never zero."""
    return secrets.randbelow(2**128 - 1) + 1


def root_authority(  # the two ends of trust: the house's root, a gateway's own local one
    name: str,
    organization: str,
    *,
    now: Micros,
    lifetime: Micros,
    depth: int,
    uri: str = "",
    only_hosts: Sequence[str] = (),
) -> Issuer:
    """A self-signed authority with ``depth`` levels of authorities below it.

    Args:
        name: its common name.
        organization: its organization, e.g. the trust domain.
        now: the time of making.
        lifetime: how long it is valid.
        depth: the path length.
        uri: the SPIFFE id of the trust domain (X509-SVID §3.1: without a path).
        only_hosts: when given, whatever it issues for other hosts is void (RFC 5280 §4.2.1.10).
    """
    key = new_key()
    subject = _name(name, organization)
    builder = _builder(subject, subject, key.public_key(), now, instant(Micros(now + lifetime)))
    builder = _authority_extensions(builder, key.public_key(), key.public_key(), depth)
    if uri:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False
        )
    if only_hosts:
        builder = builder.add_extension(
            x509.NameConstraints([_constraint(host) for host in only_hosts], None), critical=True
        )
    return Issuer(certificate=builder.sign(key, hashes.SHA256()), key=key)


def intermediate_authority(
    issuer: Issuer,
    name: str,
    organization: str,
    *,
    now: Micros,
    lifetime: Micros,
    usages: Sequence[Usage],
    key: EllipticCurvePrivateKey | None = None,
) -> Issuer:
    """An issuing authority below ``issuer`` whose certificates serve ``usages`` only.

    With the ``key`` of an earlier one it continues that one: what it has issued stays valid.

    Raises:
        QuartermasterError: ``settings.invalid`` when the issuer has expired.
    """
    key = key or new_key()
    builder = _builder(
        _name(name, organization),
        issuer.certificate.subject,
        key.public_key(),
        now,
        _end(issuer, now, lifetime),
    )
    builder = _authority_extensions(builder, key.public_key(), issuer.key.public_key(), 0)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([_USAGES[usage] for usage in usages]), critical=False
    )
    return Issuer(certificate=builder.sign(issuer.key, hashes.SHA256()), key=key)


def issue(issuer: Issuer, leaf: Leaf, *, now: Micros, lifetime: Micros) -> x509.Certificate:
    """A certificate for one server, client or device.

    Raises:
        QuartermasterError: ``settings.invalid`` when the issuer has expired, or for a host that
            is neither a name nor an address.
    """
    names: list[x509.GeneralName] = [_host(host) for host in leaf.hosts]
    if leaf.uri:
        names.append(x509.UniformResourceIdentifier(leaf.uri))
    builder = (
        _builder(
            _name(leaf.common_name),
            issuer.certificate.subject,
            leaf.public_key,
            now,
            _end(issuer, now, lifetime),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGES[leaf.usage]]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf.public_key), critical=False)
        .add_extension(_issued_by(issuer.key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def spki(key: EllipticCurvePublicKey) -> bytes:
    """A public key as DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 over the certificate's SubjectPublicKeyInfo: it survives a renewed certificate."""
    key = certificate.public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).digest()


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses that a server's certificate is for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *(str(address) for address in addresses)]


def vouches_for(certificate: x509.Certificate) -> list[str]:
    """The only names and addresses that an authority may vouch for; empty where it is not bound."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return []
    found: list[str] = []
    for each in constraints.permitted_subtrees or ():
        if isinstance(each, x509.DNSName):
            found.append(each.value)
        elif isinstance(each, x509.IPAddress):
            found.append(str(each.value).removesuffix("/32").removesuffix("/128"))
    return found


def chain_pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as one PEM bundle, in the order given."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def key_pem(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    """A private key as unencrypted PKCS #8 PEM; its file's mode is the caller's duty."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_p256(pem: bytes) -> EllipticCurvePrivateKey:
    """Read a P-256 private key.

    Raises:
        QuartermasterError: ``file.unreadable`` for anything else.
    """
    key = _load(pem)
    if not isinstance(key, EllipticCurvePrivateKey) or not is_p256(key.public_key()):
        raise QuartermasterError("file.unreadable", "not a P-256 private key")
    return key


def load_ed25519(pem: bytes) -> Ed25519PrivateKey:
    """Read an Ed25519 private key.

    Raises:
        QuartermasterError: ``file.unreadable`` for anything else.
    """
    key = _load(pem)
    if not isinstance(key, Ed25519PrivateKey):
        raise QuartermasterError("file.unreadable", "not an Ed25519 private key")
    return key


def load_chain(pem: bytes) -> list[x509.Certificate]:
    """Read a PEM bundle.

    Raises:
        QuartermasterError: ``file.unreadable`` when it holds no certificate.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise QuartermasterError("file.unreadable", "not a PEM certificate") from None


def is_p256(key: object) -> bool:
    """Whether ``key`` is a public key on P-256, the only curve used here."""
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)


def trust_domain_of(root: x509.Certificate) -> str:
    """The trust domain that a root certificate names in its SPIFFE id.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    try:
        names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        uri = ""
    if not uri.startswith("spiffe://"):
        raise QuartermasterError("file.unreadable", "no SPIFFE trust domain")
    return uri.removeprefix("spiffe://")


def _load(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise QuartermasterError("file.unreadable", type(error).__name__) from None


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: EllipticCurvePublicKey,
    now: Micros,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(new_serial())
        .not_valid_before(instant(Micros(now - LATE_CLOCK)))
        .not_valid_after(until)
    )


def _authority_extensions(
    builder: x509.CertificateBuilder,
    own: EllipticCurvePublicKey,
    issuer: EllipticCurvePublicKey,
    depth: int,
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_key_usage(sign=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        .add_extension(_issued_by(issuer), critical=False)
    )


def _end(issuer: Issuer, now: Micros, lifetime: Micros) -> datetime:
    if issuer.certificate.not_valid_after_utc <= instant(now):
        raise QuartermasterError("settings.invalid", "the certificate authority has expired")
    return min(instant(Micros(now + lifetime)), issuer.certificate.not_valid_after_utc)


def _key_usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=not sign,
        crl_sign=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(key: EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _name(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(cast("list[x509.NameAttribute[str | bytes]]", attributes))


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return _dns(host)


def _constraint(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_network(host))
    except ValueError:
        return _dns(host)


def _dns(host: str) -> x509.DNSName:
    if _HOST.match(host) is None:
        raise QuartermasterError("settings.invalid", f"not a host: {host[:80]!r}", where="host")
    return x509.DNSName(host)
