"""Joins the doors beside HTTP with what they need; those not in ``gateway.toml`` are not loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from edge import settings as settings_file
from edge import stock
from edge.app.store import Store
from edge.db import Connection
from edge.ports import ScanPoint, SystemIds
from edge.web import devices
from shared.errors import QuartermasterError
from shared.rates import RateLimit

if TYPE_CHECKING:
    from edge.inputs.mqtt import MqttDoor
    from edge.inputs.paired import Paired
    from edge.inputs.sensing import Sensing
    from edge.inputs.tcp import TcpDoor
    from edge.inputs.work import Work

_FOLDER: Final = "mqtt"


class Inputs:
    """The doors that the settings ask for; what is wrong with them keeps no others closed."""

    def __init__(self, store: Store, scans: ScanPoint, limit: RateLimit) -> None:
        sensors = store.settings.sensor
        self._unheard = bool(sensors) and store.settings.mqtt is None
        self._tcp = _tcp(store, scans, limit) if store.settings.tcp is not None else None
        self._sensing = _sensing(store)
        self._mqtt = (
            _mqtt(store, scans, limit, self._sensing) if self._sensing is not None else None
        )

    def parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to be kept running, by name."""
        doors = {"tcp": self._tcp, "mqtt": self._mqtt}
        return {name: door.run for name, door in doors.items() if door is not None}

    def occupied(self) -> frozenset[str]:
        """Places where a vehicle stands in the way."""
        return frozenset() if self._sensing is None else self._sensing.occupied()

    def notices(self) -> list[QuartermasterError]:
        """What keeps a door closed or a sensor unheard."""
        doors = (self._tcp, self._mqtt)
        troubles = [door.trouble for door in doors if door is not None]
        found = [trouble for trouble in troubles if trouble is not None]
        if self._sensing is not None:
            found += self._sensing.faults
        if self._unheard:
            says = "sensors speak MQTT, and there is no [mqtt]"
            found.append(QuartermasterError("settings.invalid", says, where="sensor"))
        return found

    def report(self) -> dict[str, Any]:
        """How each door stands, and the latest reading of each sensor."""
        return {
            "tcp": None if self._tcp is None else self._tcp.report(),
            "mqtt": None if self._mqtt is None else self._mqtt.report(),
            "sensors": [] if self._sensing is None else self._sensing.report(),
        }


class _Devices:
    """Implements the port Devices over the gateway's own tables."""

    def __init__(self, store: Store) -> None:
        self._database = store.database

    def everyone(self) -> list[Paired]:
        """All that may speak."""
        return [_paired(each) for each in devices.in_force(self._database.reader)]

    def by_name(self, name: str) -> Paired | None:
        """The one of this name."""
        return _found(devices.by_name(self._database.reader, name))

    def by_address(self, address: str) -> Paired | None:
        """The one that speaks from this address without a token."""
        return _found(devices.by_address(self._database.reader, address))

    def by_token(self, token: str) -> Paired | None:
        """The one with this token."""
        return _found(devices.by_token(self._database.reader, token))

    async def stand(self, name: str, work: Work) -> None:
        """Keep where a device is."""

        def unit(connection: Connection) -> None:
            devices.stand(connection, name, work.location, work.to)

        await self._database.run(unit)

    def is_place(self, code: str) -> bool:
        """Whether the site has a location of this code."""
        return stock.has_location(self._database.reader, code)


def _found(device: devices.Paired | None) -> Paired | None:
    return None if device is None else _paired(device)


def _paired(device: devices.Paired) -> Paired:
    from edge.inputs.paired import Paired  # noqa: PLC0415 - only where there is such a door
    from edge.inputs.work import Work  # noqa: PLC0415

    work = Work(device.step, device.location, device.to)
    return Paired(device.name, device.token_sha256, device.address, work, device.mqtt)


def _tcp(store: Store, scans: ScanPoint, limit: RateLimit) -> TcpDoor:
    from edge.inputs.tcp import Listening, TcpDoor  # noqa: PLC0415 - only where there is such a door

    asked = store.settings.tcp or settings_file.Tcp()
    listening = Listening(
        asked.host,
        asked.port,
        asked.terminator.encode(),
        asked.prefix.encode(),
        asked.connections,
        asked.connections_per_device,
        asked.idle_seconds,
    )
    return TcpDoor(listening, _Devices(store), scans, limit, SystemIds())


def _sensing(store: Store) -> Sensing | None:
    if store.settings.mqtt is None:
        return None
    from edge.inputs.readings import Declared  # noqa: PLC0415 - only where there is such a door
    from edge.inputs.sensing import Sensing  # noqa: PLC0415

    declared = [Declared(**msgspec.structs.asdict(each)) for each in store.settings.sensor]
    return Sensing(declared, store.pipeline, store.clock, _Devices(store).is_place)


def _mqtt(store: Store, scans: ScanPoint, limit: RateLimit, sensing: Sensing) -> MqttDoor:
    from edge.inputs.mosquitto import Serving  # noqa: PLC0415 - only where there is such a door
    from edge.inputs.mqtt import MqttDoor  # noqa: PLC0415

    asked = store.settings.mqtt or settings_file.Mqtt()
    certificates = store.data / settings_file.IDENTITY / "local"
    return MqttDoor(
        store.data / _FOLDER,
        Serving(asked.host, asked.port, certificates, asked.connections),
        _Devices(store),
        scans=scans,
        sensing=sensing,
        limit=limit,
    )
