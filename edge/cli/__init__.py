"""``quartermaster gateway``: run the gateway of a site, feed it, and see what it holds.

``read`` brings OpenCV along, so it is imported only when it is called: a gateway without a camera
never loads it.
"""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from edge.cli import devices, process
from edge.cli.enrol import enrol, renew
from edge.cli.scrub import scrub

__all__ = ["app"]


class _Commands(TyperGroup):
    """The commands below, and ``read``."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return [*super().list_commands(ctx), "read"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now if it is ``read``."""
        if cmd_name != "read":
            return super().get_command(ctx, cmd_name)
        from edge.cli.read import read  # noqa: PLC0415 - loads OpenCV

        alone = typer.Typer()
        alone.command("read")(read)
        return get_command(alone)


app: Final = typer.Typer(
    cls=_Commands, help="Run, enrol and feed the gateway of a site.", no_args_is_help=True
)
app.command()(process.run)
app.command()(process.status)
app.command()(process.queue)
app.command()(scrub)
app.command()(enrol)
app.command()(renew)
app.add_typer(devices.app, name="devices")
