"""The gateway's own mosquitto: its configuration, written anew at each start, and its process.

Two listeners: TLS for the site's devices, with the gateway's local certificate; and one on the
loopback address for the gateway itself. Everyone has a name and a password; a device may write its
own three topics and read its own answers, nothing else. Passwords and certificates are read again
on SIGHUP; mosquitto then ends the sessions of those who may not speak any more.

Nothing is persisted: what a device has sent is done with when the gateway has answered it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from edge.inputs.paired import Paired
from shared.errors import QuartermasterError

_log: Final[Any] = structlog.get_logger("edge.inputs.mosquitto")
GATEWAY: Final = "@gateway"
"""No device can have this name."""
LOOPBACK: Final = "127.0.0.1"
MAX_PACKET: Final = 16 * 1024
_PLACES: Final = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
"""Names that are one level of a topic and hold no wildcard."""
_STOP_S: Final = 5.0
_TAIL: Final = 300

_ACL: Final = f"""\
user {GATEWAY}
topic read devices/+/scan
topic read devices/+/reading
topic read devices/+/position
topic write devices/+/answer
pattern write devices/%u/scan
pattern write devices/%u/reading
pattern write devices/%u/position
pattern read devices/%u/answer
"""


class Serving(NamedTuple):
    """Where devices reach the broker, and the folder with ``tls.crt`` and ``tls.key``."""

    host: str
    port: int
    certificates: Path
    connections: int = 256


class Mosquitto:
    """One child process and the folder that it reads.

    Args:
        folder: receives configuration, passwords, ACL and log.
        serving: the devices' listener.
        own: the gateway's password hash, as mosquitto reads it.
    """

    def __init__(self, folder: Path, serving: Serving, own: str) -> None:
        self._folder = folder
        self._serving = serving
        self._own = own
        self._process: asyncio.subprocess.Process | None = None
        self._seen: tuple[Any, ...] = ()
        self.own_port = 0
        """The gateway's listener, chosen anew at each start."""

    async def start(self, devices: Sequence[Paired]) -> None:
        """Start it.

        Raises:
            QuartermasterError: ``program.missing`` or ``disk.full``.
        """
        program = found()
        if program is None:
            raise QuartermasterError("program.missing", "mosquitto")
        self.own_port = _free_port()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen = self._present(devices)
        try:
            self._write("mosquitto.conf", self._config())
            self._write("acl", _ACL)
            self._write_passwords(devices)
            log = self.log.open("wb")  # of this start only: it cannot grow for ever
        except OSError as error:
            raise QuartermasterError("disk.full", str(error), where=str(self._folder)) from None
        # A gateway that is killed takes its broker along: the next one needs the port.
        guard = shutil.which("setpriv", path=_PLACES)
        before = (guard, "--pdeathsig", "KILL", "--") if guard else ()
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *before,
                program,
                "-c",
                str(self._folder / "mosquitto.conf"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _log.info("mosquitto.started", port=self._serving.port, pid=self._process.pid)

    @property
    def log(self) -> Path:
        """What mosquitto says of this start."""
        return self._folder / "mosquitto.log"

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    def refresh(self, devices: Sequence[Paired]) -> bool:
        """Have it read again what has changed; whether anything had.

        Raises:
            QuartermasterError: ``disk.full``; it is tried again by the next call.
        """
        present = self._present(devices)
        if present == self._seen or self.pid is None:
            return False
        try:
            self._write_passwords(devices)
        except OSError as error:
            raise QuartermasterError("disk.full", str(error), where=str(self._folder)) from None
        self._seen = present
        os.kill(self.pid, signal.SIGHUP)
        return True

    async def ended(self) -> QuartermasterError:
        """Wait until it has ended by itself; why."""
        code = None if self._process is None else await self._process.wait()
        try:
            tail = self.log.read_text("utf-8", errors="replace")[-_TAIL:].strip()
        except OSError:
            tail = ""
        return QuartermasterError("program.failed", f"exit {code}: {tail}", where=str(self.log))

    async def stop(self) -> None:
        """End it: politely first, then by force."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _present(self, devices: Sequence[Paired]) -> tuple[Any, ...]:
        files = (self._serving.certificates / name for name in ("tls.crt", "tls.key"))
        times = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
        return (times, tuple((each.name, each.mqtt) for each in devices))

    def _write_passwords(self, devices: Sequence[Paired]) -> None:
        lines = [f"{GATEWAY}:{self._own}"]
        lines += [f"{each.name}:{each.mqtt}" for each in devices if each.mqtt and may_speak(each)]
        self._write("passwords", "\n".join(lines) + "\n")

    def _write(self, name: str, text: str) -> None:
        fresh = self._folder / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(text, "utf-8")
        fresh.replace(self._folder / name)

    def _config(self) -> str:
        folder, certificates = self._folder.absolute(), self._serving.certificates.absolute()
        # As root mosquitto would turn into its own user, who cannot read the key (0600).
        user = pwd.getpwuid(os.geteuid()).pw_name
        return f"""\
user {user}
persistence false
log_dest stderr
log_type error
log_type warning
log_timestamp_format %Y-%m-%dT%H:%M:%S
sys_interval 0
set_tcp_nodelay true
retain_available false
allow_anonymous false
allow_zero_length_clientid true
password_file {folder / "passwords"}
acl_file {folder / "acl"}
max_packet_size {MAX_PACKET}
max_inflight_messages 256
max_queued_messages 10000
max_queued_bytes 33554432

listener {self._serving.port} {self._serving.host}
certfile {certificates / "tls.crt"}
keyfile {certificates / "tls.key"}
tls_version tlsv1.2
use_username_as_clientid true
max_connections {self._serving.connections}

listener {self.own_port} {LOOPBACK}
max_connections 4
"""


def may_speak(device: Paired) -> bool:
    """Whether a device's name can be a level of a topic."""
    return _NAME.match(device.name) is not None


def found() -> str | None:
    """The program, looked for in the system folders too."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
