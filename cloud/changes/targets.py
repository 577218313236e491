"""Where webhooks may be sent, and how often it is tried. Pure.

What a customer types as a URL is fetched from inside our network: only names that resolve to public
addresses are spoken to, at the very address that was checked, and redirects are not followed
(OWASP, Server-Side Request Forgery Prevention; Standard Webhooks, "SSRF").
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from shared.errors import QuartermasterError
from shared.units import HOUR, MINUTE, SECOND, Micros

_WAITS: Final = (
    Micros(5 * SECOND),
    Micros(30 * SECOND),
    Micros(2 * MINUTE),
    Micros(10 * MINUTE),
    Micros(30 * MINUTE),
    Micros(1 * HOUR),
    Micros(2 * HOUR),
    Micros(4 * HOUR),
    Micros(8 * HOUR),
    Micros(8 * HOUR),
)
"""Between one attempt and the next; together just under 24 hours."""
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""IPv4 addresses as the translator sees them (RFC 6052, RFC 8215)."""
_LONGEST: Final = 2_000


class Target(NamedTuple):
    """A URL taken apart: what to connect to, and what to ask for there."""

    host: str
    port: int
    path: str


def target(url: str) -> Target:
    """A URL that webhooks could be sent to.

    Raises:
        QuartermasterError: ``webhook.target``: not https, with a password, to an address that is
            not public.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise _refused("it cannot be read") from None
    host = parts.hostname
    if parts.scheme != "https" or not host or len(url) > _LONGEST or not url.isascii():
        raise _refused("an https URL is needed")
    if parts.username is not None or parts.password is not None:
        raise _refused("a URL keeps no secret; the signature proves who is speaking")
    if parts.fragment or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise _refused("it has a fragment or a blank")
    if (address := _address(host)) is not None and not is_public(address):
        raise _refused(f"{host} is not a public address")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise _refused(f"{host} is not a public name")
    query = f"?{parts.query}" if parts.query else ""
    return Target(host, port, (parts.path or "/") + query)


def chosen(addresses: Sequence[str]) -> str:
    """The address to connect to, of those that a name has; all of them must be public.

    Raises:
        QuartermasterError: ``webhook.target``.
    """
    found = [address for text in addresses if (address := _address(text)) is not None]
    if not found or len(found) < len(addresses):
        raise _refused("the name has no address")
    strange = [address for address in found if not is_public(address)]
    if strange:
        raise _refused(f"the name leads to {strange[0]}, which is not public")
    return str(found[0])


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, also as an IPv4 address inside an IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or any(address in network for network in _NAT64):
            return False
    return address.is_global and not address.is_multicast


def wait_after(attempts: int) -> Micros | None:
    """How long to wait after so many attempts; ``None``: it has been tried for a day."""
    return _WAITS[attempts - 1] if 0 < attempts <= len(_WAITS) else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _refused(why: str) -> QuartermasterError:
    return QuartermasterError("webhook.target", why, where="url")
