"""F1 and F2: kill -9 at every named step of the gateway and of ingest."""

from __future__ import annotations

from functools import partial

from tests.faults.fault import Fault
from tests.faults.points import CLOUD, GATEWAY
from tests.faults.trial import Trial

_ROUNDS = 3


def _rounds(trial: Trial) -> int:
    return 1 if trial.short else _ROUNDS


def _gateway_dies(trial: Trial, site: str, *, point: str) -> int:
    """Kill it again and again, each time at another passing of the step; scanners go on trying."""
    house, rounds = trial.house, _rounds(trial)
    house.gateway(site).stop()
    for _ in range(rounds):
        house.run_gateway(site, FAULT_POINT=f"{point}:{trial.rng.randint(3, 12)}")
        trial.dies(house.gateway(site))
    house.run_gateway(site)
    return rounds


def _ingest_dies(trial: Trial, _site: str, *, point: str) -> int:
    house, rounds = trial.house, _rounds(trial)
    house.ingest.stop()
    for _ in range(rounds):
        house.ingest.start_with(FAULT_POINT=f"{point}:{trial.rng.randint(3, 12)}")
        trial.dies(house.ingest)
    house.ingest.start_with()
    return rounds


def _two_workers(trial: Trial, _site: str) -> int:
    """Two share the work; one dies in its transaction, the other goes on, the first comes back."""
    second = trial.house.ingest_worker("2")
    points = ("transaction.within:10", "commit.after:10")
    try:
        for point in points:
            second.start_with(FAULT_POINT=point)
            trial.dies(second)
    finally:
        second.kill()
    return len(points)


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
