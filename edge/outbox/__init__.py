"""Durable, ordered, signed: the only door between seeing and sending."""

from edge.outbox.headnote import HeadNote, Reached
from edge.outbox.hearing import heard_at
from edge.outbox.history import Head, head
from edge.outbox.outbox import Outbox
from edge.outbox.reading import Sealed
from edge.outbox.records import Acknowledged, Depth, Opening, Signer

__all__ = [
    "Acknowledged",
    "Depth",
    "Head",
    "HeadNote",
    "Opening",
    "Outbox",
    "Reached",
    "Sealed",
    "Signer",
    "head",
    "heard_at",
]
