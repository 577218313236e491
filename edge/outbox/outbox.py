"""The outbox: events chained at append, sealed into signed segments at send, freed by watermark.

Rules it keeps:

1. an event is chained to its predecessor and made durable in the transaction that answers for it;
2. sequence numbers of an epoch have no gaps;
3. a segment's bytes never change once stored: every resend is identical;
4. only a watermark of the cloud, covering a segment to its last event, frees it; freed segments
   are kept for a term (:mod:`edge.outbox.retention`), for a cloud that was restored and asks again;
5. when the cloud's watermark contradicts this database (it knows more than was sealed here, or
   another hash), the database is an old copy: nothing more is sealed in this epoch (``frozen``),
   scans go on and wait until a new epoch has been granted;
6. a new epoch begins with the event that names the head before it; then what is known of the end
   of the earlier one; then come, with their ids, the events that were not covered of a frozen
   epoch, or that a key signed which is no longer this gateway's; then what waited. What the cloud
   has of them already, it knows by their ids.

Every method takes the connection of a unit of work and runs in the writer's thread. Events appended
in a transaction are put off until its end (:meth:`Outbox.begin`, :meth:`Outbox.end` stand around
it): what is sealed in the same transaction is written once, inside its segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from edge.db import Connection, Queries
from edge.outbox import retention, standing
from edge.outbox.headnote import TAIL_BYTES, Furthest, Reached
from edge.outbox.history import contradicts, shared_through
from edge.outbox.reading import Sealed, fitting, sealed_in, segment_hash, waiting_in
from edge.outbox.records import Acknowledged, Depth, Opening, Signer
from edge.outbox.statements import Statement, statement_id
from edge.outbox.succession import legacy, signed_by_another, take_home
from shared.downlink import Watermark
from shared.errors import QuartermasterError
from shared.events import (
    MAX_EVENT_BYTES,
    EventData,
    encode_event,
    event_hash,
    rechained,
)
from shared.ids import GatewayId
from shared.segment import GENESIS, MAX_EVENTS, seal

_SQL: Final = Queries(__package__ or "edge.outbox")
_NO_EPOCH: Final = 0

Listener = Callable[[Connection, EventData, bytes, int], None]
"""Is told of an event: what it says, its id, and when it occurred."""


class Outbox:
    """The outbox of one gateway.

    Args:
        signer: the key and the epoch in force.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._last: tuple[int, bytes] | None = None
        self._put_off: list[tuple[int, bytes, bytes]] = []
        self._listeners: tuple[Listener, ...] = ()
        self._moved = False
        self._earlier: tuple[Reached, ...] | None = None

    def begin(self) -> None:
        """A transaction begins: drop what is remembered of the one before."""
        self._last = None
        self._moved = False
        self._put_off.clear()

    def end(self, connection: Connection) -> None:
        """A transaction is about to be committed: write the events that were put off."""
        if self._put_off:
            connection.executemany(_SQL["append"], self._put_off)
            self._put_off.clear()

    def listen(self, listener: Listener) -> None:
        """Have ``listener``, too, told of each new event, in the transaction that records it."""
        self._listeners = (*self._listeners, listener)

    def use(self, signer: Signer) -> None:
        """Sign with a renewed key, or for a newly granted epoch, after the next :meth:`open`."""
        self._signer = signer

    @property
    def gateway(self) -> GatewayId:
        """Whose outbox this is."""
        return self._signer.gateway

    @property
    def epoch(self) -> int:
        """The epoch that is signed for."""
        return self._signer.epoch

    def open(
        self,
        connection: Connection,
        now: int,
        *,
        used_epoch: int = _NO_EPOCH,
        epoch: int | None = None,
        opening: Opening | None = None,
    ) -> int:
        """Bring the database to the epoch in force; returns the epoch it will seal in, or 0.

        Args:
            connection: the unit's.
            now: microseconds, for segments that are sealed here.
            used_epoch: the highest epoch that this gateway is known (outside this database) to
                have used. A new database, and an older copy (``frozen``), may not go on in it:
                sealing would fork the chain. They wait, unsealed, for a higher one.
            epoch: the epoch to bring it to, before it is signed for; else the signer's.
            opening: the first event of that epoch, should it begin here.
        """
        epoch = epoch or self._signer.epoch
        here = standing.head_if_any(connection)
        if here is None:
            self._begin_epoch(connection, _NO_EPOCH)
        old, _, _, frozen = here or standing.UNOPENED
        if old == _NO_EPOCH and epoch <= used_epoch:
            return _NO_EPOCH
        if epoch <= old:
            return _NO_EPOCH if frozen or epoch < old else old
        if epoch <= used_epoch:
            why = f"this database is of epoch {old}, this gateway has used {used_epoch}"
            standing.freeze(connection, why)
            return _NO_EPOCH
        home = signed_by_another(connection, self._signer.kid)
        while not frozen and not home and self.seal(connection, now, epoch=old) is not None:
            pass
        self._chain_anew(connection, epoch, now, opening, home, frozen=old if frozen else None)
        return epoch

    def _begin_epoch(self, connection: Connection, epoch: int) -> None:
        self._moved, self._earlier = True, None
        standing.put_head(connection, standing.UNOPENED._replace(epoch=epoch))
        if epoch != _NO_EPOCH:
            standing.begin_words(connection, epoch)

    def _chain_anew(
        self,
        connection: Connection,
        epoch: int,
        now: int,
        opening: Opening | None,
        home: dict[int, int],
        *,
        frozen: int | None,
    ) -> None:
        """Start ``epoch``, from sequence 1, with all that the cloud has not covered.

        Args:
            connection: the unit's.
            epoch: the one to begin.
            now: microseconds.
            opening: its first event.
            home: epochs whose segments nobody would take any more, and how far each is covered.
            frozen: the epoch of which another history exists, if so.
        """
        self.end(connection)
        if frozen is not None:
            home = {**home, frozen: self.last_watermark(connection, frozen)[1]}
        left = legacy(connection, opening, home, frozen=frozen)
        self._begin_epoch(connection, epoch)
        self._last = None
        if opening is not None:
            self._say(connection, opening.data, opening.event_id, now, opening.clock_state)
            self.say(connection, left.statements, now, opening.clock_state, occasion=epoch)
        self._append_again(connection, left.bodies)

    def say(
        self,
        connection: Connection,
        statements: Iterable[Statement],
        now: int,
        clock_state: int,
        *,
        occasion: int,
    ) -> None:
        """Append statements about earlier epochs, each with the id that follows from it."""
        for statement in statements:
            event_id = statement_id(self._signer.gateway, statement, occasion)
            self._say(connection, statement, event_id, now, clock_state)

    def _say(
        self, connection: Connection, data: EventData, event_id: bytes, now: int, clock_state: int
    ) -> None:
        self.append(
            connection,
            data,
            event_id=event_id,
            device=self._signer.gateway,
            occurred_at=now,
            clock_state=clock_state,
        )

    def _append_again(self, connection: Connection, bodies: list[bytes]) -> None:
        """Chain these events, with their ids, to the last; no reading, so that none can fail."""
        for body in bodies:
            last_seq, last_hash = self._last or self._load_last(connection)
            moved = rechained(body, seq=last_seq + 1, prev_hash=last_hash)
            self._put(last_seq + 1, moved)

    def _put(self, seq: int, body: bytes) -> None:
        digest = event_hash(body)
        self._put_off.append((seq, body, digest))
        self._moved = True
        self._last = (seq, digest)

    def adopt(self, connection: Connection, bodies: list[bytes]) -> None:
        """Chain events of an earlier epoch, with their ids, after what waits."""
        for start in range(0, len(bodies), MAX_EVENTS):
            self._append_again(connection, bodies[start : start + MAX_EVENTS])
            self.end(connection)

    def append(
        self,
        connection: Connection,
        data: EventData,
        *,
        event_id: bytes,
        device: str,
        occurred_at: int,
        clock_state: int,
        operator: str | None = None,
        task: str | None = None,
    ) -> int:
        """Chain one event to the last and store it; returns its sequence number.

        Raises:
            QuartermasterError: ``event.malformed`` when it is larger than an event may be.
        """
        last_seq, last_hash = self._last or self._load_last(connection)
        seq = last_seq + 1
        body = encode_event(
            data,
            event_id=event_id,
            occurred_at=occurred_at,
            seq=seq,
            prev_hash=last_hash,
            device=device,
            clock_state=clock_state,
            operator=operator,
            task=task,
        )
        if len(body) > MAX_EVENT_BYTES:
            raise QuartermasterError("event.malformed", f"{len(body)} bytes")
        self._put(seq, body)
        for listener in self._listeners:
            listener(connection, data, event_id, occurred_at)
        return seq

    def reached(self, connection: Connection) -> Furthest | None:
        """How far things went with the transaction that was just committed; None when no further.

        It may be further than what that transaction itself has done.
        """
        if not self._moved:
            return None
        epoch = self._epoch_in_force(connection)
        last, tail = self._last or self._load_last(connection)
        if self._earlier is None:
            self._earlier = tuple(
                Reached(said.epoch, end, said.reached)
                for said in standing.words(connection)
                for (end,) in connection.execute(_SQL["end_of_epoch"], (said.epoch,))
                if said.epoch != epoch and said.reached < end
            )
        covered = self.last_watermark(connection, epoch)[1]
        return Furthest(Reached(epoch, last, covered), self._earlier, tail[:TAIL_BYTES])

    @staticmethod
    def freeze(connection: Connection, why: str) -> None:
        """Seal no more in this epoch: this database is not the one that went furthest."""
        standing.freeze(connection, why)

    def _load_last(self, connection: Connection) -> tuple[int, bytes]:
        row = connection.execute(_SQL["last_waiting"]).fetchone()
        if row is not None:  # the hash as chained, so that changed bytes do not go on unnoticed
            return int(row[0]), bytes(row[2] or event_hash(row[1]))
        here = standing.head(connection)
        return here.seq, here.hash

    def waiting(self, connection: Connection) -> int:
        """How many events wait to be sealed, those of this transaction included."""
        seq = (self._last or self._load_last(connection))[0]
        return seq - standing.head(connection).seq

    def seal(
        self,
        connection: Connection,
        now: int,
        *,
        limit: int = MAX_EVENTS,
        epoch: int | None = None,
    ) -> Sealed | None:
        """Sign the oldest waiting events into one stored segment; None when nothing may be sealed.

        Args:
            connection: the unit's.
            now: microseconds, kept with the segment.
            limit: at most this many events.
            epoch: seal for this one instead of the one in force (to close an old epoch).
        """
        sealing, sealed_seq, prev_hash, frozen = standing.head(connection)
        if frozen or sealing == _NO_EPOCH or sealing != (epoch or self._signer.epoch):
            return None
        oldest = self._oldest(connection, sealed_seq, limit)
        if not oldest:
            return None
        bodies = fitting([body for body, _ in oldest])
        first_seq = sealed_seq + 1
        last_seq = first_seq + len(bodies) - 1
        last_hash = oldest[len(bodies) - 1][1]
        signer = self._signer
        segment = seal(
            signer.sign,
            kid=signer.kid,
            trust_domain=signer.trust_domain,
            gateway=signer.gateway,
            epoch=sealing,
            first_seq=first_seq,
            prev_hash=prev_hash,
            events=bodies,
        )
        connection.execute(
            _SQL["insert_segment"],
            (sealing, first_seq, last_seq, last_hash, now, segment, segment_hash(segment)),
        )
        standing.put_head(connection, standing.Head(sealing, last_seq, last_hash, ""))
        if self._put_off:
            del self._put_off[: len(bodies)]
        else:
            connection.execute(_SQL["remove_waiting"], (last_seq,))
        return Sealed(sealing, first_seq, last_seq, segment)

    def _oldest(
        self, connection: Connection, sealed_seq: int, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """The next events and their hashes: from memory, when all that wait were put off now."""
        if self._put_off and self._put_off[0][0] == sealed_seq + 1:
            return [(body, digest) for _, body, digest in self._put_off[:limit]]
        self.end(connection)
        rows = connection.execute(_SQL["waiting"], (limit,)).fetchall()
        for number, row in enumerate(rows, start=sealed_seq + 1):
            if row[0] != number:
                raise QuartermasterError(
                    "store.damaged", "an event that waited is gone", where=f"sequence {number}"
                )
        return [waiting_in(row) for row in rows]

    def acknowledge(
        self, connection: Connection, watermark: Watermark, now: int, *, again: int = MAX_EVENTS
    ) -> Acknowledged:
        """Free what the cloud has committed; the watermark's signature has been verified.

        Args:
            connection: the unit's.
            watermark: the cloud's word; an older one than the last changes nothing.
            now: microseconds.
            again: at most this many segments of missing ranges are returned.
        """
        epoch, reached = watermark.epoch, watermark.contiguous_seq
        known = standing.word(connection, epoch)
        if known is not None and (watermark.generation, reached) < (
            known.generation,
            known.reached,
        ):
            return Acknowledged(False, [])
        contradiction = contradicts(connection, watermark)
        if contradiction:
            standing.freeze(connection, contradiction)
        if known is None:
            return Acknowledged(bool(contradiction), [], contradiction)
        self._moved = True
        if epoch != self._epoch_in_force(connection) or watermark.generation > known.generation:
            self._earlier = None
        common = shared_through(connection, watermark, known)
        said = standing.Word(epoch, watermark.generation, reached, watermark.head_hash)
        if watermark.generation > known.generation:  # a restored cloud may lack what it confirmed
            if 0 < self.generation(connection) < watermark.generation:
                retention.begin_anew(connection)
            standing.doubt_others(connection, said)
        if contradiction:
            hash_there = watermark.head_hash if common == reached else GENESIS
            standing.put_word(connection, said._replace(reached=common, head_hash=hash_there), now)
            return Acknowledged(True, [], contradiction)
        if epoch < self._epoch_in_force(connection) and (watermark.frozen or common < reached):
            self._append_again(connection, take_home(connection, epoch, common))
        standing.put_word(connection, said, now)
        wanted: list[Sealed] = []
        for first, last in watermark.missing:
            where = {"epoch": epoch, "first": first, "last": last, "limit": again - len(wanted)}
            rows = connection.execute(_SQL["overlapping"], where).fetchall()
            wanted.extend(map(sealed_in, rows))
        return Acknowledged(True, wanted)

    @staticmethod
    def _epoch_in_force(connection: Connection) -> int:
        return standing.head(connection).epoch

    def generation(self, connection: Connection) -> int:
        """The highest generation of the cloud heard of; 0 before the first."""
        return max((said.generation for said in standing.words(connection)), default=0)

    @staticmethod
    def unacknowledged(
        connection: Connection, *, after: tuple[int, int] = (0, 0), limit: int = 1
    ) -> list[Sealed]:
        """The oldest stored segments to send, after (epoch, first_seq); none of a frozen epoch."""
        found: list[Sealed] = []
        here = standing.head(connection)
        for said in standing.words(connection, after[0]):
            if here.frozen and said.epoch == here.epoch:  # its events go on in the next
                continue
            where = {
                "epoch": said.epoch,
                "after": after[1] if said.epoch == after[0] else 0,
                "reached": said.reached,
                "limit": limit - len(found),
            }
            rows = connection.execute(_SQL["unacknowledged"], where).fetchall()
            found.extend(map(sealed_in, rows))
        return found

    @staticmethod
    def last_watermark(connection: Connection, epoch: int) -> tuple[int, int]:
        """Generation and contiguous sequence last heard for ``epoch``; zeros when never."""
        said = standing.word(connection, epoch)
        return (said.generation, said.reached) if said is not None else (0, 0)

    @staticmethod
    def floor(connection: Connection) -> int:
        """A moment (microseconds) that has certainly passed; 0 before the first."""
        return int(connection.execute(_SQL["floor"]).fetchone()[0])

    @staticmethod
    def set_floor(connection: Connection, moment: int) -> None:
        """Keep a moment that has certainly passed."""
        connection.execute(_SQL["set_floor"], (moment,))

    def last_sealed_at(self, connection: Connection) -> int:
        """When the newest segment was sealed, as the clock said then."""
        row = connection.execute(_SQL["last_sealed_at"]).fetchone()
        return int(row[0]) if row is not None else 0

    @staticmethod
    def depth(connection: Connection) -> Depth:
        """How full the outbox is (any connection)."""
        (waiting,) = connection.execute(_SQL["count_waiting"]).fetchone()
        segments = events = 0
        for said in standing.words(connection):
            where = {"epoch": said.epoch, "reached": said.reached}
            more, holding = connection.execute(_SQL["count_unacknowledged"], where).fetchone()
            segments, events = segments + more, events + holding
        epoch, seq, _, frozen = standing.head_if_any(connection) or standing.UNOPENED
        _, reached = Outbox.last_watermark(connection, epoch)
        return Depth(epoch, seq + waiting, waiting, segments, events, reached, frozen)
