"""The stack of the demo with its faults within reach: every wire, every process, the database.

Sites come in two kinds. *Floors* work all the time and live through fault after fault. *Cells* are
enrolled when a fault needs a gateway of its own, because nothing is as before afterwards.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg

from deploy.database import Running, own_timescale
from deploy.demo.assortment import Assortment, demo_assortment
from deploy.demo.proxy import Wire
from deploy.demo.stack import Process, Site, Stack
from deploy.processes import LOOPBACK
from deploy.settings import child_environment
from shared.errors import QuartermasterError

FLOORS: Final = ("AMS1", "VIE1", "RTM1", "GRZ1")
CELLS: Final = tuple(f"CELL{number:02d}" for number in range(1, 33))
_MORE_SETTINGS: Final = "[uplink]\nresend_seconds = 2.0\nwindow = 48\n"
"""Sooner than the default of 5 s, and enough to flood a broker that nobody reads from."""
_LAUNCHER: Final = "tests.faults.launch"

Kept = TypeVar("Kept")


class Watched(Process):
    """A process started by the launcher, which may be told to die, to dawdle or to err in time."""

    def __init__(
        self, name: str, part: str, argument: str, log: Path, basis: dict[str, str]
    ) -> None:
        super().__init__(name, [part, argument], log=log, variables=basis, module=_LAUNCHER)
        self._basis = basis

    def start_with(self, *, ports: tuple[int, ...] = (), **faults: str) -> None:
        """Start it with these fault variables, in place of those before."""
        assert self.has_ended(), f"{self.name} runs"
        self._variables = self._basis | faults
        self.start(ports=ports)

    def has_ended(self) -> bool:
        """Whether it has ended by itself; its exit is then collected."""
        if self._child is not None and self._child.poll() is None:
            return False
        self._child = None
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        os.kill(self.pid, number)

    def peak_bytes(self) -> int:
        """The most memory that it has ever held."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024


