"""How good the data is: what is wrong with it, and whether planning can stand on it."""

from cloud.quality.model import AREAS, CHECKS, Area, Finding, FindingRow, Readiness, Verdict
from cloud.quality.service import findings, look, readiness

__all__ = [
    "AREAS",
    "CHECKS",
    "Area",
    "Finding",
    "FindingRow",
    "Readiness",
    "Verdict",
    "findings",
    "look",
    "readiness",
]
