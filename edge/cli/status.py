"""``quartermaster gateway status``: whether all is well, in words; see :mod:`edge.cli.standing`."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Final

import typer

from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json

_EVERY_S: Final = 2.0


def status(
    data: Data = FOLDER,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Say whether all is well with this gateway, and how it stands; also when it does not run.

    Example: quartermaster gateway status --watch
    """
    from edge.cli.standing import report_of, show  # noqa: PLC0415 - a shell completes without it

    while True:
        report = report_of(data)
        if watch and sys.stdout.isatty() and not json:
            screen.console().clear()
        if json:
            screen.show_json(report)
        else:
            show(report)
        if not watch:
            return
        try:
            time.sleep(_EVERY_S)
        except KeyboardInterrupt:
            return
