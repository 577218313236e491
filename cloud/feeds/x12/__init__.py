"""X12 with trading partners: read strictly, answered by 997, written as each partner has agreed."""

from cloud.feeds.x12.folder import Folder
from cloud.feeds.x12.partner import Partner, Role, checked, read_partner
from cloud.feeds.x12.service import (
    KIND,
    answer_again,
    forget,
    known_partner,
    overdue,
    partners,
    read_delivery,
    renumber,
    save_partner,
    send,
    sent,
    unusable,
    unwritten,
    written,
)
from cloud.feeds.x12.store import Known, Outgoing, SentRow

__all__ = [
    "KIND",
    "Folder",
    "Known",
    "Outgoing",
    "Partner",
    "Role",
    "SentRow",
    "answer_again",
    "checked",
    "forget",
    "known_partner",
    "overdue",
    "partners",
    "read_delivery",
    "read_partner",
    "renumber",
    "save_partner",
    "send",
    "sent",
    "unusable",
    "unwritten",
    "written",
]
