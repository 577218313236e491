"""The revocation list: which gateways' certificates ended before their time, for the broker.

It refuses new connections only, and only once the broker has read it (SIGHUP). What a revoked
gateway sends is refused by ingest in any case. The list is written whole, in one step, from the
registry, under a lock of the database: whoever writes sees all that was revoked before. Past its
seven days the broker would refuse everybody, so it is written daily.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from cloud.db import Connection
from cloud.gateways import store
from cloud.gateways.authority import REVOCATIONS_LIFETIME, Authority
from shared.certificates import LATE_CLOCK, micros
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.revocations import load_revocation_list
from shared.units import DAY, Micros

FILE: Final = "devices.crl"
REFRESH_AFTER: Final = Micros(DAY)
_KEPT: Final = Micros(8 * DAY)
"""How long an entry outlives its certificate: RFC 5280 §3.3 wants it on one list after that."""


def publish(connection: Connection, authority: Authority, pki: Path, *, now: Micros) -> bool:
    """Write the list when it is a day old or names other certificates than the registry.

    Raises:
        QuartermasterError: ``file.unreadable`` when it cannot be written.
    """
    entries = store.revoked_certificates(connection, Micros(now - _KEPT))
    revoked = {int(entry.serial, 16): entry.revoked_at for entry in entries}
    current = read(pki)
    if current is not None and not _due(current, now) and _named(current) == revoked.keys():
        return False
    write(pki, authority.revocations(revoked, now=now, follows=current))
    return True


def repeat(authority: Authority, pki: Path, *, now: Micros) -> None:
    """Write the list anew with the entries that it has, where no registry is at hand.

    Raises:
        QuartermasterError: ``file.unreadable`` when it cannot be written.
    """
    current = read(pki)
    revoked = (
        {}
        if current is None
        else {entry.serial_number: micros(entry.revocation_date_utc) for entry in current}
    )
    write(pki, authority.revocations(revoked, now=now, follows=current))


def revoked_since(connection: Connection, since: Micros) -> list[GatewayId]:
    """Gateways that were revoked after a moment and are so still."""
    return store.revoked_since(connection, since)


def read(pki: Path) -> x509.CertificateRevocationList | None:
    """The list in place; None when there is none, or none that can be read."""
    try:
        return load_revocation_list((pki / FILE).read_bytes())
    except (OSError, QuartermasterError):
        return None


def write(pki: Path, revocations: x509.CertificateRevocationList) -> None:
    """Put a list in place in one step.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    aside = pki / f".{FILE}.new"
    try:
        aside.write_bytes(revocations.public_bytes(Encoding.PEM))
        aside.replace(pki / FILE)
    except OSError as error:
        raise QuartermasterError(
            "file.unreadable", error.strerror or "", where=str(pki / FILE)
        ) from None


def _due(current: x509.CertificateRevocationList, now: Micros) -> bool:
    """Whether a day of its life is over, or the clock shows that it was made in the future."""
    until = current.next_update_utc
    age = Micros(0) if until is None else now + REVOCATIONS_LIFETIME - micros(until)
    return until is None or not -LATE_CLOCK < age < REFRESH_AFTER


def _named(current: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in current}
