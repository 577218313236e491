"""Ed25519 keys that remember what they signed.

Signing is real. Verifying bytes that this very process has signed with this very key costs one
look-up instead of a verification, except for one in sixteen, which is checked for real; whatever
was not signed here (forged, changed, foreign) always is. It makes two thousand seeds affordable.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class PublicKey:
    """Verifies, from memory where it can."""

    def __init__(self, key: Ed25519PublicKey, signed: dict[bytes, bytes]) -> None:
        self._key = key
        self._signed = signed

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise ``InvalidSignature`` unless the signature is good."""
        if signature[0] & 15 and self._signed.get(signature) == data:
            return
        self._key.verify(signature, data)

    def public_bytes_raw(self) -> bytes:
        return self._key.public_bytes_raw()


class PrivateKey:
    """Signs, and remembers for its public half."""

    def __init__(self, name: str) -> None:
        secret = hashlib.sha256(name.encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._signed: dict[bytes, bytes] = {}
        self._public = PublicKey(self._key.public_key(), self._signed)

    def sign(self, data: bytes) -> bytes:
        signature = self._key.sign(data)
        self._signed[signature] = data
        return signature

    def public_key(self) -> PublicKey:
        return self._public
