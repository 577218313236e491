"""SQL of the vision room; private to it."""

from __future__ import annotations

from typing import Final

from psycopg.types.json import Jsonb

from cloud.db import Connection, Queries
from cloud.vision.model import Candidate, Trained
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


def insert(connection: Connection, trained: Trained, *, forced: bool, now: Micros) -> None:
    """Keep a head; one with the same bytes is kept already."""
    compared = {
        name: {**each._asdict(), "worse": each.worse} for name, each in trained.compared.items()
    }
    connection.execute(
        _Q["insert_candidate"],
        {
            "head": trained.head,
            "backbone": trained.backbone,
            "backbone_sha256": trained.backbone_sha256,
            "classes": list(trained.classes),
            "dimensions": trained.dimensions,
            "sha256": trained.sha256,
            "model": trained.model,
            "labels": Jsonb(trained.counts._asdict()),
            "metrics": Jsonb({**trained.metrics, "compared": compared}),
            "seed": trained.seed,
            "forced": forced,
            "labels_through": trained.labels_through,
            "now": now,
        },
    )


def candidates(
    connection: Connection,
    *,
    candidate_id: int | None = None,
    head: str | None = None,
    sha256: bytes | None = None,
    limit: int = 1,
) -> list[Candidate]:
    """Candidates, newest first: one by its number, or by its head and bytes, or all."""
    rows = connection.execute(
        _Q["candidates"],
        {"candidate_id": candidate_id, "head": head, "sha256": sha256, "limit": limit},
    )
    return [Candidate(*row)._replace(classes=tuple(row[4])) for row in rows]


def model(connection: Connection, candidate_id: int) -> bytes:
    """A candidate's bytes; none where there is no such candidate."""
    row = connection.execute(_Q["candidate_model"], {"candidate_id": candidate_id}).fetchone()
    return b"" if row is None else bytes(row[0])
