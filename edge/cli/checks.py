"""What ``gateway doctor`` looks at, one check after the other; each only looks, none repairs.

Nothing here needs a network: what cannot be reached is said, and is a problem only where somebody
on this machine can mend it.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from edge import settings as settings_file
from edge.cli.judging import findings_in
from edge.db import Queries
from edge.db.looking import looking
from edge.link.identity import Identity
from edge.link.tls import client_context
from edge.ports import KernelTime
from edge.settings import DATABASE, IDENTITY, Settings
from shared.certificates import load_chain, micros
from shared.errors import QuartermasterError
from shared.findings import Finding, problem
from shared.units import DAY, HOUR
from shared.words import ago, lasting, size, when

_SQL: Final = Queries("edge.cli")
_PATIENCE_S: Final = 3.0
_PORTS: Final = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
_CHECK_S: Final = 10.0
"""How long the database is read; a large one takes minutes, which is the scrub's work."""
_STEPS: Final = 10_000
_LATE: Final = HOUR
_OPENED: Final = 0o077
_VENDOR: Final = Path(__file__).parents[1] / "web" / "vendor"
_LIBRARIES: Final = {
    "htmx.min.js": "the console does not renew itself",
    "alpine.min.js": "the console does not move",
    "uPlot.esm.js": "the console draws no curves",
    "uPlot.min.css": "the console draws no curves",
    "zxing-reader.js": "phones that read no barcodes by themselves cannot use their camera",
    "zxing_reader.wasm": "phones that read no barcodes by themselves cannot use their camera",
}
_OWN: Final = frozenset(
    {"folder", "store", "certificates", "documents", "floor", "cloud", "disk", "clock", "cameras"}
)
"""Of what a status tells: looked at here more closely."""
_OLDEST: Final = 1_735_689_600_000_000
"""2025-01-01: no certificate of the house is older."""


class Patient(NamedTuple):
    """A gateway to look at: its folder, the settings in force, and its status."""

    data: Path
    settings: Settings
    status: dict[str, Any]
    now: int

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return bool(self.status["process"]["runs"])


def process(patient: Patient) -> Iterator[Finding]:
    """Whether it runs, and what it says of itself."""
    told = [each for each in findings_in(patient.status, patient.now) if each.check not in _OWN]
    if patient.runs and patient.status["process"]["since"]:
        lasted = lasting(patient.now - patient.status["process"]["since"])
        yield Finding("process", "ok", f"has run for {lasted}")
    yield from told


def folder(patient: Patient) -> Iterator[Finding]:
    """Whether the data folder is there, and closed to others."""
    mode = stat.S_IMODE(patient.data.stat().st_mode)
    database = patient.data / DATABASE
    if database.exists() and stat.S_IMODE(database.stat().st_mode) & _OPENED:
        yield Finding(
            "folder", "problem", f"{DATABASE} can be read by others", f"Run: chmod 600 {database}"
        )
    if mode & stat.S_IWOTH:
        says = f"anybody may write to {patient.data}"
        yield Finding("folder", "problem", says, f"Run: chmod 700 {patient.data}")
    elif not os.access(patient.data, os.W_OK):
        says = f"this user may not write to {patient.data}"
        yield Finding(
            "folder", "note", says, "Run the gateway's commands as its own user, or root."
        )
    else:
        yield Finding("folder", "ok", f"{patient.data.absolute()}")


def settings(patient: Patient) -> Iterator[Finding]:
    """Whether the file can be used; where it cannot, the gateway goes on in safe mode."""
    settings_file.load(patient.data)
    there = (patient.data / settings_file.FILE).exists()
    yield Finding("settings", "ok", "complete" if there else "none: the defaults are in force")


def identity(patient: Patient) -> Iterator[Finding]:
    """Whether it has its keys and certificates, closed to others and valid."""
    home = patient.data / IDENTITY
    known = Identity.load(home)
    yield Finding("identity", "ok", f"{known.gateway} at {known.site}, epoch {known.epoch}")
    for key in sorted([*home.glob("current/*.key"), *home.glob("local/*.key")]):
        if stat.S_IMODE(key.stat().st_mode) & _OPENED:
            says = f"{key.relative_to(patient.data)} can be read by others"
            yield Finding("identity", "problem", says, f"Run: chmod 600 {key}")
    yield _certificate("the cloud", home / "current" / "tls.crt", patient.now)
    for name, path in (("scanners and browsers", "tls.crt"), ("the gateway's authority", "ca.crt")):
        if (home / "local" / path).exists():
            yield _certificate(name, home / "local" / path, patient.now)


