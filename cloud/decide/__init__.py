"""What gateways decided while the cloud was away, decided again, and what people made of it."""

from cloud.decide.model import DecisionRow, Origin, Override
from cloud.decide.service import decisions, forget, note_decisions, note_overrides

__all__ = [
    "DecisionRow",
    "Origin",
    "Override",
    "decisions",
    "forget",
    "note_decisions",
    "note_overrides",
]
