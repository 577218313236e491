"""Lists of revoked certificates (RFC 5280 §5), as the broker reads them. EC P-256 and SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from shared.certificates import LATE_CLOCK, Issuer, instant
from shared.errors import QuartermasterError
from shared.units import Micros


def revocation_list(
    issuer: Issuer,
    revoked: Mapping[int, Micros],
    *,
    now: Micros,
    lifetime: Micros,
    follows: x509.CertificateRevocationList | None = None,
) -> x509.CertificateRevocationList:
    """What an authority no longer stands for (RFC 5280 §5).

    Each list starts later than the one it ``follows``: OpenSSL keeps both in memory and believes
    the one that was made last, in whole seconds. One of the future (the clock was wrong) is not
    followed: a list that is not valid yet would refuse everybody.

    Args:
        issuer: whose certificates.
        revoked: when each serial number was revoked.
        now: the time of making.
        lifetime: how long it is valid; then every certificate is refused.
        follows: the list before.
    """
    start = instant(Micros(now - LATE_CLOCK))
    if follows is not None and start <= follows.last_update_utc < instant(now):
        start = follows.last_update_utc + timedelta(seconds=1)
    made_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(start)
        .next_update(instant(Micros(now + lifetime)))
        .add_extension(x509.CRLNumber(int(start.timestamp())), critical=False)
        .add_extension(made_by, critical=False)
    )
    for serial, at in revoked.items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(instant(at))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256())


def load_revocation_list(pem: bytes) -> x509.CertificateRevocationList:
    """Read a revocation list.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    try:
        return x509.load_pem_x509_crl(pem)
    except ValueError:
        raise QuartermasterError("file.unreadable", "not a revocation list") from None
