"""The local API's document is true: whatever a client makes of it, the gateway keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from schemathesis import GenerationMode

from edge.app.store import opened
from tests.support.gateway import RunningGateway, enrol, equip_store, running
from tests.support.openapi import held_to
from tests.support.people import employ

EXAMPLES: Final = 10
"""Of each kind for each operation: ten seconds in all."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, pki: Path) -> Iterator[RunningGateway]:
    """A gateway's process, cut off, with a catalog, people and a device."""
    data = tmp_path_factory.mktemp("described") / "data"
    data.mkdir()
    enrol(data, pki)
    with opened(data) as store:
        token = equip_store(store)
        employ(store)
    with running(data, token) as gateway:
        yield gateway


def document(gateway: RunningGateway) -> dict[str, Any]:
    answer = gateway.http.get("/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_whoever_is_not_paired_is_not_even_told_what_there_is(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/v1/openapi.json", headers={"authorization": ""})
    assert answer.status_code == 401


def test_every_operation_says_what_it_does_and_how_it_refuses(gateway: RunningGateway) -> None:
    told = document(gateway)
    assert len(told["paths"]) > 20
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            if operation.get("security") != []:
                assert "401" in operation["responses"], (method, path)


def test_whatever_the_document_allows_or_forbids_is_answered_as_it_promises(
    gateway: RunningGateway,
) -> None:
    schema = schemathesis.openapi.from_dict(document(gateway))
    schema.config.update(
        base_url=f"https://localhost:{gateway.port}",
        tls_verify=str(gateway.data / "identity" / "local" / "ca.crt"),
    )
    headers = {"authorization": gateway.http.headers["authorization"]}
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:
            tried += held_to(operation, mode, headers, examples=EXAMPLES)
    assert tried > 40
    assert "Traceback" not in gateway.log.read_text()
    assert "web.unexpected" not in gateway.log.read_text()
