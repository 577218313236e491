"""What the feeds room is handed by whoever puts the cloud together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from cloud.db import Connection
from cloud.feeds.documents import Delivery
from cloud.feeds.model import Incoming, Read

Secrets: TypeAlias = Callable[[str], tuple[str, ...]]
"""A feed's secrets by the feed's name, the newest first; several while they are changed."""

Reader: TypeAlias = Callable[[Connection, Incoming], Read]
"""Turns a delivery into documents and flaws.

What it writes (an answer to the sender) stays, even where the documents are refused; a
``QuartermasterError`` refuses the delivery like a flaw.
"""

Handler: TypeAlias = Callable[[Connection, Any, Delivery], None]
"""Applies one document inside the delivery's transaction; a ``QuartermasterError`` refuses it."""


class Routes(NamedTuple):
    """The two tables between those who read and those who are fed."""

    readers: Mapping[str, Reader]
    """By a feed's kind."""
    handlers: Mapping[type, Handler]
    """By a document's type."""


def no_secrets(_feed: str) -> tuple[str, ...]:
    """Where no folder of secrets is set, nobody can prove to be a sender."""
    return ()


NOWHERE = Routes({}, {})
"""Everything is kept, nothing is read."""