def _certificate(purpose: str, path: Path, now: int) -> Finding:
    certificate = load_chain(path.read_bytes())[0]
    begins = micros(certificate.not_valid_before_utc)
    left = micros(certificate.not_valid_after_utc) - now
    local = path.parent.name == "local"
    if begins > now:
        says = f"the certificate for {purpose} begins only on {when(begins)}"
        return Finding("identity", "problem", says, "Set the clock of this machine.")
    if left <= 0:
        says = f"the certificate for {purpose} ran out {lasting(-left)} ago"
        do = "Bring the line back: it renews by itself for 90 days; after that enrol it anew."
        return Finding("identity", "problem", says, "Restart the gateway." if local else do)
    says = f"the certificate for {purpose} has {lasting(left)} left"
    if left < 2 * DAY:
        do = "Restart the gateway." if local else "Run: quartermaster gateway renew."
        return Finding("identity", "note", says, do)
    return Finding("identity", "ok", says)


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether the machine's clock can be right, and who holds it."""
    told: dict[str, Any] = patient.status["clock"] or {}
    set_it = "Set it: systemctl enable --now systemd-timesyncd, or by hand: timedatectl set-time."
    if patient.now < _OLDEST:
        says = f"it is not {when(patient.now)}: every certificate will be refused"
        yield Finding("clock", "problem", says, set_it)
    elif told.get("machine_is") in {"behind", "ahead"}:
        off = lasting(abs(told["off_by_seconds"]) * 1_000_000)
        says = f"the machine's clock is {told['machine_is']} by {off}"
        yield Finding("clock", "problem", says, set_it)
    elif KernelTime()():
        yield Finding("clock", "ok", f"{when(patient.now)}, held by a time service")
    else:
        says = f"{when(patient.now)}; no time service holds it"
        yield Finding("clock", "note", says, "Run: systemctl enable --now systemd-timesyncd.")


def disk(patient: Patient) -> Iterator[Finding]:
    """Whether there is room to go on, and the ballast for when there is none."""
    told = patient.status["disk"]
    if told is None:
        free = os.statvfs(patient.data)
        yield Finding("disk", "ok", f"{size(free.f_bavail * free.f_frsize)} free")
        return
    says = (
        f"{told['used_percent']} % used, {size(told['free_bytes'])} free, "
        f"{size(told['store_bytes'])} of {size(told['quota_bytes'])} for the store"
    )
    if told["level"] in {"scarce", "full"}:
        do = "Free space outside this folder, never inside; connect the gateway to the cloud."
        yield Finding("disk", "problem", says, do)
    elif told["level"] == "low":
        yield Finding("disk", "note", says, "Connect the gateway to the cloud, or free space.")
    else:
        yield Finding("disk", "ok", says)
    if patient.runs and not told["ballast"]:
        do = "Free space: it is taken again by itself."
        yield Finding("disk", "problem", "the ballast could not be taken, or was given up", do)


def store(patient: Patient) -> Iterator[Finding]:
    """Whether the database opens, is this version's, and is whole as far as can be read quickly."""
    for told in patient.status["troubles"]:
        if told["code"].startswith("store."):
            yield problem("store", QuartermasterError(told["code"], told.get("detail", "")))
            return
    if not (patient.data / DATABASE).exists():
        yield Finding("store", "note", "none yet", "The gateway makes it when it first starts.")
        return
    with looking(patient.data / DATABASE) as reader:
        until = time.monotonic() + _CHECK_S
        reader.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
        try:
            (says,) = reader.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            says = f"sound in the {_CHECK_S:.0f} seconds that it was read"
            yield Finding("store", "ok", f"{says}; all of it: quartermaster gateway scrub")
            return
        finally:
            reader.set_progress_handler(None, 0)
    if says == "ok":
        yield Finding("store", "ok", "opens, and its pages are sound")
    else:
        do = "Run: quartermaster gateway scrub; then restart the gateway, which saves what it can."
        yield Finding("store", "problem", f"damaged: {says}"[:200], do)
    damages: list[dict[str, Any]] = patient.status["damage"] or []
    for damage in damages:
        says = f"a database was set aside on {when(damage['at'])}: {damage['why']}"
        do = "Count what the gap names; replace the disk; then delete gateway.db.damaged-*."
        yield Finding("store", "problem", says, do)


