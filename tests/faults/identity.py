"""F15: revoked at work, certificates and lists at their end, authorities renewed."""

from __future__ import annotations

from cloud.gateways import revocation
from deploy import pki
from deploy.clock import SystemClock
from edge.link.identity import Identity
from shared.certificates import Issuer, load_chain, load_p256
from shared.revocations import revocation_list
from shared.units import SECOND, Micros
from tests.faults.fault import Fault, expect
from tests.faults.house import FLOORS
from tests.faults.invariants import Known
from tests.faults.trial import Trial

_LIFE_S = 9.0
_LOOKS_S = "4"
"""Each look renews: half of such a life is always over. A gateway gets 24 certificates a day."""


def _revoked(trial: Trial, site: str) -> int:
    """Its scanners are answered on; the ledger takes nothing of it any more."""
    house = trial.house
    name = house.sites[site].gateway
    trial.scan(site, 20)
    trial.settled(site)
    before = _movements(trial, name)
    house.command("cloud", "gateways", "revoke", name)
    trial.scan(site, 20)
    trial.wait(
        lambda: bool(trial.quarantine(site)["gateway.revoked"]) or _refused(trial, site),
        says="nothing of it comes in",
    )
    expect(_movements(trial, name) == before, "I4 something of a revoked gateway was applied")
    named = trial.oracle_of(site).accepted_ids(site)
    trial.known[site] = Known(gateway=False, named=named, stock_differs=True)
    return 1


def _refused(trial: Trial, site: str) -> bool:
    return not trial.status(site)["link"]["up"]


def _movements(trial: Trial, gateway: str) -> int:
    with trial.house.database() as connection:
        row = connection.execute(
            "SELECT count(*) FROM movement JOIN gateway USING (gateway_id) WHERE name = %s",
            [gateway],
        ).fetchone()
    return int(row[0]) if row else 0


def _ends_at_work(trial: Trial, _site: str) -> int:
    """Certificates of a few seconds, one after the other, and one that ends while all is off."""
    house = trial.house
    house.serve(FAULT_LIFETIME=f"{_LIFE_S}")
    try:
        site = house.cell(FAULT_RENEWAL=_LOOKS_S)
        folder = house.sites[site].folder / "identity"
        first = Identity.load(folder)
        with trial.work(site):
            trial.wait(
                lambda: (
                    Identity.load(folder).serial != first.serial
                    and SystemClock().now() > first.not_after + SECOND
                ),
                says="the certificate ended and another is in force",
            )
        trial.settled(site)
        house.gateway(site).stop()
        last = Identity.load(folder)
        trial.wait(lambda: SystemClock().now() > last.not_after + SECOND, says="it has ended")
        house.run_gateway(site, FAULT_RENEWAL=_LOOKS_S)
        trial.scan(site, 10)
        trial.settled(site)
        expect(Identity.load(folder).serial != last.serial, "connected with an ended certificate")
        house.gateway(site).stop()
    finally:
        house.serve()
    return 2


def _list_ends(trial: Trial, _site: str) -> int:
    """The worker that writes it was off too long: the broker refuses everybody until it is back."""
    house = trial.house
    house.services["worker"].stop()
    devices = Issuer(
        certificate=load_chain((house.pki / "devices.crt").read_bytes())[0],
        key=load_p256((house.pki / "devices.key").read_bytes()),
    )
    short = revocation_list(
        devices,
        {},
        now=SystemClock().now(),
        lifetime=Micros(SECOND),
        follows=revocation.read(house.pki),
    )
    revocation.write(house.pki, short)
    trial.sleep(1.5)
    house.restart_broker()
    _links(trial, up=False)
    house.services["worker"].start()
    _links(trial, up=True)
    return 1


def _links(trial: Trial, *, up: bool) -> None:
    says = "all gateways are back" if up else "all gateways are refused"
    trial.wait(
        lambda: all(trial.status(site)["link"]["up"] == up for site in FLOORS),
        says=says,
    )


def _authorities_renewed(trial: Trial, _site: str) -> int:
    """The yearly day: `pki renew`, everything of the cloud is started again, nobody enrols anew."""
    house = trial.house
    pki.renew(house.pki, clock=SystemClock())
    house.restart_broker()
    house.serve()
    house.ingest.stop()
    house.ingest.start_with()
    _links(trial, up=True)
    return 1


FAULTS: list[Fault] = [
    Fault("revoked at work", "F15", "cell", _revoked),
    Fault("certificate ends in a session, and offline", "F15", "house", _ends_at_work, short=False),
    Fault("revocation list past its end", "F15", "house", _list_ends, short=False),
    Fault("authorities renewed", "F15", "house", _authorities_renewed, short=False),
]
