"""Names of things, as types, and the door that lets them in.

A gateway's name becomes a topic level and a certificate's common name, so its alphabet is closed
here once; a slash in it would let a gateway write under another's topic.
"""

from __future__ import annotations

import re
from typing import Final, NewType

from shared.errors import QuartermasterError

GatewayId = NewType("GatewayId", str)
SiteId = NewType("SiteId", str)
Sku = NewType("Sku", str)
LocationCode = NewType("LocationCode", str)
Epoch = NewType("Epoch", int)
Seq = NewType("Seq", int)
EventHash = NewType("EventHash", bytes)

GATEWAY_PATTERN: Final = re.compile(r"gw-[a-z0-9-]{1,48}\Z")
CODE_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}\Z")
"""Sites, SKUs and locations: printable, no blanks, at most 64 characters."""


def gateway_id(text: str) -> GatewayId:
    """Validate a gateway's name.

    Raises:
        QuartermasterError: ``gateway.name``.
    """
    if GATEWAY_PATTERN.match(text) is None:
        raise QuartermasterError("gateway.name", repr(text[:60]))
    return GatewayId(text)


def is_code(text: str) -> bool:
    """Whether ``text`` may name a site, an item or a location."""
    return CODE_PATTERN.match(text) is not None
