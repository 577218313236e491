"""``quartermaster gateway``: run the gateway of a site, feed it, and see how it stands.

A command's module is imported when it is called (or when the shell completes its options), so that
help and completion answer at once, and a gateway without a camera never loads OpenCV.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

__all__ = ["app"]


class Row(NamedTuple):
    """A command: the module and what of it, one line of help, and whether it has commands."""

    module: str
    attribute: str
    help: str
    group: bool = False


COMMANDS: Final[dict[str, Row]] = {
    "status": Row("edge.cli.status", "status", "Say how this gateway stands."),
    "doctor": Row("edge.cli.doctor", "doctor", "Look for what is wrong; say how to mend it."),
    "queue": Row("edge.cli.queue", "queue", "List what the cloud does not have yet."),
    "devices": Row("edge.cli.devices", "app", "Pair, list and revoke scanners.", group=True),
    "tasks": Row("edge.cli.tasks", "tasks", "List what is to be done at this site."),
    "exceptions": Row("edge.cli.tasks", "exceptions", "List what a person should look at."),
    "decisions": Row("edge.cli.decisions", "decisions", "List what was decided here, and why."),
    "config": Row("edge.cli.config", "app", "Check and apply configurations.", group=True),
    "backup": Row("edge.cli.backup", "backup", "Write a backup, and verify it."),
    "restore": Row("edge.cli.backup", "restore", "Put a backup in place, or say what it would do."),
    "support-bundle": Row("edge.cli.bundle", "support_bundle", "Gather what support needs."),
    "run": Row("edge.cli.process", "run", "Run the gateway, until SIGTERM."),
    "enrol": Row("edge.cli.enrol", "enrol", "Exchange a one-time token for a certificate."),
    "renew": Row("edge.cli.enrol", "renew", "Renew this gateway's certificate now."),
    "scrub": Row("edge.cli.scrub", "scrub", "Read everything, compare it with what was written."),
    "read": Row("edge.cli.read", "read", "Read barcodes in pictures, videos and cameras."),
}
"""In the order in which help lists them: looking first, then doing."""


class _Commands(TyperGroup):
    """Lists every command from the table above; imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, row in COMMANDS.items():
            self.add_command(TyperCommand(name, callback=None, help=row.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command called, importing its module."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(COMMANDS[name]) if name in COMMANDS else command, rest


def _load(row: Row) -> Any:
    found = getattr(import_module(row.module), row.attribute)
    if row.group:
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(row.attribute)(found)
    return get_command(alone)


app: Final = typer.Typer(
    cls=_Commands,
    help="Run, enrol and feed the gateway of a site.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def root() -> None:
    """Keep the commands under one name: they are known to the table only."""
