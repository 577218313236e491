"""What is promised: quota leases, commitments within them, and what was picked for documents."""

from cloud.orders.model import (
    Account,
    Commitment,
    LeaseRow,
    Origin,
    Pick,
    Return,
    Undone,
    Unknown,
)
from cloud.orders.service import (
    account,
    document,
    forget,
    grant,
    leases,
    note_commitments,
    note_picks,
    note_returns,
    note_undone,
    recall,
    take,
)

__all__ = [
    "Account",
    "Commitment",
    "LeaseRow",
    "Origin",
    "Pick",
    "Return",
    "Undone",
    "Unknown",
    "account",
    "document",
    "forget",
    "grant",
    "leases",
    "note_commitments",
    "note_picks",
    "note_returns",
    "note_undone",
    "recall",
    "take",
]
