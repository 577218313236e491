"""The database's own machine is lost: a standby takes over, or a backup comes back."""

from __future__ import annotations

from contextlib import closing

import psycopg

from deploy.database import Running
from deploy.demo.reader import Reader
from tests.faults.evidence import outbox_of
from tests.faults.fault import Fault
from tests.faults.house import FLOORS
from tests.faults.invariants import Known
from tests.faults.trial import Trial
from tests.support.servers import Pair, standby_of


def _restored_from_backup(trial: Trial, _site: str) -> int:
    """What came after the backup is gone from the cloud; the gateways, who freed it, refill it."""
    house = trial.house
    house.back_up()
    kept = {site: _told(trial, site) for site in FLOORS}
    trial.wait(
        lambda: all(_told(trial, site) > kept[site] + 20 for site in FLOORS),
        says="gateways have freed what the backup does not hold",
    )
    # Between the loss and the refilling every gateway knows of more than there is.
    trial.known |= dict.fromkeys(FLOORS, Known(past_disputed=True))
    house.restore()
    trial.wait(
        lambda: all(_is_refilled(trial, site) for site in FLOORS), says="the cloud says: refilled"
    )
    for site in FLOORS:
        del trial.known[site]
    return 1


def _told(trial: Trial, site: str) -> int:
    """How far the gateway has been told that its events are safe."""
    outbox = outbox_of(trial.house.sites[site].folder)
    return outbox.watermarks[outbox.epoch].seq


def _is_refilled(trial: Trial, site: str) -> bool:
    with closing(Reader(trial.house.api_door())) as cloud:
        return bool(cloud.get(f"/v1/sites/{site}/completeness")["refilled"])


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
    trial.sleep(2.0)
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
    Fault("cloud restored from a backup", "F5", "house", _restored_from_backup, short=False),
    # The last: the wire between ingest and the database is not there afterwards.
    Fault("standby promoted under load", "F5", "house", _standby_promoted, short=False),
]
