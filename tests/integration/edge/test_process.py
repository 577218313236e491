"""The gateway as a process: how it starts, is refused, ends, dies and comes back."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from deploy.pki import create
from edge.app import open_database, opened, run
from edge.settings import Settings
from shared.downlink import Catalog, Item, Offer, digest, encode
from shared.errors import QuartermasterError
from tests.support import WallClock
from tests.support.gateway import (
    CATALOG,
    SITE,
    FakeCloud,
    enrol,
    equip,
    public_key,
    running,
    scan,
    wait_until,
)

if TYPE_CHECKING:
    from deploy.broker import Broker


def test_a_gateway_that_is_not_enrolled_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refused:
        run(tmp_path)
    assert refused.value.code == "gateway.not-enrolled"
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refused:
        open_database(tmp_path / "none", Settings())
    assert refused.value.code == "file.unreadable"


def test_sigterm_ends_it_in_order_with_no_broker_in_sight(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    with running(tmp_path, token) as gateway:
        assert gateway.scan().status_code == 200
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.log.read_text()


def test_what_was_answered_survives_kill_9_and_a_retry_gets_the_same_answer(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    answered: list[tuple[dict[str, Any], bytes]] = []
    with running(tmp_path, token) as gateway:
        killer = threading.Timer(0.5, gateway.kill)
        killer.start()
        try:
            while len(answered) < 5000:
                request = scan(quantity=1)
                answered.append((request, gateway.http.post("/v1/scans", json=request).content))
        except httpx.TransportError:
            answered_on_time = len(answered)
        killer.join()
    assert answered_on_time > 0
    with running(tmp_path, token) as gateway:
        for request, answer in answered[-20:]:
            assert gateway.http.post("/v1/scans", json=request).content == answer
        status = gateway.status()
        assert answered_on_time <= status["scans"] <= answered_on_time + 1
        lines = gateway.http.get("/v1/stock").json()["lines"]
        assert sum(line["quantity"] for line in lines) == status["scans"]


def test_the_door_speaks_tls_1_3_only_and_a_public_authority_does_not_vouch_for_it(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    with running(tmp_path, token) as gateway:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://localhost:{gateway.port}/healthz", trust_env=False)
        old = ssl.create_default_context(cafile=str(tmp_path / "identity" / "local" / "ca.crt"))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://localhost:{gateway.port}/healthz", verify=old, trust_env=False)


def test_a_certificate_that_the_broker_refuses_is_counted_and_scans_go_on(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    strange = tmp_path / "strange"
    create(strange, trust_domain="quartermaster.local", clock=WallClock())
    data = tmp_path / "gw"
    identity = enrol(data, strange, broker_port=broker.gateway_port)
    identity.trust.write_bytes((pki / "services-chain.crt").read_bytes())
    token = equip(data)
    with running(data, token) as gateway:
        wait_until(lambda: gateway.status()["link"]["auth_failures"], "a refusal", seconds=25)
        link = gateway.status()["link"]
        assert not link["up"]
        assert link["last_error"].startswith("broker.refused")
        assert gateway.scan().status_code == 200


def test_commands_and_the_running_gateway_take_turns(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    token = equip(tmp_path)
    with running(tmp_path, token) as gateway:
        for _ in range(5):
            assert gateway.scan().status_code == 200
            with opened(tmp_path) as store:
                fact = store.pipeline.record_blocking
                assert fact(_fact(), device="photo") > 0
        before = gateway.status()["seq"]
        answer = gateway.scan()
        assert answer.json()["seq"] == before + 1


def _fact() -> Any:
    from shared.events import CodeSeen

    return CodeSeen("photo", "qr", "x")


@contextmanager
def gateway_door(pki: Path, documents: dict[str, bytes]) -> Iterator[int]:
    """The cloud's gateway door: documents by hash, for device certificates only."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = documents.get(self.path.removeprefix("/v1/documents/"))
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    context.load_verify_locations(pki / "devices-chain.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def test_a_large_document_is_fetched_by_its_hash_and_other_bytes_are_refused(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    items = [Item(f"SKU-{number}", "x" * 100, []) for number in range(2000)]
    large = encode(Catalog(SITE, items, CATALOG.locations))
    other = encode(Catalog(SITE, items[:1], CATALOG.locations))
    documents = {digest(large).hex(): large}
    swapped = Offer("catalog", 0, 8, digest(other), len(large))
    documents[digest(other).hex()] = large
    longer = Offer("catalog", 0, 9, digest(large), 10)
    missing = Offer("catalog", 0, 10, bytes(32), 10)
    with gateway_door(pki, documents) as port:
        url = f"https://localhost:{port}"
        identity = enrol(tmp_path, pki, broker_port=broker.gateway_port, door_url=url)
        token = equip(tmp_path, version=1)
        with (
            FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
            running(tmp_path, token) as gateway,
        ):
            wait_until(lambda: gateway.status()["link"]["up"], "the link")
            for offer, metric in (
                (swapped, 'code="downlink.hash"} 1.0'),
                (longer, 'code="downlink.hash"} 2.0'),
                (missing, 'code="cloud.unreachable"} 1.0'),
            ):
                cloud.offer("gw-01", offer)
                wait_until(_counted(gateway.http, metric), metric)
            assert gateway.status()["versions"]["catalog"] == 1
            cloud.offer("gw-01", Offer("catalog", 0, 11, digest(large), len(large)))
            wait_until(lambda: gateway.status()["versions"]["catalog"] == 11, "the document")
            assert gateway.scan(raw="SKU-1999").status_code == 200


def _counted(http: httpx.Client, metric: str) -> Callable[[], bool]:
    return lambda: metric in http.get("/metrics").text


def test_a_gateway_without_a_camera_loads_no_vision_and_nothing_of_the_cloud() -> None:
    program = (
        "import sys, edge.cli, edge.app, edge.app.gateway\n"
        "heavy = {'cv2', 'numpy', 'zxingcpp', 'fastapi', 'pydantic', 'psycopg', 'cloud'}\n"
        "heavy |= {name for name in sys.modules if name.startswith('edge.inputs')}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
