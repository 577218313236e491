"""The doctor says what is wrong and how to fix it, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy import cli
from deploy.doctor import Finding, examine, healthy, machine
from deploy.pki import create, revocations
from shared.units import DAY
from tests.support import FakeClock, WallClock, free_port


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QM_DATABASE_URL", "QM_PKI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fresh_pki(tmp_path: Path) -> Path:
    create(tmp_path / "pki", trust_domain="quartermaster.local", clock=WallClock())
    return tmp_path / "pki"


def problems(check: str, findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.level == "problem" and f.check == check]


def test_a_sound_pki_is_no_problem(fresh_pki: Path) -> None:
    assert problems("pki", examine(pki=fresh_pki)) == []


def test_missing_pki_files_are_named(fresh_pki: Path) -> None:
    (fresh_pki / "server.key").unlink()
    (found,) = problems("pki", examine(pki=fresh_pki))
    assert found.says == "missing: server.key"
    assert "quartermaster pki init" in found.do


def test_a_key_that_others_can_read_is_a_problem_with_its_remedy(fresh_pki: Path) -> None:
    (fresh_pki / "ingest.key").chmod(0o640)
    (found,) = problems("pki", examine(pki=fresh_pki))
    assert found.do == f"Run: chmod 600 {fresh_pki / 'ingest.key'}"
    assert (fresh_pki / "ingest.key").stat().st_mode & 0o777 == 0o640


def test_expired_certificates_are_a_problem(tmp_path: Path) -> None:
    past = FakeClock(WallClock().now() - 366 * DAY)
    create(tmp_path / "pki", trust_domain="quartermaster.local", clock=past)
    expired = {f.says.split()[0] for f in problems("pki", examine(pki=tmp_path / "pki"))}
    assert expired == {"devices.crt", "services.crt", "server.crt", "ingest.crt", "devices.crl"}


def test_a_revocation_list_that_nobody_renews_is_a_problem_before_the_broker_refuses_everybody(
    tmp_path: Path,
) -> None:
    late = FakeClock(WallClock().now() - 3 * DAY)
    create(tmp_path / "pki", trust_domain="quartermaster.local", clock=late)
    (found,) = problems("pki", examine(pki=tmp_path / "pki"))
    assert found.says.startswith("devices.crl is valid until")
    assert "quartermaster cloud worker" in found.do
    revocations(tmp_path / "pki", clock=WallClock())
    assert problems("pki", examine(pki=tmp_path / "pki")) == []


def test_a_trust_domain_that_is_not_the_roots_is_a_problem(
    fresh_pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port()}/x")
    monkeypatch.setenv("QM_PKI", str(fresh_pki))
    monkeypatch.setenv("QM_TRUST_DOMAIN", "elsewhere.example")
    (found,) = problems("settings", examine(pki=fresh_pki))
    assert "settings.invalid" in found.says
    assert "QM_TRUST_DOMAIN" in found.says
    monkeypatch.delenv("QM_TRUST_DOMAIN")
    assert problems("settings", examine(pki=fresh_pki)) == []


def test_a_damaged_certificate_is_a_finding_and_the_other_checks_go_on(fresh_pki: Path) -> None:
    (fresh_pki / "root.crt").write_text("nonsense")
    findings = examine(pki=fresh_pki)
    assert "file.unreadable" in problems("pki", findings)[0].says
    assert any(f.check == "python" for f in findings)


def test_an_unreachable_database_is_a_problem_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/x"
    monkeypatch.setenv("QM_DATABASE_URL", url)
    findings = examine()
    (found,) = problems("database", findings)
    assert found.says.startswith("database.unreachable: ")
    assert "QM_DATABASE_URL" in found.do
    assert not any("secret" in f.says for f in findings)
    assert problems("broker", findings)


def test_a_missing_mosquitto_names_the_script_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deploy.processes.shutil.which", lambda *_, **__: None)
    (found,) = problems("mosquitto", examine())
    assert "deploy/install/system-packages.sh" in found.do


def test_a_gateway_that_is_not_enrolled_is_told_how(tmp_path: Path) -> None:
    (found,) = problems("gateway", examine(data=tmp_path))
    assert "quartermaster gateway enrol" in found.do


def test_a_typing_error_in_a_gateways_settings_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[api]\nprot = 1\n")
    (found,) = problems("gateway", examine(data=tmp_path))
    assert found.says.startswith("settings.invalid: ")
    assert "prot" in found.says


def test_little_space_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LITTLE_SPACE", 1 << 60)
    assert problems("disk", examine())


def test_the_exit_code_and_the_json_say_the_same(
    fresh_pki: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fresh_pki / "root.crt").unlink()
    assert cli.run(["doctor", "--json", "--pki", str(fresh_pki)]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert any(f["level"] == "problem" and f["do"] for f in answer)


def test_notes_alone_are_healthy() -> None:
    assert healthy([Finding("a", "ok", "x"), Finding("b", "note", "y")])
    assert not healthy([Finding("a", "problem", "x", "fix it")])
