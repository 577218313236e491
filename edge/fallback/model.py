"""The model of running out: an ONNX file that the cloud trained, where this gateway has one.

The file lies in ``models/`` below the data folder, with its SHA-256 in a file beside it; without
that, or with another one, it is not used and the rule decides. It takes one row of five numbers
(available, announced, gone out, in so many hours, for so many to come) and gives one: the
probability of running out. The score is recorded with the decision, so that the cloud needs no
model to decide the same again.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from shared.policy import Outlook

FILE: Final = "stockout.onnx"
HASH: Final = "stockout.onnx.sha256"
FEATURES: Final = 5
_MAX_BYTES: Final = 64 * 1024 * 1024
_log: Final[Any] = structlog.get_logger("edge.fallback")


class StockoutModel(NamedTuple):
    """A model that may be used."""

    sha256: bytes
    session: Any

    def scored(self, given: Outlook) -> Outlook:
        """An outlook with this model's score; without one where it gives no probability."""
        import numpy as np  # noqa: PLC0415 - as the library that runs the model: only with one

        row = [given.available, given.coming, given.out, given.hours, given.horizon_hours]
        name = self.session.get_inputs()[0].name
        try:
            found = self.session.run(None, {name: np.array([row], dtype=np.float32)})
            score = float(np.asarray(found[-1], dtype=np.float64).reshape(-1)[-1])
        except Exception as error:  # noqa: BLE001 - whatever a model does, the rule goes on
            _log.warning("fallback.model-failed", error=type(error).__name__)
            return given
        if not math.isfinite(score) or not 0 <= score <= 1:
            return given
        return msgspec.structs.replace(given, score=round(score * 1000), model=self.sha256)


def load(folder: Path) -> StockoutModel | None:
    """The model in a folder, if there is one and it is the one that was meant."""
    try:
        said = (folder / HASH).read_text("ascii").split()[0].lower()
        if (folder / FILE).stat().st_size > _MAX_BYTES:
            return None
        content = (folder / FILE).read_bytes()
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    sha256 = hashlib.sha256(content)
    if sha256.hexdigest() != said:
        _log.warning("fallback.model-refused", sha256=sha256.hexdigest(), expected=said[:64])
        return None
    try:
        session = _session(content)
    except Exception as error:  # noqa: BLE001 - a model that cannot be loaded is none
        _log.warning("fallback.model-refused", error=type(error).__name__)
        return None
    return StockoutModel(sha256.digest(), session)


def _session(content: bytes) -> Any:
    # Only where there is a model: the library costs a gateway 40 MB and a quarter of a second.
    import onnxruntime  # noqa: PLC0415

    library: Any = onnxruntime
    options = library.SessionOptions()
    options.intra_op_num_threads = 1
    return library.InferenceSession(content, options, providers=["CPUExecutionProvider"])
