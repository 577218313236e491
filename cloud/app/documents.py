"""What other systems' documents do: from a feed's kind to its reader, from a type to its handler.

Handlers run inside the delivery's transaction and refuse by raising; a type without one is kept
(``unrouted``) until a version comes that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud import feeds
from cloud.app import selling
from cloud.feeds import Handler, Reader, Routes
from cloud.feeds.documents import CustomerReturn, Fulfilment, Listing, SalesOrder

READERS: Final[Mapping[str, Reader]] = {}

HANDLERS: Final[Mapping[type, Handler]] = {
    Listing: feeds.learn,
    SalesOrder: selling.spoken,
    Fulfilment: selling.spoken,
    CustomerReturn: selling.spoken,
}

ROUTES: Final = Routes(READERS, HANDLERS)
