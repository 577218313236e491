"""The typed client that is made of the OpenAPI document speaks with the API it was made of."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from cloud.app.serve import document
from tests.support import FakeClock
from tests.support.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
CONFIG = Path(__file__).parents[3] / "deploy" / "client.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The client, as `make client` makes it; the name of its package."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(msgspec.json.encode(document(FakeClock())))
    generator = [str(Path(sys.executable).parent / "openapi-python-client"), "generate"]
    done = subprocess.run(
        [*generator, "--path", "openapi.json", "--config", str(CONFIG), "--meta", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "WARNING" not in done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield "quartermaster_client"
    sys.path.remove(str(folder))


def called(planner: Planner, made: str, operation: str, key: str, **given: Any) -> Any:
    """What the client makes of the API's answer."""
    client = importlib.import_module(made).AuthenticatedClient("https://localhost", key)
    transport = httpx.ASGITransport(app=planner.app)
    client.set_async_httpx_client(
        httpx.AsyncClient(
            transport=transport,
            base_url="https://localhost",
            headers={"authorization": f"Bearer {key}"},
        )
    )
    module = importlib.import_module(f"{made}.api.{operation}")
    return asyncio.run(module.asyncio_detailed(client=client, **given)).parsed


def test_lists_things_and_refusals_come_as_their_types(
    made: str, shared_pool: ConnectionPool[Connection]
) -> None:
    planner = Planner(shared_pool, FakeClock())
    planner.receive("gw-a", ("SKU-1", 5, "L0", None), ("SKU-2", 7, "L0", None))
    key = planner.key("read", "webhooks:write")
    first = called(planner, made, "stock.stock_get_stock", key, limit=1)
    rest = called(planner, made, "stock.stock_get_stock", key, cursor=first.next_)
    assert [(row.sku, row.quantity) for row in (*first.items, *rest.items)] == [
        ("SKU-1", 5),
        ("SKU-2", 7),
    ]
    shapes = importlib.import_module(f"{made}.models")
    wanted = shapes.NewWebhook(
        "shop", "https://shop.example.com/", [shapes.NewWebhookKindsItem.STOCK]
    )
    assert called(planner, made, "webhooks.webhooks_add_webhook", key, body=wanted).waiting == 0
    again = called(planner, made, "webhooks.webhooks_add_webhook", key, body=wanted)
    assert (type(again), again.code) == (shapes.Problem, "request.conflict")
