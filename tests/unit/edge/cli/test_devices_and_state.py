"""``devices``, ``status`` and ``queue`` on a gateway's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.app import opened
from edge.cli import app
from edge.link.local_tls import ensure
from edge.web.installation import authority_in, grouped
from shared.errors import QuartermasterError
from shared.events import DeviceHealth
from tests.support import FakeClock
from tests.support.gateway import enrol, equip


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_device_is_paired_once_listed_and_revoked(tmp_path: Path) -> None:
    paired = json.loads(call("devices", "add", "sc-01", "--data", str(tmp_path), "--json"))
    assert paired["device"] == "sc-01"
    assert len(paired["token"]) > 40
    again = json.loads(call("devices", "add", "sc-01", "--data", str(tmp_path), "--json"))
    assert again["token"] != paired["token"]
    listed = call("devices", "list", "--data", str(tmp_path), "--json")
    assert [device["name"] for device in json.loads(listed)] == ["sc-01"]
    assert paired["token"] not in listed
    call("devices", "revoke", "sc-01", "--data", str(tmp_path))
    assert "revoked" in call("devices", "list", "--data", str(tmp_path))


def test_revoking_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refused:
        call("devices", "revoke", "sc-09", "--data", str(tmp_path))
    assert refused.value.code == "request.not-found"


def test_status_and_queue_tell_what_has_not_been_covered(tmp_path: Path, pki: Path) -> None:
    enrol(tmp_path, pki)
    equip(tmp_path)
    with opened(tmp_path) as store:
        store.pipeline.record_blocking(DeviceHealth("sc-01", "well"), device="sc-01")
        store.database.run_blocking(
            lambda connection: store.outbox.seal(connection, store.clock.now())
        )
        store.pipeline.record_blocking(DeviceHealth("sc-01", "well"), device="sc-01")
        sealed = store.outbox.depth(store.database.reader).seq - 1
    status = json.loads(call("status", "--data", str(tmp_path), "--json"))
    assert status["gateway"] == "gw-01"
    assert (status["waiting"], status["unacknowledged"]) == (1, sealed)
    assert status["versions"] == {
        "catalog": 1,
        "policy": 0,
        "people": 0,
        "plan": 0,
        "leases": 0,
        "heads": 0,
    }
    queue = json.loads(call("queue", "--data", str(tmp_path), "--json"))
    assert (queue["waiting"], len(queue["segments"])) == (1, 1)
    assert queue["segments"][0]["last_seq"] == sealed
    assert "1 event waiting" in call("queue", "--data", str(tmp_path))
    assert "gw-01" in call("status", "--data", str(tmp_path))


def test_a_phone_is_paired_by_a_code_shown_once_and_for_ten_minutes(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[api]\nport = 9443\nnames = ["gw.hall-3.example"]\n')
    told = json.loads(call("devices", "pair", "ph-01", "--data", str(tmp_path), "--json"))
    assert told["device"] == "ph-01"
    assert told["url"] == f"https://gw.hall-3.example:9443/scan/#pair={told['code']}"
    shown = call("devices", "pair", "ph-01", "--data", str(tmp_path), "--host", "10.0.0.7")
    assert "▄" in shown, "a QR code"
    assert "https://10.0.0.7:9443/scan/#pair=" in shown
    assert told["code"] not in shown
    assert call("devices", "list", "--data", str(tmp_path), "--json").strip() == "[]"


def test_a_phones_way_begins_with_trust_and_shows_what_to_compare(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[api]\nnames = ["gw.hall-3.example"]\n')
    folder = ensure(
        tmp_path / "identity", clock=FakeClock(), hosts=["gw.hall-3.example"], gateway="gw-01"
    )
    told = json.loads(call("devices", "pair", "ph-01", "--data", str(tmp_path), "--json"))
    assert told["install_url"] == f"http://gw.hall-3.example:8080/#pair={told['code']}"
    assert told["sha256"] == authority_in(folder).sha256
    shown = call("devices", "pair", "ph-01", "--data", str(tmp_path))
    assert shown.index("http://gw.hall-3.example:8080/#pair=") < shown.index("https://gw.hall-3")
    assert all(group in shown for group in grouped(told["sha256"]))
    other = call("devices", "pair", "ph-01", "--data", str(tmp_path), "--host", "10.0.0.7")
    assert "10.0.0.7 is none of the names" in other
    (tmp_path / "gateway.toml").write_text("[api]\ninstall_port = 0\n")
    assert "http://" not in call("devices", "pair", "ph-01", "--data", str(tmp_path))
