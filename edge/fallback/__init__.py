"""What may be decided without the cloud, within which limits, and what is promised meanwhile."""

from edge.fallback.book import Decision, decision, decisions
from edge.fallback.deciding import Append, Here
from edge.fallback.fallback import Fallback
from edge.fallback.leases import Standing
from edge.fallback.model import StockoutModel, load
from edge.fallback.surroundings import Surroundings

__all__ = [
    "Append",
    "Decision",
    "Fallback",
    "Here",
    "Standing",
    "StockoutModel",
    "Surroundings",
    "decision",
    "decisions",
    "load",
]
