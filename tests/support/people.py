"""People in tests: a small document, cheap secrets, and how it comes into force."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher

from shared.downlink import encode
from shared.people import People, Person
from tests.support.gateway import SITE, offer_of

if TYPE_CHECKING:
    from edge.app.store import Store


@cache
def hashed(secret: str) -> str:
    """An argon2id hash that takes a millisecond."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(secret)


def badge(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


ADA = Person("ada", "Ada Lovelace", "operator", hashed("ada's secret"), [badge("B-ADA")])
BOB = Person("bob", "Bob Scanner", "scanner", hashed("bob's secret"), [badge("B-BOB")])
EVE = Person("eve", "Eve Without", "operator", "", [badge("B-EVE"), badge("B-EVE-2")])
PEOPLE = People(SITE, [ADA, BOB, EVE], hashed("in case of fire"))


def employ(store: Store, people: People = PEOPLE, *, version: int = 1) -> None:
    """Put a people document in force."""
    from edge import people as room
    from edge import stock

    content = encode(people)
    offer = offer_of(content, version, kind="people")

    def unit(connection: Any) -> None:
        entering = stock.Entering(people=room.enter)
        stock.put_in_force(connection, offer, content, site=SITE, now=1, entering=entering)  # type: ignore[arg-type]

    store.database.run_blocking(unit)
