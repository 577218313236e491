"""The command as an operator runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cloud.app.handlers import routes
from cloud.db import unit_of_work
from cloud.gateways.service import lookup
from cloud.ingest import service
from cloud.ingest.model import Arrived
from cloud.ingest.verification import examine
from shared.units import Micros
from tests.support import free_port
from tests.support.uplink import TRUST_DOMAIN, Hand, stage

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection
    from deploy.broker import Broker

COMMAND = [sys.executable, "-c", "import sys; from deploy.cli import main; sys.exit(main())"]


def environment(url: str, pki: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "QM_DATABASE_URL": url,
        "QM_PKI": str(pki),
        "QM_BROKER_PORT": str(port),
        "COLUMNS": "160",
    }


def started(process: subprocess.Popen[str], word: str) -> str:
    """The first line of output that holds ``word``."""
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if word in line:
            return line
    pytest.fail(f"{word} never came: {seen}")


@pytest.mark.database
@pytest.mark.broker
def test_a_worker_ends_cleanly_when_it_is_told_to(
    database_url: str, pki: Path, broker: Broker
) -> None:
    with subprocess.Popen(
        [*COMMAND, "cloud", "ingest"],
        env=environment(database_url, pki, broker.service_port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        started(process, "broker.connected")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_worker_says_what_is_wrong_while_it_waits_for_the_database(pki: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with subprocess.Popen(
        [*COMMAND, "cloud", "ingest"],
        env=environment(url, pki, free_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        line = started(process, "database.unreachable")
        assert "Traceback" not in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.database
def test_a_worker_refuses_a_database_that_was_not_migrated(
    empty_database_url: str, pki: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, "cloud", "ingest"],
        env=environment(empty_database_url, pki, free_port()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "database.schema" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.database
def test_the_quarantine_can_be_listed_and_a_body_shown(
    pool: ConnectionPool[Connection], database_url: str, pki: Path
) -> None:
    with unit_of_work(pool) as connection:
        stage(connection, [Hand("gw-a")])
        senders = lookup(connection, ["gw-a"])
        item = examine(Arrived("qm/v1/gw-a/seg", b"rubbish"), senders, trust_domain=TRUST_DOMAIN)
        at = Micros(1_763_650_000_000_000)
        service.apply(connection, [item], routes=routes(), lookup=lookup, worker="w", at=at)
    given = environment(database_url, pki, free_port())

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "cloud", "quarantine", *words],
            env=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    (row,) = json.loads(ask("list", "--json", "--gateway", "gw-a").stdout)
    assert (row["code"], row["gateway"], row["size"]) == ("segment.malformed", "gw-a", 7)
    assert "segment.malformed" in ask("list").stdout
    assert ask("show", str(row["quarantine_id"])).stdout.strip() == b"rubbish".hex()
    absent = ask("show", "999")
    assert (absent.returncode != 0, "request.not-found" in absent.stderr) == (True, True)
