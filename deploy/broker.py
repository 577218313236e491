"""The real mosquitto, under a configuration that this module writes.

Two doors, both TLS 1.3 with a client certificate, no anonymous client, no other listener:

* the gateways' door takes certificates of the devices' CA that are not on its revocation list; user
  name and client id are the certificate's common name, and the ACL gives each name exactly its own
  four topics;
* the services' door takes certificates of the services' CA; ``cloud-ingest`` does the cloud's work,
  any other may read what has changed.

The revocation list is read at the start and on SIGHUP; past its end the door refuses everybody.
Live sessions outlast both: a revoked one ends when the cloud's worker connects under its name.

Nothing is persisted: truth is in the gateways' outboxes and in the ledger, and what a broker loses
is sent again.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.processes import LOOPBACK, free_port, program, stop, wait_listening
from shared.errors import QuartermasterError
from shared.segment import MAX_BYTES
from shared.topics import ALL_CHANGES, ROOT

REVOCATIONS: Final = "devices.crl"
"""In the PKI folder; made by `pki init`, kept up to date by the cloud's worker."""
MAX_PACKET_BYTES: Final = MAX_BYTES + 4096
"""A segment and the MQTT 5 header, topic and properties around it."""

_GATEWAYS_ACL: Final = f"""\
pattern write {ROOT}/%u/seg
pattern write {ROOT}/%u/state
pattern read {ROOT}/%u/ack
pattern read {ROOT}/%u/cmd
"""
_SERVICES_ACL: Final = f"""\
user cloud-ingest
topic read {ROOT}/+/seg
topic read {ROOT}/+/state
topic write {ROOT}/+/ack
topic write {ROOT}/+/cmd
topic write {ALL_CHANGES}
pattern read {ALL_CHANGES}
"""
_PKI_FILES: Final = (
    "server.crt",
    "server.key",
    "devices-chain.crt",
    "services-chain.crt",
    REVOCATIONS,
)
REREAD: Final = (REVOCATIONS, "server.crt")
"""The files of the PKI folder that SIGHUP makes mosquitto read again."""
_WATCH_S: Final = 0.5
_START_ATTEMPTS: Final = 5


def _listener(address: str, port: int, pki: Path, ca: str, acl: Path, *, own_id: bool) -> str:
    """``own_id``: the gateways' door. mosquitto looks only the leaf up on the revocation list."""
    revoked = f"crlfile {pki / REVOCATIONS}\n" if own_id else ""
    return f"""
listener {port} {address}
certfile {pki / "server.crt"}
keyfile {pki / "server.key"}
cafile {pki / ca}
{revoked}tls_version tlsv1.3
require_certificate true
use_identity_as_username true
{"use_username_as_clientid true" if own_id else "allow_zero_length_clientid false"}
allow_anonymous false
acl_file {acl}
"""


def write_config(
    folder: Path,
    *,
    pki: Path,
    gateway_port: int,
    service_port: int,
    address: str = LOOPBACK,
    max_queued_messages: int = 10_000,
) -> Path:
    """Write ``mosquitto.conf`` and the two ACL files into ``folder``; returns the former.

    Raises:
        QuartermasterError: ``settings.invalid`` when the PKI folder lacks a file.
    """
    pki = pki.absolute()
    for name in _PKI_FILES:
        if not (pki / name).is_file():
            raise QuartermasterError("settings.invalid", f"{name} is missing", where=str(pki))
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    gateways_acl, services_acl = folder / "gateways.acl", folder / "services.acl"
    for path, text in ((gateways_acl, _GATEWAYS_ACL), (services_acl, _SERVICES_ACL)):
        path.touch(mode=0o600)
        path.write_text(text, "ascii")
    config = folder / "mosquitto.conf"
    # As root mosquitto would turn into its own user, who cannot read the keys (0600).
    user = pwd.getpwuid(os.geteuid()).pw_name
    config.write_text(
        f"""\
per_listener_settings true
user {user}
persistence false
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
sys_interval 0
set_tcp_nodelay true
retain_available true
max_inflight_messages 256
max_queued_messages {max_queued_messages}
max_queued_bytes 67108864
max_packet_size {MAX_PACKET_BYTES}
{_listener(address, gateway_port, pki, "devices-chain.crt", gateways_acl, own_id=True)}
{_listener(address, service_port, pki, "services-chain.crt", services_acl, own_id=False)}
""",
        "utf-8",
    )
    return config


class Reloader:
    """Sends a mosquitto process SIGHUP when what it has to read anew has changed."""

    def __init__(self, pki: Path, pid: int) -> None:
        self._files = [pki / name for name in REREAD]
        self._pid = pid
        self._seen = self._look()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="broker-reload", daemon=True)

    def start(self) -> None:
        """Look twice a second, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; call it before the process is gone, as its number may be given anew."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_S):
            found = self._look()
            if found != self._seen:
                self._seen = found
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGHUP)

    def _look(self) -> list[int]:
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in self._files]


class Broker:
    """One mosquitto process of our own; it rereads the revocation list when that changes.

    Args:
        folder: receives the configuration, the ACL files and the log.
        pki: the keys and certificates.
        gateway_port: the gateways' listener; 0 takes a free one, kept over restarts.
        service_port: the cloud services' listener; likewise.
        max_queued_messages: what one slow subscriber may have waiting; the rest is dropped.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pki: Path,
        gateway_port: int = 0,
        service_port: int = 0,
        address: str = LOOPBACK,
        max_queued_messages: int = 10_000,
    ) -> None:
        self.host = address
        self.gateway_port = gateway_port
        self.service_port = service_port
        self.log = folder / "mosquitto.log"
        self._folder = folder
        self._pki = pki
        self._max_queued_messages = max_queued_messages
        self._process: subprocess.Popen[bytes] | None = None
        self._reloader: Reloader | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it (again, on the same ports, with nothing remembered) and wait until it listens.

        Raises:
            QuartermasterError: ``program.missing``, ``program.failed`` or ``settings.invalid``.
        """
        if self._process is not None:
            return
        chosen = (self.gateway_port, self.service_port)
        for attempt in range(1, _START_ATTEMPTS + 1):
            self.gateway_port = chosen[0] or free_port()
            self.service_port = chosen[1] or free_port()
            try:
                self._start_once()
            except QuartermasterError as error:
                # A port that was free a moment ago may have been taken since.
                if all(chosen) or error.code != "program.failed" or attempt == _START_ATTEMPTS:
                    raise
            else:
                return

    def _start_once(self) -> None:
        config = write_config(
            self._folder,
            pki=self._pki,
            gateway_port=self.gateway_port,
            service_port=self.service_port,
            address=self.host,
            max_queued_messages=self._max_queued_messages,
        )
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(program("mosquitto")), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal is for whoever started the broker
            )
        try:
            wait_listening(process, [self.gateway_port, self.service_port], log=self.log)
        except QuartermasterError:
            stop(process)
            raise
        self._process = process
        self._reloader = Reloader(self._pki, process.pid)
        self._reloader.start()

    def _stop_reloading(self) -> None:
        if self._reloader is not None:
            self._reloader.stop()
            self._reloader = None

    def stop(self) -> None:
        """End it in good order: clients are told, wills are published."""
        self._stop_reloading()
        if self._process is not None:
            stop(self._process)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would: nothing is told, nothing is kept."""
        self._stop_reloading()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def reload(self) -> None:
        """Read certificates, revocation list and ACL files anew now; live sessions stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
