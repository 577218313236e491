"""F17: a gateway whose past is lost, old or doubled. Nothing answered is lost without a name."""

from __future__ import annotations

import shutil

from deploy.clock import SystemClock
from deploy.demo.proxy import Weather
from deploy.demo.site import pair
from deploy.processes import free_port
from tests.faults.evidence import outbox_of, places_of
from tests.faults.fault import Fault, expect
from tests.faults.forger import Forger
from tests.faults.house import Watched
from tests.faults.invariants import Known
from tests.faults.trial import Trial


def _lost(trial: Trial, site: str) -> int:
    """The database is gone; identity and keys are not."""
    house = trial.house
    place = house.sites[site]
    trial.scan(site, 15)
    trial.settled(site)
    house.gateway(site).kill()
    for path in place.folder.glob("gateway.db*"):
        path.unlink()
    fresh = pair(place.folder, place.port, list(place.doors), now=SystemClock().now())
    place.doors.clear()
    place.doors.update(fresh)
    house.run_gateway(site)
    house.wait_ready(site)
    trial.scan(site, 15)
    trial.wait(lambda: trial.epoch(site) == 2, says="a new epoch is in force")
    expect("epoch.opened" in trial.alarms(site), f"no case was raised: {trial.alarms(site)}")
    return 1


def _restored(trial: Trial, site: str) -> int:
    """An old backup comes back and goes on; it stops by itself; a person decides."""
    house = trial.house
    place = house.sites[site]
    trial.scan(site, 15)
    trial.settled(site)
    house.gateway(site).stop()
    backup = {path: path.read_bytes() for path in place.folder.glob("gateway.db*")}
    house.run_gateway(site)
    trial.scan(site, 15)
    trial.settled(site)
    house.gateway(site).stop()
    for path in place.folder.glob("gateway.db*"):
        path.unlink()
    for path, content in backup.items():
        path.write_bytes(content)
    house.run_gateway(site)
    trial.scan(site, 15)
    trial.known[site] = Known(past_disputed=True)
    trial.wait(lambda: "epoch.undecided" in trial.alarms(site), says="a person is asked")
    expect(
        trial.alarms(site) & {"segment.fork", "segment.link"}, f"no fork seen: {trial.alarms(site)}"
    )
    trial.scan(site, 5)
    _decide(trial, site)
    trial.scan(site, 5)
    return 1


def _cloned(trial: Trial, site: str) -> int:
    """Two machines with one disk's content, both at work, until one of them is ended."""
    house = trial.house
    place = house.sites[site]
    trial.scan(site, 10)
    trial.settled(site)
    house.gateway(site).stop()
    folder = place.folder.with_name(f"{place.gateway}-clone")
    shutil.copytree(place.folder, folder, symlinks=True)
    port = free_port()
    settings = (folder / "gateway.toml").read_text("utf-8")
    (folder / "gateway.toml").write_text(
        settings.replace(f"port = {place.port}\n", f"port = {port}\n"), "utf-8"
    )
    clone = Watched("clone", "gateway", str(folder), house.logs / f"{site}-clone.log", {})
    house.run_gateway(site)
    clone.start_with(ports=(port,))
    trial.known[site] = Known(past_disputed=True)
    try:
        _both_work(trial, site, port)
        trial.wait(
            lambda: trial.alarms(site) & {"segment.fork", "segment.link"},
            says="two histories are seen",
        )
        trial.wait(lambda: "epoch.undecided" in trial.alarms(site), says="a person is asked")
    finally:
        clone.stop()
    # What only the clone had answered is on its disk, and the alarm names its epoch and place.
    trial.known[site] = Known(past_disputed=True, named=set(places_of(folder)), set_aside=True)
    trial.scan(site, 5)
    trial.wait(
        lambda: trial.status(site)["frozen"] or trial.examine(site).clean,
        says="the original goes on, or has stopped as well",
    )
    if trial.status(site)["frozen"]:
        _decide(trial, site)
        trial.scan(site, 5)
    return 1


def _gap_filled(trial: Trial, site: str) -> int:
    """A copy's scan comes first under a number for which the gateway has another one.

    What the gateway sealed after it does not link to it: it counts for a moment, is taken back, and
    counts again when the gateway sends it in its next epoch.
    """
    house = trial.house
    place = house.sites[site]
    trial.scan(site, 10)
    trial.settled(site)
    place.wire.under(Weather(swallows=frozenset({"up"})))
    before = outbox_of(place.folder).head
    for number in range(1, 4):
        trial.scan(site, 1)
        trial.wait(
            lambda sealed=before.seq + number: outbox_of(place.folder).head.seq >= sealed,
            says="each scan is sealed alone",
        )
    house.gateway(site).kill()
    place.wire.heal()
    copy = Forger(house, site)
    copy.seq, copy.last_hash = before.seq, before.hash
    strange = copy.segment([copy.good()], first_seq=before.seq + 1, prev_hash=before.hash)
    copy.send([strange])
    trial.wait(lambda: trial.head(site) == before.seq + 1, says="the copy's scan counts")
    trial.known[site] = Known(
        past_disputed=True, strangers=set(copy.made), stock_differs=True, set_aside=True
    )
    house.run_gateway(site)
    trial.wait(lambda: "segment.link" in trial.alarms(site), says="the broken link is seen")
    trial.wait(lambda: _taken_back(trial, site) >= 2, says="what stood above it is taken back")
    trial.wait(lambda: trial.status(site)["frozen"], says="the gateway stopped")
    _decide(trial, site)
    # From here on nothing excuses a scan that is not in the ledger.
    trial.known[site].set_aside = False
    trial.scan(site, 5)
    return 1


def _taken_back(trial: Trial, site: str) -> int:
    """How many events of the site's gateway were taken back."""
    with trial.house.database() as connection:
        row = connection.execute(
            "SELECT coalesce(sum(events), 0) FROM reversal JOIN gateway USING (gateway_id)"
            " WHERE name = %s",
            [trial.house.sites[site].gateway],
        ).fetchone()
    return 0 if row is None else int(row[0])


def _both_work(trial: Trial, site: str, port: int) -> None:
    device, door = next(iter(trial.house.sites[site].doors.items()))
    for _ in range(6):
        for each in (door, door._replace(port=port)):
            expect(not trial.attempt(site, device, each), "a scan was refused")
        trial.sleep(0.3)


def _decide(trial: Trial, site: str) -> None:
    """What a person does once the other copy is out of the way."""
    name = trial.house.sites[site].gateway
    trial.house.command("cloud", "gateways", "epoch", name, "--reason", "an old backup")
    trial.wait(lambda: trial.epoch(site) >= 2, says="the gateway came for its epoch")


FAULTS: list[Fault] = [
    Fault("database lost", "F17", "cell", _lost),
    Fault("old backup restored", "F17", "cell", _restored),
    Fault("two clones at work", "F17", "cell", _cloned),
    Fault("a clone filled a gap", "F17", "cell", _gap_filled),
]
