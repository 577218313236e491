"""``gateway doctor`` finds what is wrong without any network, and says how to mend each thing."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli import app, checks
from edge.cli.checks import Patient, examine
from edge.cli.standing import report_of
from edge.settings import Camera, load
from shared.findings import Finding
from tests.support import WallClock, free_port
from tests.support.damage import garbage_page
from tests.unit.edge.cli.conftest import DAY


@pytest.fixture
def data(site: Path, tmp_path: Path) -> Path:
    """A copy of the site, on a port of its own."""
    copy = tmp_path / "gw"
    shutil.copytree(site, copy, symlinks=True)
    (copy / "gateway.toml").write_text(f'[api]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    copy.chmod(0o700)
    return copy


def look(data: Path, *, later: int = 0, **over: Any) -> list[Finding]:
    status = report_of(data) | over
    now = WallClock().now() + later
    return list(examine(Patient(data, load(data), status, now)))


def of(check: str, findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.check == check]


def problems(findings: list[Finding]) -> list[str]:
    return [each.check for each in findings if each.level == "problem"]


def test_a_sound_gateway_that_does_not_run_lacks_nothing_but_its_process(data: Path) -> None:
    findings = look(data)
    assert problems(findings) == ["process"]
    assert {each.check for each in findings} == {name for name, _ in checks.CHECKS} - {"cameras"}
    assert all(each.do for each in findings if each.level != "ok")
    (broker,) = of("broker", findings)
    assert broker.level == "note", "a line that is cut is nobody's fault here"


def test_the_exit_code_and_the_json_say_the_same(data: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--data", str(data), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (1, False)
    assert set(told["findings"][0]) == {"check", "level", "says", "do"}
    shown = CliRunner().invoke(app, ["doctor", "--data", str(data)])
    assert shown.exit_code == 1
    assert "systemctl start quartermaster-gateway" in shown.stdout
    assert "its pages are sound" not in shown.stdout, "what is well is told on request"
    assert (
        "its pages are sound"
        in CliRunner().invoke(app, ["doctor", "--all", "--data", str(data)]).stdout
    )


def test_a_gateway_that_is_not_enrolled_is_told_so_once(tmp_path: Path) -> None:
    findings = look(tmp_path)
    assert [each.check for each in findings if "gateway enrol" in each.do] == ["identity"]
    assert [each.says for each in of("store", findings)] == ["none yet"]


def test_settings_that_cannot_be_read_are_named_and_the_rest_is_looked_at(data: Path) -> None:
    (data / "gateway.toml").write_text("[api]\nprot = 1\n")
    done = CliRunner().invoke(app, ["doctor", "--data", str(data), "--json"])
    told = json.loads(done.stdout)["findings"]
    (found,) = [each for each in told if each["check"] == "settings"]
    assert found["says"].startswith("settings.invalid: ")
    assert "prot" in found["says"]
    assert "port" in {each["check"] for each in told}


def test_keys_and_a_database_that_others_can_read_are_problems_with_their_remedy(
    data: Path,
) -> None:
    key = data / "identity" / "current" / "event.key"
    key.chmod(0o644)
    (data / "gateway.db").chmod(0o640)
    findings = look(data)
    assert [each.do for each in of("identity", findings) if each.level == "problem"] == [
        f"Run: chmod 600 {key}"
    ]
    assert [each.do for each in of("folder", findings) if each.level == "problem"] == [
        f"Run: chmod 600 {data / 'gateway.db'}"
    ]
    assert key.stat().st_mode & 0o777 == 0o644, "it looks, it does not repair"


def test_a_folder_that_anybody_may_write_to_is_a_problem(data: Path) -> None:
    data.chmod(0o777)
    assert "folder" in problems(look(data))


def test_a_certificate_is_told_before_and_after_its_end(data: Path) -> None:
    (soon,) = [each for each in of("identity", look(data, later=6 * DAY)) if each.level == "note"]
    assert "gateway renew" in soon.do
    (ended,) = [
        each for each in of("identity", look(data, later=9 * DAY)) if each.level == "problem"
    ]
    assert "ran out 2 days ago" in ended.says
    (early,) = [
        each for each in of("identity", look(data, later=-9 * DAY)) if each.level == "problem"
    ]
    assert "clock" in early.do


def test_a_clock_that_is_wrong_is_told(data: Path) -> None:
    behind = {"machine_is": "behind", "off_by_seconds": 7200, "state": "floored", "now": ""}
    (found,) = of("clock", look(data, clock=behind))
    assert (found.level, found.says) == ("problem", "the machine's clock is behind by 2 hours")
    assert "timesyncd" in found.do


@pytest.mark.parametrize(
    ("level", "how"),
    [("plenty", "ok"), ("low", "note"), ("scarce", "problem"), ("full", "problem")],
)
def test_room_is_judged_as_the_gateway_judges_it(data: Path, level: str, how: str) -> None:
    disk = report_of(data)["disk"] | {"level": level}
    assert [each.level for each in of("disk", look(data, disk=disk))] == [how]


def test_a_database_that_is_damaged_or_gone_is_found(data: Path) -> None:
    garbage_page(data / "gateway.db", 7)
    assert problems(of("store", look(data))) == ["store"]
    (data / "gateway.db").unlink()
    assert "is gone" in of("store", look(data))[0].says


def test_a_database_that_is_large_is_read_for_a_while_only(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_CHECK_S", -1.0)
    monkeypatch.setattr(checks, "_STEPS", 1)
    (found,) = of("store", look(data))
    assert found.level == "ok"
    assert "gateway scrub" in found.says


def test_events_that_the_cloud_has_not_had_for_long_are_told(data: Path) -> None:
    (fresh,) = of("outbox", look(data))
    (late,) = of("outbox", look(data, later=5 * 3_600_000_000))
    assert (fresh.level, late.level) == ("ok", "note")
    assert "5 hours ago" in late.says


def test_without_a_catalog_every_scan_is_refused(data: Path) -> None:
    versions = dict.fromkeys(["catalog", "policy", "people", "plan", "leases", "heads"], 0)
    (found,) = of("documents", look(data, versions=versions))
    assert found.level == "problem"


def test_a_port_that_is_taken_names_how_to_find_who_has_it(data: Path) -> None:
    with socket.create_server(("127.0.0.1", load(data).api.port)):
        (found,) = of("port", look(data))
    assert found.level == "problem"
    assert "ss -ltnp" in found.do


def test_a_port_of_somebody_else_is_not_taken_for_the_gateways(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_PATIENCE_S", 0.1)
    process = {"runs": True, "answers": True, "pid": 1, "since": 1}
    (data / "identity" / "local").mkdir()
    shutil.copy(data / "identity" / "current" / "trust.crt", data / "identity" / "local" / "ca.crt")
    with socket.create_server(("127.0.0.1", load(data).api.port)) as other:
        assert other.fileno() >= 0, "it takes connections and says nothing"
        (found,) = of("port", look(data, process=process))
    assert found.level == "problem"


def test_cameras_are_reached_by_what_they_are(data: Path, tmp_path: Path) -> None:
    there = tmp_path / "belt.avi"
    there.write_bytes(b"")
    cameras = [
        Camera(name="file", source=str(there)),
        Camera(name="gone", source=str(tmp_path / "none.avi")),
        Camera(name="far", source=f"http://user:secret@127.0.0.1:{free_port()}/stream"),
        Camera(name="usb", source="77"),
        Camera(name="unclear", source="rtsp://user:half/secret@127.0.0.1/1"),
        Camera(name="other", source="rtmp://user:secret@127.0.0.1/1"),
    ]
    settings = type(load(data))(camera=cameras)
    findings = list(checks.cameras(Patient(data, settings, report_of(data), WallClock().now())))
    assert [each.level for each in findings] == ["ok", *5 * ["problem"]]
    assert "secret" not in " ".join(each.says for each in findings)
    assert "/dev/video77" in findings[3].says


def test_a_camera_that_the_gateway_cannot_read_is_told_with_why(data: Path, tmp_path: Path) -> None:
    there = tmp_path / "belt.avi"
    there.write_bytes(b"")
    settings = type(load(data))(camera=[Camera(name="belt", source=str(there))])
    status = report_of(data)
    told = {"name": "belt", "state": "unreadable", "why": "no video that can be decoded"}
    patient = Patient(data, settings, status | {"cameras": [told]}, WallClock().now())
    (found,) = checks.cameras(patient)
    assert (found.level, found.says) == ("problem", f"belt is unreadable: {told['why']}")


def test_libraries_that_are_not_installed_are_named_with_what_does_not_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_VENDOR", tmp_path)
    (found,) = of("pages", look(data))
    assert found.level == "note"
    assert "htmx.min.js" in found.says
    assert "web-packages.sh" in found.do


def test_a_broker_whose_name_is_not_known_is_a_note(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (found,) = of("broker", look(data))
    assert found.level == "note"
    assert "DNS" in found.do


def test_a_check_that_fails_is_a_finding_itself(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_patient: Patient) -> Any:
        raise ValueError("out of its depth")

    monkeypatch.setattr(checks, "CHECKS", (("odd", breaks),))
    (found,) = look(data)
    assert (found.level, found.check) == ("problem", "odd")
    assert "out of its depth" in found.says
