"""Words of people on crops, and heads that were trained of them. Pure."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

WORSE_BELOW: Final = 0.05
"""A candidate that is worse by so much that chance explains it in fewer than 1 of 20 cases is."""


class Label(NamedTuple):
    """A person's word on a crop, and what the head in force had said of it.

    ``embedding`` holds little-endian float16 numbers; times are microseconds.
    """

    site: str
    gateway: str
    camera: str
    head: str
    label: str
    predicted: str
    backbone: str
    backbone_sha256: bytes
    embedding: bytes
    image_sha256: bytes | None
    frame_at: int
    received_at: int


class Compared(NamedTuple):
    """Who was right on the same crops: the head in force, the candidate, and where they differ."""

    crops: int
    right: int
    candidate_right: int
    only_active: int
    """Where the head in force was right and the candidate was not."""
    only_candidate: int
    margin: float = 0.0
    """The share of crops that the candidate may lose before that counts."""

    @property
    def chance(self) -> float:
        """How probable a candidate that is no worse loses as often (one-sided sign test)."""
        differing = self.only_active + self.only_candidate
        lost = sum(math.comb(differing, n) for n in range(self.only_active, differing + 1))
        return lost / 2**differing

    @property
    def worse(self) -> bool:
        """Whether the candidate is worse beyond what chance explains."""
        lost = self.only_active - self.only_candidate
        return lost > self.margin * self.crops and self.chance < WORSE_BELOW


class Counts(NamedTuple):
    """From what a head was trained: words by class, and what was left out of them, by why."""

    labels: dict[str, int]
    base: int
    left_out: dict[str, int]


class Trained(NamedTuple):
    """A head as trained: what to call it is given when it is kept.

    ``metrics`` are of crops that each was judged on by a head that had not seen it.
    """

    head: str
    backbone: str
    backbone_sha256: bytes
    classes: tuple[str, ...]
    dimensions: int
    sha256: bytes
    model: bytes
    counts: Counts
    metrics: dict[str, float]
    compared: dict[str, Compared]
    seed: int
    labels_through: int

    @property
    def worse(self) -> bool:
        """Whether it is worse than the head in force, on anything that both were asked."""
        return any(each.worse for each in self.compared.values())


class Candidate(NamedTuple):
    """A head that is kept: ``version`` is its name wherever it goes."""

    candidate_id: int
    head: str
    backbone: str
    backbone_sha256: bytes
    classes: tuple[str, ...]
    dimensions: int
    sha256: bytes
    labels: dict[str, Any]
    metrics: dict[str, Any]
    seed: int
    forced: bool
    labels_through: int
    made_at: int

    @property
    def version(self) -> str:
        """E.g. ``slots-r4``."""
        return f"{self.head}-r{self.candidate_id}"


class ShadowTold(NamedTuple):
    """How a candidate did at one gateway beside the head in force, by its last word on the pair."""

    site: str
    gateway: str
    head: str
    version: str
    candidate: str
    candidate_sha256: bytes
    since: int
    compared: int
    agreed: int
    labelled: int
    right: int
    candidate_right: int
    received_at: int
