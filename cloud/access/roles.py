"""Roles as named sets of permissions, and the rule that nobody approves what he proposed. Pure.

A role says what, its sites say where; what no role names is not allowed. The floor's scanners and
operators mostly work at their gateway, which has people of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

from cloud.access.model import Caller, Scope
from shared.errors import QuartermasterError

Role = Literal["scanner", "operator", "planner", "buyer", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

PERMISSIONS: Final[dict[Role, frozenset[Scope]]] = {
    "scanner": frozenset({"self"}),
    "operator": frozenset({"self", "read", "exceptions:write", "stock:write"}),
    "planner": frozenset(
        {"self", "read", "catalog:write", "exceptions:write", "orders:write", "stock:write"}
    ),
    "buyer": frozenset({"self", "read", "purchases:write"}),
    "admin": frozenset(
        {
            "self",
            "read",
            "gateways:write",
            "fleet:write",
            "people:write",
            "keys:write",
            "webhooks:write",
            "audit:read",
        }
    ),
}
MACHINES_ONLY: Final[frozenset[Scope]] = frozenset({"feeds:write", "metrics", "reservations:write"})
"""What no person's role allows: a machine's key is made for it."""


def permissions_of(roles: Iterable[str]) -> frozenset[Scope]:
    """What these roles allow together; whoever manages people approves nothing.

    Raises:
        QuartermasterError: ``request.invalid`` for a role that there is not.
    """
    held = set(roles)
    if unknown := held - set(ROLES):
        raise QuartermasterError(
            "request.invalid",
            f"unknown role {min(unknown)[:40]!r}; there are {', '.join(ROLES)}",
            where="role",
        )
    allowed: set[Scope] = set()
    for role in ROLES:
        if role in held:
            allowed |= PERMISSIONS[role]
    if "admin" in held:
        allowed = {scope for scope in allowed if not approves(scope)}
    return frozenset(allowed)


def approves(scope: str) -> bool:
    """Whether a permission is one to approve what somebody else proposed."""
    return scope.endswith(":approve")


def demand_other(caller: Caller, proposer: str) -> None:
    """Let through who approves, unless it was also who proposed, be it by another key of his.

    Args:
        caller: who approves.
        proposer: the ``principal`` of the caller who proposed, as it was kept.

    Raises:
        QuartermasterError: ``request.forbidden``.
    """
    if caller.principal == proposer:
        raise QuartermasterError("request.forbidden", "who proposes does not approve")
