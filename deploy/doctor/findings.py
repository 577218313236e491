"""The looks that several checks share."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from deploy.clock import SystemClock
from deploy.processes import listens
from shared.certificates import instant, load_chain
from shared.errors import QuartermasterError
from shared.findings import Finding, problem
from shared.revocations import load_revocation_list

EXPIRES_SOON: Final = timedelta(days=14)
REVOCATIONS_LATE: Final = timedelta(days=5)
"""Of the seven days of a revocation list: two daily renewals have failed."""


def closed_keys(check: str, folder: Path) -> Iterator[Finding]:
    """A problem for each private key in ``folder`` that others can read."""
    for key in sorted(folder.glob("*.key")):
        if stat.S_IMODE(key.stat().st_mode) & 0o077:
            says = f"{key.name} can be read by others"
            yield Finding(check, "problem", says, f"Run: chmod 600 {key}")


def expiry(check: str, path: Path) -> Iterator[Finding]:
    """Whether the certificate in ``path`` is valid now, and for how long."""
    certificate = load_chain(path.read_bytes())[0]
    now = instant(SystemClock().now())
    ends = certificate.not_valid_after_utc
    says = f"{path.name} is valid until {ends:%Y-%m-%d %H:%M}"
    if now > ends:
        says = f"{path.name} has expired on {ends:%Y-%m-%d}"
        yield Finding(check, "problem", says, "Issue it anew; gateways renew by themselves.")
    elif now < certificate.not_valid_before_utc:
        says = f"{path.name} is not valid yet"
        yield Finding(check, "problem", says, "Set the clock of this machine.")
    elif check == "pki" and ends - now < EXPIRES_SOON:
        yield Finding(check, "note", says, "Issue it anew in time.")
    else:
        yield Finding(check, "ok", says)


def revocations(path: Path) -> Finding:
    """Whether the broker can go on with the revocation list in ``path``; it is written daily."""
    ends = load_revocation_list(path.read_bytes()).next_update_utc
    now = instant(SystemClock().now())
    if ends is None or now > ends:
        says = f"{path.name} has run out: the broker refuses every gateway"
        return Finding("pki", "problem", says, f"Run: quartermaster pki crl --folder {path.parent}")
    says = f"{path.name} is valid until {ends:%Y-%m-%d %H:%M}"
    if ends - now < REVOCATIONS_LATE:
        remedy = "Start quartermaster cloud worker, which writes it daily, or run: pki crl."
        return Finding("pki", "problem", f"{says} and was not renewed in time", remedy)
    return Finding("pki", "ok", says)


def port_finding(name: str, port: int, owner: str) -> Finding:
    """Whether ``port`` is free for ``owner``."""
    if listens(port):
        return Finding(name, "note", f"{port} is taken", f"Fine if {owner} runs; else free it.")
    return Finding(name, "ok", f"{port} is free")


def reachable(host: str, port: int) -> Finding:
    """Whether the broker listens there."""
    where = f"{host}:{port}"
    if listens(port, host):
        return Finding("broker", "ok", f"listens on {where}")
    return problem("broker", QuartermasterError("broker.unreachable", where=where))
