"""Who decides: named, or the account that runs the command."""

from __future__ import annotations

import os
import pwd
from typing import Annotated

import typer

By = Annotated[str, typer.Option(help="Who decides; the account by default.")]


def person(by: str) -> str:
    """The name that is kept with a decision."""
    return by.strip()[:200] or pwd.getpwuid(os.getuid()).pw_name
