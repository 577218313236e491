"""The fleet's SQL, private to this room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.fleet.model import Witnessed
from shared.downlink import DOCUMENT_KINDS, DailyHead, DocumentKind
from shared.units import Micros

_Q: Final = Queries("cloud.fleet")


class ActiveGateway(NamedTuple):
    """A gateway in standing and the versions that it reported."""

    gateway_id: int
    name: str
    site_id: int
    reported: dict[DocumentKind, int]


class State(NamedTuple):
    """The generation last begun and the oldest version that a delta may start from."""

    generation: int
    catalog_floor: int


class Published(NamedTuple):
    """A document in force; without a site it is for every site that has none of its own."""

    kind: DocumentKind
    version: int
    site_id: int | None
    sha256: bytes
    content: bytes


class InForce(NamedTuple):
    """Which version is in force, of which kind, where."""

    kind: DocumentKind
    version: int
    site_id: int | None


class Document(NamedTuple):
    """A document for the gateway door."""

    sha256: bytes
    kind: DocumentKind
    site_id: int
    version: int
    content: bytes


def active_gateways(connection: Connection) -> list[ActiveGateway]:
    """All gateways in standing."""
    return [
        ActiveGateway(gateway_id, name, site_id, dict(zip(DOCUMENT_KINDS, versions, strict=True)))
        for gateway_id, name, site_id, *versions in connection.execute(_Q["active_gateways"])
    ]


def report(
    connection: Connection, gateway_id: int, versions: Mapping[DocumentKind, int], at: Micros
) -> None:
    """Note what a heartbeat said."""
    connection.execute(_Q["report"], {"gateway_id": gateway_id, **versions, "at": at})


def versions_in_force(connection: Connection) -> dict[tuple[DocumentKind, int | None], int]:
    """Published versions in force by kind and site."""
    found = connection.execute(_Q["versions_in_force"])
    return {(kind, site_id): int(version) for kind, site_id, version in found}


def published(connection: Connection, kind: DocumentKind, version: int) -> bytes:
    """A document's bytes.

    Raises:
        LookupError: there is no such version.
    """
    row = connection.execute(_Q["published"], {"kind": kind, "version": version}).fetchone()
    if row is None:
        raise LookupError(kind, version)
    return bytes(row[0])


def newest(connection: Connection, kind: DocumentKind) -> int:
    """The version given last."""
    row = connection.execute(_Q["newest"], {"kind": kind}).fetchone()
    return 0 if row is None else int(row[0])


def present(connection: Connection, kind: DocumentKind, site_id: int | None) -> Published | None:
    """What is in force of one kind for one site."""
    row = connection.execute(_Q["present"], {"kind": kind, "site_id": site_id}).fetchone()
    return None if row is None else Published(*row)


def in_force(connection: Connection) -> list[InForce]:
    """The newest of each kind and site."""
    return [InForce(*row) for row in connection.execute(_Q["in_force"])]


def publish(connection: Connection, document: Published, now: Micros) -> None:
    """Publish a version."""
    connection.execute(_Q["publish"], {**document._asdict(), "now": now})


def republish(connection: Connection, document: InForce, higher: int, now: Micros) -> None:
    """Publish the same again under a higher version."""
    values = {"kind": document.kind, "version": document.version, "higher": higher, "now": now}
    connection.execute(_Q["republish"], values)


def forget_superseded(connection: Connection, before: Micros) -> None:
    """Drop plans, leases and heads that were followed by others and are older than a moment."""
    connection.execute(_Q["forget_superseded"], {"before": before})


def lock_state(connection: Connection) -> State:
    """The fleet's state; other publishers wait until this transaction ends."""
    row = connection.execute(_Q["lock_state"]).fetchone()
    return State(0, 0) if row is None else State(*row)


def catalog_floor(connection: Connection) -> int:
    """The oldest version that a delta may start from."""
    row = connection.execute(_Q["catalog_floor"]).fetchone()
    return 0 if row is None else int(row[0])


def set_floor(connection: Connection, floor: int) -> None:
    """Raise the floor."""
    connection.execute(_Q["set_floor"], {"floor": floor})


def set_generation(connection: Connection, generation: int, now: Micros) -> None:
    """Note the generation that has begun."""
    connection.execute(_Q["set_generation"], {"generation": generation, "now": now})


def generation(connection: Connection) -> tuple[int, int | None]:
    """The generation that has begun (0: none), and when."""
    row = connection.execute(_Q["generation"]).fetchone()
    return (0, None) if row is None else (int(row[0]), row[1])


def keep_alive(connection: Connection, sha256: bytes, now: Micros) -> bool:
    """Renew the age of a document that lies ready; whether there is one."""
    values = {"sha256": sha256, "now": now}
    return connection.execute(_Q["keep_alive"], values).fetchone() is not None


def insert_document(connection: Connection, document: Document, now: Micros) -> None:
    """Lay a document ready for the gateway door."""
    connection.execute(_Q["insert_document"], {**document._asdict(), "now": now})


def delete_documents(connection: Connection, before: Micros) -> None:
    """Drop documents that were last offered before a moment."""
    connection.execute(_Q["delete_documents"], {"before": before})


def document(connection: Connection, sha256: bytes) -> tuple[int, bytes] | None:
    """A document's site and bytes."""
    row = connection.execute(_Q["document"], {"sha256": sha256}).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def heads_to_witness(
    connection: Connection, *, day: str, generation: int, gateway: str | None, moved: bool
) -> list[tuple[int, str, int, int, bytes]]:
    """gateway_id, name, epoch, seq and hash of the heads that are to be countersigned."""
    rows = connection.execute(
        _Q["heads_to_witness"],
        {"day": day, "generation": generation, "gateway": gateway, "moved": moved},
    )
    return [(row[0], row[1], row[2], row[3], bytes(row[4])) for row in rows]


def insert_witness(
    connection: Connection, gateway_id: int, head: DailyHead, message: bytes, *, now: Micros
) -> None:
    """Keep a countersigned head."""
    connection.execute(
        _Q["insert_witness"],
        {
            "gateway_id": gateway_id,
            "day": head.day,
            "generation": head.generation,
            "epoch": head.epoch,
            "seq": head.seq,
            "head_hash": head.head_hash,
            "message": message,
            "now": now,
        },
    )


def witnesses(
    connection: Connection,
    *,
    since: str,
    after: int = 0,
    gateway: str | None = None,
    revoked: bool = False,
    limit: int = 100_000,
) -> list[Witnessed]:
    """Countersigned heads, oldest first."""
    rows = connection.execute(
        _Q["witnesses"],
        {"since": since, "after": after, "gateway": gateway, "revoked": revoked, "limit": limit},
    )
    return [Witnessed(*row) for row in rows]


def history_at(
    connection: Connection, *, gateway: str, epoch: int, seq: int
) -> tuple[int | None, int | None, bytes | None]:
    """The head of an epoch, and first_seq and body of the segment around one event."""
    row = connection.execute(
        _Q["history_at"], {"gateway": gateway, "epoch": epoch, "seq": seq}
    ).fetchone()
    return (None, None, None) if row is None else (row[0], row[1], row[2])
