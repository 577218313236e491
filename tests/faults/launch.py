"""Starts the product's own processes, watched: ``python -m tests.faults.launch gateway run …``.

The product carries no switch that kills it, slows it or turns its clock. This launcher stands
around the same composition roots and wraps the steps that :mod:`tests.faults.points` names; a
step that the product no longer has fails the start. What is to happen is told by environment
variables:

``FAULT_POINT``  ``name:n``: kill -9 of this process as it passes the step for the n-th time
``FAULT_PAUSE``  ``name:seconds``: each passing of the step takes so much longer
``FAULT_LIFETIME``  seconds that the certificates issued here last
``FAULT_MEMORY``  MiB of memory that the process may have
``FAULT_MUTANT``  a known bug, by its name in :mod:`tests.faults.mutants`
``FAULT_RENEWAL``   seconds between two looks at the own certificate
``FAULT_CLOCK``  a file with a number of seconds by which the wall clock is off; read again and
                 again, so that the clock can jump
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import structlog

from shared.units import SECOND, Micros
from tests.faults.points import CLOUD, GATEWAY, Passing, watch


class Death:
    """Ends the process without warning at the n-th passing of a step."""

    def __init__(self, told: str) -> None:
        self._name, _, number = told.partition(":")
        self._left = int(number or "1")

    def __call__(self, step: str) -> None:
        if step == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), 9)


class Pause:
    """Makes each passing of a step take longer."""

    def __init__(self, told: str) -> None:
        self._name, _, seconds = told.partition(":")
        self._seconds = float(seconds)

    def __call__(self, step: str) -> None:
        if step == self._name:
            time.sleep(self._seconds)


class ShiftedTime:
    """Stands in for the module ``time``: the wall clock is off, the monotonic one is not."""

    def __init__(self, told: Path) -> None:
        self._told = told
        self._read_at = float("-inf")
        self._shift_ns = 0
        self.monotonic = time.monotonic
        self.sleep = time.sleep

    def time_ns(self) -> int:
        if time.monotonic() - self._read_at > 0.2:
            self._shift_ns = int(float(self._told.read_text("ascii")) * 1e9)
            self._read_at = time.monotonic()
        return time.time_ns() + self._shift_ns

    def time(self) -> float:
        return self.time_ns() / 1e9


def _passing() -> list[Passing]:
    wanted: list[Passing] = []
    if told := os.environ.get("FAULT_PAUSE"):
        wanted.append(Pause(told))
    if told := os.environ.get("FAULT_POINT"):
        wanted.append(Death(told))
    return wanted


def _log_lines() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def gateway(data: Path) -> None:
    """Run the gateway of a data folder, as ``quartermaster gateway run`` does."""
    import edge.app
    import edge.app.identities
    import edge.ports
    from tests.faults.mutants import PATCHES

    if told := os.environ.get("FAULT_MUTANT"):
        PATCHES[told]()
    watch(GATEWAY, _passing())
    if told := os.environ.get("FAULT_CLOCK"):
        edge.ports.time = ShiftedTime(Path(told))  # type: ignore[assignment]
    if told := os.environ.get("FAULT_RENEWAL"):
        edge.app.identities._EVERY_S = float(told)
    edge.app.run(data)


def serve() -> int:
    """Run the API, as ``quartermaster cloud serve`` does."""
    from cloud.gateways import authority
    from deploy.cli import run

    if told := os.environ.get("FAULT_LIFETIME"):
        load = authority.Authority.load
        lifetime = Micros(int(float(told) * SECOND))
        authority.Authority.load = lambda folder: replace(load(folder), device_lifetime=lifetime)
    return run(["cloud", "serve"])


def ingest(worker_id: str) -> None:
    """Run an ingest worker, as ``quartermaster cloud ingest`` does."""
    from cloud.app.ingest import run
    from cloud.clock import SystemClock
    from cloud.settings import load
    from tests.faults.mutants import PATCHES

    if told := os.environ.get("FAULT_MUTANT"):
        PATCHES[told]()
    if told := os.environ.get("FAULT_MEMORY"):
        resource.setrlimit(resource.RLIMIT_DATA, (int(told) << 20, int(told) << 20))
    watch(CLOUD, _passing())
    run(load(), worker_id=worker_id, clock=SystemClock())


if __name__ == "__main__":
    _log_lines()
    part, argument = sys.argv[1:]
    match part:
        case "gateway":
            gateway(Path(argument))
        case "ingest":
            ingest(argument)
        case "serve":
            sys.exit(serve())
