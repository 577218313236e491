"""What gateways should hold, what they say they hold, and the offers that close the gap."""

from cloud.fleet.model import Attempts, Shelf, Step, Wanted, due
from cloud.fleet.service import (
    begin_generation,
    catch_up,
    desired,
    document,
    floor,
    generation,
    hold,
    in_force,
    offer,
    publish,
    published,
    reported,
    sweep,
)

__all__ = [
    "Attempts",
    "Shelf",
    "Step",
    "Wanted",
    "begin_generation",
    "catch_up",
    "desired",
    "document",
    "due",
    "floor",
    "generation",
    "hold",
    "in_force",
    "offer",
    "publish",
    "published",
    "reported",
    "sweep",
]
