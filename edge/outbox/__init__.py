"""Durable, ordered, signed: the only door between seeing and sending."""

from edge.outbox.headnote import HeadNote, Noted, Reached
from edge.outbox.hearing import heard_at
from edge.outbox.outbox import Outbox
from edge.outbox.reading import Sealed
from edge.outbox.records import Acknowledged, Depth, Opening, Signer
from edge.outbox.standing import Head, head, head_if_any

__all__ = [
    "Acknowledged",
    "Depth",
    "Head",
    "HeadNote",
    "Noted",
    "Opening",
    "Outbox",
    "Reached",
    "Sealed",
    "Signer",
    "head",
    "head_if_any",
    "heard_at",
]
