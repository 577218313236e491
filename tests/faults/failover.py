"""A PostgreSQL standby takes over under load; everybody follows it. The last fault of the house."""

from __future__ import annotations

import time

import psycopg

from deploy.database import Running
from tests.faults.fault import Fault
from tests.faults.trial import Trial
from tests.support.servers import Pair, standby_of


def _standby_promoted(trial: Trial, _site: str) -> int:
    """The primary is gone in the middle of the work and does not come back."""
    house = trial.house
    pair = house.keep(standby_of(house.server))
    pair.on_primary("prepare")
    pair.on_standby("create")
    pair.start_standby()
    pair.on_primary("require")
    _wait_synchronous(trial, pair)
    house.database_url = pair.url
    house.restart_cloud()
    time.sleep(2.0)
    house.server.crash()
    pair.on_standby("promote")
    house.server = Running(pair.standby_url, pair.port, pair.standby)
    return 1


def _wait_synchronous(trial: Trial, pair: Pair) -> None:
    """Until commits wait for the standby."""

    def synchronous() -> bool:
        with psycopg.connect(pair.primary.url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            ).fetchone()
        return found == (1,)

    trial.wait(synchronous, says="the standby has what the primary has")


FAULTS: list[Fault] = [
    Fault("standby promoted under load", "F5", "house", _standby_promoted, short=False),
]
