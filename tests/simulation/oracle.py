"""What really happened on the floor, and whether the cloud knows exactly that.

Each scan is logged before it is sent, with the movements it means, worked out here and not by the
product. After healing every answered scan must be in the ledger once, or be named: quarantined
with an alarm, held by a gateway that is frozen or whose fork is an open case, or destroyed with a
disk whose end is recorded as the reason of the next epoch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloud.ingest.completeness import completeness
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.movements import Position
from shared.segment import header, parse, verify
from tests.simulation import memory_ingest, memory_ledger
from tests.simulation.cloud import TRUST_DOMAIN
from tests.simulation.disk import Disk
from tests.simulation.memory import Transaction

if TYPE_CHECKING:
    from cloud.ingest.model import GatewayCompleteness
    from tests.simulation.gateway import Gateway
    from tests.simulation.world import World

ALARMS = ("segment.fork", "segment.link", "gateway.revoked")
_AVAILABLE, _ALLOCATED = 0, 1


@dataclass
class Scan:
    """One pull of a trigger, as the person who pulled it means it."""

    id: bytes
    gateway: str
    request: Any
    moves: list[tuple[Position, int]]
    answered: bool = False


@dataclass
class Verdict:
    """What a run found. Sound when ``broken`` is empty."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unnamed_gaps: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    named: Counter[str] = field(default_factory=Counter)

    def all(self) -> list[str]:
        """Every violation, as sentences."""
        return [
            *(f"I1 lost: {item}" for item in self.lost),
            *(f"I1 doubled: {item}" for item in self.doubled),
            *(f"I3 unnamed gap: {item}" for item in self.unnamed_gaps),
            *self.broken,
        ]


def meaning(step: str, sku: str, quantity: int, place: str, to: str | None) -> Any:
    """The movements of a scan."""
    here = Position(sku, place, "", "", _AVAILABLE)
    if step in {"receive", "adjust"}:
        return [(here, quantity)]
    there = Position(sku, to or "", "", "", _ALLOCATED if step == "pick" else _AVAILABLE)
    return [(here, -quantity), (there, quantity)]


def event_id(body: bytes) -> bytes:
    """The id of an event, by its place in the deterministic encoding."""
    return body[5:21]


def ids_in(segment: bytes) -> list[bytes]:
    """The event ids in a signed segment."""
    return [event_id(body) for body in header(parse(segment)).events]


def ids_on(disk: Disk, *, unconfirmed: bool = False) -> set[bytes]:
    """The ids of the events that a gateway's disk holds."""
    rows = disk.contents()
    found = {event_id(body) for (body,) in rows.execute("SELECT body FROM waiting")}
    statement = "SELECT body FROM segment JOIN watermark USING (epoch)"
    if unconfirmed:
        statement += " WHERE last_seq > contiguous_seq"
    for (body,) in rows.execute(statement):
        found.update(ids_in(body))
    return found


def places_on(disk: Disk) -> dict[bytes, tuple[int, int]]:
    """Epoch and number of each event that a gateway's disk holds, by its id."""
    rows = disk.contents()
    head = rows.execute("SELECT epoch FROM head").fetchone()
    epoch = 0 if head is None else head[0]
    waiting = rows.execute("SELECT seq, body FROM waiting")
    found = {event_id(body): (epoch, seq) for seq, body in waiting}
    for each, first, body in rows.execute("SELECT epoch, first_seq, body FROM segment"):
        found |= {event: (each, first + place) for place, event in enumerate(ids_in(body))}
    return found


