"""The certificate of the gateway's own HTTPS door, for the scanners of its site.

Scanners never speak to the cloud, and a gateway must be reachable by names that only its site
knows; so it is its own authority here. That authority may vouch for the gateway's own names only
(name constraints, RFC 5280 §4.2.1.10): a phone that trusts it is not exposed to more.
``<data>/identity/local/``: ``ca.crt`` (to be trusted by scanners), ``tls.crt`` and ``tls.key``.

A further name, or the end of ten years, needs another authority, which no device trusts yet: the
one before is kept as ``before.crt``, and for a month people are told.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from edge.link.identity import write_folder
from shared.certificates import (
    LATE_CLOCK,
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
    vouches_for,
)
from shared.clock import Clock, ClockState
from shared.errors import QuartermasterError
from shared.units import DAY, HOUR, Micros

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1")
_AUTHORITY_LIFETIME: Final = Micros(10 * 365 * DAY)
_LIFETIME: Final = Micros(397 * DAY)
"""The longest that browsers and phones accept without complaint."""
_RENEW_BEFORE: Final = Micros(30 * DAY)
_TOLD_FOR: Final = Micros(30 * DAY)
_NEVER_TRUSTED: Final = HOUR
"""An authority that was replaced so soon was on its way to its first settings."""


def ensure(identity: Path, *, clock: Clock, hosts: Sequence[str] = (), gateway: str = "") -> Path:
    """Have a certificate for ``hosts`` and the local names that is good for a month at least.

    The authority stays the same as long as it covers the hosts, so that scanners keep trusting it;
    a name that was served once is served on.

    Args:
        identity: ``<data>/identity``.
        clock: the gateway's.
        hosts: its names on its site.
        gateway: its own name, by which people find the authority in their device's list.

    Returns:
        The folder ``<data>/identity/local``.

    Raises:
        QuartermasterError: ``disk.full``.
    """
    folder = identity / "local"
    now = clock.now()
    fresh = folder.with_name("local.new")
    if fresh.is_dir() and not folder.exists():
        fresh.rename(folder)  # the power went between the two steps below
    wanted = list(dict.fromkeys(map(_plain, [*LOCAL_HOSTS, *hosts])))
    if _covers(folder, wanted, now):
        return folder
    authority, before = _authority(folder), _kept(folder / "before.crt")
    if authority is not None:
        wanted = list(dict.fromkeys([*wanted, *_names(authority)]))
        if set(wanted) == set(_names(authority)) and _is_doubtful(authority, clock):
            return folder
    if authority is None or not _lasts(authority, now) or set(wanted) != set(_names(authority)):
        if authority is not None and now - _made(authority) > _NEVER_TRUSTED:
            before = chain_pem(authority.certificate)
        authority = root_authority(
            f"Quartermaster {gateway or 'gateway'}"[:64],
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
    files = {
        "ca.crt": chain_pem(authority.certificate),
        "ca.key": key_pem(authority.key),
        "tls.crt": chain_pem(certificate),
        "tls.key": key_pem(key),
    }
    write_folder(fresh, files if before is None else files | {"before.crt": before})
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def notice(folder: Path, now: Micros) -> QuartermasterError | None:
    """That devices have to trust another authority than before, for a month after its making."""
    authority = _authority(folder)
    if authority is None or not (folder / "before.crt").exists():
        return None
    if now - _made(authority) > _TOLD_FOR:
        return None
    return QuartermasterError("gateway.door-authority", f"for {', '.join(_names(authority))}")


def _covers(folder: Path, hosts: Sequence[str], now: Micros) -> bool:
    try:
        certificate = load_chain((folder / "tls.crt").read_bytes())[0]
        load_p256((folder / "tls.key").read_bytes())
    except (OSError, QuartermasterError):
        return False
    # One that begins later was made while the clock was ahead: no device takes it.
    begun = micros(certificate.not_valid_before_utc) <= now
    in_time = micros(certificate.not_valid_after_utc) - now > _RENEW_BEFORE
    return begun and in_time and set(hosts) <= set(hosts_of(certificate))


def _authority(folder: Path) -> Issuer | None:
    """The authority that is there already, if it is readable."""
    try:
        certificate = load_chain((folder / "ca.crt").read_bytes())[0]
        return Issuer(certificate=certificate, key=load_p256((folder / "ca.key").read_bytes()))
    except (OSError, QuartermasterError):
        return None


def _names(authority: Issuer) -> list[str]:
    return vouches_for(authority.certificate)


def _made(authority: Issuer) -> int:
    return micros(authority.certificate.not_valid_before_utc) + LATE_CLOCK


def _is_doubtful(authority: Issuer, clock: Clock) -> bool:
    """Whether only a clock that nobody vouches for says that the authority is at its end.

    Another one would shut out every device; and would be the wrong one when the clock is put right.
    """
    return clock.state() == ClockState.UNTRUSTED and not _lasts(authority, clock.now())


def _lasts(authority: Issuer, now: Micros) -> bool:
    """Whether what it issues now is good for as long as it may be."""
    return micros(authority.certificate.not_valid_after_utc) - now > _LIFETIME


def _plain(host: str) -> str:
    """A host as certificates name it: addresses in their one short form."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
