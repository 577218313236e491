"""Checks a secret against its argon2id hash (RFC 9106): some memory and a tenth of a second."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.people import cost_of

MAX_SECRET: Final = 256
"""Characters; hashing is not to be made longer by what is shown."""
_NOBODYS: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5cyBzZWNyZXQ$OYhvoKVBW0QW4cuZEL4aTF3gvgZVsn2cI1AxqOYcXqg"
)
"""Checked where there is no person: who tries learns nothing from how long it takes."""
_HASHER: Final = PasswordHasher()


def verify(encoded: str, secret: str) -> bool:
    """Whether the secret is the one that was hashed. Slow on purpose: not for an event loop."""
    known = bool(encoded) and cost_of(encoded) is not None
    try:
        shown = secret[:MAX_SECRET].encode("utf-8", "surrogatepass")
        right = _HASHER.verify(encoded if known else _NOBODYS, shown)
    except (VerificationError, InvalidHashError):
        return False
    return known and right and len(secret) <= MAX_SECRET
