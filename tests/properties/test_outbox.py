"""The outbox under any history: appends, seals, sends, watermarks, restarts and restored clouds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.db import Connection, Database
from edge.outbox import Outbox, Sealed, Signer
from shared import segment
from shared.cose import key_id
from shared.downlink import Watermark
from shared.errors import QuartermasterError
from shared.events import DeviceHealth
from shared.ids import GatewayId

GATEWAY = GatewayId("gw-01")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_763_650_000_000_000


class OutboxMachine(RuleBasedStateMachine):
    """A gateway's outbox, a lossy way, and a cloud that may be restored."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="qm-outbox-"))
        self.answered: list[str] = []
        self.sent: dict[int, bytes] = {}
        self.cloud: dict[int, tuple[str, bytes]] = {}
        self.generation = 1
        self.freed = 0
        self.open()

    def open(self) -> None:
        self.database = Database(self.folder / "gateway.db")
        self.outbox = Outbox(
            Signer(KEY.sign, key_id(KEY.public_key()), "quartermaster.local", GATEWAY, 1)
        )
        self.database.around(self.outbox.begin, self.outbox.end)
        self.database.run_blocking(lambda connection: self.outbox.open(connection, NOW))

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def append(self, connection: Connection, text: str) -> int:
        return self.outbox.append(
            connection,
            DeviceHealth("sc-01", "well", text),
            event_id=bytes(16),
            device="sc-01",
            occurred_at=NOW,
            clock_state=1,
        )

    @rule(number=st.integers(1, 5))
    def scans(self, number: int) -> None:
        texts = [f"{len(self.answered) + index}" for index in range(number)]
        seqs = self.database.run_blocking(lambda c: [self.append(c, text) for text in texts])
        self.answered.extend(texts)
        assert seqs[-1] == len(self.answered)

    @rule(number=st.integers(1, 5), limit=st.integers(1, 4))
    def scans_with_an_open_window(self, number: int, limit: int) -> None:
        texts = [f"{len(self.answered) + index}" for index in range(number)]

        def unit(connection: Connection) -> Sealed | None:
            for text in texts:
                self.append(connection, text)
            return self.outbox.seal(connection, NOW, limit=limit)

        sealed = self.database.run_blocking(unit)
        self.answered.extend(texts)
        assert sealed is not None
        self.send(sealed)

    @rule(number=st.integers(1, 3))
    def a_unit_that_fails_after_appending(self, number: int) -> None:
        def unit(connection: Connection) -> None:
            for _ in range(number):
                self.append(connection, "never answered")
            raise QuartermasterError("scan.quantity")

        try:
            self.database.run_blocking(unit)
        except QuartermasterError:
            return
        raise AssertionError("it did not fail")

    @rule(limit=st.integers(1, 8))
    def seals(self, limit: int) -> None:
        sealed = self.database.run_blocking(
            lambda connection: self.outbox.seal(connection, NOW, limit=limit)
        )
        if sealed is not None:
            self.send(sealed)

    def send(self, sealed: Sealed) -> None:
        before = self.sent.setdefault(sealed.first_seq, sealed.body)
        assert before == sealed.body, "a resend differs"

    @rule(arrives=st.lists(st.booleans(), max_size=20))
    def delivers_some(self, arrives: list[bool]) -> None:
        """What is stored and unfreed goes out again; some of it arrives."""
        stored = self.outbox.unacknowledged(self.database.reader, limit=20)
        for sealed, arrived in zip(stored, arrives, strict=False):
            self.send(sealed)
            if arrived:
                self.receive(sealed.body)

    def receive(self, body: bytes) -> None:
        verified = segment.verify(
            segment.parse(body),
            KEY.public_key(),
            trust_domain="quartermaster.local",
            gateway=GATEWAY,
        )
        for event in verified.events:
            assert isinstance(event.data, DeviceHealth)
            known = self.cloud.setdefault(event.seq, (event.data.detail, event.hash))
            assert known == (event.data.detail, event.hash), "one sequence number, two events"

    @property
    def reached(self) -> int:
        seq = 0
        while seq + 1 in self.cloud:
            seq += 1
        return seq

    @rule(behind=st.integers(0, 3))
    def hears_a_watermark_perhaps_an_old_one(self, behind: int) -> None:
        seq = max(self.reached - behind, 0)
        head = self.cloud[seq][1] if seq else bytes(32)
        word = Watermark(self.generation, 1, seq, head)
        done = self.database.run_blocking(
            lambda connection: self.outbox.acknowledge(connection, word, NOW)
        )
        assert not done.frozen
        self.freed = max(self.freed, seq)

    @precondition(lambda self: self.cloud)
    @rule(keep=st.integers(0, 5))
    def the_cloud_is_restored_from_a_backup(self, keep: int) -> None:
        self.cloud = {seq: self.cloud[seq] for seq in sorted(self.cloud)[:keep] if seq <= keep}
        self.generation += 1
        self.freed = 0
        self.hears_a_watermark_perhaps_an_old_one(0)

    @rule()
    def is_restarted(self) -> None:
        self.database.close()
        self.open()

    @rule()
    def loses_power(self) -> None:
        """What was committed is in the file and its log; nothing else is."""
        copy = self.folder / "copy"
        copy.mkdir()
        for name in ("gateway.db", "gateway.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        self.database.close()
        for file in self.folder.glob("gateway.db*"):
            file.unlink()
        for file in copy.iterdir():
            file.rename(self.folder / file.name)
        copy.rmdir()
        self.open()

    @invariant()
    def every_answered_event_is_there_exactly_once_and_nothing_unfreed_is_missing(self) -> None:
        reader = self.database.reader
        depth = self.outbox.depth(reader)
        assert depth.seq == len(self.answered)
        assert not depth.frozen
        unfreed = self.outbox.unacknowledged(reader, limit=10_000)
        held = sum(sealed.events for sealed in unfreed) + depth.waiting
        assert held >= len(self.answered) - self.freed
        expected = None
        for sealed in unfreed:
            assert expected in {None, sealed.first_seq}, "a gap between unfreed segments"
            expected = sealed.last_seq + 1
            assert sealed.last_seq > self.freed, "freed, and still sent"

    @invariant()
    def the_cloud_holds_only_what_was_answered_in_its_order(self) -> None:
        for seq, (text, _) in self.cloud.items():
            assert text == self.answered[seq - 1]


OutboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_the_outbox_keeps_its_promises_in_any_history = OutboxMachine.TestCase
