"""The house's certificate authorities: how trust is made, and what a gateway is given.

Pure: bytes, keys and a fixed time in; certificates out. Rules:

1. Below one root, which may go offline, one authority issues to devices and another to services;
   neither may issue a certificate that serves as the other's.
2. Of a gateway's request only the public key is used. Its name, site and usage come from the
   registry's record; whatever else the request asks for is ignored, not even copied.
3. The request must be signed by the key that it carries, and that key must be on P-256.
4. A device's certificate lives seven days.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from shared.certificates import (
    Issuer,
    Leaf,
    chain_pem,
    fingerprint,
    intermediate_authority,
    is_p256,
    issue,
    load_chain,
    load_p256,
    root_authority,
    trust_domain_of,
)
from shared.errors import QuartermasterError
from shared.ids import GatewayId, SiteId, gateway_id
from shared.revocations import revocation_list
from shared.units import DAY, Micros

DEVICE_LIFETIME: Final = Micros(7 * DAY)
AUTHORITY_LIFETIME: Final = Micros(365 * DAY)
ROOT_LIFETIME: Final = Micros(10 * 365 * DAY)
SUBSCRIBER_LIFETIME: Final = Micros(31 * DAY)
REVOCATIONS_LIFETIME: Final = Micros(7 * DAY)
"""How long a revocation list is valid; past it the broker refuses every gateway."""
INGEST_NAME: Final = "cloud-ingest"
"""The common name under which every cloud process speaks to the broker."""
_MAX_REQUEST: Final = 4096
_SUBSCRIBER: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A new trust domain: its root and the two authorities below it."""

    root: Issuer
    devices: Issuer
    services: Issuer


def found(trust_domain: str, *, now: Micros) -> House:
    """Make the root and both issuing authorities of a trust domain."""
    root = root_authority(
        "Quartermaster Root CA",
        trust_domain,
        now=now,
        lifetime=ROOT_LIFETIME,
        depth=1,
        uri=f"spiffe://{trust_domain}",
    )
    return House(
        root=root,
        devices=_devices(root, trust_domain, now),
        services=_services(root, trust_domain, now),
    )


def follow(house: House, *, now: Micros) -> House:
    """The same authorities with new certificates for the same keys: all that they issued stays."""
    trust_domain = trust_domain_of(house.root.certificate)
    return House(
        root=house.root,
        devices=_devices(house.root, trust_domain, now, house.devices.key),
        services=_services(house.root, trust_domain, now, house.services.key),
    )


def issue_server(
    services: Issuer, public_key: EllipticCurvePublicKey, *, hosts: Sequence[str], now: Micros
) -> x509.Certificate:
    """The certificate of the broker and of the cloud's HTTPS doors, for ``hosts``."""
    leaf = Leaf(common_name=hosts[0], public_key=public_key, usage="server", hosts=hosts)
    return issue(services, leaf, now=now, lifetime=AUTHORITY_LIFETIME)


def issue_cloud_client(
    services: Issuer, public_key: EllipticCurvePublicKey, *, now: Micros
) -> x509.Certificate:
    """The certificate of the cloud's own broker clients."""
    leaf = Leaf(common_name=INGEST_NAME, public_key=public_key, usage="client")
    return issue(services, leaf, now=now, lifetime=AUTHORITY_LIFETIME)


def issue_subscriber(
    services: Issuer, public_key: EllipticCurvePublicKey, *, name: str, now: Micros
) -> x509.Certificate:
    """The certificate of a system of ours that may read at the broker what has changed.

    It ends after a month: nobody keeps a list of revoked ones at that door.

    Raises:
        QuartermasterError: ``settings.invalid`` for a name that cannot be one.
    """
    if _SUBSCRIBER.match(name) is None:
        raise QuartermasterError("settings.invalid", repr(name[:60]), where="name")
    leaf = Leaf(common_name=f"sub-{name}", public_key=public_key, usage="client")
    return issue(services, leaf, now=now, lifetime=SUBSCRIBER_LIFETIME)


