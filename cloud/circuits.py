"""The state of circuit breakers, for Prometheus."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import CollectorRegistry, Gauge

from cloud.breaker import Breaker, State

_STATES: Final[tuple[State, ...]] = get_args(State)


class Circuits:
    """``qm_circuit{dependency, state}``: 1 for the state that is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "qm_circuit",
            "Circuit breakers: 1 for the state that is.",
            ["dependency", "state"],
            registry=registry,
        )

    def tell(self, breaker: Breaker) -> None:
        """Show a breaker's state now."""
        for state in _STATES:
            self._gauge.labels(breaker.name, state).set(breaker.state == state)

    def watch(self, breaker: Breaker) -> None:
        """Show a breaker's state whenever the registry is read."""
        for state in _STATES:
            self._gauge.labels(breaker.name, state).set_function(
                lambda state=state: float(breaker.state == state)
            )
