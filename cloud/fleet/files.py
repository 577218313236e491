"""Files in which a person writes down what is to be published: TOML or JSON, read entry by entry.

Pure. The whole file is read before anything is refused, so that one run shows all that is wrong
with it; a fault names the entry, what is wrong and what to do, and never quotes a secret.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec

from shared.downlink import MAX_DOCUMENT
from shared.errors import QuartermasterError

MAX_FAULTS: Final = 1000
"""Faults reported of one file; the rest is counted only."""
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class Fault(NamedTuple):
    """One entry that cannot be used, e.g. ``people 3 (ada)``."""

    where: str
    says: str
    do: str


class Faults:
    """Collects faults; bounded, so that a hopeless file costs little."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.more = 0

    def add(self, where: str, says: str, do: str) -> None:
        """Keep a fault, or only count it."""
        if len(self.found) < MAX_FAULTS:
            self.found.append(Fault(where, says, do))
        else:
            self.more += 1

    def __bool__(self) -> bool:
        return bool(self.found)


def parse(content: bytes, keys: tuple[str, ...], *, site: str) -> dict[str, Any]:
    """The top of a file: JSON if it begins with a brace, else TOML.

    Args:
        content: the file.
        keys: what may stand there, beside ``site``.
        site: whose it is to be; a file may say so, too.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``document.file``.
    """
    if len(content) > MAX_DOCUMENT:
        raise QuartermasterError("payload.too-large", f"{len(content)} bytes; 64 MiB at most")
    try:
        text = content.decode("utf-8-sig")
        is_json = text.lstrip().startswith("{")
        table: Any = json.loads(text) if is_json else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise QuartermasterError("document.file", str(error)[:200]) from None
    unknown = sorted(set(table) - {"site", *keys})
    if unknown:
        raise QuartermasterError("document.file", f"unknown: {', '.join(unknown)[:200]}")
    if table.setdefault("site", site) != site:
        raise QuartermasterError("document.file", f"it is for site {str(table['site'])[:80]}")
    return table


def entries(
    table: dict[str, Any], key: str, shape: type[_Shape], name: str, faults: Faults
) -> Iterator[tuple[str, _Shape]]:
    """The good entries of a list, with how to call each; what is wrong goes to ``faults``.

    Args:
        table: the file.
        key: which list.
        shape: of its entries.
        name: the field that names one.
        faults: receives what is wrong.

    Raises:
        QuartermasterError: ``document.file`` when it is no list.
    """
    rows: Any = table.get(key, [])
    if not isinstance(rows, list):
        raise QuartermasterError("document.file", f"{key} is no list")
    for number, row in enumerate(cast("list[Any]", rows), start=1):
        called = cast("dict[str, Any]", row).get(name) if isinstance(row, dict) else None
        where = f"{key} {number}" + (f" ({str(called)[:64]})" if called else "")
        try:
            yield where, msgspec.convert(row, shape)
        except msgspec.ValidationError as error:
            says, _, field = str(error).partition(" - at ")
            field = field.strip("`$.")
            faults.add(where, f"{field}: {says}" if field else says, "Compare with the example")
