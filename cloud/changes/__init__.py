"""The append-only change log: what streams, webhooks and subscribers read."""

from cloud.changes.model import KINDS, Change, Cursor, Kind, Message, Tell, Wanted
from cloud.changes.service import Log, Read, follow, give_up, note, order_waiting

__all__ = [
    "KINDS",
    "Change",
    "Cursor",
    "Kind",
    "Log",
    "Message",
    "Read",
    "Tell",
    "Wanted",
    "follow",
    "give_up",
    "note",
    "order_waiting",
]
