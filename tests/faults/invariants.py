"""I1 to I8 of the fault matrix, each as a question with a list of violations for an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from deploy.demo.stack import Site
from edge.simulator.oracle import Key, Oracle, legs
from tests.faults.evidence import (
    Head,
    Outbox,
    Signed,
    cloud_heads,
    ledger_of,
    outbox_of,
    set_aside,
    tally,
)

_SHOWN = 5


@dataclass
class Findings:
    """What is wrong with one site. Nothing, when all is well."""

    lost: set[str] = field(default_factory=set[str])
    doubled: set[str] = field(default_factory=set[str])
    unnamed_gaps: int = 0
    other: list[str] = field(default_factory=list[str])
    named: int = 0
    """Scans that are not in the ledger, and the system says which and why: nothing is wrong."""

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return not (self.lost or self.doubled or self.unnamed_gaps or self.other)

    def lines(self) -> list[str]:
        """In words."""
        found = [
            f"I1 {what} {len(ids)}: {', '.join(sorted(ids)[:_SHOWN])}"
            for what, ids in (("lost", self.lost), ("doubled", self.doubled))
            if ids
        ]
        if self.unnamed_gaps:
            found.append(f"I3 {self.unnamed_gaps} sequence numbers are missing and not named")
        return found + self.other[:20]


@dataclass
class Known:
    """What is known to differ at a site, because a fault took it and the system said so."""

    named: set[str] = field(default_factory=set[str])
    """Scans that the gateway lost with its disk and that a reported gap covers."""
    strangers: set[str] = field(default_factory=set[str])
    """Events that were rightly applied and that no scanner of the oracle made."""
    stock_differs: bool = False
    """Whether the stock cannot be the oracle's, because of either."""
    gateway: bool = True
    """Whether the gateway's own file counts: somebody else may have spoken in its name."""
    past_disputed: bool = False
    """Whether an epoch holds more than its head verifies: what follows belongs to a fork."""
    set_aside: bool = False
    """Whether scans may stand in the quarantine, each by its id, instead of in the ledger."""


class Case(NamedTuple):
    """One site to be examined: what is there, and what should be."""

    connection: psycopg.Connection
    site: Site
    oracle: Oracle
    signed: Signed
    known: Known


def examine(case: Case) -> Findings:
    """All invariants of one site; its floor has come to rest."""
    found = Findings()
    case.signed.look(case.connection)
    _scans(case, found)
    if case.known.gateway:
        _chains(case, found)
    found.other += [f"I4 {line}" for line in case.signed.forged]
    whose = f"{case.site.gateway}:"
    found.other += [f"I7 {line}" for line in tally(case.connection) if line.startswith(whose)]
    return found


def _scans(case: Case, found: Findings) -> None:
    """I1, I2, I4 and I6: each accepted scan once, the stock, the signatures, the fold."""
    oracle, known, code = case.oracle, case.known, case.site.code
    ledger = ledger_of(case.connection, code)
    accepted = oracle.accepted_ids(code)
    excused = known.named - ledger.rows.keys()
    if known.set_aside:
        excused |= set_aside(case.connection, case.site.gateway) - ledger.rows.keys()
    found.lost = {
        scan for scan in accepted - excused if ledger.rows[scan] < legs(oracle.scans[scan].planned)
    }
    found.doubled = {
        scan
        for scan, rows in ledger.rows.items()
        if scan not in known.strangers
        and (scan not in accepted or rows > legs(oracle.scans[scan].planned))
    }
    found.other += [
        f"I4 {event} stands at {place}, signed is {case.signed.events[event]}"
        for event, place in ledger.places.items()
        if place not in case.signed.events[event]
    ]
    found.other += [f"I6 {line}" for line in ledger.unfolded]
    if not known.stock_differs:
        truth = _stock(oracle, code, accepted - excused)
        found.other += [
            f"I2 {' '.join(filter(None, key))}: ledger {ledger.stock.get(key, 0)}, "
            f"scanned {truth.get(key, 0)}"
            for key in sorted(ledger.stock.keys() | truth.keys())
            if ledger.stock.get(key, 0) != truth.get(key, 0)
        ]


def _stock(oracle: Oracle, site: str, counted: set[str]) -> dict[Key, int]:
    """The oracle's fold of these scans."""
    some = Oracle()
    some.scans = {scan: oracle.scans[scan] for scan in counted}
    return {key: units for key, units in some.stock().items() if key.site == site}


def _chains(case: Case, found: Findings) -> None:
    """I3 and I5: contiguous, the same head on both sides, nothing freed too early."""
    site = case.site
    outbox = outbox_of(site.folder)
    heads = cloud_heads(case.connection, site.gateway)
    here = heads.get(outbox.epoch)
    if outbox.waiting:
        found.other.append(f"I3 {len(outbox.waiting)} events wait unsealed")
    if outbox.head.seq and (here is None or here != outbox.head):
        found.other.append(f"I3 epoch {outbox.epoch}: cloud at {here}, gateway at {outbox.head}")
        found.unnamed_gaps += outbox.head.seq - (here.seq if here else 0)
    for epoch, head in heads.items():
        held = case.signed.held[site.gateway, epoch]
        disputed = case.known.past_disputed and epoch != outbox.epoch
        if held != head.seq and not (disputed and held > head.seq):
            found.other.append(f"I3 epoch {epoch}: head at {head.seq}, {held} events are stored")
    if not case.known.past_disputed:
        found.other += i5(outbox, heads)
    if early := outbox.freed_too_early():
        found.other.append(f"I5 {early}")


def i5(outbox: Outbox, heads: dict[int, Head]) -> list[str]:
    """No gateway believes more to be committed than is. Read the gateway first, then the cloud."""
    return [
        f"I5 epoch {epoch}: the gateway was told {told.seq}, committed is {heads.get(epoch)}"
        for epoch, told in outbox.watermarks.items()
        if told.seq > (heads[epoch].seq if epoch in heads else 0)
    ]