def read_request(request: bytes) -> EllipticCurvePublicKey:
    """The public key of a certificate request (DER) which that very key has signed.

    Raises:
        QuartermasterError: ``enrol.proof``.
    """
    if len(request) > _MAX_REQUEST:
        raise QuartermasterError("enrol.proof", "the request is too large", where="csr")
    try:
        parsed = x509.load_der_x509_csr(request)
        key = parsed.public_key()
        signed = is_p256(key) and parsed.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise QuartermasterError("enrol.proof", type(error).__name__, where="csr") from None
    if not isinstance(key, EllipticCurvePublicKey) or not is_p256(key):
        raise QuartermasterError("enrol.proof", "only P-256 keys are certified", where="csr")
    if not signed:
        raise QuartermasterError("enrol.proof", "not signed by its own key", where="csr")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What the enrolment desk signs with and hands out."""

    trust_domain: str
    devices: Issuer
    root: x509.Certificate
    cloud_key: Ed25519PublicKey
    device_lifetime: Micros = DEVICE_LIFETIME

    @classmethod
    def load(cls, pki: Path) -> Authority:
        """Read the desk's part of a PKI folder; the root's private key is not touched.

        Raises:
            QuartermasterError: ``settings.invalid`` naming the file that is missing, or
                ``file.unreadable``.
        """
        root = load_chain(_read(pki, "root.crt"))[0]
        try:
            cloud_key = load_pem_public_key(_read(pki, "downlink.pub"))
        except ValueError:
            cloud_key = None
        if not isinstance(cloud_key, Ed25519PublicKey):
            raise QuartermasterError("settings.invalid", "not Ed25519", where="downlink.pub")
        return cls(
            trust_domain=trust_domain_of(root),
            devices=Issuer(
                certificate=load_chain(_read(pki, "devices.crt"))[0],
                key=load_p256(_read(pki, "devices.key")),
            ),
            root=root,
            cloud_key=cloud_key,
        )

    def issue_device(
        self, gateway: GatewayId, site: SiteId, key: EllipticCurvePublicKey, *, now: Micros
    ) -> x509.Certificate:
        """A gateway's client certificate, named from its record; seven days unless set otherwise.

        Raises:
            QuartermasterError: ``gateway.name`` for a name that could widen its topics.
        """
        leaf = Leaf(
            common_name=gateway_id(gateway),
            public_key=key,
            usage="client",
            uri=f"spiffe://{self.trust_domain}/site/{site}/gw/{gateway}",
        )
        return issue(self.devices, leaf, now=now, lifetime=self.device_lifetime)

    def revocations(
        self,
        revoked: Mapping[int, Micros],
        *,
        now: Micros,
        follows: x509.CertificateRevocationList | None,
    ) -> x509.CertificateRevocationList:
        """The devices authority's list: serial numbers and when each was revoked."""
        return revocation_list(
            self.devices, revoked, now=now, lifetime=REVOCATIONS_LIFETIME, follows=follows
        )

    def device_chain(self, certificate: x509.Certificate) -> bytes:
        """What a gateway shows to the broker: its certificate and the devices authority."""
        return chain_pem(certificate, self.devices.certificate)

    def trust_bundle(self) -> bytes:
        """What a gateway trusts: the root alone; servers show the authority between."""
        return chain_pem(self.root)


def demand_trust_domain(pki: Path, trust_domain: str) -> None:
    """Refuse to work under another name than the one that the root stands for.

    Gateways sign for the root's trust domain: under another, every segment would be refused.

    Raises:
        QuartermasterError: ``settings.invalid``.
    """
    try:
        actual = trust_domain_of(load_chain(_read(pki, "root.crt"))[0])
    except QuartermasterError as error:
        raise QuartermasterError(
            "settings.invalid", error.detail, where=str(pki / "root.crt")
        ) from None
    if actual != trust_domain:
        raise QuartermasterError(
            "settings.invalid",
            f"it is {trust_domain!r}, but the root in {pki} stands for {actual!r}",
            where="QM_TRUST_DOMAIN",
        )


def root_fingerprint(pki: Path) -> bytes:
    """SHA-256 of the public key of a PKI folder's root.

    Raises:
        QuartermasterError: ``settings.invalid`` naming what is missing.
    """
    return fingerprint(load_chain(_read(pki, "root.crt"))[0])


def _devices(
    root: Issuer, trust_domain: str, now: Micros, key: EllipticCurvePrivateKey | None = None
) -> Issuer:
    return intermediate_authority(
        root,
        "Quartermaster Devices CA",
        trust_domain,
        now=now,
        lifetime=AUTHORITY_LIFETIME,
        usages=["client"],
        key=key,
    )


def _services(
    root: Issuer, trust_domain: str, now: Micros, key: EllipticCurvePrivateKey | None = None
) -> Issuer:
    return intermediate_authority(
        root,
        "Quartermaster Services CA",
        trust_domain,
        now=now,
        lifetime=AUTHORITY_LIFETIME,
        usages=["server", "client"],
        key=key,
    )


def _read(pki: Path, name: str) -> bytes:
    try:
        return (pki / name).read_bytes()
    except OSError as error:
        raise QuartermasterError(
            "settings.invalid", f"{type(error).__name__}; run: quartermaster pki init", where=name
        ) from None
