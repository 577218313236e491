"""From a reading to an answer: understand, judge, record, all in one transaction."""

from typing import Final

from edge.pipeline.acting import ExceptionAnswer, TaskAnswer
from edge.pipeline.alarms import Alarm
from edge.pipeline.floor import Floor
from edge.pipeline.pipeline import NOT_RECORDED, Pipeline
from edge.pipeline.requests import ExceptionReport, Resolution, TaskAction, UndoRequest
from edge.pipeline.scan import Answer, Refusal, ScanRequest, Understood
from edge.pipeline.suspecting import Suspicion

__all__ = [
    "NOT_RECORDED",
    "RECORDS",
    "Alarm",
    "Answer",
    "Floor",
    "Pipeline",
    "Refusal",
    "ScanRequest",
    "Suspicion",
    "Understood",
]

RECORDS: Final[tuple[type, ...]] = (
    ScanRequest,
    Answer,
    UndoRequest,
    TaskAction,
    TaskAnswer,
    ExceptionReport,
    ExceptionAnswer,
    Resolution,
)
"""What devices send and are answered, for whoever describes it."""
