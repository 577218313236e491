"""One SQLite file with one writer: units of work share a transaction, answers come after COMMIT.

A unit of work is a function of a connection. While one group of units waits for its fsync, the
next units queue up and then share the next transaction (at most ``MAX_GROUP``); an idle writer
commits at once. ``synchronous=FULL``: what has been answered survives a power cut.

A unit may be run twice: when one unit of a group fails, the group is rolled back and every unit is
run again in a transaction of its own, so that only the failing one fails. Another process (a
command) may write between two transactions. Units therefore keep no state outside the database for
longer than one transaction: callbacks given to :meth:`Database.around` drop it at the beginning and
write what was put off at the end.

The log is brought into the file beside the writer (:mod:`edge.db.folding`), not inside a commit;
the writer then begins it anew, after the answers have been given. It never grows far beyond
``log_bytes``, so that a ballast of twice that is room enough to free.

When the disk or the quota is full, a unit fails with ``disk.full`` and whoever asked for it
(:meth:`Database.when_full`) is told in the writer's thread, before the next unit: it makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from edge.db.faults import translated
from edge.db.folding import Folding
from edge.db.layout import LayoutCopy, layout_of, settle, state, state_nothing
from edge.db.work import Work as _Work
from edge.db.work import settle as _settle
from shared.errors import QuartermasterError

Connection = sqlite3.Connection
Result = TypeVar("Result")

MAX_GROUP: Final = 64
PAGE_BYTES: Final = 4096
LOG_BYTES: Final = 8 << 20
_FOLD_AFTER: Final = 250
"""Commits; or when the log grows beyond three quarters of its size, whichever comes first."""
_LOOK_AT_LOG: Final = 8
"""Commits between two looks at the log's size: a look costs as much as storing two events."""
_BUSY_SECONDS: Final = 5.0
_BRIEF_MS: Final = 100
"""A log that is too large waits no longer than this for readers: scans wait behind it."""


