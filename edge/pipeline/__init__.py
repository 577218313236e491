"""From a reading to an answer: understand, judge, record, all in one transaction."""

from edge.pipeline.floor import Floor
from edge.pipeline.pipeline import NOT_RECORDED, Pipeline
from edge.pipeline.scan import Answer, Refusal, ScanRequest, Understood

__all__ = ["NOT_RECORDED", "Answer", "Floor", "Pipeline", "Refusal", "ScanRequest", "Understood"]
