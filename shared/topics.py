"""The MQTT topic tree. The only place that knows a slash.

``qm/v1/{gateway}/seg`` up, ``ack`` and ``cmd`` down, ``state`` birth and death (retained, Will).
The broker's ACL grants ``%u`` (the certificate's common name) exactly its own four topics.
``qm/v1/changes/{site}/{kind}`` tells subscribers inside the trust domain what has changed; what
belongs to no site is told under ``-``, which no site is called.
"""

from __future__ import annotations

from typing import Final, Literal

from shared.errors import QuartermasterError
from shared.ids import GatewayId, gateway_id

Leaf = Literal["seg", "ack", "cmd", "state"]

ROOT: Final = "qm/v1"
ALL_SEGMENTS: Final = f"{ROOT}/+/seg"
ALL_STATES: Final = f"{ROOT}/+/state"
ALL_CHANGES: Final = f"{ROOT}/changes/#"
SHARED_SEGMENTS: Final = f"$share/ingest/{ALL_SEGMENTS}"


def topic(gateway: GatewayId, leaf: Leaf) -> str:
    """The topic of one gateway's leaf."""
    return f"{ROOT}/{gateway}/{leaf}"


def gateway_of(name: str, leaf: Leaf) -> GatewayId:
    """The gateway that a received topic belongs to.

    Raises:
        QuartermasterError: ``segment.foreign`` for any other topic.
    """
    parts = name.split("/")
    if len(parts) != 4 or f"{parts[0]}/{parts[1]}" != ROOT or parts[3] != leaf:
        raise QuartermasterError("segment.foreign", f"topic {name[:100]!r}")
    return gateway_id(parts[2])


def changes_topic(site: str | None, kind: str) -> str:
    """The topic of one site's changes of one kind; what MQTT gives a meaning is written ``_``."""
    level = "-" if site is None else "".join("_" if sign in "/+#" else sign for sign in site)
    return f"{ROOT}/changes/{level}/{kind}"
