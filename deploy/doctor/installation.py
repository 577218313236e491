"""Checks of what is set up on the machine: database, PKI, settings, a gateway's folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from deploy.doctor.findings import (
    closed_keys,
    expiry,
    port_finding,
    reachable,
    revocations,
)
from deploy.settings import environment
from shared.errors import QuartermasterError
from shared.findings import Finding, problem

_PKI_FILES: Final = (
    "root.crt",
    "devices.crt",
    "devices.key",
    "devices-chain.crt",
    "services.crt",
    "services-chain.crt",
    "server.crt",
    "server.key",
    "ingest.crt",
    "ingest.key",
    "downlink.key",
    "devices.crl",
)


def given_database(url: str) -> Iterator[Finding]:
    """Whether the database at ``url`` answers and its schema is current."""
    if find_spec("psycopg") is None or find_spec("yoyo") is None:
        raise QuartermasterError("program.extra", "cloud", where="QM_DATABASE_URL")
    from psycopg import Error, connect  # noqa: PLC0415 - a gateway has no psycopg

    from cloud.db import pending  # noqa: PLC0415 - likewise

    try:
        with connect(url, connect_timeout=3) as connection:
            row: Any = connection.execute(
                "SELECT current_setting('server_version'),"
                " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
            ).fetchone()
    except Error as error:
        detail = str(error).strip().partition("\n")[0]
        raise QuartermasterError("database.unreachable", detail) from None
    if row[1] is None:
        says = f"PostgreSQL {row[0]} without TimescaleDB: it works, without partitions"
        yield Finding("database", "note", says)
    else:
        yield Finding("database", "ok", f"PostgreSQL {row[0]}, TimescaleDB {row[1]}")
    missing = pending(url)
    if missing:
        raise QuartermasterError("database.schema", f"{len(missing)} migrations are missing")
    yield Finding("schema", "ok", "current")


def pki(folder: Path | None) -> Iterator[Finding]:
    """Whether a PKI folder is complete, closed to others and valid."""
    if folder is None:
        remedy = "Where the cloud runs: quartermaster pki init, and set QM_PKI."
        yield Finding("pki", "note", "no folder named", remedy)
        return
    missing = [name for name in _PKI_FILES if not (folder / name).is_file()]
    if missing:
        remedy = f"Run: quartermaster pki init, or correct QM_PKI ({folder})."
        yield Finding("pki", "problem", f"missing: {', '.join(missing)}", remedy)
    yield from closed_keys("pki", folder)
    if (folder / "devices.crl").is_file():
        yield revocations(folder / "devices.crl")
    for path in sorted(folder.glob("*.crt")):
        if not path.name.endswith("-chain.crt"):
            yield from expiry("pki", path)


def cloud_settings() -> Iterator[Finding]:
    """Whether the cloud could start with its settings."""
    if environment().database_url is None:  # this machine runs no cloud
        return
    from cloud.settings import load  # noqa: PLC0415 - a gateway has no cloud

    settings = load()
    from cloud.gateways.authority import demand_trust_domain  # noqa: PLC0415 - likewise

    try:
        demand_trust_domain(settings.pki, settings.trust_domain)
    except QuartermasterError as error:
        yield problem("settings", error)
    else:
        yield Finding("settings", "ok", "the cloud's settings are complete")
    yield port_finding("QM_API_PORT", settings.api_port, "the cloud")
    yield port_finding("QM_DOOR_PORT", settings.door_port, "the cloud")
    yield reachable(settings.broker_host, settings.broker_port)


def gateway(data: Path | None) -> Iterator[Finding]:
    """Whether the gateway in ``data`` could start and reach its broker."""
    if data is None:
        return
    if not data.is_dir():
        raise QuartermasterError("file.unreadable", "no such folder", where=str(data))
    from edge.settings import load  # noqa: PLC0415 - a server has no gateway

    settings = load(data)
    yield Finding("settings", "ok", "the gateway's settings are complete")
    yield port_finding("api.port", settings.api.port, "the gateway")
    folder = data / "identity"
    current = folder / "current"
    if not current.exists():
        raise QuartermasterError("gateway.not-enrolled", where=str(data))
    yield from closed_keys("gateway", current)
    for path in sorted(current.glob("*.crt")):
        yield from expiry("gateway", path)
    from edge.link.identity import Identity  # noqa: PLC0415 - likewise

    identity = Identity.load(folder)
    yield reachable(
        settings.broker.host or identity.broker_host, settings.broker.port or identity.broker_port
    )