class Database:
    """The gateway's store.

    Args:
        path: the file; made with mode 0600 when absent.
        max_bytes: the size that the file may reach; beyond it a unit fails with ``disk.full``.
        log_bytes: the size at which the log file is emptied, whoever waits.

    Raises:
        QuartermasterError: ``store.damaged``, ``disk.full``, or ``store.failed`` when a newer
            version has made the file.
    """

    _on_full: Callable[[], None] | None = None
    _on_damage: Callable[[QuartermasterError], None] | None = None
    _on_commit: Callable[[Connection], None] | None = None
    _wants_less: Callable[[], None] | None = None

    def __init__(self, path: Path, *, max_bytes: int = 8 << 30, log_bytes: int = LOG_BYTES) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._log_bytes = log_bytes
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._seat = threading.Lock()
        self._rider: _Work | None = None
        self._begins: list[Callable[[], None]] = []
        self._ends: list[Callable[[Connection], None]] = []
        self._commits = 0
        self._layout = LayoutCopy(path)
        self._folding = Folding(self._connect, self.noticed)
        self._log_stays = 0
        _refuse_without_its_file(path, self._log)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._connection = self._connect()
            settle(self._connection, self._layout)
            self._connection.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")
            self._reader = self._connect()
            self._reader.execute("PRAGMA query_only = ON")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise translated(error, path) from error
        except OSError as error:  # the copy of the layout cannot be removed
            raise QuartermasterError("store.failed", str(error), where=path.name) from error
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()

    def _connect(self) -> Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -8192")
        return connection

    @property
    def reader(self) -> Connection:
        """A read-only connection for one thread; it sees what has been committed."""
        return self._reader

    def around(self, begin: Callable[[], None], end: Callable[[Connection], None]) -> None:
        """Have ``begin`` called at the start of each transaction and ``end`` before its COMMIT."""
        self._begins.append(begin)
        self._ends.append(end)

    def when_full(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called, in the writer's thread, when a unit failed for want of room."""
        self._on_full = tell

    def when_damaged(self, tell: Callable[[QuartermasterError], None]) -> None:
        """Have ``tell`` called when something else is read than was written."""
        self._on_damage = tell

    def damaged(self, error: QuartermasterError) -> None:
        """Something else was read than was written, by whoever noticed."""
        if self._on_damage is not None:
            self._on_damage(error)

    def noticed(self, error: Exception) -> QuartermasterError | None:
        """Tell of an error that somebody met while reading, if it means damage."""
        if isinstance(error, sqlite3.DatabaseError):
            error = translated(error, self._path)
        if not isinstance(error, QuartermasterError) or error.code != "store.damaged":
            return None
        self.damaged(error)
        return error

    def after_commits(self, tell: Callable[[Connection], None]) -> None:
        """Have ``tell`` called, in the writer's thread, after each COMMIT and before answers.

        It cannot make anything undone: should it fail, nothing comes of it but a look at why.
        """
        self._on_commit = tell

    def another_reader(self) -> Connection:
        """A read-only connection of the caller's own, for another thread; the caller closes it.

        Raises:
            QuartermasterError: ``store.damaged`` or ``store.failed``.
        """
        try:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.DatabaseError as error:
            raise translated(error, self._path) from error
        return connection

    @property
    def held_bytes(self) -> int:
        """The pages in use."""
        (pages,) = self._reader.execute("PRAGMA page_count").fetchone()
        return pages * PAGE_BYTES - self.spare_bytes

    @property
    def spare_bytes(self) -> int:
        """Pages of the file that are free, for the next units to use."""
        (pages,) = self._reader.execute("PRAGMA freelist_count").fetchone()
        return pages * PAGE_BYTES

    def give_back(self, *, file: bool = True) -> None:
        """Have the log's room given back to the file system when nobody waits.

        With ``file`` its free pages, too: it is written anew with what it holds, which needs room
        for that once more; where there is none, nothing changes. Keeping the file ready to shrink
        at any time (``auto_vacuum``) would cost every commit a third of its time.
        """
        self._wants_less = self._give_back if file else self._empty_log
        self.nudge()

    def nudge(self) -> None:
        """Start a group of its own for whoever rides along, without waiting for others."""
        self._queue.put(_Work(_nothing, None, None))

    async def run(self, unit: Callable[[Connection], Result]) -> Result:
        """Run one unit of work; returns its result after the commit.

        Raises:
            QuartermasterError: ``disk.full``, ``store.failed``, or what the unit raised.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Work(unit, future, loop))
        return await future

    def run_blocking(self, unit: Callable[[Connection], Result]) -> Result:
        """As :meth:`run`, for a thread without an event loop."""
        future: Future[Result] = Future()
        self._queue.put(_Work(unit, future, None))
        return future.result()

    def submit(self, unit: Callable[[Connection], Result], *, weight: int = 1) -> Future[Result]:
        """As :meth:`run_blocking`, without waiting: the future is settled after the commit.

        Args:
            unit: the unit of work.
            weight: how many of the ``MAX_GROUP`` places in a transaction it takes.
        """
        future: Future[Result] = Future()
        self._queue.put(_Work(unit, future, None, weight))
        return future

    async def ride(
        self, unit: Callable[[Connection], Result | None], *, now: bool = False
    ) -> Result:
        """Run ``unit`` at the end of the next group, in its transaction and under its fsync.

        As long as it returns None it stays aboard for the group after. There is one seat: a new
        rider replaces the last, whose wait is cancelled.

        Args:
            unit: what to run after the others.
            now: do not wait for others; start a group of its own.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        with self._seat:
            previous, self._rider = self._rider, _Work(unit, future, loop)
        if previous is not None and previous.future is not None:
            previous.future.cancel()
        if now:
            self.nudge()
        return await future

    def close(self) -> None:
        """Finish what has been queued, checkpoint, and let go of the file."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            self._folding.close()
            self._reader.close()
            self._connection.close()

    # The writer's thread

    def _write(self) -> None:
        closing = False
        while not closing:
            group: list[_Work] = []
            room = MAX_GROUP
            work = self._queue.get()
            while work is not None:
                group.append(work)
                room -= work.weight
                if room <= 0:
                    break
                try:
                    work = self._queue.get_nowait()
                except queue.Empty:
                    break
            closing = work is None
            if group:
                self._commit(group)
                self._checkpoint_when_due()
        self._checkpoint()

    def _commit(self, group: list[_Work]) -> None:
        rider = self._rider
        if rider is not None and rider.future is not None and rider.future.cancelled():
            rider = None
        aboard = [*group, rider] if rider is not None else group
        if not self._together(aboard):
            for work in aboard:
                self._alone(work)
        if rider is not None:
            if rider.error is None and rider.result is None:
                aboard = group
            else:
                self._vacate(rider)
        self._commits += 1
        _settle(aboard)

    def _vacate(self, rider: _Work) -> None:
        with self._seat:
            if self._rider is rider:
                self._rider = None

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for begin in self._begins:
            begin()

    def _end(self) -> None:
        for end in self._ends:
            end(self._connection)
        self._connection.execute("COMMIT")
        if self._on_commit is not None:
            try:
                self._on_commit(self._connection)
            except Exception as error:  # noqa: BLE001 - what is committed is not run again
                self.noticed(error)

    def _together(self, group: list[_Work]) -> bool:
        """Run the group in one transaction; False, with nothing changed, when a unit fails."""
        connection = self._connection
        try:
            self._begin()
            for work in group:
                work.result = work.unit(connection)
            self._end()
        except Exception:  # noqa: BLE001 - each unit's own error is found by running it alone
            self._roll_back()
            return False
        return True

    def _alone(self, work: _Work) -> None:
        connection = self._connection
        work.result = None
        try:
            self._begin()
            work.result = work.unit(connection)
            self._end()
        except sqlite3.DatabaseError as error:
            self._roll_back()
            refusal = translated(error, self._path)
            refusal.__cause__ = error
            work.error = refusal
            if refusal.code == "disk.full":
                self._make_room()
            if refusal.code == "store.damaged":
                self.damaged(refusal)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits for the unit
            self._roll_back()
            work.error = error
            if isinstance(error, QuartermasterError) and error.code == "store.damaged":
                self.damaged(error)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # then SQLite has undone it by itself
                self._connection.execute("ROLLBACK")

    def _make_room(self) -> None:
        if self._on_full is not None:
            self._on_full()
        self._checkpoint(empty=True)

    def _empty_log(self) -> None:
        self._checkpoint(empty=True)

    def _give_back(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError, OSError):  # no room even for that
            self._layout.forget()
            state_nothing(self._connection)
            self._connection.execute("VACUUM")
        with contextlib.suppress(sqlite3.OperationalError):
            state(self._connection)
            self._layout.keep(layout_of(self._connection))
        self._checkpoint(empty=True)

    def _checkpoint_when_due(self) -> None:
        less = self._wants_less
        if less is not None and self._queue.empty():
            self._wants_less = None
            less()
            return
        if self._folding.done:
            self._folding.done = False
            self._begin_log_anew()
        elif self._commits % _LOOK_AT_LOG == 0:
            self._look_at_log()

    def _look_at_log(self) -> None:
        size = self._log_size()
        if size > self._log_bytes:
            self._checkpoint(empty=True)
            self._log_stays = self._log_size()
        elif self._commits >= _FOLD_AFTER or size > max(self._log_bytes * 3 // 4, self._log_stays):
            self._folding.ask()

    def _begin_log_anew(self) -> None:
        """What is left goes into the file; what comes next is written over the log.

        Its file keeps its size: a commit that makes a file larger takes half as long again. It is
        cut only before it reaches its bound.
        """
        large = self._log_size() > self._log_bytes * 7 // 8
        self._checkpoint(empty=large, patience_ms=0)
        self._log_stays = self._log_size()

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _checkpoint(self, *, empty: bool = False, patience_ms: int = _BRIEF_MS) -> None:
        """Bring the log into the file; ``empty`` begins it anew, too, if no reader needs it.

        Readers are waited for no longer than ``patience_ms``.
        """
        self._commits = 0
        how = "TRUNCATE" if empty else "PASSIVE"
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._connection.execute(f"PRAGMA wal_checkpoint({how})").fetchall()
        except sqlite3.OperationalError:
            pass  # a full disk: the log keeps everything, the next commit tells the one who waits
        except sqlite3.DatabaseError as error:
            self.noticed(error)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")


def _refuse_without_its_file(path: Path, log: Path) -> None:
    """Of an empty file SQLite would throw the log away, as if it belonged to nothing."""
    empty = not path.exists() or path.stat().st_size == 0
    if empty and log.exists() and log.stat().st_size > 0:
        raise QuartermasterError(
            "store.damaged", "the file is empty, its log is not", where=path.name
        )


def _nothing(_connection: Connection) -> None:
    """Only opens a group for a rider."""