def outbox(patient: Patient) -> Iterator[Finding]:
    """Whether the cloud has what was done here, and since when it has not."""
    oldest, seq = patient.status["oldest_unsent_at"], patient.status["seq"]
    if seq is None:
        return
    missing = patient.status["waiting"] + patient.status["unacknowledged"]
    if not missing or oldest is None:
        yield Finding("outbox", "ok", "the cloud has everything")
        return
    says = f"{missing:,} events are not confirmed, the oldest {ago(oldest, patient.now)}"
    if patient.now - oldest < _LATE:
        yield Finding("outbox", "ok", says)
    else:
        do = "See to the line to the cloud; nothing is lost while the disk has room."
        yield Finding("outbox", "note", says, do)


def broker(patient: Patient) -> Iterator[Finding]:
    """Whether the cloud's broker can be reached from here, with the certificates that are there."""
    if not (patient.data / IDENTITY / "current").exists():  # said already
        return
    known = Identity.load(patient.data / IDENTITY)
    host = patient.settings.broker.host or known.broker_host
    port = patient.settings.broker.port or known.broker_port
    where = f"{host}:{port}"
    link: dict[str, Any] = patient.status["link"] or {}
    if link.get("up"):
        yield Finding("broker", "ok", f"the gateway is connected to {where}")
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        says = f"{host} is not known here: {error.strerror or error}"
        yield Finding("broker", "note", says, "Check the site's line and its name service (DNS).")
        return
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    try:
        with (
            socket.create_connection((host, port), timeout=_PATIENCE_S) as plain,
            client_context(known).wrap_socket(plain, server_hostname=host),
        ):
            yield Finding("broker", "ok", f"{where} answers with a certificate that is trusted")
    except ssl.SSLCertVerificationError as error:
        says = f"{where} shows a certificate that is not trusted: {error.verify_message}"
        do = "Check the clock and that this is the broker; else enrol the gateway anew."
        yield Finding("broker", "problem", says, do)
    except OSError as error:  # ssl.SSLError is one, too
        says = f"{where} ({addresses}) does not answer: {error.strerror or error}"
        do = "Check the site's line and that port 8883 is let through. Scans go on meanwhile."
        yield Finding("broker", "note", says, do)


def documents(patient: Patient) -> Iterator[Finding]:
    """Which documents of the cloud are in force, and how old they are."""
    versions = patient.status["versions"]
    if versions is None:
        return
    with looking(patient.data / DATABASE) as reader:
        came: dict[str, int] = dict(reader.execute(_SQL["received"]).fetchall())
    told = [
        f"{kind} {version}, {ago(came[kind], patient.now)}" if kind in came else f"{kind} {version}"
        for kind, version in versions.items()
        if version
    ]
    lacking = ", ".join(kind for kind, version in versions.items() if not version)
    if not versions["catalog"]:
        says = "no catalog has come yet: every scan is refused"
        yield Finding("documents", "problem", says, "Import it in the cloud; check the line.")
    elif told:
        yield Finding("documents", "ok", "; ".join(told) + (f"; no {lacking}" if lacking else ""))


