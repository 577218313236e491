"""The base set of a head: embeddings that its shipped version was trained on, so that none forgets.

``cloud/vision/base/<head>.npz`` holds ``embeddings`` (float16, a row each), ``labels`` (a number of
``classes`` each), ``classes`` (their names, in the head's order), ``backbone_sha256`` (hex) and, if
it was asked, ``said`` (what the shipped head says of each). At most a mebibyte.
"""

from __future__ import annotations

import io
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.errors import QuartermasterError

MAX_BYTES: Final = 1024 * 1024


class Base(NamedTuple):
    """Examples that ship."""

    classes: tuple[str, ...]
    backbone_sha256: bytes
    embeddings: NDArray[Any]
    labels: NDArray[Any]
    said: NDArray[Any]


def folder() -> Traversable:
    """Where base sets ship."""
    return resources.files("cloud.vision").joinpath("base")


def base_of(head: str, backbone_sha256: bytes, where: Traversable | None = None) -> Base | None:
    """The base set of a head; None where none ships for this backbone.

    Raises:
        QuartermasterError: ``model.card`` where it is not what it should be.
    """
    file = (where or folder()).joinpath(f"{head}.npz")
    if not head.replace("-", "").isalnum() or not file.is_file():
        return None
    content = file.read_bytes()
    if len(content) > MAX_BYTES:
        raise QuartermasterError("model.card", f"{len(content)} bytes", where=file.name)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            base = Base(
                tuple(str(name) for name in arrays["classes"]),
                bytes.fromhex(str(arrays["backbone_sha256"])),
                arrays["embeddings"],
                arrays["labels"].astype(np.int64),
                arrays["said"].astype(np.int64)
                if "said" in arrays
                else np.full(len(arrays["labels"]), -1, np.int64),
            )
    except (KeyError, ValueError, OSError) as error:
        raise QuartermasterError("model.card", str(error), where=file.name) from None
    rows = len(base.labels)
    fits = base.embeddings.shape[:1] == (rows,) == base.said.shape and base.embeddings.ndim == 2
    within = not rows or (base.labels.min() >= 0 and base.labels.max() < len(base.classes))
    if not fits or not within or not np.isfinite(base.embeddings).all():
        raise QuartermasterError("model.card", "its rows do not fit", where=file.name)
    return base if base.backbone_sha256 == backbone_sha256 else None
