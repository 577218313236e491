"""Candidates go to sites as documents: a site's heads are changed one by one, published whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cloud import fleet
from cloud.db import Connection
from cloud.vision import service as vision
from cloud.vision.model import Candidate
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.heads import Head, Heads, Role, decode_heads
from shared.units import Micros


class Published(NamedTuple):
    """The heads of a site, as they are now published."""

    site: str
    version: int
    heads: Heads


def publish(
    connection: Connection, candidate: Candidate, role: Role, sites: Sequence[str], *, now: Micros
) -> list[Published]:
    """Put a candidate in a role at sites; one that becomes active is a shadow no more.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site, ``request.conflict`` for a
            shadow of itself.
    """
    head = Head(
        candidate.head,
        candidate.version,
        role,
        candidate.sha256,
        list(candidate.classes),
        candidate.backbone,
        candidate.backbone_sha256,
        candidate.dimensions,
        vision.model(connection, candidate),
    )

    def changed(heads: Heads) -> list[Head]:
        active = heads.of(head.name, "active")
        if role == "shadow" and active is not None and active.sha256 == head.sha256:
            detail = f"{head.version} is already active there"
            raise QuartermasterError("request.conflict", detail, where=heads.site)
        return [
            *(
                each
                for each in heads.heads
                if (each.name, each.role) != (head.name, role)
                and (each.name, each.sha256) != (head.name, head.sha256)
            ),
            head,
        ]

    return [_change(connection, site, changed, now=now) for site in sites]


def withdraw(
    connection: Connection, head: str, role: Role, sites: Sequence[str], *, now: Micros
) -> list[Published]:
    """Take a head's candidate out of a role at sites: without an active one, what ships counts.

    Raises:
        QuartermasterError: ``request.not-found`` for an unknown site, or where there is none.
    """

    def changed(heads: Heads) -> list[Head]:
        if heads.of(head, role) is None:
            detail = f"no {role} head {head[:64]!r} at {heads.site}"
            raise QuartermasterError("request.not-found", detail, where=head[:64])
        return [each for each in heads.heads if (each.name, each.role) != (head, role)]

    return [_change(connection, site, changed, now=now) for site in sites]


def published(connection: Connection, sites: Sequence[str]) -> list[Published]:
    """The heads of those of these sites that have any."""
    found: list[Published] = []
    for site in sites:
        present = fleet.in_force(connection, "heads", site)
        if present is not None:
            found.append(Published(site, present[0], decode_heads(present[1])))
    return found


def _change(
    connection: Connection, site: str, changed: Callable[[Heads], list[Head]], *, now: Micros
) -> Published:
    fleet.hold(connection)
    present = fleet.in_force(connection, "heads", site)
    heads = Heads(site, []) if present is None else decode_heads(present[1])
    heads = Heads(site, changed(heads))
    version = fleet.publish(connection, "heads", encode(heads), site=site, now=now)
    return Published(site, version, heads)
