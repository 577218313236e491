"""What is held about persons: said, erased, and let go in time."""

from cloud.orders.persons.model import KINDS, Certificate, Customer, Held, Kind
from cloud.orders.persons.service import (
    erase,
    find,
    held,
    retention,
    set_retention,
    sweep,
)

__all__ = [
    "KINDS",
    "Certificate",
    "Customer",
    "Held",
    "Kind",
    "erase",
    "find",
    "held",
    "retention",
    "set_retention",
    "sweep",
]
