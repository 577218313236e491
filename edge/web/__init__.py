"""The gateway's local HTTPS API."""

from edge.web.api import Status, create
from edge.web.server import Door, open_door
from shared.rates import RateLimit

__all__ = ["Door", "RateLimit", "Status", "create", "open_door"]
