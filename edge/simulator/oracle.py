"""The oracle: what was scanned, what was answered, and what the truth must therefore be.

Written independently of the product on purpose: it folds stock with arithmetic of its own, so that
an error in the product's movement rules cannot hide behind itself. Each scan is noted, in memory
and in an append-only file, before it is sent, and again when it is answered.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO, cast

import msgspec

from edge.simulator.floor import Planned

Outcome = Literal["accepted", "refused"]


class Key(NamedTuple):
    """Where the oracle keeps stock apart."""

    site: str
    sku: str
    location: str
    lot: str
    state: str


class Noted(msgspec.Struct):
    """One scan's story. ``attempts`` counts how often it was sent under its one id."""

    site: str
    planned: Planned
    attempts: int = 0
    outcome: Outcome | None = None
    code: str = ""
    misunderstood: str = ""


class Oracle:
    """Notes scans and folds the accepted ones. ``path`` is the append-only record, if wanted."""

    def __init__(self, path: Path | None = None) -> None:
        self.scans: dict[str, Noted] = {}
        self._file: TextIO | None = path.open("a", encoding="utf-8") if path else None
        self._encode = msgspec.json.encode
        self.accepted = 0
        self.refused = 0

    def sending(self, scan_id: str, site: str, planned: Planned) -> None:
        """Note a scan before its first attempt."""
        self.scans[scan_id] = Noted(site, planned)
        self._write([scan_id, site, *planned])

    def answered(self, scan_id: str, answer: dict[str, Any]) -> None:
        """Note the gateway's answer and compare it with what the label meant."""
        noted = self.scans[scan_id]
        outcome: Outcome = "accepted" if answer.get("outcome") == "accepted" else "refused"
        noted.outcome = outcome
        noted.code = _record(answer.get("error")).get("code", "")
        if outcome == "accepted":
            self.accepted += 1
            noted.misunderstood = _differs(noted.planned, _record(answer.get("understood")))
        else:
            self.refused += 1
        self._write([scan_id, outcome, noted.code])

    @property
    def open(self) -> int:
        """Scans that have no answer yet."""
        return len(self.scans) - self.accepted - self.refused

    def accepted_ids(self, site: str | None = None) -> set[str]:
        """The ids that the ledger must hold, exactly once each."""
        return {
            scan_id
            for scan_id, noted in self.scans.items()
            if noted.outcome == "accepted" and site in (None, noted.site)
        }

    def refusals(self) -> Counter[str]:
        """Refused scans by error code."""
        return Counter(noted.code for noted in self.scans.values() if noted.outcome == "refused")

    def misunderstood(self) -> list[str]:
        """Accepted scans whose answer says something else than the label did."""
        return [noted.misunderstood for noted in self.scans.values() if noted.misunderstood]

    def stock(self) -> dict[Key, int]:
        """Stock by position as it must be, without positions that came to zero."""
        balance: Counter[Key] = Counter()
        for noted in self.scans.values():
            if noted.outcome != "accepted":
                continue
            plan = noted.planned
            for location, state, sign in _legs(plan):
                balance[Key(noted.site, plan.sku, location, plan.lot, state)] += sign * plan.units
        return {key: units for key, units in balance.items() if units}

    def close(self) -> None:
        """Close the record."""
        if self._file:
            self._file.close()

    def _write(self, entry: list[Any]) -> None:
        if self._file:
            self._file.write(self._encode(entry).decode() + "\n")
            self._file.flush()


def _record(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def legs(planned: Planned) -> int:
    """How many movements this scan makes in the ledger."""
    return len(_legs(planned))


def _legs(plan: Planned) -> list[tuple[str, str, int]]:
    target = plan.to or ""
    match plan.step:
        case "receive":
            return [(plan.location, "available", 1)]
        case "put_away":
            return [(plan.location, "available", -1), (target, "available", 1)]
        case "pick":
            return [(plan.location, "available", -1), (target, "allocated", 1)]
        case "ship":
            return [(plan.location, "allocated", -1)]
        case "return":
            return [(plan.location, "quarantined", 1)]


def _differs(plan: Planned, understood: dict[str, Any]) -> str:
    meant = {"sku": plan.sku, "lot": plan.lot or None, "quantity": plan.units}
    read = {name: understood.get(name) or None for name in meant}
    return "" if read == meant else f"meant {meant}, understood {read}"
