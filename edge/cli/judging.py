"""What of a gateway's state needs somebody, in words and with what to do. Pure: a report in.

A *problem* needs somebody; a *note* is worth knowing. That the cloud is away is a note: the gateway
is made for it, and it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.findings import Finding, Level
from shared.units import DAY, SECOND
from shared.words import ago, lasting, many, when

START: Final = "Start it: systemctl start quartermaster-gateway (or: quartermaster gateway run)."
_LOG: Final = "Read its log: journalctl -u quartermaster-gateway -n 100."
_NOTES: Final = frozenset({"disk.low", "clock.ahead", "clock.behind"})
"""What a gateway says of itself and bears well."""
_LINK: Final[dict[str, tuple[Level, str]]] = {
    "broker.refused": (
        "problem",
        "Its certificate has run out or was revoked: enrol it anew (quartermaster gateway enrol).",
    ),
    "broker.unreachable": (
        "note",
        "Check the site's line and its way to the broker's port; it connects again by itself.",
    ),
}
_ENOUGH_S: Final = 600
"""As long as the gateway watches before it says when the store will be full."""
_SOON: Final = 2 * DAY
"""Of the seven days of a gateway's certificate: it should have been renewed long before."""


def findings_in(report: dict[str, Any], now: int) -> list[Finding]:
    """What of a report (see :mod:`edge.cli.standing`) is worth saying, the worst first."""
    found = [
        *_process(report),
        *_said(report),
        *_link(report, now),
        *_chain(report),
        *_certificates(report, now),
        *_documents(report),
        *_cameras(report),
        *_work(report),
    ]
    return sorted(found, key=lambda each: each.level != "problem")


def verdict(report: dict[str, Any], findings: list[Finding]) -> Finding:
    """The whole in a sentence."""
    problems = sum(each.level == "problem" for each in findings)
    name = report.get("gateway") or "This gateway"
    if problems:
        says = f"{many(problems, 'thing')} must be seen to."
        return Finding(name, "problem", says)
    if findings:
        says = "At work."
        if _is_cut_off(report):
            says = "At work, cut off from the cloud: scans go on, nothing is lost."
        return Finding(name, "note", f"{says} {many(len(findings), 'thing')} to know:")
    return Finding(name, "ok", "All is well.")


def _is_cut_off(report: dict[str, Any]) -> bool:
    link: dict[str, Any] | None = report.get("link")
    return bool(link) and not link["up"]


def _process(report: dict[str, Any]) -> Iterator[Finding]:
    process = report["process"]
    if not process["runs"]:
        yield Finding("process", "problem", "The gateway does not run: no scan is taken.", START)
    elif not process["answers"]:
        says = "The gateway runs, but does not say how it stands."
        yield Finding("process", "problem", says, f"Wait a minute and ask again. {_LOG}")


def _said(report: dict[str, Any]) -> Iterator[Finding]:
    """What the gateway says of itself, and what could not be read."""
    for told in _listed(report, "troubles"):
        yield _told("store" if told["code"].startswith("store.") else "folder", told, "problem")
    for damage in _listed(report, "damage") if report.get("notices") is None else []:
        says = f"A database was set aside on {when(damage['at'])}: {damage['why']}"
        do = "Count what the gap names; replace the disk; then delete gateway.db.damaged-*."
        yield Finding("store", "problem", says, do)
    for told in _listed(report, "notices"):
        family = told["code"].partition(".")[0]
        yield _told(family, told, "note" if told["code"] in _NOTES else "problem")


def _told(check: str, told: dict[str, Any], level: Level) -> Finding:
    particulars = ": ".join(part for part in (told.get("where"), told.get("detail")) if part)
    says = f"{told['says']} ({particulars})" if particulars else told["says"]
    return Finding(check, level, says, told["do"])


def _link(report: dict[str, Any], now: int) -> Iterator[Finding]:
    if not _is_cut_off(report):
        return
    code, why = _shortly(report["link"]["last_error"])
    level, do = _LINK.get(code, _LINK["broker.unreachable"])
    heard = report.get("heard_at")
    since = f"last heard {ago(heard, now)}" if heard else "never heard since this database was made"
    says = f"The cloud is away, {since}{f' ({why})' if why else ''}."
    yield Finding("cloud", level, says, do)
    decides: dict[str, Any] = report.get("decisions") or {}
    if narrowed := decides.get("narrowed"):
        yield Finding("decisions", "note", narrowed)


