"""What cameras saw, beside codes. Nothing here moves stock by itself: a person or a scan does.

Each names its camera and zone, when its frame was taken (microseconds UTC), the model that saw
(name and version, and the hash of its bytes), how sure it was (‰), and the hash of the crop that
shows it, which stays at the gateway.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from shared.events.fields import Count, Data, Hash, Id, Name, PerMille, Signed, Text, Whole

Seen = Literal["carton", "pallet", "person", "forklift", "label"]
SlotState = Literal["empty", "low", "full", "unknown"]


class Sight(Data, frozen=True):
    """Who saw, when, with what, how surely, and what shows it."""

    camera: Name
    zone: Name | None
    frame_at: Whole
    model: Name
    model_sha256: Hash
    confidence: PerMille
    image_sha256: Hash | None


class ObjectTracked(Sight, frozen=True):
    """A confirmed track is new, has crossed a line (``update``), or has ended.

    ``net`` is what this track counts for at ``line`` so far: 1 in, -1 out, 0 when it went back.
    """

    track: Id
    phase: Literal["new", "update", "end"]
    seen: Seen
    frames: Count
    line: Name | None = None
    net: Annotated[int, Meta(ge=-1, le=1)] = 0


class SlotSeen(Sight, frozen=True):
    """A shelf slot changed its state, after hysteresis; ``unknown`` is an abstention."""

    slot: Name
    location: Name | None
    state: SlotState
    before: SlotState


class DamageSuspected(Sight, frozen=True):
    """An object may be damaged; a person is to judge."""

    seen: Seen
    track: Id | None = None
    sku: Name | None = None


class LabelRead(Sight, frozen=True):
    """Lot and expiry (``YYYY-MM-DD``) as read from a label's print; None where it abstains."""

    lot: Annotated[str, Meta(max_length=20)] | None
    expiry: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] | None
    text: Text


class SightChecked(Sight, frozen=True):
    """What a camera saw, held against an open task's line: ``agreed``, ``disagreed``, ``unsure``.

    ``by_scan``, ``by_camera`` and ``by_ledger`` are the three witnesses: what each says is there.
    """

    task: Name
    task_line: Count
    verdict: Literal["agreed", "disagreed", "unsure"]
    location: Name | None
    sku: Name | None
    by_scan: Signed | None
    by_camera: Signed | None
    by_ledger: Signed | None
    why: Text = ""


class CropLabelled(Sight, frozen=True):
    """A person said what a crop shows. ``embedding`` is what the backbone made of it.

    ``head`` is the classifier that was unsure, ``predicted`` what it said; ``embedding`` holds
    little-endian float16 numbers, ``model`` and ``model_sha256`` are the backbone's.
    """

    head: Name
    label: Name
    predicted: Name
    embedding: Annotated[bytes, Meta(max_length=1024)]


class ShadowCompared(Data, frozen=True):
    """How a candidate head did beside the one in force, over the crops since ``since``.

    ``labelled`` of the ``compared`` crops had a person's word; ``right`` and ``candidate_right``
    count those that each got right.
    """

    head: Name
    version: Name
    sha256: Hash
    candidate: Name
    candidate_sha256: Hash
    since: Whole
    compared: Count
    agreed: Count
    labelled: Count
    right: Count
    candidate_right: Count
