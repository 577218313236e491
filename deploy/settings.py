"""What the machine's environment tells the tools in this folder; read here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The environment variables that starting and checking a machine depends on."""

    database_url: str | None
    """``QM_DATABASE_URL``: a database that is already there."""
    pki: Path | None
    """``QM_PKI``: the folder with the keys and certificates."""
    cache: Path
    """Where downloaded systems are kept between runs (``XDG_CACHE_HOME``/quartermaster)."""


def environment() -> Environment:
    """The environment of this process, empty values taken as absent."""
    values = os.environ  # noqa: TID251 - this module is the settings door of deploy
    cache = values.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    pki = values.get("QM_PKI")
    return Environment(
        database_url=values.get("QM_DATABASE_URL") or None,
        pki=Path(pki) if pki else None,
        cache=Path(cache) / "quartermaster",
    )


def child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process: this one's, without its ``QM_*``, plus ``variables``."""
    values = os.environ  # noqa: TID251 - this module is the settings door of deploy
    inherited = {name: value for name, value in values.items() if not name.startswith("QM_")}
    return inherited | dict(variables)
