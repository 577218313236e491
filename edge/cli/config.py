"""``quartermaster gateway config``: look at a configuration, compare it, apply it, go back."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge import settings as settings_file
from edge.app import applying
from edge.app.checking import Fault, check
from edge.app.safe_mode import IN_WORDS, differences, in_force
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json
from edge.cli.screen import Column
from edge.settings import Settings, shown
from edge.web.hatch import ask
from shared.errors import QuartermasterError

app: Final = typer.Typer(
    help="Check, compare and apply configurations.", no_args_is_help=True, add_completion=False
)
Given = Annotated[
    Path | None, typer.Argument(help="A configuration, TOML; else the gateway's own.")
]
Wanted = Annotated[Path, typer.Argument(help="The configuration to put in place, TOML.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the change.")]
_RESTART: Final = "systemctl restart quartermaster-gateway"


@app.command("check")
def check_file(file: Given = None, data: Data = FOLDER, *, json: Json = False) -> None:
    """Name each wrong setting, with its line; exit code 78 where one cannot be used.

    Example: quartermaster gateway config check new.toml
    """
    _, faults = check(_text(file, data), data, runs=_runs(data))
    _show_faults(faults, json=json, name=_name(file))
    if _problems(faults):
        raise typer.Exit(os.EX_CONFIG)


@app.command()
def diff(file: Given = None, data: Data = FOLDER, *, json: Json = False) -> None:
    """List what differs from what is in force, and the built-in defaults beside it.

    Example: quartermaster gateway config diff new.toml
    """
    settings = settings_file.parse(_text(file, data), _name(file))
    rows = _rows(differences(applying.now_in_force(data), settings))
    known = in_force(data)
    if json:
        using = None if known is None else known.using
        screen.show_json({"in_force": using, "differences": rows})
        return
    if known is not None and known.fault:
        screen.show_text(f"Safe mode: {IN_WORDS[known.using]} in force ({known.fault}).", "yellow")
    _show_rows(rows, "in force", _name(file), empty=f"{_name(file)} says what is in force.")


@app.command("apply")
def apply_file(
    file: Wanted,
    data: Data = FOLDER,
    *,
    reason: Reason = "",
    force: Annotated[
        bool, typer.Option("--force", help="Also with what does not fit this machine now.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a configuration and put it in place; the one before is kept.

    Example: quartermaster gateway config apply new.toml --reason "camera at dock 2"
    """
    _apply(_text(file, data), data, file.name, reason=reason, force=force, json=json)


@app.command()
def rollback(
    data: Data = FOLDER,
    *,
    last_good: Annotated[
        bool, typer.Option("--last-good", help="Back to what the gateway last ran well with.")
    ] = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Put back the configuration before the last change; again, and the change is back.

    Example: quartermaster gateway config rollback
    """
    text = applying.earlier(data, last_good=last_good)
    why = reason or ("back to the last good one" if last_good else "rollback")
    _apply(text, data, "the one before", reason=why, force=True, json=json)


def _apply(text: bytes, data: Path, name: str, *, reason: str, force: bool, json: bool) -> None:
    runs = _runs(data)
    settings, faults = check(text, data, runs=runs)
    if settings is None or (_problems(faults) and not force):
        _show_faults(faults, json=json, name=name, applied=False)
        raise typer.Exit(os.EX_CONFIG)
    changes = applying.apply(data, text, by=_user(), reason=reason)
    after = _takes_effect(data, changes, runs=runs)
    rows = _rows(changes)
    if json:
        told = {"applied": True, "differences": rows, "restart": bool(rows) and runs}
        screen.show_json(told | {"faults": [fault._asdict() for fault in faults]})
        return
    screen.show_findings(fault.finding() for fault in faults)
    _show_rows(rows, "before", "now", empty=f"{name} says what is in force already.")
    screen.show_text(after)


def _takes_effect(data: Path, changes: dict[str, Any], *, runs: bool) -> str:
    """When what was applied is in force."""
    known = in_force(data)
    if not runs:
        return "In place; in force with the next start of the gateway."
    if known is not None and known.fault:
        return "In place; the gateway leaves safe mode and takes it within seconds."
    if not changes:
        return "In place; nothing needs a restart."
    return f"In place. These need a restart, which takes seconds: {_RESTART}"


def _rows(changes: dict[str, tuple[Any, Any]]) -> list[dict[str, str]]:
    defaults = settings_file.flat(Settings())
    return [
        {
            "setting": name,
            "before": shown(before),
            "after": shown(after),
            "default": shown(defaults.get(name)),
        }
        for name, (before, after) in changes.items()
    ]


def _show_rows(rows: list[dict[str, str]], before: str, after: str, *, empty: str) -> None:
    columns = [
        Column("setting"),
        Column(before, wide=True),
        Column(after, wide=True),
        Column("default"),
    ]
    cells = [[value or "–" for value in row.values()] for row in rows]
    screen.show_table(columns, cells, empty=empty)


def _show_faults(
    faults: list[Fault], *, json: bool, name: str, applied: bool | None = None
) -> None:
    if json:
        told: dict[str, Any] = {"ok": not _problems(faults)}
        if applied is not None:
            told["applied"] = applied
        screen.show_json(told | {"faults": [fault._asdict() for fault in faults]})
        return
    screen.show_findings(fault.finding() for fault in faults)
    if not _problems(faults):
        screen.show_text(f"{name} can be used.")
    elif applied is False:
        screen.show_text("Nothing was changed.")


def _problems(faults: list[Fault]) -> bool:
    return any(fault.level == "problem" for fault in faults)


def _text(file: Path | None, data: Path) -> bytes:
    """What a file holds; the gateway's own may be absent.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``settings.invalid``.
    """
    if file is None:
        return settings_file.text_of(data / settings_file.FILE)
    try:
        return file.read_bytes()
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", detail, where=str(file)) from None


def _name(file: Path | None) -> str:
    return settings_file.FILE if file is None else file.name


def _runs(data: Path) -> bool:
    return data.is_dir() and ask(data).runs


def _user() -> str:
    """Who is at the terminal, as the system knows them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
