"""Safe mode: settings that cannot be used keep no gateway from its work.

Which settings are in force, in this order:

1. ``gateway.toml``;
2. where it cannot be read, or not be served with (its port is somebody else's):
   ``gateway.toml.last-good``, with which the gateway last ran for a minute;
3. the same with another port, where the port is the obstacle, or without further names;
4. where there is none of them: the built-in defaults.

Anything but the first is said in ``/v1/status``, in the log, in each heartbeat and on the console,
with what is wrong; as soon as the file can be used it is taken, without a restart. What changes in
force, by whomever, is an event for each setting.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import structlog

from edge import settings as settings_file
from edge.link.durable import replace_file
from edge.ports import Recorder
from edge.settings import Api, Settings
from shared.errors import QuartermasterError
from shared.events import SettingChanged
from shared.ids import GatewayId

_log: Final[Any] = structlog.get_logger("edge.settings")
WELL_S: Final = 60.0
"""So long a gateway must have run with its file for that to be good."""
LOOK_S: Final = 2.0
_PORTS: Final = (*range(8443, 8453), 0)
_ADDRESS: Final = "api.port"
_AT_THE_DOOR: Final = (_ADDRESS, "host")
"""Where a fault lies that another port or fewer names would mend; else it is in the rest."""
_LONGEST: Final = 200
_PRIVATE: Final = 0o600

Using = Literal["file", "last-good", "another-door", "defaults"]
IN_WORDS: Final[dict[Using, str]] = {
    "file": "gateway.toml",
    "last-good": "the last good settings",
    "another-door": "the same with another door",
    "defaults": "the built-in defaults",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The settings in force.

    ``fault`` says why they are not the file's; empty when they are. ``refused`` is a text of the
    file that can be read but not be served with; ``port_taken`` whether for want of its port alone.
    """

    settings: Settings
    text: bytes = b""
    using: Using = "file"
    fault: str = ""
    refused: bytes | None = None
    port_taken: bool = False

    def notice(self) -> QuartermasterError | None:
        """What a person should know; None where all is as the file says."""
        if not self.fault:
            return None
        says = f"{self.fault}; in force: {IN_WORDS[self.using]}"
        if self.using == "another-door":
            says += f", port {self.settings.api.port}"
        return QuartermasterError("settings.safe-mode", says)

    def as_dict(self) -> dict[str, str] | None:
        """For ``/v1/status``: why, and what is in force instead; None outside safe mode."""
        return {"why": self.fault, "using": self.using} if self.fault else None


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway last started with; ``told`` is what events have told so far."""

    using: Using
    fault: str
    settings: Settings
    told: Settings


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A change by command: of which text, by whom and why."""

    sha256: str
    by: str
    reason: str


def chosen(data: Path) -> Choice:
    """What a data folder asks for, as far as files can tell."""
    try:
        text = settings_file.text_of(data / settings_file.FILE)
        return Choice(settings=settings_file.parse(text), text=text)
    except QuartermasterError as error:
        return _spare(data, _in_words(error))


def instead(data: Path, refused: Choice, error: QuartermasterError) -> Choice | None:
    """What to try when these settings could not be served with; None when nothing is left.

    Args:
        data: the data folder.
        refused: the settings tried.
        error: ``settings.invalid``, why.
    """
    fault = refused.fault or _in_words(error)
    at_the_door = error.where in _AT_THE_DOOR
    if refused.using == "file":
        taken = error.where == _ADDRESS
        spare = _spare(data, fault, refused=refused.text, port_taken=taken)
        if spare.using == "last-good" and (
            _door(spare.settings) != _door(refused.settings)
            if at_the_door
            else spare.settings != refused.settings
        ):
            return spare
        refused = dataclasses.replace(refused, refused=refused.text, port_taken=taken, fault=fault)
    if not at_the_door:
        if refused.using == "defaults":
            return None
        return dataclasses.replace(refused, settings=Settings(), using="defaults", text=b"")
    if refused.using == "another-door":
        return None
    api = _free(refused.settings.api, error)
    settings = msgspec.structs.replace(refused.settings, api=api)
    return dataclasses.replace(refused, settings=settings, using="another-door")


def mended(data: Path, now: Choice) -> Choice | None:
    """The file's settings, once they can be used in place of these."""
    asked = chosen(data)
    if asked.using != "file":
        return None
    api = asked.settings.api
    if asked.text == now.refused and not now.port_taken:
        return None
    if asked.text == now.refused or api.port != now.settings.api.port:
        return asked if _can_listen(api.host, api.port) else None
    return asked


