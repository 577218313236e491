"""``quartermaster gateway decisions``: what this gateway decided by itself, and why, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json, Limit, reading
from edge.cli.screen import Column, Fact
from edge.ports import SystemClock
from shared.errors import QuartermasterError
from shared.units import DAY, HOUR, MINUTE
from shared.words import ago, counted, plain, when

if TYPE_CHECKING:
    from edge.db import Connection
    from edge.fallback import Decision

_SHOWN: Final = 20
_SHORT: Final = 8
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decisions(
    decision: Annotated[
        str | None, typer.Argument(help="One decision, whole: its id or how that ends.")
    ] = None,
    data: Data = FOLDER,
    *,
    since: Annotated[
        str, typer.Option(help="Since when: 30m, 8h, 2d, or a moment as 2026-11-21T14:00.")
    ] = "",
    kind: Annotated[str | None, typer.Option(help="One kind, e.g. replenish.")] = None,
    limit: Limit = _SHOWN,
    json: Json = False,
) -> None:
    """List what this gateway decided without the cloud, the newest first; or one decision, whole.

    Example: quartermaster gateway decisions --since 8h
    """
    from edge import fallback  # noqa: PLC0415 - a shell completes without it
    from shared.policy import DECISION_KINDS  # noqa: PLC0415 - likewise

    if kind is not None and kind not in DECISION_KINDS:
        raise QuartermasterError("request.invalid", ", ".join(DECISION_KINDS), where="--kind")
    now = SystemClock().now()
    with reading(data) as reader:
        if decision is not None:
            _show(_one(reader, decision), now, json=json)
            return
        found = fallback.decisions(reader, since=moment(since, now), kind=kind, limit=limit + 1)
    shown = found[:limit]
    if json:
        records = [each.in_words() for each in shown]
        screen.show_json({"decisions": records, "more": len(found) > limit})
        return
    screen.show_table(
        [
            Column("id"),
            Column("when"),
            Column("decision", wide=True),
            Column("outcome", wide=True),
            Column("done"),
        ],
        [
            (
                str(UUID(bytes=each.id))[-_SHORT:],
                ago(each.taken_at, now),
                _about(each),
                _outcome(each),
                "overruled" if each.overridden_at else "yes" if each.carried_out else "no",
            )
            for each in shown
        ],
        empty="Nothing was decided here" + (" since then." if since else " yet."),
    )
    if len(found) > limit:
        screen.show_text(screen.more_of("decisions", limit))


def moment(text: str, now: int) -> int:
    """A moment in microseconds: an age (``8h``) or a date and time, UTC where no zone is said.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    if not text:
        return 0
    number, unit = text[:-1], text[-1:].lower()
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) <= _SHORT:
        return max(now - int(number) * _UNITS[unit], 0)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise QuartermasterError("request.invalid", repr(text[:40]), where="--since") from None
    aware = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _one(reader: Connection, text: str) -> Decision:
    """The decision with this id, or the newest whose id ends so.

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    from edge import fallback  # noqa: PLC0415 - as above

    try:
        return fallback.decision(reader, UUID(text).bytes)
    except ValueError:
        ending = text.lower().replace("-", "")
    for each in fallback.decisions(reader, limit=10_000):
        if ending and each.id.hex().endswith(ending):
            return each
    raise QuartermasterError("request.not-found", text[:80], where="decision")


def _about(decision: Decision) -> str:
    place = f" at {decision.place}" if decision.place else ""
    return f"{plain(decision.kind)}: {decision.subject}{place}"


def _outcome(decision: Decision) -> str:
    quantity = f", {counted(decision.quantity)} units" if decision.quantity else ""
    return f"{plain(decision.outcome)}{quantity}"


def _show(decision: Decision, now: int, *, json: bool) -> None:
    if json:
        screen.show_json(decision.in_words())
        return
    screen.show_text(_about(decision), "bold")
    away = f"{decision.away_minutes} minutes into a cut" if decision.away_minutes else "on line"
    narrowed = "; what may be decided was narrowed by then" if decision.narrowed else ""
    facts = [
        Fact("Outcome", _outcome(decision)),
        Fact("Carried out", "yes" if decision.carried_out else "no: recommended to people"),
        Fact("Why", _listed(decision.reasons)),
        Fact("Instead of", _listed(decision.alternatives) or "nothing else was possible"),
        Fact("Task", decision.task or "none"),
        Fact(
            "Taken", f"{when(decision.taken_at)} ({ago(decision.taken_at, now)}), {away}{narrowed}"
        ),
        Fact("Policy", f"version {decision.policy}"),
        Fact("Key", decision.key),
        Fact("Id", str(UUID(bytes=decision.id))),
        _override(decision),
        Fact("Replay", "The cloud takes it again when it hears of it; its verdict is kept there."),
    ]
    screen.show_facts(facts)


def _override(decision: Decision) -> Fact:
    if decision.overridden_at is None:
        return Fact("Overruled", "by nobody")
    says = f"{decision.overridden_by} decided otherwise on {when(decision.overridden_at)}: "
    return Fact("Overruled", f"{says}{decision.instead} ({decision.why})", "note")


def _listed(texts: tuple[str, ...]) -> str:
    return " · ".join(texts)
