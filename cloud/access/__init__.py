"""Who may do what: keys, people, their roles and sites. Deny by default."""

from cloud.access.model import SCOPES, ApiKey, Caller, IssuedKey, Scope
from cloud.access.roles import PERMISSIONS, ROLES, Role, demand_other
from cloud.access.service import add_key, authenticate, enter, keys, revoke_key

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "SCOPES",
    "ApiKey",
    "Caller",
    "IssuedKey",
    "Role",
    "Scope",
    "add_key",
    "authenticate",
    "demand_other",
    "enter",
    "keys",
    "revoke_key",
]
