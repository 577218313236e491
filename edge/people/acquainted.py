"""Browsers that a person has signed in from before: what strangers try does not count against them.

A browser keeps a proof that follows from the person's stored hash, so that nobody else can make one
and a new secret ends them all; the gateway keeps nothing. It allows nothing: who shows it has tries
of their own, no more (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from edge.people.book import Known

_NONCE: Final = 22
_MOST: Final = 128


def proof_for(person: Known) -> str:
    """A new proof for the browser at which this person has just shown the right secret."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_follows(person, nonce)}"


def is_known(person: Known, proof: str) -> bool:
    """Whether this person has made this proof's browser known."""
    nonce, _, follows = proof[:_MOST].partition(".")
    shown = follows.encode("utf-8", "surrogatepass")
    wanted = _follows(person, nonce).encode()
    return len(nonce) == _NONCE and bool(person.secret) and hmac.compare_digest(shown, wanted)


def name_of(proof: str) -> str:
    """What a known browser's tries are counted under; it tells nothing of the proof."""
    return hashlib.sha256(proof.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _follows(person: Known, nonce: str) -> str:
    key = hashlib.sha256(f"known browser {person.secret}".encode()).digest()
    text = f"{person.code} {nonce}".encode("utf-8", "surrogatepass")
    return hmac.new(key, text, hashlib.sha256).hexdigest()
