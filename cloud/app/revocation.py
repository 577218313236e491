"""What follows from a revocation: the list for the broker, and the end of the live session.

mosquitto cannot be told to drop a client, but it drops one when another connects under its name,
and our listener takes the name from the certificate. So the worker makes itself a certificate for
the revoked name, valid for minutes, its key never on disk for longer than OpenSSL needs to read it,
connects once and leaves. By then the broker has read the list, and the gateway is not let in again.
None of this protects the ledger: ingest asks the registry for every batch.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from psycopg_pool import ConnectionPool

from cloud.db import Connection, unit_of_work
from cloud.gateways import revocation, service
from cloud.gateways.authority import Authority
from cloud.settings import Settings
from shared.certificates import Leaf, chain_pem, issue, key_pem, new_key
from shared.clock import Clock
from shared.errors import QuartermasterError
from shared.ids import GatewayId
from shared.units import MINUTE, SECOND, Micros

EVICT_AFTER: Final = (Micros(3 * SECOND), Micros(15 * SECOND), Micros(60 * SECOND))
"""After the list was written: the broker has read it long before; again, should it not have."""
_RECENT: Final = Micros(10 * MINUTE)
_PASS_LIFETIME: Final = Micros(5 * MINUTE)
_PATIENCE_S: Final = 5.0

_log = structlog.stdlib.get_logger(__name__)


class Revocations:
    """Writes the list and ends sessions; :meth:`tick` is to be called each second.

    Args:
        pool: the registry.
        authority: the devices authority.
        pki: the folder with the list, from which the broker reads it.
        clock: dates the list.
        evict: ends the session of a gateway.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        authority: Authority,
        pki: Path,
        *,
        clock: Clock,
        evict: Callable[[GatewayId], None],
    ) -> None:
        self._pool = pool
        self._authority = authority
        self._pki = pki
        self._clock = clock
        self._evict = evict
        self._due: dict[GatewayId, list[Micros]] = {}

    def tick(self) -> None:
        """Bring the list up to date and end the sessions that are due.

        Raises:
            QuartermasterError: ``database.unreachable``, or ``file.unreadable`` when the list
                cannot be written.
        """
        now = self._clock.now()
        with unit_of_work(self._pool) as connection:
            if revocation.publish(connection, self._authority, self._pki, now=now):
                _log.info("revocation.published", file=revocation.FILE)
            recent = revocation.revoked_since(connection, Micros(now - _RECENT))
        self._due = {
            name: self._due.get(name, [Micros(now + wait) for wait in EVICT_AFTER])
            for name in recent
        }
        for name, moments in self._due.items():
            if moments and moments[0] <= now:
                del moments[0]
                self._evict(name)


def start(settings: Settings, pool: ConnectionPool[Connection], clock: Clock) -> Revocations | None:
    """Where the devices authority's key is: what keeps its list; elsewhere None.

    Raises:
        QuartermasterError: ``settings.invalid`` for a key that cannot be read.
    """
    if not (settings.pki / "devices.key").is_file():
        _log.info("revocation.elsewhere", says="no devices.key here: no list is written")
        return None
    authority = Authority.load(settings.pki)

    def evict(name: GatewayId) -> None:
        with unit_of_work(pool) as connection:
            if service.get(connection, name).status != "revoked":
                return
        end_session(settings, authority, name, now=clock.now())

    return Revocations(pool, authority, settings.pki, clock=clock, evict=evict)


def end_session(settings: Settings, authority: Authority, name: GatewayId, *, now: Micros) -> bool:
    """Connect once to the gateways' listener under the name of a revoked gateway.

    Returns whether the broker let us; a broker that cannot be reached has no session either.
    """
    connected = threading.Event()
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5, reconnect_on_failure=False
    )
    client.tls_set_context(_pass(settings.pki, authority, name, now))  # pyright: ignore[reportUnknownMemberType] - untyped

    def on_connect(*arguments: object) -> None:
        if not getattr(arguments[3], "is_failure", True):
            connected.set()

    client.on_connect = on_connect
    try:
        client.connect(settings.gateway_broker_host, settings.gateway_broker_port, keepalive=10)
        client.loop_start()
        connected.wait(_PATIENCE_S)
    except (OSError, ValueError) as error:
        _log.warning("revocation.session-not-ended", gateway=name, why=str(error))
        return False
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_connect = None
    if connected.is_set():
        _log.info("revocation.session-ended", gateway=name)
    else:
        _log.warning("revocation.session-not-ended", gateway=name, why="the broker let us not in")
    return connected.is_set()


def _pass(pki: Path, authority: Authority, name: GatewayId, now: Micros) -> ssl.SSLContext:
    """TLS with a certificate for ``name`` that serves this one connection."""
    key = new_key()
    leaf = Leaf(common_name=name, public_key=key.public_key(), usage="client")
    certificate = issue(authority.devices, leaf, now=now, lifetime=_PASS_LIFETIME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(pki / "root.crt")
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # mode 0600
            file.write(key_pem(key) + chain_pem(certificate, authority.devices.certificate))
            file.flush()
            context.load_cert_chain(file.name)
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError("settings.invalid", str(error), where="QM_PKI") from None
    return context