def in_force(data: Path) -> InForce | None:
    """What the gateway last started with; None before its first start."""
    try:
        text = (data / settings_file.IN_FORCE).read_bytes()
        return msgspec.json.decode(text, type=InForce)
    except (OSError, msgspec.MsgspecError):
        return None


def differences(before: Settings, after: Settings) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, by name; None where one is not there."""
    old, new = settings_file.flat(before), settings_file.flat(after)
    names = dict.fromkeys([*old, *new])
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }


class SettingsWatch:
    """Tells what changed, keeps what is good, and looks for what is mended.

    Args:
        data: the data folder.
        choice: what is in force.
        recorder: makes events.
        gateway: the device that they name.
        again: called to have the gateway begin again with the file.
    """

    def __init__(
        self,
        data: Path,
        choice: Choice,
        recorder: Recorder,
        gateway: GatewayId,
        again: Callable[[], None],
    ) -> None:
        self._data = data
        self._choice = choice
        self._recorder = recorder
        self._gateway = gateway
        self._again = again

    async def run(self) -> None:
        """Watch until cancelled."""
        choice = self._choice
        if choice.fault:
            _log.error("settings.safe-mode", why=choice.fault, using=choice.using)
        try:
            await self._tell()
        except QuartermasterError as error:  # a full disk: the next start tells
            _log.error("settings.untold", code=error.code, detail=error.detail)
        while choice.fault:
            await asyncio.sleep(LOOK_S)
            if mended(self._data, choice) is not None:
                _log.warning("settings.mended")
                self._again()
        await asyncio.sleep(WELL_S)
        keep_good(self._data, choice.text)
        await asyncio.Event().wait()

    async def _tell(self) -> None:
        """Record what is in force, and each change of it as an event."""
        choice, earlier = self._choice, in_force(self._data)
        told = choice.settings if earlier is None else earlier.told
        self._note(told)
        reason = self._reason()
        for name, (before, after) in differences(told, choice.settings).items():
            changed = SettingChanged(
                name[:64],
                settings_file.shown(before)[:_LONGEST],
                settings_file.shown(after)[:_LONGEST],
                reason[:_LONGEST],
            )
            await self._recorder.record(changed, device=self._gateway)
        self._note(choice.settings)

    def _note(self, told: Settings) -> None:
        choice = self._choice
        note = InForce(using=choice.using, fault=choice.fault, settings=choice.settings, told=told)
        if note != in_force(self._data):
            content = msgspec.json.encode(note)
            replace_file(self._data / settings_file.IN_FORCE, content, mode=_PRIVATE)

    def _reason(self) -> str:
        """Why, if a command has made the change, or if it was nobody's wish."""
        if self._choice.fault:
            return f"safe mode: {self._choice.fault}"
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            text = (self._data / settings_file.APPLIED).read_bytes()
            applied = msgspec.json.decode(text, type=Applied)
            if applied.sha256 == hashlib.sha256(self._choice.text).hexdigest():
                return f"by {applied.by}: {applied.reason}" if applied.reason else applied.by
        return ""


def keep_good(data: Path, text: bytes) -> None:
    """Keep settings with which a gateway runs well, for when others cannot be used."""
    file = data / settings_file.LAST_GOOD
    with contextlib.suppress(OSError):
        if not file.exists() or file.read_bytes() != text:
            replace_file(file, text, mode=_PRIVATE)


def _spare(
    data: Path, fault: str, *, refused: bytes | None = None, port_taken: bool = False
) -> Choice:
    """The last good settings, else the built-in defaults."""
    why: dict[str, Any] = {"fault": fault, "refused": refused, "port_taken": port_taken}
    file = data / settings_file.LAST_GOOD
    with contextlib.suppress(QuartermasterError):
        if file.exists():
            text = settings_file.text_of(file)
            settings = settings_file.parse(text)
            return Choice(settings=settings, text=text, using="last-good", **why)
    return Choice(settings=Settings(), using="defaults", **why)


def _in_words(error: QuartermasterError) -> str:
    return ": ".join(part for part in (error.where, error.detail) if part)


def _door(settings: Settings) -> tuple[str, int, list[str]]:
    """What of them decides whether the door opens."""
    return settings.api.host, settings.api.port, settings.api.names


def _free(api: Api, error: QuartermasterError) -> Api:
    """The same door where nobody else is; without further names, should those be the obstacle."""
    names = api.names if error.where == _ADDRESS else []
    for host in (api.host, Api().host):
        for port in (api.port, *_PORTS):
            with contextlib.suppress(OSError), socket.create_server((host, port)) as found:
                return msgspec.structs.replace(
                    api, host=host, port=found.getsockname()[1], names=names
                )
    return msgspec.structs.replace(api, host=Api().host, names=names)


def _can_listen(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True
