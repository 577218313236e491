"""How a gateway stands, gathered and shown; whether or not it runs.

What only the process knows it tells by its hatch (:mod:`edge.web.hatch`); everything else is read
from the folder, beside it. ``--json`` is the process's report (``/v1/status``) and these keys, the
same whether it runs or not, None where something is not known:

====================  =========================================================================
``ok``                nothing needs somebody
``says``              that, in a sentence
``findings``          a list of ``check``, ``level`` (``problem`` or ``note``), ``says``, ``do``
``process``           ``runs``, ``answers``, ``pid``, ``since``
``troubles``          what could not be read: errors of the catalogue
``heard_at``          when the cloud last confirmed anything
``oldest_unsent_at``  when the oldest event was made (or sealed) that it has not confirmed
``open``              ``tasks``, ``overdue``, ``exceptions``; ``decisions`` of the last day
``certificates``      of ``cloud``, ``door``, ``authority``: ``name``, ``for``, ``not_after``
====================  =========================================================================

Moments are microseconds since 1970, UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge.cli import screen
from edge.cli.judging import findings_in, full_in, verdict
from edge.cli.options import demand_folder
from edge.cli.queue import oldest_unsent
from edge.cli.screen import Fact
from edge.db import Connection, Queries
from edge.db.looking import looking
from edge.outbox import heard_at
from edge.ports import SystemClock
from edge.settings import DATABASE, IDENTITY
from edge.web.hatch import ask
from shared.certificates import load_chain, micros
from shared.errors import QuartermasterError
from shared.findings import Finding
from shared.units import DAY, SECOND
from shared.words import ago, counted, lasting, many, plain, size, when

_SQL: Final = Queries("edge.cli")
_CERTIFICATES: Final = (
    ("cloud", "the cloud", "current/tls.crt"),
    ("door", "scanners and browsers", "local/tls.crt"),
    ("authority", "this gateway's own authority", "local/ca.crt"),
)
_SIDES: Final = (
    "versions", "disk", "clock", "link", "cameras", "inputs", "safe_mode", "decisions", "notices",
    "filling", "epoch_refused", "last_refused_document", "evidence_dropped", "epoch", "seq",
    "waiting", "unacknowledged", "watermark", "frozen", "witnessed", "scans", "refused", "learning",
)  # fmt: skip
"""What is None where it is not known."""


def report_of(data: Path) -> dict[str, Any]:
    """How the gateway in this folder stands, from its process or from what lies there.

    Raises:
        QuartermasterError: ``file.unreadable``: there is no such folder, or it may not be read.
    """
    demand_folder(data)
    asked, now = ask(data), SystemClock().now()
    process = asked.process or {}
    troubles = [asked.error] if asked.error is not None else []
    state = asked.report
    if state is None:
        from edge.app.aside import state_aside  # noqa: PLC0415 - all of the gateway, if need be

        aside = state_aside(data)
        state = aside.state
        troubles.extend(each.as_dict() for each in aside.troubles)
    report: dict[str, Any] = dict.fromkeys(_SIDES) | state
    report["process"] = {
        "runs": asked.runs,
        "answers": asked.report is not None,
        "pid": process.get("pid"),
        "since": process.get("since"),
    }
    report["troubles"] = troubles
    report |= _beside(data, now) | {"certificates": list(_certificates(data / IDENTITY))}
    findings = findings_in(report, now)
    whole = verdict(report, findings)
    return {
        "ok": whole.level != "problem",
        "says": whole.says,
        "findings": [each.as_dict() for each in findings],
        **report,
    }


def _beside(data: Path, now: int) -> dict[str, Any]:
    try:
        with looking(data / DATABASE) as reader:
            return {
                "heard_at": heard_at(reader) or None,
                "oldest_unsent_at": oldest_unsent(reader),
                "open": _open_work(reader, now),
            }
    except (QuartermasterError, sqlite3.Error):  # told already by whoever read the rest
        return {"heard_at": None, "oldest_unsent_at": None, "open": None}


def _open_work(reader: Connection, now: int) -> dict[str, int]:
    row = reader.execute(_SQL["open_work"], {"now": now, "since": now - DAY}).fetchone()
    return dict(zip(("tasks", "overdue", "exceptions", "decisions"), row, strict=True))


def _certificates(identity: Path) -> Iterator[dict[str, Any]]:
    for name, purpose, path in _CERTIFICATES:
        try:
            chain = load_chain((identity / path).read_bytes())
        except (OSError, ValueError):
            continue
        ends = micros(chain[0].not_valid_after_utc)
        yield {"name": name, "for": purpose, "not_after": ends}


def show(report: dict[str, Any]) -> None:
    """The whole on a screen: the verdict, what led to it, and then line by line."""
    now = SystemClock().now()
    findings = [Finding(**each) for each in report["findings"]]
    screen.show_findings([verdict(report, findings), *findings])
    screen.show_text("")
    screen.show_facts(_facts(report, now))


def _facts(report: dict[str, Any], now: int) -> Iterator[Fact]:
    yield Fact("Gateway", _known(report["gateway"], f"{report['gateway']} at {report['site']}"))
    yield Fact("Software", report["software"])
    yield Fact("Process", _process(report["process"], now))
    yield Fact("Cloud", _cloud(report, now))
    yield from _outbox_facts(report, now)
    yield from _room_facts(report)
    if clock := report["clock"]:
        wrong = clock["machine_is"] in {"behind", "ahead"}
        off = lasting(abs(clock["off_by_seconds"]) * SECOND)
        right = f"{clock['machine_is']} by {off}" if wrong else "right, as far as known"
        yield Fact("Clock", f"{right}; {clock['state']}, {when(now)}")
    if versions := report["versions"]:
        told = (f"{name} {version or 'none'}" for name, version in versions.items())
        yield Fact("Documents", ", ".join(told))
    for number, each in enumerate(report["certificates"]):
        left = each["not_after"] - now
        ends = f"{lasting(left)} left" if left > 0 else "run out"
        yield Fact("" if number else "Certificates", f"for {each['for']}: {ends}")
    for number, camera in enumerate(report["cameras"] or []):
        says = f"{camera['name']}: {camera['state']}, {many(camera['codes_seen'], 'code')} seen"
        yield Fact("" if number else "Cameras", says)
    yield from _learning_facts(report["learning"] or {})
    yield from _door_facts(report["inputs"] or {})
    if work := report["open"]:
        yield Fact(
            "Floor",
            f"{many(work['tasks'], 'open task')}, {many(work['exceptions'], 'open exception')}, "
            f"{many(work['decisions'], 'decision')} in the last day",
        )
    if report["scans"] is not None:
        says = f"{counted(report['scans'])} accepted, {counted(report['refused'])} refused"
        yield Fact("Scans", says)


def _learning_facts(learning: dict[str, Any]) -> Iterator[Fact]:
    """What waits to be learned from, and how a head that is tried out does."""
    if crops := learning.get("crops"):
        yield Fact("Crops", f"{many(crops, 'crop')} waiting for a person's word")
    for number, each in enumerate(learning.get("shadow") or []):
        says = (
            f"{each['candidate']} beside {each['version']}: agreed {counted(each['agreed'])} of "
            f"{counted(each['compared'])}"
        )
        if words := each["labelled"]:
            says += (
                f"; of {many(words, 'label')} right {counted(each['candidate_right'])}, "
                f"in force {counted(each['right'])}"
            )
        yield Fact("" if number else "Tried out", says)


def _door_facts(inputs: dict[str, Any]) -> Iterator[Fact]:
    """The doors beside HTTP, where there are any."""
    if tcp := inputs.get("tcp"):
        connected = many(len(tcp["connections"]), "device")
        trouble = f"; {tcp['last_error']}" if tcp["last_error"] else ""
        yield Fact("Lines (TCP)", f"port {tcp['port']}, {connected} connected{trouble}")
    if mqtt := inputs.get("mqtt"):
        says = "open" if mqtt["up"] else f"closed: {mqtt['last_error']}"
        yield Fact("MQTT", f"port {mqtt['port']}, {says}")
    if sensors := inputs.get("sensors"):
        silent = sum(each["at"] is None for each in sensors)
        says = f"{many(len(sensors), 'sensor')} declared, {counted(silent)} never heard"
        yield Fact("Sensors", says)


def _known(value: object, says: str) -> str:
    return says if value else "not known: it is not enrolled"


def _process(process: dict[str, Any], now: int) -> str:
    if not process["runs"]:
        return "does not run"
    if not process["since"]:
        return "runs, and does not answer"
    return (
        f"runs since {when(process['since'])} ({ago(process['since'], now)}), pid {process['pid']}"
    )


def _cloud(report: dict[str, Any], now: int) -> str:
    link, heard = report["link"], report["heard_at"]
    last = f"last heard {ago(heard, now)}" if heard else "never heard"
    if link is None:
        return f"not known while the gateway does not run; {last}"
    return f"connected; {last}" if link["up"] else f"away; {last}"


def _outbox_facts(report: dict[str, Any], now: int) -> Iterator[Fact]:
    if report["seq"] is None:
        return
    missing = report["waiting"] + report["unacknowledged"]
    oldest = report["oldest_unsent_at"]
    says = "the cloud has everything"
    if missing:
        says = (
            f"{many(missing, 'event')} to go{f'; the oldest {ago(oldest, now)}' if oldest else ''}"
        )
    yield Fact("Completeness", says)
    yield Fact(
        "Watermark",
        f"{counted(report['watermark'])} of {counted(report['seq'])}, epoch {report['epoch']}",
    )
    yield Fact(
        "Outbox",
        f"{counted(report['waiting'])} not sealed, "
        f"{counted(report['unacknowledged'])} sealed and not confirmed",
    )


def _room_facts(report: dict[str, Any]) -> Iterator[Fact]:
    disk = report["disk"]
    if disk is None:
        return
    yield Fact(
        "Disk",
        f"{disk['used_percent']} % used ({plain(disk['level']).lower()}): "
        f"{size(disk['store_bytes'])} of {size(disk['quota_bytes'])} for the store, "
        f"{size(disk['free_bytes'])} free on the disk",
    )
    yield Fact("Full", full_in(report))
