"""Take over, by a person's decision, what a history says that is not in force.

Two histories of one epoch arrived: a copy of the gateway was at work, or an old backup. People
scanned at both machines and were answered. The machine that goes on sends its own scans again in
its next epoch; what only the other one told is in the cloud, set aside segment by segment.
:func:`histories` shows it, :func:`rehome` takes over the histories that a person names.

What is taken over is numbered anew in an epoch of the cloud's own (:data:`FIRST_HOME` and above),
in which no gateway ever works: (gateway, epoch, sequence) still names one event. The signed
segments are kept with the decision, so that the ledger can be rebuilt from its evidence. A scan
counts once: its id may count already, or be claimed later by the gateway itself.

Never taken over is what a gateway says of itself: heartbeats, and words about its own epochs.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud.db import Connection
from cloud.ingest import store, store_histories
from cloud.ingest.histories import History
from cloud.ingest.model import Chain, Facts, HistoryLine, Origin, Rehoming, Tally
from cloud.ingest.ports import Routes
from cloud.ingest.service import hand_over
from cloud.ingest.telling import Aside, Told, line, of_itself, told
from shared.errors import QuartermasterError
from shared.events import Counted, Event
from shared.ids import GatewayId
from shared.segment import header, parse
from shared.units import Micros

FIRST_HOME: Final = 1_000_000_000
"""Epochs from here on are the cloud's own."""
WORKER: Final = "rehome"
"""Whose counts a decision changes."""


class Refusal(NamedTuple):
    """An event of a history that could not be applied, and stays set aside."""

    seq: int
    code: str
    detail: str


class Rehomed(NamedTuple):
    """What came of a decision about one epoch's histories.

    ``taken`` events count now, under ``epoch``; ``counted`` ones did before; ``own`` ones are never
    taken over; ``refused`` ones wait for their cause to be mended. ``counts`` of those taken say
    what somebody counted.
    """

    gateway: str
    gateway_id: int
    from_epoch: int
    epoch: int | None
    histories: list[str]
    taken: int
    counted: int
    own: int
    refused: list[Refusal]
    counts: int


class Decision(NamedTuple):
    """Who decides, why, and when."""

    reason: str
    by: str
    at: Micros


class _AgainError(Exception):
    """Takes a savepoint back: some events (by their new numbers) could not be applied."""

    def __init__(self, late: set[int], failed: dict[int, QuartermasterError]) -> None:
        super().__init__()
        self.late = late
        self.failed = failed


def histories(connection: Connection, name: str, *, trust_domain: str) -> list[HistoryLine]:
    """The histories of a gateway that are not in force, by epoch and sequence.

    Raises:
        QuartermasterError: ``gateway.unknown``.
    """
    gateway_id, _, _ = _gateway(connection, name)
    return [
        line(connection, name, one, history)
        for one in told(connection, gateway_id, name, trust_domain=trust_domain)
        for history in one.histories
    ]


def decisions(connection: Connection, name: str, *, limit: int = 100) -> list[Rehoming]:
    """What was taken over for a gateway, newest first."""
    return store_histories.rehomings(connection, name, limit)


def rehome(
    connection: Connection,
    name: str,
    wanted: Collection[str] | None,
    decision: Decision,
    *,
    routes: Routes,
    trust_domain: str,
) -> list[Rehomed]:
    """Take over histories in the caller's transaction; a second time changes nothing.

    Args:
        connection: an open transaction that the caller commits.
        name: the gateway's.
        wanted: the histories' names, or their beginnings; ``None`` takes all.
        decision: kept with what is taken over.
        routes: what each type of event does.
        trust_domain: what the segments were signed for.

    Returns:
        What came of it, by epoch.

    Raises:
        QuartermasterError: ``gateway.unknown``; ``gateway.revoked`` while it is not trusted;
            ``request.not-found`` for a name that no one history has; ``request.conflict`` while
            an epoch of it is still being taken back.
    """
    gateway_id, site_id, status = _gateway(connection, name)
    if status == "revoked":
        raise QuartermasterError("gateway.revoked")
    if any(chain.gateway_id == gateway_id for chain in store.provisional_chains(connection)):
        raise QuartermasterError("request.conflict", "an epoch is being taken back; in a moment")
    every = told(connection, gateway_id, name, trust_domain=trust_domain)
    chosen = _chosen(every, wanted)
    done: list[Rehomed] = []
    for one in every:
        if one.chain in chosen:
            home = store_histories.next_home(connection, gateway_id, FIRST_HOME)
            origin = Origin(GatewayId(name), gateway_id, site_id, home)
            done.append(_take_over(connection, origin, one, chosen[one.chain], (decision, routes)))
    return done


def _gateway(connection: Connection, name: str) -> tuple[int, int, str]:
    found = store_histories.held_gateway(connection, name)
    if found is None:
        raise QuartermasterError("gateway.unknown", name[:60])
    return found


def _chosen(every: Sequence[Told], wanted: Collection[str] | None) -> dict[Chain, list[History]]:
    """The histories meant, by epoch, in the order of their sequence."""
    names = [(one.chain, history.name) for one in every for history in one.histories]
    picked = set(names) if wanted is None else {_meant(names, name) for name in wanted}
    chosen: defaultdict[Chain, list[History]] = defaultdict(list)
    for one in every:
        for history in one.histories:
            if (one.chain, history.name) in picked:
                chosen[one.chain].append(history)
    return chosen


