"""The gateway's own log in words: what each event of it means to whoever runs the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

from shared.errors import CATALOGUE, Entry
from shared.words import moment

SHOWN: Final = 200
_CATALOGUE: Final[dict[str, Entry]] = {code: entry for code, entry in CATALOGUE.items()}  # noqa: C416 - by any text
_WORSE: Final[dict[str, frozenset[str]]] = {
    "all": frozenset(),
    "warnings": frozenset({"warning", "error", "critical"}),
    "errors": frozenset({"error", "critical"}),
}
LEVELS: Final = {"all": "Everything", "warnings": "Warnings and errors", "errors": "Errors"}
_SAYS: Final[dict[str, str]] = {
    "cadence.counts-due": "Counts are due; tasks were made.",
    "camera.failed": "A camera gives no picture.",
    "camera.unexpected": "Looking through a camera failed unexpectedly; it is tried again.",
    "camera.unrecorded": "What a camera saw could not be recorded.",
    "clock.right": "The machine's clock is right again.",
    "clock.wrong": "The machine's clock is wrong.",
    "console.word-lost": "An answer about a picture could not be kept; it is asked again.",
    "disk.ballast-made": "There is room again: the reserve for a full disk was made anew.",
    "disk.level": "The room on the disk changed.",
    "disk.not-freed": "There is not even room to free room.",
    "doors.certificate-renewed": "The certificate of the local door was renewed.",
    "doors.no-installation-page": "The installation page for new devices is not served.",
    "downlink.in-force": "A document from the cloud came into force.",
    "downlink.refused": "A document from the cloud was refused; the one before stays in force.",
    "epoch.asking": "The gateway asks the cloud for a new epoch.",
    "epoch.opened": "A new epoch began.",
    "epoch.waiting": "The gateway waits for a new epoch.",
    "fallback.model-failed": "The stockout model failed; the rule decides.",
    "fallback.model-refused": "The stockout model is not the one announced; the rule decides.",
    "gateway.part-failed": "A part of the gateway failed and was started again.",
    "gateway.ready": "The gateway started and takes scans.",
    "gateway.stopping": "The gateway stops in order.",
    "gateway.waits-for-room": "The gateway waits for room on the disk before it starts.",
    "hatch.unexpected": "A command of this machine could not be answered.",
    "health.unrecorded": "A heartbeat could not be recorded.",
    "identity.not-renewed": "The certificate could not be renewed; it is tried again.",
    "identity.renewed": "The certificate to the cloud was renewed.",
    "identity.stepped-back": "The new certificate was refused; the one before is used again.",
    "link.down": "The connection to the cloud broke, or could not be made.",
    "link.up": "Connected to the cloud.",
    "mosquitto.started": "The local listener for MQTT devices started.",
    "mqtt.broker-ended": "The local listener for MQTT devices ended; it is started again.",
    "mqtt.devices-changed": "The MQTT devices that may speak changed.",
    "mqtt.not-recorded": "What an MQTT device said could not be recorded.",
    "mqtt.refused": "What an MQTT device said was refused.",
    "mqtt.unexpected": "Taking what an MQTT device said failed unexpectedly.",
    "people.break-glass": "The break-glass account was used.",
    "people.refused": "Somebody was refused at a sign-in.",
    "scrub.done": "The daily check of the database found it whole.",
    "settings.mended": "The settings can be used again.",
    "settings.safe-mode": "The settings cannot be used: the gateway runs in safe mode.",
    "store.damaged": "The database is damaged; a new one begins with what can be read.",
    "store.recovered": "The database was recovered.",
    "store.waits-for-room": "The recovery waits for room on the disk.",
    "tcp.refused": "A scanner's line was refused.",
    "tcp.unexpected": "Taking a scanner's line failed unexpectedly.",
    "uplink.cloud-restored": "The cloud was restored from a backup; what it lacks is sent again.",
    "uplink.frozen": "The outbox is stopped: nothing more is sealed in this epoch.",
    "uplink.no-progress": "The cloud confirms nothing; the connection is made anew.",
    "uplink.not-sealed": "Events could not be sealed; they are kept and tried again.",
    "uplink.watermark-refused": "A watermark was not believed.",
    "uplink.watermark-unwritten": "A watermark could not be kept; it is asked for again.",
    "web.unexpected": "Answering a request failed unexpectedly.",
    "witness.contradicted": "The cloud countersigned what is not in this gateway's history.",
    "witness.kept": "The cloud countersigned the daily head.",
    "witness.unwritten": "A countersigned head could not be kept.",
}


class LogLine(Protocol):
    """One line of the log; see :class:`edge.app.journal.Line`."""

    @property
    def at(self) -> int:
        """When, microseconds."""
        ...

    @property
    def level(self) -> str:
        """How bad."""
        ...

    @property
    def event(self) -> str:
        """What happened, as a code."""
        ...

    @property
    def fields(self) -> Mapping[str, str]:
        """Its particulars."""
        ...

    @property
    def trace(self) -> str:
        """Where a program failed."""
        ...


class Said(NamedTuple):
    """A line of the log as it is shown; ``look`` is ``refused``, ``warned`` or nothing.

    The same said again and again is one line: ``times``, the first time ``since``.
    """

    at: int
    level: str
    look: str
    says: str
    event: str
    particulars: str
    trace: str
    times: int = 1
    since: int = 0

    def again(self, earlier: Said) -> bool:
        """Whether an earlier line says the same."""
        return self[1:7] == earlier[1:7]


def said(lines: Sequence[LogLine], *, level: str, words: str) -> list[Said]:
    """The last lines that are bad enough and hold these words, the newest first."""
    return list(islice(_together(_matching(lines, level, words)), SHOWN))


def as_text(lines: Sequence[LogLine], *, level: str, words: str) -> str:
    """All of them, one on a line, to be sent to somebody."""
    return "".join(
        f"{moment(line.at)} {line.level:<8} {line.event:<28} {line.particulars}\n"
        + "".join(f"    {row}\n" for row in line.trace.splitlines())
        for line in _matching(lines, level, words)
    )


def _together(lines: Iterable[Said]) -> Iterable[Said]:
    """Neighbours that say the same, as one."""
    last: Said | None = None
    for line in lines:
        if last is not None and last.again(line):
            last = last._replace(times=last.times + 1, since=line.at)
            continue
        if last is not None:
            yield last
        last = line
    if last is not None:
        yield last


def _matching(lines: Sequence[LogLine], level: str, words: str) -> Iterable[Said]:
    wanted, needle = _WORSE.get(level, _WORSE["all"]), words.casefold()
    for line in lines:
        if wanted and line.level not in wanted:
            continue
        shown = _shown(line)
        if needle in f"{shown.says} {shown.event} {shown.particulars} {shown.trace}".casefold():
            yield shown


def _shown(line: LogLine) -> Said:
    known = _CATALOGUE.get(line.fields.get("code", ""))
    says = _SAYS.get(line.event) or (known.says if known else line.fields.get("detail", line.event))
    more = f"{known.says} " if known is not None and known.says != says else ""
    fields = " ".join(f"{name}={value}" for name, value in line.fields.items())
    look = "refused" if line.level in _WORSE["errors"] else ""
    return Said(
        line.at,
        line.level,
        look or ("warned" if line.level == "warning" else ""),
        says,
        line.event,
        f"{more}{fields}",
        line.trace,
    )
