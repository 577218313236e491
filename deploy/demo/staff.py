"""Who works in the demo's warehouses, and what they are to do: small documents that go down.

Everybody signs in by badge; the operator also by a secret that is made anew for each run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from argon2 import PasswordHasher

from edge.simulator.floor import DOCK, STAGE
from shared.people import People, Person, Role
from shared.plan import PickFace, Plan, Task, TaskLine

OPERATOR: Final = "olga"
_STAFF: Final[tuple[tuple[str, str, Role], ...]] = (
    (OPERATOR, "Olga Berger", "operator"),
    ("sam", "Sam de Vries", "scanner"),
    ("sue", "Sue Novak", "scanner"),
)
_SHELF: Final = "A-01"


def badge_of(code: str) -> str:
    """What the badge of a person of the demo says."""
    return f"B-{code.upper()}"


def staff_of(site: str, secret: str) -> People:
    """The people of a site; ``secret`` is the operator's."""
    return People(
        site,
        [
            Person(
                code,
                name,
                role,
                PasswordHasher().hash(secret) if code == OPERATOR else "",
                [hashlib.sha256(badge_of(code).encode()).digest()],
            )
            for code, name, role in _STAFF
        ],
    )


def work_of(site: str, skus: Iterable[str]) -> Plan:
    """A truck, two orders and a count, out of the first articles."""
    first, second, third, *_ = skus
    return Plan(
        site,
        [
            Task(
                f"ASN-{site}-1",
                "receive",
                [TaskLine(first, 240, location=DOCK), TaskLine(second, 120, location=DOCK)],
                document=f"PO-{site}-1",
            ),
            Task(
                f"SO-{site}-1",
                "pick",
                [TaskLine(first, 12, to=STAGE), TaskLine(third, 6, to=STAGE)],
                document=f"SO-{site}-1",
                priority=10,
            ),
            Task(
                f"SO-{site}-2",
                "pick",
                [TaskLine(second, 3, to=STAGE)],
                document=f"SO-{site}-2",
                note="The customer collects it",
            ),
            Task(f"CC-{site}-1", "count", [TaskLine("", location=_SHELF)], blind=True),
        ],
        [PickFace(first, _SHELF, minimum=24, maximum=120)],
    )
