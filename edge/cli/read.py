"""``quartermaster gateway read PATH…``: photos, folders, videos and cameras into events.

Without ``--data`` (or with ``--dry-run``) the events are only shown. A place that cannot be read
is reported and the rest goes on; the exit code is 1 when a named place could not be read. The work
is done in :mod:`edge.cli.reading`, which brings OpenCV along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def read(
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders, videos, camera addresses, devices (0).")
    ],
    *,
    data: Annotated[
        Path | None, typer.Option(help="Record the events in this gateway's data folder.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the events.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    device: Annotated[str, typer.Option(help="The camera that the events name.")] = "photo",
    seconds: Annotated[
        float, typer.Option(help="How long to look at a live camera, from its first picture.")
    ] = 10.0,
    labels: Annotated[
        bool, typer.Option("--labels", help="Read lot and expiry from the print of pictures, too.")
    ] = False,
    lot_form: Annotated[
        list[str] | None,
        typer.Option(
            help="How lots are written, else as the gateway says: 9 a digit, A a letter; repeat it."
        ),
    ] = None,
) -> None:
    """Read codes from pictures, videos and cameras, and turn them into events.

    Example: quartermaster gateway read photos/ --data gateway
    """
    from edge.cli.reading import read_places  # noqa: PLC0415 - loads OpenCV

    unreadable = read_places(
        paths,
        data=None if dry_run else data,
        json=json,
        device=device,
        seconds=seconds,
        labels=labels,
        forms=lot_form or (),
    )
    if unreadable:
        raise typer.Exit(1)
