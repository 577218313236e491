"""Second servers and client programs of the same PostgreSQL that tests run on."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from deploy.database import Running, Server
from deploy.debian import debian_13_root, is_debian_13
from deploy.locks import held
from deploy.settings import environment

SCRIPTS = Path("deploy/standby")


def programs(folder: Path) -> Path:
    """A folder with pg_dump, pg_restore and psql that run here."""
    there = "/usr/lib/postgresql/17/bin"
    if is_debian_13():
        return Path(there)
    folder.mkdir()
    root = debian_13_root(environment().cache)
    for name in ("pg_dump", "pg_restore", "psql"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec chroot {root} {there}/{name} "$@"\n')
        script.chmod(0o755)
    return folder


def libpq(url: str) -> dict[str, str]:
    """A URL as the variables that PostgreSQL's programs read."""
    parts = urlsplit(url)
    return {
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
        "PGPASSWORD": str(parts.password),
        "PGDATABASE": parts.path.lstrip("/"),
    }


class Pair:
    """A primary and its standby, handled by the scripts that operators run."""

    def __init__(self, primary: Running, standby: Server) -> None:
        self.primary = primary
        self.standby = standby
        self.port = 0
        self._secret = secrets.token_urlsafe(16)

    def on_primary(self, command: str) -> str:
        """Run deploy/standby/primary.sh beside the primary."""
        where = libpq(self.primary.url) | {"PGDATABASE": "postgres"}
        return self._run(self.primary.server, "primary.sh", command, where)

    def on_standby(self, command: str) -> str:
        """Run deploy/standby/standby.sh beside the standby."""
        where = {
            "PGDATA": self.standby.data,
            "QM_PRIMARY_HOST": "127.0.0.1",
            "QM_PRIMARY_PORT": str(self.primary.port),
        }
        return self._run(self.standby, "standby.sh", command, where)

    def start_standby(self) -> None:
        """Start it; it follows the primary."""
        self.port = self.standby.start()

    @property
    def url(self) -> str:
        """Both servers: whoever is primary is used."""
        url = urlsplit(self.primary.url)
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.port}"
        return (
            f"postgresql://{url.username}:{url.password}@{hosts}{url.path}"
            "?target_session_attrs=read-write"
        )

    @property
    def standby_url(self) -> str:
        """The standby alone."""
        return self.primary.url.replace(f":{self.primary.port}/", f":{self.port}/")

    def _run(self, server: Server, script: str, command: str, given: dict[str, str]) -> str:
        """As the database's account; what is given comes by standard input, as in operation."""
        variables = given | {"PGBIN": server.programs, "QM_STANDBY_PASSWORD": self._secret}
        lines = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
        text = (SCRIPTS / script).read_text()
        return server.run(
            # A temporary folder of this system need not be there in that one.
            "cd /; unset TMPDIR; folder=$(mktemp -d); trap 'rm -rf \"$folder\"' EXIT; "
            'cat >"$folder/in"; sh "$folder/in"',
            stdin=f"{lines}set -- {command}\n{text}",
        )


@contextmanager
def standby_of(primary: Running) -> Iterator[Pair]:
    """A data folder for a standby; it is removed at the end, whatever became of it."""
    name = secrets.token_hex(4)
    folder = primary.server.data.rpartition("-")[0]
    server = replace(primary.server, data=f"{folder}-{name}")
    locks = environment().cache / "servers"
    with held(locks / name):
        try:
            yield Pair(primary, server)
        finally:
            server.stop()
            server.remove()
            (locks / name).unlink()
