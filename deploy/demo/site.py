"""One site of the stack: its gateway's folder and process, its wire, and its paired devices."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from deploy.demo.process import Process
from deploy.demo.proxy import Wire
from deploy.demo.reader import Reader
from edge import settings as gateway_settings
from edge.app.store import open_database
from edge.simulator.scanner import Door
from edge.web import devices, pairing
from shared.errors import QuartermasterError
from shared.units import Micros

MAX_SCANS_PER_S: Final = 100_000
"""Benches and replays scan faster than people: the limit per device is out of their way."""
_GATEWAY_TOML: Final = """\
heartbeat_seconds = 10.0
[api]
host = "127.0.0.1"
port = {port}
install_port = 0
scans_per_second = {rate}
burst = {rate}
[broker]
port = {broker_port}
longest_delay_seconds = 3.0
"""
_CAMERA_TOML: Final = """\
[[camera]]
name = "cam-dock"
source = "http://127.0.0.1:{port}/video"
zone = "DOCK-1"
"""


@dataclass(kw_only=True)
class Site:
    """One gateway and what belongs to it; ``doors`` are its local API, one per paired device."""

    gateway: str
    code: str
    folder: Path
    port: int
    process: Process
    wire: Wire
    doors: dict[str, Door]

    def wait_ready(self, *, seconds: float) -> None:
        """Wait until the gateway has a catalog and takes scans.

        Raises:
            QuartermasterError: ``program.failed`` when it does not in time.
        """
        deadline = time.monotonic() + seconds
        with closing(Reader(next(iter(self.doors.values())))) as gateway:
            while not (state := gateway.get("/readyz", refused=True)).get("ready"):
                self.process.check()
                if time.monotonic() > deadline:
                    raise QuartermasterError(
                        "program.failed",
                        f"{self.gateway} is not ready: {state.get('why', '')}",
                        where=str(self.process.log),
                    )
                time.sleep(0.05)


def write_settings(folder: Path, *, port: int, broker_port: int, camera_port: int | None) -> None:
    """Write ``gateway.toml``: a door on this machine only, the broker by way of the wire."""
    text = _GATEWAY_TOML.format(port=port, broker_port=broker_port, rate=MAX_SCANS_PER_S)
    if camera_port is not None:
        text += _CAMERA_TOML.format(port=camera_port)
    (folder / "gateway.toml").write_text(text, "utf-8")


def pair(folder: Path, port: int, names: Sequence[str], *, now: Micros) -> dict[str, Door]:
    """Pair devices with a gateway, as ``quartermaster gateway devices add`` does."""
    tls = ssl.create_default_context(cafile=str(folder / "identity" / "local" / "ca.crt"))
    store = open_database(folder, gateway_settings.load(folder))
    try:
        return {
            name: Door(
                "localhost", port, tls, store.run_blocking(partial(devices.add, name=name, now=now))
            )
            for name in names
        }
    finally:
        store.close()


def invite(folder: Path, name: str, *, now: Micros) -> pairing.Pairing:
    """A code for a visitor's browser, as ``quartermaster gateway devices pair`` makes it."""
    store = open_database(folder, gateway_settings.load(folder))
    try:
        return store.run_blocking(partial(pairing.begin, device=name, now=now))
    finally:
        store.close()
