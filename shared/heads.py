"""By which retrained heads a site's cameras judge: classifiers on the frozen backbone's embeddings.

A head is ONNX: input ``embedding`` (float32, any number of rows of ``dimensions``), output
``probabilities`` (one column for each class, in this order). ``active`` ones answer, beside them
``shadow`` ones are only tried out and compared. What the document does not name is judged by the
head that ships with the gateway.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from shared.cose import decode
from shared.errors import QuartermasterError
from shared.events import Data, Hash, Name

MAX_MODEL: Final = 1024 * 1024
"""A head is a few numbers for each class: more than a mebibyte is none."""
MAX_HEADS: Final = 16
MAX_CLASSES: Final = 32
MAX_DIMENSIONS: Final = 512
"""As many numbers as the embedding of a ``CropLabelled`` event has room for."""
INPUT: Final = "embedding"
OUTPUT: Final = "probabilities"

Role = Literal["active", "shadow"]


class Head(Data, frozen=True):
    """One head: what it is called, what it is for and of which backbone, and its bytes.

    ``name`` is the classifier (``slots``), ``version`` this one of it with the name (``slots-r4``),
    ``backbone`` and ``backbone_sha256`` whose embeddings it was fitted on.
    """

    name: Name
    version: Name
    role: Role
    sha256: Hash
    classes: Annotated[list[Name], Meta(min_length=2, max_length=MAX_CLASSES)]
    backbone: Name
    backbone_sha256: Hash
    dimensions: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)]
    model: Annotated[bytes, Meta(min_length=1, max_length=MAX_MODEL)]


class Heads(Data, frozen=True):
    """All retrained heads of one site; one that is left out is withdrawn."""

    site: Name
    heads: Annotated[list[Head], Meta(max_length=MAX_HEADS)]

    def of(self, name: str, role: Role) -> Head | None:
        """The head of a classifier in a role, if there is one."""
        return next((head for head in self.heads if (head.name, head.role) == (name, role)), None)


def decode_heads(content: bytes) -> Heads:
    """Read a heads document (made by :func:`shared.downlink.encode`).

    Raises:
        QuartermasterError: ``downlink.malformed``, also for two heads in one role, a version of
            another head, a class twice, and bytes with another hash than said.
    """
    try:
        heads = msgspec.convert(decode(content, code="downlink.malformed"), Heads)
    except msgspec.ValidationError as error:
        raise QuartermasterError("downlink.malformed", str(error)) from None
    if len({(head.name, head.role) for head in heads.heads}) < len(heads.heads):
        raise QuartermasterError("downlink.malformed", "two heads have one role")
    for head in heads.heads:
        if not head.version.startswith(f"{head.name}-"):
            raise QuartermasterError("downlink.malformed", f"{head.version} is no {head.name}")
        if len(set(head.classes)) < len(head.classes):
            raise QuartermasterError("downlink.malformed", f"{head.version}: a class twice")
        if hashlib.sha256(head.model).digest() != head.sha256:
            raise QuartermasterError("downlink.malformed", f"{head.version} has another hash")
    return heads
