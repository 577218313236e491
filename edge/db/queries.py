"""The statements of a room, read once from its ``queries.sql`` (see :mod:`shared.sql`)."""

from __future__ import annotations

from importlib import resources
from typing import LiteralString

from shared.sql import statements


class Queries:
    """The statements of one room, by name.

    Args:
        package: the room, e.g. ``edge.outbox``.
    """

    def __init__(self, package: str) -> None:
        text = resources.files(package).joinpath("queries.sql").read_text("utf-8")
        self._statements = statements(text, room=package)

    def __getitem__(self, name: str) -> LiteralString:
        """The statement called ``name``; a KeyError is a programming error."""
        return self._statements[name]
