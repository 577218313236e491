"""F1 and F2: kill -9 at every named step of the gateway and of ingest."""

from __future__ import annotations

from functools import partial

from tests.faults.fault import Fault
from tests.faults.points import CLOUD, GATEWAY
from tests.faults.trial import Trial

_DIES_WITHIN_S = 25.0
_ROUNDS = 3


def _gateway_dies(trial: Trial, site: str, *, point: str) -> int:
    """Kill it again and again, each time at another passing of the step; scanners go on trying."""
    house = trial.house
    deaths = 0
    for _ in range(1 if trial.short else _ROUNDS):
        house.gateway(site).stop()
        house.run_gateway(site, FAULT_POINT=f"{point}:{trial.rng.randint(3, 12)}")
        deaths += house.gateway(site).ended(_DIES_WITHIN_S)
    house.gateway(site).stop()
    house.run_gateway(site)
    return deaths


def _ingest_dies(trial: Trial, _site: str, *, point: str) -> int:
    house = trial.house
    deaths = 0
    for _ in range(1 if trial.short else _ROUNDS):
        house.ingest.stop()
        house.ingest.start_with(FAULT_POINT=f"{point}:{trial.rng.randint(3, 12)}")
        deaths += house.ingest.ended(_DIES_WITHIN_S)
    house.ingest.stop()
    house.ingest.start_with()
    return deaths


def _two_workers(trial: Trial, _site: str) -> int:
    """Two share the work; one dies in its transaction, the other goes on, the first comes back."""
    house = trial.house
    second = house.ingest_worker("2")
    second.start_with(FAULT_POINT="transaction.within:10")
    died = second.ended(_DIES_WITHIN_S)
    second.start_with(FAULT_POINT="commit.after:10")
    died += second.ended(_DIES_WITHIN_S)
    second.kill()
    return died


FAULTS: list[Fault] = [
    *(
        Fault(
            f"gateway killed at {point.name}",
            "F1",
            "floor",
            partial(_gateway_dies, point=point.name),
        )
        for point in GATEWAY
    ),
    *(
        Fault(
            f"ingest killed at {point.name}", "F2", "house", partial(_ingest_dies, point=point.name)
        )
        for point in CLOUD
    ),
    Fault("one of two ingest workers killed", "F2", "house", _two_workers, short=False),
]
