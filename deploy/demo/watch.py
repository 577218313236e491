"""Looks at the running stack from outside, as a console would, and says how things stand."""

from __future__ import annotations

from typing import Any, Final

from deploy.demo.crew import Crew, percentile
from deploy.demo.probe import Probe
from deploy.demo.reader import Reader
from deploy.demo.show import CloudView, GatewayView, History, Link
from deploy.demo.stack import Site, Stack
from edge.simulator.oracle import Oracle

_RECENT: Final = 200
_STOCK_EVERY: Final = 6
"""The stock lines are counted at every so-many-th look only: it takes a page per 500."""


class Watch:
    """Asks gateways and cloud; keeps what is needed to draw."""

    def __init__(self, stack: Stack, oracle: Oracle, crew: Crew, probes: list[Probe]) -> None:
        self._stack = stack
        self._oracle = oracle
        self._crew = crew
        self._probes = probes
        self._cloud = Reader(stack.api_door())
        self._gateways = {
            site.code: Reader(next(iter(site.doors.values()))) for site in stack.sites.values()
        }
        self._histories = {code: History() for code in stack.sites}
        self._stock_lines = 0
        self._looks = 0
        self._complete: dict[str, dict[str, Any]] = {}

    def look(self, elapsed: float) -> tuple[list[GatewayView], CloudView]:
        """How things stand now.

        Raises:
            QuartermasterError: a process has ended, or ``cloud.unreachable``.
        """
        self._stack.check()
        views: list[GatewayView] = []
        expected = arrived = gaps = quarantined = 0
        for code, site in self._stack.sites.items():
            complete = self._cloud.get(f"/v1/sites/{code}/completeness")["gateways"]
            arrived += sum(int(row["contiguous_seq"]) for row in complete)
            quarantined += sum(int(row["quarantined"]) for row in complete)
            gaps += sum(len(row["missing"]) for row in complete)
            view = self._gateway(site, elapsed)
            expected += view.seq
            views.append(view)
        if self._looks % _STOCK_EVERY == 0:
            self._stock_lines = sum(
                sum(1 for _ in self._cloud.rows("/v1/stock", site=code))
                for code in self._stack.sites
            )
        self._looks += 1
        cloud = CloudView(
            events=arrived,
            expected=max(expected, arrived),
            stock_lines=self._stock_lines,
            quarantined=quarantined,
            gaps=gaps,
            visible_p95_ms=self._visible_p95() * 1000,
        )
        return views, cloud

    def close(self) -> None:
        """Hang up."""
        for reader in (self._cloud, *self._gateways.values()):
            reader.close()

    def _gateway(self, site: Site, elapsed: float) -> GatewayView:
        status = self._gateways[site.code].get("/v1/status")
        waiting = int(status["waiting"]) + int(status["unacknowledged"])
        answers = self._crew.seconds[site.code]
        link: Link = "online"
        if site.wire.is_cut:
            link = "cut off"
        elif not status["link"]["up"]:
            link = "connecting"
        elif waiting > _RECENT:
            link = "draining"
        return GatewayView(
            name=site.gateway,
            site=site.code,
            link=link,
            scans=len(answers),
            scans_per_s=self._crew.scans_per_s(site.code, self._crew.now()),
            answer_p95_ms=percentile(answers[-_RECENT:], 0.95) * 1000,
            codes_seen=sum(int(camera["codes_seen"]) for camera in status["cameras"]),
            waiting=waiting,
            seq=int(status["seq"]),
            watermark=int(status["watermark"]),
            history=self._histories[site.code].note(elapsed, waiting),
        )

    def _visible_p95(self) -> float:
        seen = [
            sighting.visible_s for probe in self._probes for sighting in probe.sightings[-_RECENT:]
        ]
        return percentile(seen, 0.95)
