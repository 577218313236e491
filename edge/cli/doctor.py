"""``quartermaster gateway doctor``: what is wrong with this gateway, each with a way to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from edge import settings as settings_file
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json
from edge.ports import SystemClock
from edge.settings import Settings
from shared.errors import QuartermasterError
from shared.findings import healthy


def doctor(
    data: Data = FOLDER,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Tell what is well, too.")] = False,
    json: Json = False,
) -> None:
    """Look for what is wrong with this gateway, and say how to mend it; no cloud is needed.

    It changes nothing. The exit code is 0 when nothing is wrong and 1 when something is.

    Example: quartermaster gateway doctor --all
    """
    from edge.cli.checks import Patient, examine  # noqa: PLC0415 - a shell completes without it
    from edge.cli.standing import report_of  # noqa: PLC0415 - likewise

    status = report_of(data)
    try:
        settings = settings_file.load(data)
    except QuartermasterError:  # the check of the settings says why
        settings = Settings()
    findings = list(examine(Patient(data, settings, status, SystemClock().now())))
    well = healthy(findings)
    if json:
        screen.show_json({"ok": well, "findings": [each.as_dict() for each in findings]})
        raise typer.Exit(0 if well else 1)
    shown = [each for each in findings if everything or each.level != "ok"]
    screen.show_findings(shown)
    wrong = sum(each.level == "problem" for each in findings)
    notes = sum(each.level == "note" for each in findings)
    says = f"{len(findings)} things were looked at: {wrong or 'nothing'} wrong, {notes} to know."
    screen.show_text(says, "" if well else "bold")
    raise typer.Exit(0 if well else 1)
