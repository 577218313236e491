"""The certificates that a gateway shows and trusts, and when each ends: for its operators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509

from edge.link.identity import Identity
from edge.web.console import Certificate
from shared.certificates import load_chain, micros
from shared.errors import QuartermasterError

_RENEWED: Final = "It is renewed by itself while the cloud is there."
_DOOR: Final = "What devices of this site see; it is renewed by itself."
_AUTHORITY: Final = "What devices of this site trust; by its end they have to trust another."
_ANCHOR: Final = "What this gateway trusts the cloud by; a new one comes with an enrolment."


def certificates(identity: Identity, local: Path) -> list[Certificate]:
    """All of them, the one that ends first in front.

    Args:
        identity: the one in force.
        local: ``<data>/identity/local``.
    """
    found = [
        *_read(identity.tls_certificate, "This gateway, to the cloud", _RENEWED, most=1),
        *_read(local / "tls.crt", "This gateway, to its devices", _DOOR, most=1),
        *_read(local / "ca.crt", "This gateway's own authority", _AUTHORITY, most=1),
        *_read(identity.trust, "The cloud's authority", _ANCHOR, most=4),
    ]
    return sorted(found, key=lambda each: each.not_after)


def _read(path: Path, name: str, purpose: str, *, most: int) -> Iterator[Certificate]:
    """The first certificates of a file; none where it cannot be read."""
    try:
        chain = load_chain(path.read_bytes())[:most]
    except (OSError, QuartermasterError):
        return
    for number, each in enumerate(chain):
        begins, ends = micros(each.not_valid_before_utc), micros(each.not_valid_after_utc)
        yield Certificate(
            name if number == 0 and len(chain) == 1 else f"{name} ({_common_name(each)})",
            purpose,
            ends,
            ends - begins,
        )


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else "without a name"