def _meant(names: Sequence[tuple[Chain, str]], name: str) -> tuple[Chain, str]:
    fitting = [item for item in names if name and item[1].startswith(name)]
    if len(fitting) != 1:
        what = f"{len(fitting)} histories are called {name[:60]!r}"
        raise QuartermasterError("request.not-found", what, where="history")
    return fitting[0]


def _take_over(
    connection: Connection,
    origin: Origin,
    one: Told,
    chosen: Sequence[History],
    how: tuple[Decision, Routes],
) -> Rehomed:
    decision, routes = how
    events = [event for history in chosen for event in one.events(history)]
    scans = [event for event in events if not of_itself(event)]
    taken, refused = _apply(connection, origin, scans, routes, decision.at)
    names = [history.name for history in chosen]
    if taken:
        row = Rehoming(origin.epoch, one.chain.epoch, names, len(taken), *decision)
        store_histories.note_rehoming(connection, origin.gateway_id, row, _evidence(one, taken))
        store.count(connection, WORKER, origin.gateway, _tally(one, taken))
    _release(connection, one, chosen, decision)
    return Rehomed(
        origin.gateway,
        origin.gateway_id,
        one.chain.epoch,
        origin.epoch if taken else None,
        names,
        len(taken),
        len(scans) - len(taken) - len(refused),
        len(events) - len(scans),
        [Refusal(seq, error.code, error.detail) for seq, error in sorted(refused.items())],
        sum(isinstance(event.data, Counted) for event in taken),
    )


def _apply(
    connection: Connection, origin: Origin, scans: Sequence[Event], routes: Routes, at: Micros
) -> tuple[list[Event], dict[int, QuartermasterError]]:
    """Apply what can be, numbered without gaps: tried until nothing of it is refused."""
    refused: dict[int, QuartermasterError] = {}
    left = list(scans)
    while left:
        try:
            _attempt(connection, origin, left, routes, at)
        except _AgainError as again:
            refused |= {left[number - 1].seq: error for number, error in again.failed.items()}
            gone = again.late | again.failed.keys()
            left = [event for number, event in enumerate(left, start=1) if number not in gone]
        else:
            break
    return left, refused


def _attempt(
    connection: Connection, origin: Origin, scans: Sequence[Event], routes: Routes, at: Micros
) -> None:
    numbered = [
        msgspec.structs.replace(event, seq=number) for number, event in enumerate(scans, start=1)
    ]
    ids = sorted((event.id, origin.gateway_id, origin.epoch, event.seq) for event in numbered)
    with connection.transaction():
        late = {seq for _, _, seq in store.register_ids(connection, ids)}
        new = [event for event in numbered if event.seq not in late]
        errors = hand_over(connection, [Facts(origin, new)], routes, at) if new else {}
        if late or errors:
            raise _AgainError(late, {seq: error for (_, _, seq), error in errors.items()})


def _evidence(one: Told, taken: Sequence[Event]) -> list[store_histories.RehomedSegment]:
    """The signed segments that hold what was taken, in the order of its new numbers."""
    where = {digest: aside for aside in reversed(one.asides) for digest in aside.hashes}
    rows: list[store_histories.RehomedSegment] = []
    for number, event in enumerate(taken, start=1):
        aside = where[event.hash]
        if rows and rows[-1].sha256 == aside.sha256:
            rows[-1].from_seqs.append(event.seq)
        else:
            rows.append(
                store_histories.RehomedSegment(number, [event.seq], aside.sha256, aside.body)
            )
    return rows


def _tally(one: Told, taken: Sequence[Event]) -> Tally:
    """Events that were taken back have been received before; those of other segments have not."""
    back = {digest for aside in one.asides if aside.taken_back for digest in aside.hashes}
    known = sum(event.hash in back for event in taken)
    return Tally(
        events_received=len(taken) - known,
        events_applied=len(taken),
        events_quarantined=-known,
    )


def _release(
    connection: Connection, one: Told, chosen: Iterable[History], decision: Decision
) -> None:
    """Release the entries of the quarantine of which nothing is left to decide."""
    numbers = {event.segment for history in chosen for event in history.events}
    asides = [one.asides[number] for number in sorted(numbers)]
    scans = {e.id for aside in asides for e in aside.segment.events if not of_itself(e)}
    counted = store_histories.claimed(connection, scans)
    for aside in asides:
        done = {event.hash for event in aside.segment.events if event.id in counted}
        open_ones = sum(
            not of_itself(event) and event.id not in counted for event in aside.segment.events
        )
        entries = store_histories.single_entries(connection, one.chain, _sha256s(aside, done))
        if not open_ones and not aside.segment.refused:
            entries += aside.entries
        for quarantine_id in entries:
            item = store.locked_quarantined(connection, quarantine_id)
            if item is not None and not item.released:
                store.note_replay(connection, item, None, by=decision.by, at=decision.at)


def _sha256s(aside: Aside, events: Collection[bytes]) -> list[bytes]:
    """By what the quarantine knows the bytes of these events, if one stands there alone."""
    bodies = header(parse(aside.body)).events
    pairs = zip(aside.hashes, bodies, strict=True)
    return [hashlib.sha256(body).digest() for digest, body in pairs if digest in events]
