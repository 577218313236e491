"""The certificate of the gateway's own HTTPS door, for the scanners of its site.

Scanners never speak to the cloud, and a gateway must be reachable by names that only its site
knows; so it is its own authority here. That authority may vouch for the gateway's own names only
(name constraints, RFC 5280 §4.2.1.10): a phone that trusts it is not exposed to more.
``<data>/identity/local/``: ``ca.crt`` (to be trusted by scanners), ``tls.crt`` and ``tls.key``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge.link.identity import write_folder
from shared.certificates import (
    Issuer,
    Leaf,
    chain_pem,
    hosts_of,
    issue,
    key_pem,
    load_chain,
    load_p256,
    micros,
    new_key,
    root_authority,
)
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.units import DAY, Micros

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1")
_AUTHORITY_LIFETIME: Final = Micros(10 * 365 * DAY)
_LIFETIME: Final = Micros(397 * DAY)
"""The longest that browsers and phones accept without complaint."""
_RENEW_BEFORE: Final = Micros(30 * DAY)


def ensure(identity: Path, *, clock: Clock, hosts: Sequence[str] = ()) -> Path:
    """Have a certificate for ``hosts`` and the local names that is good for a month at least.

    The authority stays the same as long as it covers the hosts, so that scanners keep trusting it.

    Returns:
        The folder ``<data>/identity/local``.

    Raises:
        QuartermasterError: ``disk.full``.
    """
    folder = identity / "local"
    wanted = list(dict.fromkeys([*LOCAL_HOSTS, *hosts]))
    now = clock.now()
    fresh = folder.with_name("local.new")
    if fresh.is_dir() and not folder.exists():
        fresh.rename(folder)  # the power went between the two steps below
    if _covers(folder, wanted, now):
        return folder
    authority = _authority(folder, wanted, now) or root_authority(
        "Quartermaster gateway (local)",
        "Quartermaster",
        now=now,
        lifetime=_AUTHORITY_LIFETIME,
        depth=0,
        only_hosts=wanted,
    )
    key = new_key()
    leaf = Leaf(common_name=wanted[0], public_key=key.public_key(), usage="server", hosts=wanted)
    certificate = issue(authority, leaf, now=now, lifetime=_LIFETIME)
    shutil.rmtree(fresh, ignore_errors=True)
    write_folder(
        fresh,
        {
            "ca.crt": chain_pem(authority.certificate),
            "ca.key": key_pem(authority.key),
            "tls.crt": chain_pem(certificate),
            "tls.key": key_pem(key),
        },
    )
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def _covers(folder: Path, hosts: Sequence[str], now: Micros) -> bool:
    try:
        certificate = load_chain((folder / "tls.crt").read_bytes())[0]
        load_p256((folder / "tls.key").read_bytes())
    except (OSError, QuartermasterError):
        return False
    in_time = micros(certificate.not_valid_after_utc) - now > _RENEW_BEFORE
    return in_time and set(hosts) <= set(hosts_of(certificate))


def _authority(folder: Path, hosts: Sequence[str], now: Micros) -> Issuer | None:
    """The authority that is there already, if it is readable and covers the hosts for long."""
    try:
        certificate = load_chain((folder / "ca.crt").read_bytes())[0]
        key = load_p256((folder / "ca.key").read_bytes())
        served = set(hosts_of(load_chain((folder / "tls.crt").read_bytes())[0]))
    except (OSError, QuartermasterError):
        return None
    long_enough = micros(certificate.not_valid_after_utc) - now > _LIFETIME
    if not long_enough or not set(hosts) <= served:
        return None
    return Issuer(certificate=certificate, key=key)
