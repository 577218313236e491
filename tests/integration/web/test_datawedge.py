"""The profile that the command writes: a DataWedge without its device types into the scan page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from edge.cli import app
from tests.integration.web.conftest import Floor
from tests.support.browser import type_like_a_scanner
from tests.support.datawedge import DataWedge
from tests.support.gateway import wait_until
from tests.support.scan_page import WITH_SEPARATOR, panel

Queue = Callable[[Page], list[dict[str, Any]]]


def test_what_its_trigger_reads_is_typed_and_becomes_stock(
    floor: Floor, page: Page, queue_of: Queue, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.json"
    arguments = ["devices", "profile", "sc-01", "--output", str(file)]
    data = ["--data", str(floor.gateway.data)]
    result = CliRunner().invoke(app, [*arguments, *data], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    device = DataWedge()
    device.set_config(json.loads(file.read_text("utf-8")))
    typed: list[str] = []

    def keys(text: str, events: bool) -> None:  # noqa: FBT001 - the port's shape
        assert events, "keys, not what an input method commits"
        typed.append(text)

    before = floor.on_hand()
    device.scan(WITH_SEPARATOR, "com.android.chrome", keys)
    *code, end = typed
    assert end == "\n"
    type_like_a_scanner(page, "".join(code), gap_ms=5, end="Enter")

    expect(panel(page, "applied")).to_contain_text("lot L-7")
    assert [op["body"]["raw"] for op in queue_of(page)] == [WITH_SEPARATOR]
    wait_until(lambda: floor.on_hand() == before + 1, "one more in stock")
