"""How the gateway stands, in words: the tiles of the overview and the facts of the system page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from edge.web.console.trend import Look, filling, micros_to_full, pace
from edge.web.console.views import Glance
from shared.units import DAY, SECOND
from shared.words import ago, counted, lasting, many, size, when

_SOON: Final = DAY
"""Before the end of a certificate when something must be in the way of its renewal."""
_WORST: Final = frozenset(
    {"store.damaged", "settings.safe-mode", "disk.full", "people.break-glass", "people.none-known"}
)
"""Notices for which one gets up at night."""
_FILLS_SOON: Final = DAY
_BLIND: Final = frozenset({"unreadable", "failed", "frozen", "black"})
"""States of a camera in which it sees nothing."""


class Certificate(NamedTuple):
    """A certificate that the gateway shows or trusts.

    ``lasts`` is its whole life in microseconds.
    """

    name: str
    purpose: str
    not_after: int
    lasts: int


class Fact(NamedTuple):
    """A line of the system page; ``look`` is ``good``, ``warned``, ``refused`` or nothing."""

    name: str
    says: str
    more: str = ""
    look: str = ""


class Tile(NamedTuple):
    """A number of the overview, where it leads to, and how it looks."""

    name: str
    says: str
    more: str = ""
    look: str = ""
    page: str = ""


class Notice(NamedTuple):
    """What a person should know: what is wrong, what to do, particulars."""

    says: str
    do: str
    detail: str = ""
    look: str = "warned"


def cloud(report: dict[str, Any], now: int) -> Fact:
    """Whether the cloud is there: one truth for every page.

    The link says whether it can be reached, its last word whether it hears.
    """
    heard = report["decisions"]["heard_at"]
    last = f"heard {ago(heard, now)}" if heard else "never heard so far"
    if not report["link"]["up"]:
        since = f"for {lasting(now - heard)}" if heard and now > heard else "never heard so far"
        return Fact("Cloud", "Cut off", since, "warned")
    if report["decisions"]["alone"]:
        return Fact("Cloud", "Silent", f"connected, {last}", "warned")
    return Fact("Cloud", "Connected", last, "good")


def notices(report: dict[str, Any], now: int, certificates: Sequence[Certificate]) -> list[Notice]:
    """All that is wrong, the worst first."""
    away = _cut_off(report, now)
    found = [*([away] if away is not None else [])]
    found += [
        Notice(
            each["says"],
            each["do"],
            each.get("detail", ""),
            "refused" if each["code"] in _WORST else "warned",
        )
        for each in report["notices"]
    ]
    if report["frozen"]:
        found.append(
            Notice(
                "The outbox is stopped: nothing more is sealed in this epoch.",
                "Scans go on. The gateway asks the cloud for a new epoch; see the logs.",
                report["frozen"],
                "refused",
            )
        )
    for each in certificates:
        if look := _look(each, now):
            over = each.not_after <= now
            found.append(
                Notice(
                    f"{each.name}: the certificate {'has ended' if over else 'ends soon'}.",
                    each.purpose,
                    when(each.not_after),
                    look,
                )
            )
    return sorted(found, key=lambda notice: notice.look != "refused")


def _cut_off(report: dict[str, Any], now: int) -> Notice | None:
    """What it means that the cloud is not there; None while it is."""
    here = cloud(report, now)
    if here.look == "good":
        return None
    decides = report["decisions"]
    means = "Work goes on; what happens is kept, and sent when the cloud is back."
    if decides["narrowed"]:
        means = f"Work goes on. {decides['narrowed']}"
    elif decides["alone"]:
        means = "Work goes on; the gateway decides by itself and sends all when the cloud is back."
    if here.says == "Silent":
        return Notice(f"The cloud is silent ({here.more}).", means)
    says = f"The gateway is cut off from the cloud ({here.more})."
    return Notice(says, f"{means} If others are not cut off, check this gateway's network.")


def tiles(report: dict[str, Any], looks: Sequence[Look], glance: Glance, now: int) -> list[Tile]:
    """The numbers by which one sees in a second how it goes."""
    here, disk = cloud(report, now), report["disk"]
    to_go = report["waiting"] + report["unacknowledged"]
    minutes, accepted, refused = pace(looks)
    return [
        Tile(here.name, here.says, here.more, here.look, "system"),
        Tile(
            "To send",
            counted(to_go),
            "the cloud has everything" if not to_go else "events kept here",
            "refused" if report["frozen"] else "good" if not to_go else "",
            "system",
        ),
        Tile(
            "Disk",
            f"{disk['used_percent']:.0f} %",
            "used" if disk["level"] == "full" else _until_full(looks),
            _look_of_disk(disk, looks),
            "system",
        ),
        Tile(
            "Scans",
            counted(accepted),
            _in_the_last(minutes) + (f", {counted(refused)} refused" if refused else ""),
            "warned" if refused > accepted else "",
            "scans",
        ),
        Tile(
            "Exceptions",
            counted(glance.exceptions),
            "open" if glance.exceptions else "nothing to look at",
            "warned" if glance.exceptions else "good",
            "exceptions",
        ),
        Tile(
            "Tasks",
            counted(glance.tasks),
            f"open, {counted(glance.late)} late" if glance.late else "open, none late",
            "warned" if glance.late else "",
            "tasks",
        ),
        Tile(
            "People",
            counted(glance.people),
            f"at work, {many(glance.devices, 'device')} paired",
            "",
            "devices",
        ),
        *_camera_tile(report["cameras"]),
    ]


def link_facts(report: dict[str, Any], now: int) -> list[Fact]:
    """How far the cloud has what happened here, and what it said of it."""
    here, to_go = cloud(report, now), report["waiting"] + report["unacknowledged"]
    complete = Fact("Completeness", "The cloud has everything", "", "good")
    if to_go:
        look = "" if here.look == "good" else "warned"
        complete = Fact("Completeness", f"{many(to_go, 'event')} to go", "", look)
    if report["frozen"]:
        complete = Fact("Completeness", "Stopped", report["frozen"], "refused")
    head = report["witnessed"]
    witnessed = Fact("Daily head", "None yet", "the cloud countersigns one each day", "absent")
    if head is not None:
        witnessed = Fact(
            "Daily head",
            f"{counted(head['seq'])} of epoch {head['epoch']}, {head['day']}",
            head["disagreed"] or "countersigned by the cloud; both sides agree",
            "refused" if head["disagreed"] else "good",
        )
    link = report["link"]
    return [
        here._replace(more=here.more if link["up"] else link["last_error"] or here.more),
        complete,
        Fact(
            "Watermark",
            f"{counted(report['watermark'])} of {counted(report['seq'])}",
            f"what the cloud has signed for, in epoch {report['epoch']}",
        ),
        Fact(
            "Outbox",
            f"{counted(report['waiting'])} not sealed yet",
            f"{counted(report['unacknowledged'])} sealed and not confirmed, "
            f"{counted(link['in_flight'])} of those segments on their way",
        ),
        witnessed,
        Fact(
            "Connections",
            counted(link["connections"]),
            f"since the start; {many(link['auth_failures'], 'refusal')} by the broker, "
            f"{many(link['resent'], 'segment')} sent again",
        ),
    ]


def room_facts(report: dict[str, Any], looks: Sequence[Look]) -> list[Fact]:
    """How long it can go on like this."""
    disk = report["disk"]
    return [
        Fact(
            "Disk",
            f"{disk['used_percent']} % used",
            f"{size(disk['store_bytes'])} of {size(disk['quota_bytes'])} for the store, "
            f"{size(disk['free_bytes'])} free on the disk",
            {"plenty": "good", "full": "refused"}.get(disk["level"], "warned"),
        ),
        Fact("Time to full", filling(looks)[0].upper() + filling(looks)[1:]),
        *(
            [
                Fact(
                    "Not recorded",
                    many(report["evidence_dropped"], "observation"),
                    "of cameras and sensors, for want of room, since the start",
                    "warned",
                )
            ]
            if report["evidence_dropped"]
            else []
        ),
    ]


def machine_facts(report: dict[str, Any], now: int) -> list[Fact]:
    """The machine and its clock."""
    clock = report["clock"]
    wrong = clock["machine_is"] in {"behind", "ahead"}
    off_by = lasting(abs(clock["off_by_seconds"]) * SECOND)
    damage = len(report["damage"])
    return [
        Fact(
            "Clock",
            f"{clock['machine_is'].capitalize()} by {off_by}"
            if wrong
            else "Right, as far as known",
            f"{when(now)}, {clock['state']}",
            "warned" if wrong else "good" if clock["state"] == "synchronized" else "",
        ),
        Fact(
            "Database",
            "Whole" if not damage else f"Recovered {many(damage, 'time')}",
            "what was lost is named in the notices" if damage else "",
            "warned" if damage else "good",
        ),
        Fact(
            "Scans",
            f"{counted(report['scans'])} accepted",
            f"{counted(report['refused'])} refused, since the database was made",
        ),
    ]


def version_facts(report: dict[str, Any], received: dict[str, int], now: int) -> list[Fact]:
    """What is in force, and for how long."""
    model = report["decisions"]["model"]
    documents = [
        Fact(
            name.capitalize(),
            f"Version {version}" if version else "None yet",
            f"came {ago(received[name], now)}" if version and name in received else "",
            "" if version else "absent",
        )
        for name, version in report["versions"].items()
    ]
    return [
        Fact("Software", report["software"]),
        Fact("Database", f"Schema {report['schema']}"),
        *documents,
        Fact("Refused last", *_code_and_rest(report["last_refused_document"])),
        Fact("Stockout model", f"{model[:12]}…", "SHA-256")
        if model
        else Fact("Stockout model", "None: the rule decides", "", "absent"),
    ]


def _code_and_rest(error: str) -> tuple[str, str, str]:
    """An error on one line, apart: its code, what it says, and how that looks."""
    code, _, rest = error.partition(": ")
    return (code, rest, "") if error else ("No document since the start", "", "absent")


def certificate_facts(certificates: Sequence[Certificate], now: int) -> list[Fact]:
    """Each certificate and its end."""
    return [
        Fact(
            each.name,
            f"Valid for {lasting(each.not_after - now)}" if each.not_after > now else "Ended",
            f"until {when(each.not_after)}. {each.purpose}",
            _look(each, now) or "good",
        )
        for each in certificates
    ]


def camera_facts(report: dict[str, Any]) -> list[Fact]:
    """What the cameras do; a gateway may have none."""
    return [
        Fact(
            camera["name"],
            camera["state"].capitalize(),
            "; ".join(
                part
                for part in (
                    camera["why"],
                    f"{counted(camera['codes_seen'])} codes seen",
                    f"zone {camera['zone']}" if camera["zone"] else "",
                    f"{counted(camera['dropped_frames'])} frames dropped"
                    if camera["dropped_frames"]
                    else "",
                )
                if part
            ),
            "warned" if camera["state"] in _BLIND else "good",
        )
        for camera in report["cameras"]
    ]


def input_facts(report: dict[str, Any], now: int) -> list[Fact]:
    """The doors beside HTTP, and what sensors said last."""
    inputs = report["inputs"]
    return [
        *_listener("Scanner lines (TCP)", inputs["tcp"]),
        *_listener("MQTT devices", inputs["mqtt"]),
        *(
            Fact(
                f"{each['sensor']} ({each['device']})",
                f"{each['value']} {each['unit']}"
                if each["value"] is not None
                else "No reading yet",
                ", ".join(
                    part
                    for part in (each["location"] or "", ago(each["at"], now) if each["at"] else "")
                    if part
                ),
                "" if each["at"] else "absent",
            )
            for each in inputs["sensors"]
        ),
    ]


def _listener(name: str, listener: dict[str, Any] | None) -> list[Fact]:
    """How a listener stands; nothing where there is none."""
    if listener is None:
        return []
    refused = {code: number for code, number in listener["counts"].items() if "." in code}
    more = [
        *([listener["last_error"]] if listener["last_error"] else []),
        *(f"{each['device']} at {each['address']}" for each in listener.get("connections", ())),
        *(f"{counted(number)} × {code}" for code, number in refused.items()),
    ]
    look = "warned" if listener["last_error"] and not listener.get("up") else "good"
    says = "Not listening" if look == "warned" else f"Listening on port {listener['port']}"
    return [Fact(name, says, "; ".join(more), look)]


def _look(certificate: Certificate, now: int) -> str:
    """How a certificate stands; empty while there is nothing to see."""
    left = certificate.not_after - now
    if left <= 0:
        return "refused"
    soon = max(_SOON, min(certificate.lasts // 20, 14 * DAY))
    return "warned" if left <= soon else ""


def _camera_tile(cameras: Sequence[dict[str, Any]]) -> list[Tile]:
    """The cameras in one tile, where there are any."""
    if not cameras:
        return []
    wrong = [each["name"] for each in cameras if each["state"] in _BLIND]
    return [
        Tile(
            "Cameras",
            f"{len(cameras) - len(wrong)} of {len(cameras)}",
            f"not {', '.join(wrong)}" if wrong else "at work",
            "warned" if wrong else "good",
            "cameras",
        )
    ]


def _in_the_last(minutes: int) -> str:
    if minutes < 1:
        return "counted from now on"
    return "in the last hour" if minutes >= 60 else f"in the last {many(minutes, 'minute')}"


def _until_full(looks: Sequence[Look]) -> str:
    micros = micros_to_full(looks)
    if micros is None or micros > 365 * DAY:
        return "used, not filling" if len(looks) > 1 else "used"
    return f"used, full in {lasting(micros)}"


def _look_of_disk(disk: dict[str, Any], looks: Sequence[Look]) -> str:
    if disk["level"] != "plenty":
        return "refused" if disk["level"] == "full" else "warned"
    micros = micros_to_full(looks)
    return "warned" if micros is not None and micros < _FILLS_SOON else "good"
