"""The real process: TLS 1.3, two doors, an orderly start and end."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from cloud import fleet
from cloud.access import add_key
from cloud.db import unit_of_work
from shared.downlink import digest
from tests.support import WallClock, free_port
from tests.support.certificates import device_credentials, service_credentials, tls_context
from tests.support.planner import bearer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


class Process:
    """``quartermaster cloud serve`` as a process of its own."""

    def __init__(self, database_url: str, pki: Path) -> None:
        self.api_port, self.door_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "QM_DATABASE_URL": database_url,
            "QM_PKI": str(pki),
            "QM_API_PORT": str(self.api_port),
            "QM_DOOR_PORT": str(self.door_port),
        }

    @property
    def api_url(self) -> str:
        return f"https://localhost:{self.api_port}"

    @property
    def door_url(self) -> str:
        return f"https://localhost:{self.door_port}"

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "cloud", "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        process = self.start()
        try:
            for port in (self.api_port, self.door_port):
                _wait_for(port, process)
            yield
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=15)
            assert process.returncode == 0, output
            assert "Traceback" not in output
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    output, _ = process.communicate()
    raise AssertionError(f"does not listen: {output}")


def test_planners_enter_by_key_and_gateways_by_certificate(
    database_url: str, pool: ConnectionPool[Connection], pki: Path, tmp_path: Path
) -> None:
    content = b"a large document"
    with unit_of_work(pool) as connection:
        connection.execute("INSERT INTO site (code) VALUES ('AMS1')")
        connection.execute(
            "INSERT INTO document (sha256, kind, site_id, version, content, created_at) "
            "SELECT %s, 'catalog', site_id, 1, %s, now() FROM site",
            [digest(content), content],
        )
        key = add_key(
            connection,
            name="test",
            scopes=["read"],
            environment="test",
            now=WallClock().now(),
            random_bytes=os.urandom,
        ).text
        assert fleet.document(connection, digest(content))[1] == content
    process = Process(database_url, pki)
    anonymous = tls_context(pki, None)
    device = tls_context(pki, device_credentials(pki, tmp_path / "device", "gw-a"))
    sister = tls_context(pki, service_credentials(pki))
    document = f"{process.door_url}/v1/documents/{digest(content).hex()}"
    with process.running():
        with httpx.Client(verify=anonymous, base_url=process.api_url) as client:
            assert client.get("/readyz").json()["status"] == "ready"
            assert client.get("/v1/stock").status_code == 401
            assert client.get("/v1/sites", headers=bearer(key)).json()["items"][0]["code"] == "AMS1"
            assert "BEGIN CERTIFICATE" in client.get("/v1/trust").text
            assert client.get(f"/v1/documents/{digest(content).hex()}").status_code == 404
        with httpx.Client(verify=device) as client:
            assert client.get(document).content == content
            assert client.get(f"{process.door_url}/v1/stock").status_code == 404
        for refused in (anonymous, sister):
            with (
                httpx.Client(verify=refused) as client,
                pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)),
            ):
                client.get(document)
        old = tls_context(pki, None)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            httpx.Client(verify=old) as client,
            pytest.raises(httpx.ConnectError),
        ):
            client.get(f"{process.api_url}/healthz")


def test_an_unreachable_database_is_told_before_anything_listens(pki: Path) -> None:
    process = Process(f"postgresql://localhost:{free_port()}/none?connect_timeout=1", pki)
    with process.start() as running:
        output, _ = running.communicate(timeout=60)
    assert running.returncode == os.EX_UNAVAILABLE
    assert "database.unreachable" in output
    assert "Traceback" not in output


def test_another_versions_tables_are_told_with_the_remedy(
    empty_database_url: str, pki: Path
) -> None:
    with Process(empty_database_url, pki).start() as running:
        output, _ = running.communicate(timeout=60)
    assert running.returncode == os.EX_UNAVAILABLE
    assert "database.schema" in output
    assert "quartermaster cloud migrate" in output


def test_a_port_in_use_is_told(database_url: str, pki: Path) -> None:
    process = Process(database_url, pki)
    with socket.create_server(("127.0.0.1", process.api_port)), process.start() as running:
        output, _ = running.communicate(timeout=60)
    assert running.returncode == os.EX_CONFIG
    assert str(process.api_port) in output
    assert "Traceback" not in output
