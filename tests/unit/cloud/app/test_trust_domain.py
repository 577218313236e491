"""No process of the cloud works under another house's name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from cloud.app.ingest import build
from cloud.app.serve import serve
from cloud.app.worker import run
from cloud.gateways.authority import demand_trust_domain
from cloud.settings import Settings
from shared.errors import QuartermasterError
from tests.support import WallClock


def _ingest(settings: Settings) -> None:
    with ExitStack() as closing:
        build(
            settings,
            worker_id="1",
            clock=WallClock(),
            stopping=threading.Event(),
            closing=closing,
            registry=CollectorRegistry(),
        )


STARTS: dict[str, Callable[[Settings], None]] = {
    "serve": lambda settings: serve(settings, WallClock()),
    "worker": lambda settings: run(
        settings, WallClock(), threading.Event(), name="1", randomness=lambda: 0.0
    ),
    "ingest": _ingest,
}


@pytest.mark.parametrize("process", STARTS)
def test_a_process_refuses_to_start_under_another_trust_domain(pki: Path, process: str) -> None:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/x",
        pki=pki,
        trust_domain="elsewhere.example",
    )
    with pytest.raises(QuartermasterError) as refusal:
        STARTS[process](settings)
    assert (refusal.value.code, refusal.value.where) == ("settings.invalid", "QM_TRUST_DOMAIN")
    assert "elsewhere.example" in refusal.value.detail
    assert "quartermaster.local" in refusal.value.detail


def test_the_roots_own_trust_domain_is_accepted(pki: Path) -> None:
    demand_trust_domain(pki, "quartermaster.local")


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        demand_trust_domain(tmp_path, "quartermaster.local")
    assert refusal.value.code == "settings.invalid"
    assert "root.crt" in refusal.value.where
