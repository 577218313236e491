"""What an ingest worker counts: received = applied + duplicate + quarantined."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cloud.ingest.model import Applied, TakenBack, Tally

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The counters of one worker, in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._segments = Counter(
            "qm_ingest_segments", "Segments by outcome", ["outcome"], registry=registry
        )
        self._events = Counter(
            "qm_ingest_events",
            "Events of verified segments by outcome",
            ["outcome"],
            registry=registry,
        )
        self._reversed = Counter(
            "qm_ingest_reversed",
            "Of what was applied: taken back, because it did not link",
            ["what"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "qm_ingest_batch_seconds",
            "From a batch's first try to its commit",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.retries = Counter("qm_ingest_retries", "Batches tried again", registry=registry)
        self.shed = Counter(
            "qm_ingest_shed",
            "Messages left to be resent because too many waited",
            registry=registry,
        )
        self.waiting = Gauge("qm_ingest_waiting", "Messages not yet examined", registry=registry)

    def count(self, applied: Applied) -> None:
        """Add a settled batch."""
        total = Tally()
        for tally in applied.tallies.values():
            total = total.plus(tally)
        self._segments.labels("received").inc(total.segments_received)
        self._segments.labels("applied").inc(total.segments_applied)
        self._segments.labels("duplicate").inc(total.segments_duplicate)
        self._segments.labels("quarantined").inc(total.segments_quarantined)
        self._events.labels("received").inc(total.events_received)
        self._events.labels("applied").inc(total.events_applied)
        self._events.labels("quarantined").inc(total.events_quarantined)

    def count_reversal(self, done: TakenBack) -> None:
        """Add what was taken back; ``recounted`` of it counts by another event."""
        for what, number in done._asdict().items():
            self._reversed.labels(what).inc(number)