class House(Stack):
    """Everything, in ``folder``; the database is a TimescaleDB of our own."""

    server: Running
    database_wire: Wire
    """Between ingest and the database; everybody else has a wire of their own."""
    ingest_wire: Wire
    """Between ingest and the broker."""

    def __init__(self, folder: Path) -> None:
        codes = (*FLOORS, *CELLS)
        goods = demo_assortment().goods
        super().__init__(
            folder,
            gateways={code: f"gw-{code.lower()}" for code in codes},
            assortment=Assortment(goods, {code: (f"Site {code}", "EU", "UTC") for code in codes}),
            scanners=2,
        )
        self._free_cells = list(CELLS)
        self._enrolling = threading.Lock()
        self._generation = 1

    def build(self) -> None:
        """Start the whole house with its floors."""
        self.start_database()
        self.start_broker()
        self.start_cloud()
        for site in FLOORS:
            self.enrol(site)
            self.start_gateway(site)
        for site in FLOORS:
            self.wait_ready(site)

    def start_database(self) -> None:
        """A server that can crash, with a wire for ingest."""
        self.server = self._open.enter_context(own_timescale())
        self.database_url = self.server.url
        self.database_wire = self._open.enter_context(Wire(LOOPBACK, self.server.port))
        super().start_database()

    def start_cloud(self) -> None:
        """The API, the fleet worker, and a watched ingest worker."""
        self.ingest_wire = self._open.enter_context(Wire(LOOPBACK, self.broker.service_port))
        self.restart_cloud()

    def restart_cloud(self) -> None:
        """End the cloud's processes and start them with the settings that hold now."""
        for service in self.services.values():
            service.stop()
        variables = self.cloud_variables()
        log = self.logs / "cloud-serve.log"
        self.services["serve"] = Watched("serve", "serve", "", log, variables)
        self.serve()
        log = self.logs / "cloud-worker.log"
        self.services["worker"] = Process(
            "worker", ["cloud", "worker"], log=log, variables=variables
        )
        self.services["worker"].start()
        self.services["ingest"] = self.ingest_worker("1")
        self.ingest.start()

    def back_up(self) -> None:
        """Keep a copy of the database as it is now, with the server stopped for it."""
        server = self.server.server
        backup = shlex.quote(f"{server.data}-backup")
        self._open.callback(server.run, f"rm -rf {backup}")
        server.stop()
        server.run(f"cp -a {shlex.quote(server.data)} {backup}")
        self.server.start()

    def restore(self) -> None:
        """Lose the database and go on with the copy, as an operator would: see restore.md."""
        server = self.server.server
        data = shlex.quote(server.data)
        for service in self.services.values():
            service.kill()
        server.crash()
        server.run(f"rm -rf {data} && mv {shlex.quote(f'{server.data}-backup')} {data}")
        self.server.start()
        self._generation += 1
        self.restart_cloud()

    def cloud_variables(self) -> dict[str, str]:
        """The settings of the cloud's processes."""
        return super().cloud_variables() | {"QM_GENERATION": str(self._generation)}

    def keep(self, context: AbstractContextManager[Kept]) -> Kept:
        """Enter something that lasts as long as the house."""
        return self._open.enter_context(context)

    def ingest_worker(self, worker_id: str) -> Watched:
        """A worker behind the wires, not started."""
        return Watched(
            f"ingest-{worker_id}",
            "ingest",
            worker_id,
            self.logs / f"cloud-ingest-{worker_id}.log",
            self.cloud_variables()
            | {
                "QM_DATABASE_URL": _by_way_of(self.database_wire.port, self.database_url),
                "QM_BROKER_PORT": str(self.ingest_wire.port),
            },
        )

    def serve(self, **faults: str) -> None:
        """Start the API (again) with these fault variables."""
        api = _watched(self.services["serve"])
        api.stop()
        api.start_with(ports=(self.api_port, self.door_port), **faults)

    def command(self, *arguments: str) -> str:
        """Run a command of Quartermaster as the cloud's operator; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments],
            check=False,
            env=child_environment(self.cloud_variables()),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise QuartermasterError("program.failed", done.stderr[-300:], where=arguments[0])
        return done.stdout

    @property
    def ingest(self) -> Watched:
        """The ingest worker."""
        return _watched(self.services["ingest"])

    def gateway(self, site: str) -> Watched:
        """A site's gateway process."""
        return _watched(self.sites[site].process)

    def enrol(self, site: str) -> Site:
        """Enrol as the stack does, to be run by the launcher."""
        made = super().enrol(site)
        with (made.folder / "gateway.toml").open("a", encoding="utf-8") as settings:
            settings.write(_MORE_SETTINGS)
        log = self.logs / f"{made.gateway}.log"
        made.process = Watched(made.gateway, "gateway", str(made.folder), log, {})
        return made

    def run_gateway(self, site: str, **faults: str) -> None:
        """Start the site's gateway with these fault variables; it may die of them at once."""
        try:
            self.gateway(site).start_with(ports=(self.sites[site].port,), **faults)
        except QuartermasterError:
            if "FAULT_POINT" not in faults:
                raise

    def cell(self, *, running: bool = True, **faults: str) -> str:
        """A site that no fault has used yet, enrolled, with its gateway running or not."""
        with self._enrolling:
            site = self._free_cells.pop(0)
            self.enrol(site)
        if running:
            self.run_gateway(site, **faults)
            self.wait_ready(site)
        return site

    def mend(self) -> None:
        """Put everything shared in order after a fault that stopped half-way."""
        if not self.server.server.running():
            self.server.start()
        for wire in (self.database_wire, self.ingest_wire, *(self.sites[s].wire for s in FLOORS)):
            wire.heal()
        self.restart_broker()
        self.restart_cloud()

    def mend_floor(self, site: str) -> None:
        """Put a floor in order after a fault that stopped half-way."""
        self.sites[site].wire.heal()
        self.gateway(site).stop()
        self.run_gateway(site)

    def restart_broker(self, *, max_queued_messages: int = 10_000) -> None:
        """Kill the broker and start it, empty, with room for so many messages per subscriber."""
        self.broker.kill()
        self.broker._max_queued_messages = max_queued_messages
        self.broker.start()

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        """A connection of the tests' own, past all wires."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            yield connection


def _watched(process: Process) -> Watched:
    assert isinstance(process, Watched)
    return process


def _by_way_of(port: int, url: str) -> str:
    parts = urlsplit(url)
    if "," in parts.netloc:
        return url  # several servers: whoever is primary is used, without a wire
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{LOOPBACK}:{port}"))
