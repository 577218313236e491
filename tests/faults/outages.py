"""F3 to F6: the broker, the database and the network fail, each in every way it knows."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from functools import partial

from deploy.demo.proxy import Weather
from tests.faults.fault import Fault
from tests.faults.trial import Trial

_TIMES = 3


def _often(trial: Trial) -> int:
    return 1 if trial.short else _TIMES


# The broker


def _broker_dies(trial: Trial, _site: str) -> int:
    """What it had taken (PUBACK given) and not handed on is gone with it."""
    times = 2 if trial.short else 6
    for _ in range(times):
        trial.house.broker.kill()
        trial.sleep(0.2)
        trial.house.broker.start()
        trial.sleep(1.5)
    return times


def _broker_overflows(trial: Trial, _site: str) -> int:
    """Ingest stands still; the broker keeps ten messages for it and drops the rest silently."""
    house = trial.house
    since = _log_size(trial)
    house.restart_broker(max_queued_messages=10)
    trial.wait(lambda: _logged(trial, "as ingest-1", since), says="ingest is back")
    house.ingest.signal(signal.SIGSTOP)
    try:
        trial.wait(lambda: _logged(trial, "being dropped", since), says="the broker drops messages")
    finally:
        house.ingest.signal(signal.SIGCONT)
    trial.sleep(1.0)
    house.restart_broker()
    return 1


def _log_size(trial: Trial) -> int:
    return trial.house.broker.log.stat().st_size


def _logged(trial: Trial, says: str, since: int) -> bool:
    """Whether the broker has written this after so many bytes of its log."""
    return says.encode() in trial.house.broker.log.read_bytes()[since:]


# The database


def _database_crashes(trial: Trial, _site: str) -> int:
    times = 1 if trial.short else _TIMES
    for _ in range(times):
        trial.house.server.crash()
        trial.sleep(0.5)
        trial.house.server.start()
        trial.sleep(2.0)
    return times


def _commit_is_cut(trial: Trial, _site: str, *, through: bool) -> int:
    """The connection breaks with COMMIT: arrived and unanswered, or never arrived."""
    wire = trial.house.database_wire
    times = 4 if trial.short else 10
    for _ in range(times):
        wire.snare(b"COMMIT", through=through)
        trial.wait(lambda: not wire.snares, says="a COMMIT is caught")
        _commits_again(trial)
    wire.heal()
    return times


def _commits_again(trial: Trial) -> None:
    def committed() -> int:
        with trial.house.database() as connection:
            found = connection.execute("SELECT count(*) FROM segment").fetchone()
        return int(found[0]) if found else 0

    before = committed()
    trial.wait(lambda: committed() > before, says="ingest commits again")


def _database_vanishes(trial: Trial, _site: str) -> int:
    """No answer at all for a while, with connections open."""
    wire = trial.house.database_wire
    for _ in range(_often(trial)):
        wire.cut(silent=True)
        trial.sleep(1.5)
        wire.heal()
        trial.sleep(1.0)
    return _often(trial)


# The network


def _cut(trial: Trial, site: str, *, silent: bool) -> int:
    wire = trial.house.sites[site].wire
    for _ in range(_often(trial)):
        wire.cut(silent=silent)
        trial.sleep(2.0)
        wire.heal()
        trial.sleep(1.0)
    return _often(trial)


def _weather(trial: Trial, site: str, *, weather: Weather, seconds: float) -> int:
    wire = trial.house.sites[site].wire
    for _ in range(_often(trial)):
        wire.under(weather)
        trial.sleep(seconds)
        wire.heal()
        trial.sleep(0.5)
    return _often(trial)


def _resets(trial: Trial, site: str) -> int:
    """One chunk in twenty ends its connection; TLS and MQTT must begin again each time."""
    wire = trial.house.sites[site].wire
    before = wire.resets
    chance = random.Random(trial.rng.random())
    wire.under(Weather(resets=lambda: chance.random() < 0.05))
    goal = 3 if trial.short else 8
    trial.wait(lambda: wire.resets - before >= goal, says="connections are reset")
    broken = wire.resets - before
    wire.heal()
    return broken


def _ingest_is_cut_off(trial: Trial, _site: str, *, silent: bool) -> int:
    wire = trial.house.ingest_wire
    for _ in range(_often(trial)):
        wire.cut(silent=silent)
        trial.sleep(1.5)
        wire.heal()
        trial.sleep(1.0)
    return _often(trial)


def _floor(name: str, inject: Callable[[Trial, str], int]) -> Fault:
    return Fault(name, "F6", "floor", inject)


UP = frozenset({"up"})
DOWN = frozenset({"down"})
FAULTS: list[Fault] = [
    _floor("line cut, connections reset", partial(_cut, silent=False)),
    _floor("line cut, packets dropped (half-open)", partial(_cut, silent=True)),
    _floor(
        "line deaf upwards only",
        partial(_weather, weather=Weather(swallows=UP), seconds=4.0),
    ),
    _floor(
        "line deaf downwards only",
        partial(_weather, weather=Weather(swallows=DOWN), seconds=4.0),
    ),
    _floor("2 s latency", partial(_weather, weather=Weather(latency_s=2.0), seconds=6.0)),
    _floor("1 kB/s", partial(_weather, weather=Weather(bytes_per_s=1000), seconds=8.0)),
    _floor("5 % of chunks reset the connection", _resets),
    Fault("broker killed, comes back empty", "F3", "house", _broker_dies),
    Fault("broker drops what it should queue", "F4", "house", _broker_overflows),
    Fault("PostgreSQL stopped at once", "F5", "house", _database_crashes),
    Fault("COMMIT cut: arrived", "F5", "house", partial(_commit_is_cut, through=True)),
    Fault("COMMIT cut: never arrived", "F5", "house", partial(_commit_is_cut, through=False)),
    Fault("database does not answer", "F5", "house", _database_vanishes, short=False),
    Fault(
        "ingest cut off, reset",
        "F6",
        "house",
        partial(_ingest_is_cut_off, silent=False),
        short=False,
    ),
    Fault("ingest cut off, dropped", "F6", "house", partial(_ingest_is_cut_off, silent=True)),
]
