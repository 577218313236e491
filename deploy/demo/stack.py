"""A whole Quartermaster on one machine, from the real pieces, each as the process that it is.

The one way to start everything: the demo, `simulate`, scenarios and benches use it. Pieces can be
started, stopped, killed and cut off one by one, so that a test can tell its own story. Each gateway
reaches the broker through a wire of its own (:mod:`deploy.demo.proxy`).

Setting up goes through the same use cases as the command line: a PKI, migrations, a catalog import,
an API key, one-time enrolment tokens.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from cloud.access.service import add_key
from cloud.catalog.model import ImportKind
from cloud.catalog.service import import_csv
from cloud.db import migrate, open_pool, unit_of_work
from cloud.fleet import publish
from cloud.gateways import service as registry
from cloud.gateways.authority import root_fingerprint
from deploy import database, pki
from deploy.broker import Broker
from deploy.clock import SystemClock
from deploy.demo.assortment import Assortment
from deploy.demo.probe import PROBE_DEVICE
from deploy.demo.process import Process
from deploy.demo.proxy import Wire
from deploy.demo.site import Site, pair, write_settings
from deploy.demo.staff import staff_of, work_of
from deploy.processes import LOOPBACK, free_port
from edge.link import enrolment
from edge.simulator.scanner import Door
from shared.downlink import encode
from shared.enrolment import read_slip
from shared.errors import QuartermasterError
from shared.policy import Policy

__all__ = ["DatabaseKind", "Process", "Site", "Stack"]

DatabaseKind = Literal["embedded", "timescale"]

TRUST_DOMAIN: Final = "quartermaster.local"
_SCOPES: Final = (
    "read", "catalog:write", "exceptions:write", "gateways:write", "fleet:write", "metrics",
)  # fmt: skip


class Stack:
    """Everything, in ``folder``.

    Args:
        folder: a fresh folder; receives data, keys and logs.
        database_kind: the embedded PostgreSQL, or real TimescaleDB.
        database_url: an existing, empty database to use instead.
        gateways: gateway names by site code.
        scanners: how many devices are paired with each gateway, beside the probe.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gateways: dict[str, str],
        assortment: Assortment,
        database_kind: DatabaseKind = "embedded",
        database_url: str | None = None,
        scanners: int = 4,
    ) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self.pki = self.folder / "pki"
        self.assortment = assortment
        self.api_port = free_port()
        self.door_port = free_port()
        self.api_key = ""
        self.database_url = database_url or ""
        self.sites: dict[str, Site] = {}
        self.services: dict[str, Process] = {}
        self._names = gateways
        self._database_kind: DatabaseKind = database_kind
        self._devices = [*(f"sc-{n:02d}" for n in range(1, scanners + 1)), PROBE_DEVICE]
        self._cameras: dict[str, int] = {}
        self._clock = SystemClock()
        self._open = ExitStack()
        self.broker: Broker

    @property
    def api_url(self) -> str:
        """Where the public API answers."""
        return f"https://localhost:{self.api_port}"

    @property
    def ca(self) -> Path:
        """The certificate bundle to trust the API by."""
        return self.pki / "services-chain.crt"

    def api_door(self) -> Door:
        """The API for :class:`edge.simulator.scanner.Connection`, with the stack's key."""
        tls = ssl.create_default_context(cafile=str(self.ca))
        return Door("localhost", self.api_port, tls, self.api_key)

    def __enter__(self) -> Self:
        """Make the folder; nothing runs yet."""
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, gateways first."""
        for site in self.sites.values():
            site.process.stop()
        for service in reversed(self.services.values()):
            service.stop()
        self._open.close()

    def start(self, *, cameras: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Start everything in order, telling ``say`` what comes next.

        Raises:
            QuartermasterError: ``program.missing`` or ``program.failed``, whose ``where`` is a log.
        """
        if cameras:
            self.start_cameras()
        say("database")
        self.start_database()
        say("broker")
        self.start_broker()
        say("cloud")
        self.start_cloud()
        for site, name in self._names.items():
            say(name)
            self.enrol(site)
            self.start_gateway(site)
        say("floors")
        for site in self._names:
            self.wait_ready(site)

    def start_database(self) -> None:
        """PKI, database, schema, catalog, policy and API key."""
        if not self.pki.exists():
            pki.create(self.pki, trust_domain=TRUST_DOMAIN, clock=self._clock)
        if not self.database_url:
            server = (
                database.timescale()
                if self._database_kind == "timescale"
                else database.embedded(self.folder / "database")
            )
            self.database_url = self._open.enter_context(server)
        migrate(self.database_url)
        self.import_catalog(self.assortment)
        with closing(open_pool(self.database_url, size=1)) as pool, unit_of_work(pool) as cloud:
            self.api_key = add_key(
                cloud,
                name="demo",
                scopes=_SCOPES,
                environment="dev",
                now=self._clock.now(),
                random_bytes=secrets.token_bytes,
            ).text
            publish(cloud, "policy", encode(Policy(name="demo")), now=self._clock.now())
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(self.api_key, "ascii")

    @property
    def key_file(self) -> Path:
        """Where the API key is kept for whoever plays with the stack."""
        return self.folder / "api-key"

    @property
    def secret_file(self) -> Path:
        """Where the secret of the sites' operator is kept, once there is staff."""
        return self.folder / "operator-secret"

    def publish_staff(self) -> None:
        """Send each site its people and its work down, as `quartermaster cloud people` does."""
        secret = secrets.token_urlsafe(9)
        self.secret_file.touch(mode=0o600)
        self.secret_file.write_text(secret, "ascii")
        skus = sorted(self.assortment.goods)
        now = self._clock.now()
        with closing(open_pool(self.database_url, size=1)) as pool, unit_of_work(pool) as cloud:
            for site in self._names:
                publish(cloud, "people", encode(staff_of(site, secret)), site=site, now=now)
                publish(cloud, "plan", encode(work_of(site, skus)), site=site, now=now)

    def import_catalog(self, assortment: Assortment) -> None:
        """Import sites, items and locations, as `quartermaster cloud catalog import` does.

        Raises:
            QuartermasterError: ``catalog.row``.
        """
        files: tuple[tuple[ImportKind, str], ...] = (
            ("sites", assortment.sites_csv()),
            ("items", assortment.items_csv()),
            ("locations", assortment.locations_csv()),
        )
        with closing(open_pool(self.database_url, size=1)) as pool:
            for kind, content in files:
                with unit_of_work(pool) as cloud:
                    report = import_csv(cloud, kind=kind, content=content)
                if report.errors:
                    raise QuartermasterError("catalog.row", str(report.errors[0]), where=kind)

    def start_broker(self) -> None:
        """The broker, on the ports that it keeps for the life of the stack."""
        if not hasattr(self, "broker"):
            self.broker = Broker(self.folder / "broker", pki=self.pki)
            self._open.callback(self.broker.stop)
        self.broker.start()

    def start_cloud(self) -> None:
        """The API with the gateway door, an ingest worker, and the fleet worker."""
        variables = self.cloud_variables()
        for name, ports in (
            ("serve", (self.api_port, self.door_port)),
            ("ingest", ()),
            ("worker", ()),
        ):
            service = Process(
                name, ["cloud", name], log=self.logs / f"cloud-{name}.log", variables=variables
            )
            self.services[name] = service
            service.start(ports=ports)

    def cloud_variables(self) -> dict[str, str]:
        """The settings of the cloud's processes."""
        return {
            "QM_DATABASE_URL": self.database_url,
            "QM_PKI": str(self.pki),
            "QM_TRUST_DOMAIN": TRUST_DOMAIN,
            "QM_BROKER_HOST": "localhost",
            "QM_BROKER_PORT": str(self.broker.service_port),
            "QM_GATEWAY_BROKER_HOST": "localhost",
            "QM_GATEWAY_BROKER_PORT": str(self.broker.gateway_port),
            "QM_API_PORT": str(self.api_port),
            "QM_DOOR_PORT": str(self.door_port),
        }

    def token(self, site: str) -> str:
        """Register the site's gateway; returns its one-time enrolment token."""
        fingerprint = root_fingerprint(self.pki)
        with closing(open_pool(self.database_url, size=1)) as pool, unit_of_work(pool) as cloud:
            return registry.register(
                cloud,
                name=self._names[site],
                site=site,
                fingerprint=fingerprint,
                now=self._clock.now(),
            ).text()

    def enrol(self, site: str) -> Site:
        """Enrol the site's gateway with a fresh one-time token and lay its wire to the broker.

        Raises:
            QuartermasterError: whatever the enrolment refuses.
        """
        name = self._names[site]
        folder = self.folder / name
        folder.mkdir()
        slip = read_slip(self.token(site))
        enrolment.enrol(
            folder / "identity",
            slip,
            api_url=self.api_url,
            clock=self._clock,
            hosts=[socket.gethostname()],
        )
        wire = self._open.enter_context(Wire(LOOPBACK, self.broker.gateway_port))
        port = free_port()
        write_settings(
            folder, port=port, broker_port=wire.port, camera_port=self._cameras.get(site)
        )
        self.sites[site] = Site(
            gateway=name,
            code=site,
            folder=folder,
            port=port,
            process=Process(
                name,
                ["gateway", "run", "--data", str(folder)],
                log=self.logs / f"{name}.log",
                variables={},
            ),
            wire=wire,
            doors=pair(folder, port, self._devices, now=self._clock.now()),
        )
        return self.sites[site]

    def start_gateway(self, site: str) -> None:
        """Start (again) the site's gateway and wait until its door is open.

        Raises:
            QuartermasterError: ``program.failed``.
        """
        started = self.sites[site]
        started.process.start(ports=[started.port])

    def wait_ready(self, site: str, *, seconds: float = 30.0) -> None:
        """Wait until the site's gateway has a catalog and takes scans.

        Raises:
            QuartermasterError: ``program.failed`` when it does not in time.
        """
        self.sites[site].wait_ready(seconds=seconds)

    def start_cameras(self) -> None:
        """Simulated cameras, one per site; gateways open them when they are there."""
        self._cameras = {site: free_port() for site in self._names}
        process = Process(
            "cameras",
            [f"{site}:{port}" for site, port in self._cameras.items()],
            log=self.logs / "cameras.log",
            variables={},
            module="deploy.demo.cameras",
        )
        self.services["cameras"] = process
        process.start()

    def check(self) -> None:
        """Fail when any process has ended by itself.

        Raises:
            QuartermasterError: ``program.failed``, naming the log.
        """
        for process in (*self.services.values(), *(site.process for site in self.sites.values())):
            process.check()