def _shortly(error: str) -> tuple[str, str]:
    """The code of an error that was put into words, and with it what it was this time."""
    code, _, rest = error.partition(": ")
    detail = rest.partition(" (")[2].partition(") ")[0]
    return code, f"{code}: {detail}" if detail else code


def _chain(report: dict[str, Any]) -> Iterator[Finding]:
    """Whether what was sealed can be believed, and goes on."""
    if report.get("frozen"):
        do = "See new-epoch.md among the runbooks: the cloud decides whether it gets a new epoch."
        yield Finding("outbox", "problem", f"Nothing more is sealed: {report['frozen']}", do)
    if report.get("epoch_refused"):
        do = "See new-epoch.md among the runbooks."
        yield Finding("outbox", "problem", f"No new epoch: {report['epoch_refused']}", do)
    witnessed = report.get("witnessed")
    if witnessed and witnessed["disagreed"]:
        do = "This database is an old copy or another machine's: see segment.fork in the runbooks."
        yield Finding("outbox", "problem", witnessed["disagreed"], do)


def _certificates(report: dict[str, Any], now: int) -> Iterator[Finding]:
    for each in _listed(report, "certificates"):
        left = each["not_after"] - now
        if left <= 0:
            do = "Enrol the gateway anew, or see to its line: it renews by itself for 90 days."
            if each["name"] != "cloud":
                do = "Restart the gateway: it makes itself a new one."
            says = f"The certificate for {each['for']} has run out on {when(each['not_after'])}."
            yield Finding("certificates", "problem", says, do)
        elif each["name"] == "cloud" and left < _SOON:
            says = f"The certificate for {each['for']} has {lasting(left)} left."
            do = "Run: quartermaster gateway renew, and see to the line if that is refused."
            yield Finding("certificates", "note", says, do)


def _documents(report: dict[str, Any]) -> Iterator[Finding]:
    versions = report.get("versions")
    if versions and not versions["catalog"]:
        says = "No catalog has come yet: every scan is refused until one has."
        yield Finding(
            "documents", "problem", says, "Import the catalog in the cloud; see the line."
        )
    if refused := report.get("last_refused_document"):
        says = f"A document was refused: {refused}"
        yield Finding("documents", "note", says, "The last good one stays in force.")


def _cameras(report: dict[str, Any]) -> Iterator[Finding]:
    for camera in _listed(report, "cameras"):
        if camera["state"] in {"unreadable", "failed", "frozen", "black"}:
            says = f"{camera['name']} gives no picture ({camera['state']})."
            do = "Check its power, its cable and its source in gateway.toml; it is tried again."
            yield Finding("cameras", "note", says, do)


def _work(report: dict[str, Any]) -> Iterator[Finding]:
    waiting: dict[str, int] = report.get("open") or {}
    if number := waiting.get("exceptions"):
        says = f"{many(number, 'exception')} to be looked at by a person."
        yield Finding("floor", "note", says, "Look: quartermaster gateway exceptions.")
    if number := waiting.get("overdue"):
        says = f"{many(number, 'task')} overdue."
        yield Finding("floor", "note", says, "Look: quartermaster gateway tasks.")
    if dropped := report.get("evidence_dropped"):
        says = f"Of cameras and sensors {many(dropped, 'observation')} not recorded."
        yield Finding("disk", "note", says, "There was no room for them: see the disk.")


def _listed(report: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] | None = report.get(key)
    return found or []


def full_in(report: dict[str, Any]) -> str:
    """When the store will be full, in words."""
    filling = report.get("filling")
    if not filling:
        return "only the running gateway watches that"
    watched, full = filling["watched_seconds"], filling["full_in_seconds"]
    if watched < _ENOUGH_S:
        return "not known yet: that takes ten minutes of watching"
    if full is not None:
        return f"in about {lasting(full * SECOND)}, at the pace of the last {_span(watched)}"
    return f"not in sight (watched for {_span(watched)})"


def _span(seconds: int) -> str:
    return lasting(seconds * SECOND)