class Oracle:
    """The log of one run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.scans: dict[bytes, Scan] = {}
        self.beats: set[bytes] = set()
        """Ids of events that are real and move nothing, or cannot be applied."""
        self.destroyed: defaultdict[str, dict[bytes, tuple[int, int]]] = defaultdict(dict)
        """What went with a disk: epoch and number, by gateway and id."""
        self.emptied: defaultdict[str, set[bytes]] = defaultdict(set)
        """Those of which not even an older copy was left."""

    def unsent_rows_freed(self) -> list[str]:
        """I5: what a gateway has freed must have been committed by the cloud at some time."""
        stored = self._world.cloud.database.ever_stored
        found: list[str] = []
        for machine in self._world.machines:
            rows = machine.disk.contents().execute(
                "SELECT epoch, first_seq, last_seq, body FROM segment JOIN watermark USING (epoch) "
                "WHERE last_seq <= contiguous_seq"
            )
            for epoch, first, last, body in rows:
                if self._world.sha256(body) not in stored:
                    found.append(f"I5 {machine.name} freed {epoch}:{first}-{last}, never committed")
        return found

    def judge(self) -> Verdict:
        """All invariants, after healing."""
        verdict = Verdict()
        verdict.broken += self._world.cloud.unsound + self.unsent_rows_freed()
        tables = self._world.cloud.database.tables
        rows = memory_ledger.legs_of(tables.movements.values())
        claimed = tables.event_ids
        self._judge_scans(verdict, rows)
        for strange in claimed.keys() - self.scans.keys() - self.beats:
            if claimed[strange] in tables.tombstones:
                continue  # what a gateway says of an earlier epoch: see _recorded_destroyed
            verdict.broken.append(
                f"I4 applied what nobody scanned: {strange.hex()} {claimed[strange]}"
            )
        self._judge_stock(verdict, claimed)
        self._judge_taken_back(verdict, rows)
        self._judge_ranges(verdict)
        self._judge_chains(verdict)
        self._judge_counts(verdict)
        return verdict

    def _judge_scans(self, verdict: Verdict, rows: Counter[bytes]) -> None:
        aside = self._quarantined_ids()
        held = self._held_ids()
        for scan in self.scans.values():
            number = rows[scan.id]
            if number > len(scan.moves):
                verdict.doubled.append(f"{scan.id.hex()} of {scan.gateway}: {number} movements")
            elif scan.answered and number < len(scan.moves):
                what = (
                    "quarantined" if scan.id in aside
                    else "held" if scan.id in held
                    else "destroyed" if self._recorded_destroyed(scan)
                    else ""
                )  # fmt: skip
                if what:
                    verdict.named[what] += 1
                else:
                    verdict.lost.append(f"{scan.id.hex()} of {scan.gateway}")

    def _alarmed(self, gateway: str) -> bool:
        cases = self._world.cloud.database.tables.cases
        return any((code, gateway) in cases for code in ALARMS)

    def _quarantined_ids(self) -> set[bytes]:
        """What is set aside, of gateways that have a reason to be distrusted."""
        found: set[bytes] = set()
        for row in self._world.cloud.database.tables.quarantine.values():
            if row.body is None or row.gateway not in self._world.distrusted:
                continue
            if row.whole_segment and row.code in ALARMS and self._alarmed(row.gateway):
                if self._signed(row.gateway, row.body):
                    found.update(ids_in(row.body))
            elif not row.whole_segment:
                found.add(event_id(row.body))
        return found

    def _signed(self, gateway: str, body: bytes) -> bool:
        """Whether a quarantined body is the gateway's own, unchanged."""
        known = self._world.cloud.database.tables.gateways[gateway]
        try:
            message = parse(body)
            verify(
                message, known.keys[message.kid], trust_domain=TRUST_DOMAIN,
                gateway=GatewayId(gateway),
            )  # fmt: skip
        except (QuartermasterError, KeyError):
            return False
        return True

    def _held_ids(self) -> set[bytes]:
        found: set[bytes] = set()
        for machine in self._world.machines:
            if machine.name in self._world.distrusted and (
                machine.frozen() or self._alarmed(machine.name)
            ):
                trusted = machine.name not in self._world.revoked
                found |= ids_on(machine.disk, unconfirmed=trusted)
        return found

    def _recorded_destroyed(self, scan: Scan) -> bool:
        """A disk went with it, and the cloud names its number as lost, or in doubt, or missing.

        Of a revoked gateway nothing more is heard. Where an older copy was put in place, or a clone
        gave the same numbers, and neither had time to be contradicted, the reason of the next epoch
        is all that says so.
        """
        place = self.destroyed[scan.gateway].get(scan.id)
        if place is None or scan.gateway in self._world.revoked:
            return place is not None
        doubled = any(machine.name == scan.gateway for machine in self._world.retired)
        if (doubled or scan.id not in self.emptied[scan.gateway]) and any(
            name == scan.gateway and reason == "database replaced"
            for (name, _), reason in self._world.cloud.database.tables.grants.items()
        ):
            return True
        return any(_names(row, *place) for row in self._told(scan.gateway))

    def _told(self, gateway: str) -> list[GatewayCompleteness]:
        """What somebody is told who asks how complete a gateway is."""
        tables = self._world.cloud.database.tables
        site_id = tables.gateways[gateway].site_id
        return completeness(Transaction(tables), site_id)  # type: ignore[arg-type]

    def _judge_stock(self, verdict: Verdict, claimed: dict[bytes, Any]) -> None:
        view = Transaction(self._world.cloud.database.tables)
        for gateway, known in view.tables.gateways.items():
            fold: Counter[Position] = Counter()
            for scan in self.scans.values():
                if scan.gateway == gateway and scan.id in claimed:
                    for position, quantity in scan.moves:
                        fold[position] += quantity
            told = memory_ledger.on_hand(view, known.site_id)
            if told != {position: quantity for position, quantity in fold.items() if quantity}:
                verdict.broken.append(f"I2 stock of {gateway} is not the fold of its scans")
        if memory_ledger.drift(view):
            verdict.broken.append("I6 balances are not the fold of the movements")

    def _judge_taken_back(self, verdict: Verdict, rows: Counter[bytes]) -> None:
        """Nothing above a broken link counts; what is set aside as counted before does count."""
        tables = self._world.cloud.database.tables
        for gateway_id, epoch, seq in tables.event_ids.values():
            head = tables.heads.get((gateway_id, epoch))
            if head is not None and head.frozen and seq > head.contiguous_seq:
                verdict.broken.append(f"I4 {gateway_id}: {epoch}:{seq} counts above a broken link")
        for key, row in tables.quarantine.items():
            if row.code != "event.duplicate-scan" or key in tables.released or row.body is None:
                continue
            scan = event_id(row.body)
            if scan in self.scans and not rows[scan]:
                verdict.broken.append(
                    f"I1 {scan.hex()} is set aside as counted, and counts nowhere"
                )

    def _judge_ranges(self, verdict: Verdict) -> None:
        """I3 and I4 of what is stored: no two ranges overlap, nothing came after a revocation."""
        segments = self._world.cloud.database.tables.segments
        for (gateway_id, epoch, first), row in segments.items():
            until = self._world.stored_when_revoked.get(self._world.names[gateway_id - 1])
            if until is not None and row.sha256 not in until:
                verdict.broken.append(f"I4 stored {epoch}:{first} after the revocation")
            for other in range(first + 1, row.last_seq + 1):
                if (gateway_id, epoch, other) in segments:
                    verdict.broken.append(f"I3 stored ranges overlap at {epoch}:{other}")

    def _judge_chains(self, verdict: Verdict) -> None:
        """I3: each epoch ends with the same event here and there, or the difference is named."""
        tables = self._world.cloud.database.tables
        view = Transaction(tables)
        told = {
            (known.gateway_id, row.epoch): row
            for known in tables.gateways.values()
            for row in completeness(view, known.site_id)  # type: ignore[arg-type]
        }
        for machine in self._world.machines:
            known = tables.gateways[machine.name]
            rows = machine.disk.contents().execute(
                "SELECT epoch, last_seq, last_hash FROM segment s WHERE last_seq = "
                "(SELECT max(last_seq) FROM segment WHERE epoch = s.epoch)"
            )
            for epoch, seq, last_hash in rows:
                head = tables.heads.get((known.gateway_id, epoch))
                same = self._verified(known.gateway_id, epoch, seq, last_hash)
                if not same and not self._named(machine, told.get((known.gateway_id, epoch))):
                    reached = None if head is None else head.contiguous_seq
                    what = f"{machine.name} {epoch}: {seq} here, {reached} there"
                    verdict.unnamed_gaps.append(what)

    def _verified(self, gateway_id: int, epoch: int, seq: int, last_hash: bytes) -> bool:
        """Whether the cloud's chain of an epoch goes through this very event.

        It ends there, too, unless the disk is an older copy: the cloud may then have more.
        """
        tables = self._world.cloud.database.tables
        head = tables.heads.get((gateway_id, epoch))
        if head is None or head.contiguous_seq < seq:
            return False
        restored = self._world.names[gateway_id - 1] in self._world.distrusted
        if head.contiguous_seq > seq and not restored:
            return False
        return any(
            (row.last_seq, row.last_hash) == (seq, last_hash)
            for key, row in tables.segments.items()
            if key[:2] == (gateway_id, epoch)
        )

    def _named(self, machine: Gateway, says: GatewayCompleteness | None) -> bool:
        """Whether somebody who asks is told that this epoch does not end as it should."""
        return machine.name in self._world.distrusted and (
            self._alarmed(machine.name)
            or bool(machine.frozen())
            or (says is not None and bool(says.missing or says.frozen or says.explained))
        )

    def _judge_counts(self, verdict: Verdict) -> None:
        view = Transaction(self._world.cloud.database.tables)
        for gateway, tally in memory_ingest.tallies(view).items():
            if (
                tally.segments_received
                != (tally.segments_applied + tally.segments_duplicate + tally.segments_quarantined)
                or tally.events_received != tally.events_applied + tally.events_quarantined
            ):
                verdict.broken.append(f"I7 the counts of {gateway} do not add up")


def _names(row: GatewayCompleteness, epoch: int, seq: int) -> bool:
    """Whether a row says that this number is not here.

    What was recorded while no epoch was in force has no number that the cloud knows: it came after
    the end that nobody knows.
    """
    gone = [gap for gap in row.explained if gap.outcome != "carried"]
    if epoch == 0:
        return any(gap.last_seq is None for gap in gone)
    return row.epoch == epoch and (
        any(gap.first_seq <= seq <= gap.end for gap in gone)
        or any(first <= seq <= last for first, last in row.missing)
    )
