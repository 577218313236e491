"""People's words in, candidates out: what the cloud learns of what gateways see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.db import Connection
from cloud.ingest.observations import observed
from cloud.vision import store
from cloud.vision.model import Candidate, Label, ShadowTold, Trained
from shared.errors import QuartermasterError
from shared.events import CropLabelled, ShadowCompared
from shared.units import Micros

MAX_LABELS: Final = 20_000
"""Of each gateway, the newest."""
_MAX_TOLD: Final = 2_000


def labels(connection: Connection, head: str | None = None) -> list[Label]:
    """What people said, oldest first; of one head, or of all."""
    found = [
        Label(
            site=each.site,
            gateway=each.gateway,
            camera=data["camera"],
            head=data["head"],
            label=data["label"],
            predicted=data["predicted"],
            backbone=data["model"],
            backbone_sha256=bytes.fromhex(data["model_sha256"]),
            embedding=bytes.fromhex(data["embedding"]),
            image_sha256=bytes.fromhex(data["image_sha256"]) if data["image_sha256"] else None,
            frame_at=data["frame_at"],
            received_at=each.received_at,
        )
        for each in observed(connection, CropLabelled, limit=MAX_LABELS)
        for data in (each.data,)
    ]
    return [label for label in found if head is None or label.head == head]


def of_one_backbone(
    words: Sequence[Label], head: str, backbone_sha256: str | None = None
) -> list[Label]:
    """Of words, oldest first, those on one backbone: the named one, or that of the newest word.

    Raises:
        QuartermasterError: ``model.few-labels`` where there is none.
    """
    if backbone_sha256 is not None:
        own = [word for word in words if word.backbone_sha256.hex().startswith(backbone_sha256)]
    else:
        own = [word for word in words if word.backbone_sha256 == words[-1].backbone_sha256]
    if not own:
        raise QuartermasterError("model.few-labels", "there is none yet", where=head)
    return own


def keep(connection: Connection, trained: Trained, *, forced: bool, now: Micros) -> Candidate:
    """Keep a head as a candidate; the same bytes again are the candidate that is there.

    Raises:
        QuartermasterError: ``model.worse`` unless forced.
    """
    if trained.worse and not forced:
        raise QuartermasterError("model.worse", in_words(trained), where=trained.head)
    store.insert(connection, trained, forced=forced and trained.worse, now=now)
    (candidate,) = store.candidates(connection, head=trained.head, sha256=trained.sha256)
    return candidate


def in_words(trained: Trained) -> str:
    """How a head did beside the one in force."""
    return "; ".join(
        f"on {each.crops} {'labels' if name == 'words' else 'of the base set'}: "
        f"{each.candidate_right} right, the head in force {each.right}"
        for name, each in trained.compared.items()
    )


def candidates(connection: Connection, *, limit: int = 100) -> list[Candidate]:
    """What was kept, newest first."""
    return store.candidates(connection, limit=limit)


def candidate(connection: Connection, said: str) -> Candidate:
    """The candidate that somebody means by its number or its version (``slots-r4``).

    Raises:
        QuartermasterError: ``request.not-found``.
    """
    number = said.rpartition("-r")[2]
    if number.isascii() and number.isdecimal() and len(number) < 10:
        for found in store.candidates(connection, candidate_id=int(number)):
            if said in {number, found.version}:
                return found
    raise QuartermasterError("request.not-found", f"candidate {said[:64]!r}", where="candidate")


def model(connection: Connection, candidate: Candidate) -> bytes:
    """A candidate's ONNX bytes."""
    return store.model(connection, candidate.candidate_id)


def told(connection: Connection) -> list[ShadowTold]:
    """How candidates did at each gateway: the last word on each pair and time of comparing."""
    last: dict[tuple[object, ...], ShadowTold] = {}
    for each in observed(connection, ShadowCompared, limit=_MAX_TOLD):
        data = each.data
        said = ShadowTold(
            site=each.site,
            gateway=each.gateway,
            head=data["head"],
            version=data["version"],
            candidate=data["candidate"],
            candidate_sha256=bytes.fromhex(data["candidate_sha256"]),
            since=data["since"],
            compared=data["compared"],
            agreed=data["agreed"],
            labelled=data["labelled"],
            right=data["right"],
            candidate_right=data["candidate_right"],
            received_at=each.received_at,
        )
        key = (each.gateway, said.head, data["sha256"], said.candidate_sha256, said.since)
        last[key] = said
    return list(last.values())