def cameras(patient: Patient) -> Iterator[Finding]:
    """Whether each camera could give a picture."""
    known: list[dict[str, Any]] = patient.status["cameras"] or []
    told = {each["name"]: (each["state"], each["why"]) for each in known}
    for camera in patient.settings.camera:
        state, because = told.get(camera.name, (None, ""))
        why = _unreachable(camera.source)
        if state is not None and state not in {"unreadable", "failed", "frozen", "black"}:
            yield Finding("cameras", "ok", f"{camera.name} is {state}")
        elif why:
            do = "Check its power and cable, and its source in gateway.toml."
            yield Finding("cameras", "problem", f"{camera.name}: {why}", do)
        elif state is not None:
            do = "Look at its picture: quartermaster gateway read, with its address."
            says = f"{camera.name} is {state}" + (f": {because}" if because else "")
            yield Finding("cameras", "problem", says, do)
        else:
            yield Finding("cameras", "ok", f"{camera.name} can be reached")


def _unreachable(source: str) -> str:
    """Why a source cannot be there; empty where it may be. Its password is not repeated."""
    try:
        address = urlsplit(source)
        port = address.port or _PORTS.get(address.scheme, 0)
    except ValueError:
        return "its address cannot be understood; in a password / is %2F, ? is %3F, # is %23"
    if address.scheme in _PORTS:
        try:
            socket.create_connection((address.hostname or "", port), timeout=_PATIENCE_S).close()
        except OSError as error:
            return f"nobody answers at {address.hostname}:{port}: {error.strerror or error}"
        return ""
    if address.scheme not in {"", "v4l2"}:
        return f"no camera is read by {address.scheme}"
    device = source.removeprefix("v4l2://")
    path = Path(f"/dev/video{device}" if device.isdigit() else device)
    return "" if path.exists() else f"there is no {path}"


def port(patient: Patient) -> Iterator[Finding]:
    """Whether scanners can come in: the port is the gateway's, or free for it."""
    api = patient.settings.api
    ours = patient.data / IDENTITY / "local" / "ca.crt"
    if patient.runs:
        yield _answers(api.port, ours)
        return
    try:
        with socket.create_server((api.host, api.port)):
            yield Finding("port", "ok", f"{api.port} is free for the gateway")
    except OSError as error:
        says = f"{api.host}:{api.port} cannot be had: {error.strerror}"
        do = f"Find who has it (ss -ltnp 'sport = :{api.port}'), or set api.port in gateway.toml."
        yield Finding("port", "problem", says, do)


def _answers(number: int, authority: Path) -> Finding:
    try:
        context = ssl.create_default_context(cafile=str(authority))
        with (
            socket.create_connection(("127.0.0.1", number), timeout=_PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return Finding("port", "ok", f"{number} answers with this gateway's own certificate")
    except OSError as error:
        says = f"{number} does not answer as this gateway: {error.strerror or error}"
        do = f"See who has it (ss -ltnp 'sport = :{number}'), then restart the gateway."
        return Finding("port", "problem", says, do)


def web(_patient: Patient) -> Iterator[Finding]:
    """Whether the pages have the libraries that they are installed with."""
    lacking = [name for name in _LIBRARIES if not (_VENDOR / name).is_file()]
    if not lacking:
        yield Finding("pages", "ok", "all their libraries are installed")
        return
    effects = "; ".join(dict.fromkeys(_LIBRARIES[name] for name in lacking))
    do = "Run: deploy/install/web-packages.sh, then restart the gateway."
    yield Finding("pages", "note", f"{', '.join(lacking)} is not installed: {effects}", do)


CHECKS: Final[tuple[tuple[str, Callable[[Patient], Iterator[Finding]]], ...]] = (
    ("process", process),
    ("folder", folder),
    ("settings", settings),
    ("identity", identity),
    ("clock", clock),
    ("disk", disk),
    ("store", store),
    ("outbox", outbox),
    ("broker", broker),
    ("documents", documents),
    ("cameras", cameras),
    ("port", port),
    ("pages", web),
)


def examine(patient: Patient) -> Iterator[Finding]:
    """Every check in its turn; one that fails itself is a finding, too."""
    for name, check in CHECKS:
        found: list[Finding] = []
        try:
            found.extend(check(patient))
        except QuartermasterError as error:
            found.append(problem(name, error))
        except (OSError, ValueError, sqlite3.Error) as error:
            says = f"the check itself failed: {type(error).__name__}: {error}"[:300]
            found.append(Finding(name, "problem", says, "Read what the sentence names."))
        yield from found
