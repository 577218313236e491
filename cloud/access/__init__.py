"""Who may do what: API keys, their scopes and sites. Deny by default."""

from cloud.access.model import SCOPES, ApiKey, Caller, IssuedKey, Scope
from cloud.access.service import add_key, authenticate, enter, keys, revoke_key

__all__ = [
    "SCOPES",
    "ApiKey",
    "Caller",
    "IssuedKey",
    "Scope",
    "add_key",
    "authenticate",
    "enter",
    "keys",
    "revoke_key",
]
