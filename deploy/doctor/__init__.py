"""``quartermaster doctor``: what is wrong on this machine, and how to fix it.

Looks, never repairs. Every check answers with findings; a check that itself breaks is a finding
too. A problem makes the doctor's exit code 1; a note does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.doctor import installation, machine
from deploy.settings import environment
from shared.errors import QuartermasterError
from shared.findings import Finding, healthy, problem

__all__ = ["Finding", "examine", "healthy"]


def examine(*, data: Path | None = None, pki: Path | None = None) -> list[Finding]:
    """Run every check that applies to this machine.

    Args:
        data: a gateway's data folder.
        pki: the PKI folder; else ``QM_PKI``; else none is looked at.
    """
    folder = pki or environment().pki
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", machine.python),
        ("parts", machine.parts),
        ("clock", machine.clock),
        ("disk", lambda: machine.disk([data or Path.cwd(), environment().cache])),
        ("mosquitto", machine.mosquitto),
        ("database", lambda: _database(environment().database_url)),
        ("pki", lambda: installation.pki(folder)),
        ("settings", installation.cloud_settings),
        ("gateway", lambda: installation.gateway(data)),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings.extend(check())
        except QuartermasterError as error:
            findings.append(problem(name, error))
        except (OSError, ValueError) as error:
            says = f"the check itself failed: {type(error).__name__}: {error}"[:300]
            findings.append(Finding(name, "problem", says, "Read what the sentence names."))
    return findings


def _database(url: str | None) -> Iterator[Finding]:
    return machine.database_programs() if url is None else installation.given_database(url)
