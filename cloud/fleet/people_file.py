"""From a file to the people of a site. Pure, but for the hashing that is handed in.

Secrets stand in it as argon2id hashes (``quartermaster cloud people secret`` makes them). A plain
``pin`` is taken only where the caller says that nobody keeps what it was read from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloud.fleet.files import Faults, entries, parse
from shared.errors import QuartermasterError
from shared.events import Name, Text
from shared.ids import is_code
from shared.people import BREAK_GLASS, MAX_PEOPLE, People, Person, Role, cost_of

LEAST_MEMORY_KIB: Final = 8192
SHORTEST_SECRET: Final = 6
LONGEST_SECRET: Final = 256
_KEYS: Final = ("people", "break_glass", "break_glass_pin")
_DIGEST: Final = re.compile(r"^sha256:([0-9a-f]{64})\Z")
_HASH_IT: Final = "Run quartermaster cloud people secret and write down what it prints"
_TOO_SHORT: Final = f"a secret has {SHORTEST_SECRET} to {LONGEST_SECRET} characters"

Hasher = Callable[[str], str]
"""Makes an encoded argon2id hash."""


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    code: Name
    name: Text = ""
    role: Role = "scanner"
    secret: str = ""
    pin: str = ""
    badges: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(max_length=8)
    ] = []


def read_people(content: bytes, *, site: str, pins: Hasher | None = None) -> tuple[People, Faults]:
    """Read a people file; with faults, the people are not to be published.

    Args:
        content: the file.
        site: whose people they are.
        pins: hashes plain secrets; without it a plain secret is a fault.

    Raises:
        QuartermasterError: ``document.file`` or ``payload.too-large``.
    """
    table = parse(content, _KEYS, site=site)
    faults = Faults()
    codes: dict[str, str] = {}
    badges: dict[bytes, str] = {}
    people: list[Person] = []
    for where, row in entries(table, "people", _Row, "code", faults):
        _refuse_code(row.code, where, codes, faults)
        secret = _secret(row.secret, row.pin, where, pins, faults)
        digests = [_digest(text) for text in row.badges]
        for digest in digests:
            holder = badges.setdefault(digest, where)
            if holder != where or digests.count(digest) > 1:
                faults.add(where, f"a badge is that of {holder}, too", "A badge belongs to one")
                break
        people.append(Person(row.code, row.name or row.code, row.role, secret, digests))
    if len(people) > MAX_PEOPLE:
        faults.add("people", f"there are {len(people)}", f"A site has at most {MAX_PEOPLE}")
    glass = _break_glass(table, pins, faults)
    return People(site, people, glass), faults


def refuse_weak(secret: str) -> None:
    """Refuse a plain secret that is too short, too long, or one character again and again.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        raise QuartermasterError("request.invalid", _TOO_SHORT, where="secret")
    if len(set(secret)) == 1:
        raise QuartermasterError("request.invalid", "one character only", where="secret")


def _refuse_code(code: str, where: str, codes: dict[str, str], faults: Faults) -> None:
    if not is_code(code) or code == BREAK_GLASS:
        faults.add(where, f"{code!r} cannot be a code", "Use letters, digits and . _ / + -")
    elif (first := codes.setdefault(code, where)) != where:
        faults.add(where, f"the code is that of {first}, too", "Give each person a code")


def _digest(text: str) -> bytes:
    """Of what the badge says; a digest made elsewhere is taken as it is."""
    made = _DIGEST.match(text)
    if made is not None:
        return bytes.fromhex(made[1])
    return hashlib.sha256(text.strip().encode()).digest()


def _break_glass(table: dict[str, object], pins: Hasher | None, faults: Faults) -> str:
    given = [table.get(key, "") for key in ("break_glass", "break_glass_pin")]
    if not all(isinstance(each, str) for each in given):
        faults.add("break_glass", "it is no text", _HASH_IT)
        return ""
    return _secret(str(given[0]), str(given[1]), "break_glass", pins, faults)


def _secret(encoded: str, pin: str, where: str, pins: Hasher | None, faults: Faults) -> str:
    """The hash to publish; empty where there is none, or where it is a fault."""
    if pin and encoded:
        faults.add(where, "both a secret and a plain one", "Keep the hash")
    elif pin and pins is None:
        faults.add(where, "a plain secret is not kept in a file", _HASH_IT)
    elif pin:
        try:
            refuse_weak(pin)
        except QuartermasterError as error:
            faults.add(where, error.detail, "Choose another one")
        else:
            return pins(pin) if pins is not None else ""
    elif encoded:
        cost = cost_of(encoded)
        if cost is None or len(encoded) > 200:
            faults.add(where, "the secret is no argon2id hash that a gateway checks", _HASH_IT)
        elif cost.memory_kib < LEAST_MEMORY_KIB:
            says = f"the hash takes {cost.memory_kib} KiB to make, which is too cheap"
            faults.add(where, says, _HASH_IT)
        else:
            return encoded
    return ""
