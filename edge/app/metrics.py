"""What the gateway counts, for Prometheus; read from the parts when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.app.store import Store
from edge.link.downlink import Downlink
from edge.link.mqtt import MqttLink
from edge.link.uplink import Uplink

_PREFIX: Final = "quartermaster_gateway"


class _Gateway(Collector):
    def __init__(
        self,
        store: Store,
        link: MqttLink,
        uplink: Uplink,
        downlink: Downlink,
        cameras: Callable[[], Sequence[Mapping[str, Any]]],
    ) -> None:
        self._cameras = cameras
        self._store = store
        self._link = link
        self._uplink = uplink
        self._downlink = downlink

    def collect(self) -> Iterator[Metric]:
        depth = self._store.outbox.depth(self._store.database.reader)
        yield _gauge("waiting_events", "Answered, not yet sealed.", depth.waiting)
        yield _gauge(
            "unacknowledged_events", "Sealed, not yet covered.", depth.unacknowledged_events
        )
        yield _gauge("head_seq", "The last event's sequence number.", depth.seq)
        yield _gauge("watermark_seq", "Covered by the cloud through here.", depth.watermark)
        yield _gauge("segments_in_flight", "Sent, not yet covered.", self._uplink.in_flight)
        yield _gauge("disk_level", "0 plenty, 1 low, 2 scarce, 3 full.", self._store.space.level)
        yield _counter(
            "evidence_dropped",
            "Seen by cameras and sensors, not recorded for want of room.",
            self._store.pipeline.dropped_evidence,
        )
        yield _gauge("link_up", "Whether the broker is connected.", int(self._link.connected))
        counts = self._uplink.counts
        yield _gauge(
            "covered_seconds", "From sending to the watermark, last.", counts.seconds_to_covered
        )
        yield _labelled("scans", "Scans by outcome.", "outcome", self._store.pipeline.counts)
        yield _counter("segments_sent", "Segments sent for the first time.", counts.segments)
        yield _counter("segments_resent", "Segments sent again.", counts.resent)
        yield _counter("events_sent", "Events sent for the first time.", counts.events)
        yield _counter("watermarks", "Watermarks believed.", counts.watermarks)
        yield _counter("watchdog", "Connections ended without progress.", counts.watchdog)
        yield _counter("link_connections", "Connections made.", self._link.counts.connections)
        yield _counter("link_failures", "Connections failed or lost.", self._link.counts.failures)
        yield _counter(
            "link_auth_failures", "Connections refused by the broker.", self._link.counts.refusals
        )
        yield _labelled("uplink_refused", "Refused by the uplink.", "code", counts.refused)
        yield _labelled("downlink_refused", "Offers refused.", "code", self._downlink.refused)
        yield from _of_cameras(self._cameras())


def registry(
    store: Store,
    link: MqttLink,
    uplink: Uplink,
    downlink: Downlink,
    cameras: Callable[[], Sequence[Mapping[str, Any]]] = lambda: (),
) -> CollectorRegistry:
    """The gateway's own registry; ``cameras`` is what it reports of them."""
    own = CollectorRegistry()
    own.register(_Gateway(store, link, uplink, downlink, cameras))
    return own


_COUNTED: Final = {
    "frames": "Frames that a camera gave.",
    "looked_at": "Frames that were looked at.",
    "dropped_frames": "Frames overtaken by a newer one.",
    "codes_seen": "Codes that became events.",
    "facts": "What a camera saw that became events.",
    "unrecorded": "What a camera saw and could not be recorded.",
    "held_up": "Facts that waited for the gateway.",
    "reconnects": "Times a camera was opened again.",
    "restarts": "Times a camera's worker was started again.",
}


def _of_cameras(cameras: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    """What the cameras' workers count, by camera; what they skipped by zone and task, too."""
    for name, says in _COUNTED.items():
        values = {str(camera["name"]): int(camera[name]) for camera in cameras}
        yield _labelled(f"camera_{name}", says, "camera", values)
    skipped = CounterMetricFamily(
        f"{_PREFIX}_camera_skipped",
        "Looks for which the budget had no room.",
        labels=["camera", "where"],
    )
    for camera in cameras:
        for where, count in sorted(camera["skipped"].items()):
            skipped.add_metric([camera["name"], where], count)
    yield skipped
    family = GaugeMetricFamily(
        f"{_PREFIX}_camera_cpu", "Share of one core that a worker uses.", labels=["camera"]
    )
    for camera in cameras:
        family.add_metric([camera["name"]], camera["cpu"])
    yield family


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", says, value=value)


def _counter(name: str, says: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}_{name}", says, value=value)


def _labelled(name: str, says: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", says, labels=[label])
    items: Iterable[tuple[str, int]] = sorted(values.items())
    for value, count in items:
        family.add_metric([value], count)
    return family
