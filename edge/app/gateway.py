"""The running gateway: every part in one event loop, joined here and nowhere else.

The floor comes first: scans are taken from the first moment, with or without a broker. A part that
fails unexpectedly is logged and started again; it never takes the others down.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Final

import msgspec
import structlog

from edge import people, stock
from edge import settings as settings_file
from edge.app.cadence import Cadence
from edge.app.cameras import Cameras
from edge.app.certificates import certificates
from edge.app.deciding import fallback_of
from edge.app.doors import Doors
from edge.app.epochs import Epochs
from edge.app.hearing import hears
from edge.app.identities import Identities
from edge.app.inputs import Inputs
from edge.app.journal import Journal
from edge.app.labels import Labels
from edge.app.learning import Learning
from edge.app.metrics import registry
from edge.app.recovery import damages
from edge.app.retention import Retention
from edge.app.safe_mode import SettingsWatch
from edge.app.scrubbing import Scrubbing
from edge.app.sights import sights_of
from edge.app.store import Store
from edge.app.timekeeping import Timekeeping, clock_report
from edge.app.witnessing import witnesses_of
from edge.db import Connection, Level
from edge.health import Heartbeat
from edge.link.downlink import Downlink
from edge.link.mqtt import MqttLink
from edge.link.uplink import Cloud, Pace, Uplink
from edge.link.witness import Witness
from edge.outbox import Outbox
from edge.outbox.witness import witness_state
from edge.pipeline import RECORDS
from edge.ports import SystemIds, system_jitter, system_steady
from edge.web import Door, RateLimit, create, openapi, pages, pairing, places
from edge.web.console import Console
from edge.web.decisions import decisions_room
from edge.web.hatch import Hatch
from edge.web.people import people_room
from edge.web.tasks import tasks_room
from shared.errors import QuartermasterError
from shared.events import GatewayHealth
from shared.topics import topic
from shared.units import DAY

_log: Final[Any] = structlog.get_logger("edge.gateway")
_RESTART_S: Final = 1.0


class Gateway:
    """One gateway; implements the ports LinkListener and Status."""

    def __init__(self, store: Store, journal: Journal | None = None) -> None:
        self._store = store
        self._journal = journal or Journal()
        self._settings = store.settings
        identity = store.identity
        folder = store.data / settings_file.IDENTITY
        self._acks = topic(identity.gateway, "ack")
        self._identities = Identities(folder, identity, self._settings.broker)
        self._cameras = Cameras(store)
        self._link = MqttLink(
            identity.gateway,
            self._identities.endpoint,
            longest_delay=self._settings.broker.longest_delay_seconds,
            keepalive=self._settings.broker.keepalive_seconds,
        )
        uplink = self._settings.uplink
        self._uplink = Uplink(
            store.database,
            store.outbox,
            self._link,
            Cloud(identity.gateway, identity.trust_domain, identity.cloud_key),
            store.clock,
            told=store.clock.heard,
            pace=Pace(
                window=uplink.window, resend=uplink.resend_seconds, watchdog=uplink.watchdog_seconds
            ),
        )
        self._hatch = Hatch(store.data, self.report, store.database.noticed)
        self._scrubbing = Scrubbing(store.data, store.database)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.damage: QuartermasterError | None = None
        """Why the gateway ended by itself: what it read was not what had been written."""
        self.again = False
        """Whether it ended in order to begin again, with settings that can be used now."""
        self._settings_watch = SettingsWatch(
            store.data, store.choice, store.pipeline, identity.gateway, self._begin_again
        )
        self._heartbeat = Heartbeat(
            store.pipeline, identity.gateway, self._examine, self._settings.heartbeat_seconds
        )
        self._timekeeping = Timekeeping(store.clock, store.database, self._heartbeat.announce)
        self._fallback = fallback_of(
            store,
            lambda: self._inputs.occupied(),  # noqa: PLW0108 - they are made further down
        )
        self._verification = witnesses_of(store)
        self._learning = Learning(store, changed=self._cameras.renew)
        self._labels = Labels(store)
        self._downlink = Downlink(
            store.database,
            lambda: self._identities.current,
            store.clock,
            self._heartbeat.announce,
            stock.Entering(
                people.enter,
                store.floor.enter_plan,
                self._fallback.enter_leases,
                self._learning.enter,
            ),
            judge=self._learning.refuse_unusable,
        )
        self._desk = people.Desk(
            store.database, store.pipeline, store.clock, system_steady, self._heartbeat.announce
        )
        api = self._settings.api
        self._doors = Doors(folder, api, store.clock, site=identity.site, gateway=identity.gateway)
        self._console = Console(
            store.database,
            desk=self._desk,
            floor=store.floor,
            decider=self._fallback,
            recorder=store.pipeline,
            photos=store.photos,
            clock=store.clock,
            ids=SystemIds(),
            status=self,
            site=identity.site,
            gateway=identity.gateway,
            reached=f"{next(iter(api.names), socket.gethostname())}:{api.port}",
            authority=self._doors.authority,
            install_port=api.install_port,
            lines=self._journal.lines,
            certificates=lambda: certificates(self._identities.current, self._doors.folder),
            sights=sights_of(store, self._cameras, self._learning.crops),
            labels=self._labels,
        )
        self._scans = self._console.watched(self._fallback.watched(store.pipeline))
        self._limit = RateLimit(api.scans_per_second, api.burst)
        self._inputs = Inputs(store, self._scans, self._limit)
        retention = self._settings.store.retention_days * DAY
        self._cadence = Cadence(store.database, store.clock, store.floor, retention=retention)
        self._retention = Retention(store.database, store.pipeline, retention, system_steady)
        self._witness = Witness(
            store.database,
            lambda: self._identities.current,
            store.clock,
            self._heartbeat.announce,
        )

        self._epochs = Epochs(
            folder,
            store,
            self._identities,
            SystemIds(),
            self._epoch_opened,
            longest_delay=self._settings.broker.longest_delay_seconds,
            jitter=system_jitter,
        )

    def _epoch_opened(self) -> None:
        """What was sent in the earlier epoch is no longer in flight."""
        self._link.interrupt()
        self._heartbeat.announce()

    # The port LinkListener

    def up(self) -> None:
        """The broker is there: send what is not covered; tell what is in force."""
        self._identities.connected()
        self._uplink.up()
        self._heartbeat.announce()

    def down(self) -> None:
        """The broker is gone; the floor does not notice."""
        self._uplink.down()

    def received(self, topic: str, payload: bytes) -> None:
        """A watermark, a countersigned head or an offer."""
        if topic == self._acks:
            self._uplink.heard(payload)
        elif not self._witness.heard(payload):
            self._downlink.heard(payload)

    # The port Status

    def report(self) -> dict[str, Any]:
        """The whole state, for people and ``--json``."""
        report = state_of(self._store)
        report["link"] = {
            "up": self._link.connected,
            "last_error": self._link.last_error,
            "connections": self._link.counts.connections,
            "auth_failures": self._link.counts.refusals,
            "in_flight": self._uplink.in_flight,
            "resent": self._uplink.counts.resent,
        }
        report["certificate_not_after"] = self._identities.current.not_after
        report["epoch_refused"] = self._epochs.refusal
        report["last_refused_document"] = self._downlink.last_refusal
        report["cameras"] = self._cameras.report()
        report["inputs"] = self._inputs.report()
        report["learning"] = self._learning.report()
        report["decisions"] = self._fallback.report(self._store.database.reader)
        report["evidence_dropped"] = self._store.pipeline.dropped_evidence
        report["filling"] = self._console.filling()
        report["notices"] = [notice.as_dict() for notice in self._notices()]
        return report

    def _notices(self) -> list[QuartermasterError]:
        """What a person should know, the worst first; each heartbeat tells the cloud, too."""
        others = (self._store.space.notice(), self._timekeeping.notice())
        damage = damages(self._store.data)[:1]
        choice = self._store.choice.notice()
        return [
            *([choice] if choice is not None else []),
            *(QuartermasterError("store.damaged", each.in_words()) for each in damage),
            *(notice for notice in others if notice is not None),
            *self._desk.notices(),
            *self._downlink.notices(),
            *self._doors.notices(),
            *self._inputs.notices(),
            *self._cameras.notices(),
        ]

    def _damaged(self, error: QuartermasterError) -> None:
        """From any thread: end in order, so that the database can be set aside."""
        if self.damage is None and self._loop is not None and self._stop is not None:
            self.damage = error
            self._loop.call_soon_threadsafe(self._stop.set)

    def _begin_again(self) -> None:
        """End in order, so that the settings are read again."""
        if self._stop is not None and not self._stop.is_set():
            self.again = True
            self._stop.set()

    def not_ready(self) -> str:
        """Why no scans can be taken now; empty when they can."""
        if not stock.versions(self._store.database.reader)["catalog"]:
            return str(QuartermasterError("scan.no-catalog"))
        if self._store.space.level == Level.FULL:
            return str(QuartermasterError("disk.full"))
        return ""

    # The process

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until ``stop`` is set; ``ready`` is called when scans are taken.

        Raises:
            QuartermasterError: ``settings.invalid`` when the port is taken.
        """
        store = self._store
        self._loop, self._stop = asyncio.get_running_loop(), stop
        store.database.when_damaged(self._damaged)
        store.space.begin()
        self._desk.begin()
        door, listening = self._open_door()
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            **self._inputs.parts(),
            "link": lambda: self._link.run(self),
            "uplink": self._uplink.run,
            "downlink": self._downlink.run,
            "heartbeat": self._heartbeat.run,
            "epoch": self._epochs.run,
            "retention": self._retention.run,
            "clock": self._timekeeping.run,
            "people": self._desk.run,
            "tasks": self._cadence.run,
            "decisions": self._fallback.rounds.run,
            "learning": self._learning.run,
            "scrub": self._scrubbing.run,
            "console": self._console.run,
            "settings": self._settings_watch.run,
            "hatch": self._hatch.run,
            "doors": self._doors.keep,
            "installation": self._doors.install,
            "space": lambda: store.space.run(self._heartbeat.announce),
            "identity": lambda: self._identities.run(
                store.outbox, self._link, store.clock, system_jitter
            ),
        }
        if self._verification is not None:
            parts["verification"] = self._verification.run
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        tasks = [
            asyncio.create_task(_kept_up(name, part, store.database.noticed))
            for name, part in parts.items()
        ]
        self._cameras.start(told=hears(self._store, self._learning))
        try:
            opened = asyncio.create_task(door.opened.wait())
            await asyncio.wait((opened, serving), return_when=asyncio.FIRST_COMPLETED)
            gc.collect()
            gc.freeze()  # what is loaded by now stays: looking through it stops every scan
            _log.info("gateway.ready", software=software(), epoch=store.epoch)
            ready()
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((stopping, serving), return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            stopping.cancel()
        finally:
            _log.info("gateway.stopping")
            door.should_exit = True
            await asyncio.wait((serving,))
            await asyncio.to_thread(self._cameras.stop)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _open_door(self) -> tuple[Door, socket.socket]:
        store = self._store
        limit = self._limit
        identity = store.identity
        here = {"site": identity.site, "gateway": identity.gateway}
        app = create(
            store.database,
            self._scans,
            self,
            limit,
            registry(store, self._link, self._uplink, self._downlink, self._cameras.report),
            rooms=[
                people_room(store.database, self._desk, limit, **here),
                pages.routes(),
                tasks_room(
                    store.database,
                    store.floor,
                    store.photos,
                    limit,
                    store.clock,
                    labels=self._labels,
                ),
                decisions_room(store.database, self._fallback, limit),
                pairing.routes(store.database, store.pipeline, store.clock),
                places.routes(store.database),
                openapi.routes(store.database, RECORDS, version("quartermaster")),
                self._console.routes,
            ],
        )
        return self._doors.open(app)

    async def _examine(self) -> GatewayHealth:
        store = self._store
        totals = await store.pipeline.totals()
        versions = stock.versions(store.database.reader)
        depth = store.outbox.depth(store.database.reader)
        witnessed = witness_state(store.database.reader)
        return GatewayHealth(
            software=software(),
            catalog=versions["catalog"],
            policy=versions["policy"],
            people=versions["people"],
            plan=versions["plan"],
            leases=versions["leases"],
            heads=versions["heads"],
            scans=totals.scans,
            refused=totals.refused,
            waiting=depth.waiting + depth.unacknowledged_events,
            dropped_frames=self._cameras.dropped_frames,
            disk_free_bytes=shutil.disk_usage(store.data).free,
            detail=self._detail(depth.frozen),
            contradicted=witnessed.disagreed[:200] if witnessed else "",
        )

    def _detail(self, doubt: str) -> str:
        """What is wrong, in a heartbeat's words."""
        told = [f"{notice.code}: {notice.detail}" for notice in self._notices()]
        if dropped := self._store.pipeline.dropped_evidence:
            told.append(f"{dropped} observations not recorded")
        return "; ".join([*([doubt] if doubt else []), *told])[:200]


def state_of(store: Store) -> dict[str, Any]:
    """What the store alone can tell, with or without a running gateway."""
    identity = store.identity
    totals = store.pipeline.totals_now()
    return {
        "gateway": identity.gateway,
        "site": identity.site,
        "software": software(),
        **held_in(store.database.reader),
        "scans": totals.scans,
        "refused": totals.refused,
        "disk": store.space.report(),
        "clock": clock_report(store.clock),
        "safe_mode": store.choice.as_dict(),
        "damage": [msgspec.to_builtins(damage) for damage in damages(store.data)],
        "certificate_not_after": identity.not_after,
    }


def held_in(reader: Connection) -> dict[str, Any]:
    """What the database holds: the way up, what of it is safe, and the documents in force."""
    depth, witnessed = Outbox.depth(reader), witness_state(reader)
    return {
        "epoch": depth.epoch,
        "seq": depth.seq,
        "waiting": depth.waiting,
        "unacknowledged": depth.unacknowledged_events,
        "watermark": depth.watermark,
        "frozen": depth.frozen,
        "witnessed": None if witnessed is None else witnessed._asdict(),
        "versions": stock.versions(reader),
    }


def software() -> str:
    """Name and version of what runs here."""
    return f"quartermaster {version('quartermaster')}"


async def _kept_up(
    name: str, part: Callable[[], Awaitable[None]], notice: Callable[[Exception], object]
) -> None:
    """Run a part; one that fails unexpectedly is started again, and ``notice`` is told why."""
    while True:
        try:
            await part()
        except QuartermasterError as error:
            _log.error("gateway.part-failed", part=name, code=error.code, detail=error.detail)
            notice(error)
        except Exception as error:  # noqa: BLE001 - one part never takes the others down
            _log.error("gateway.part-failed", part=name, exc_info=error)
            notice(error)
        await asyncio.sleep(_RESTART_S)
