"""``gateway status`` says in words whether all is well, whatever state the folder is in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.cli.judging import findings_in, full_in, verdict
from edge.cli.standing import _learning_facts
from edge.web.hatch import HATCH, listen
from shared.errors import QuartermasterError
from tests.unit.edge.cli.conftest import DAY, HOUR

NOW = 1_800_000_000_000_000


def call(data: Path, *arguments: str) -> str:
    line = ["status", *arguments, "--data", str(data)]
    result = CliRunner().invoke(app, line, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def told(data: Path) -> dict[str, Any]:
    return json.loads(call(data, "--json"))


def report(**over: Any) -> dict[str, Any]:
    """A gateway that is well."""
    return {
        "gateway": "gw-01",
        "process": {"runs": True, "answers": True},
        "troubles": [],
        "notices": [],
        "link": {"up": True, "last_error": ""},
        "versions": {"catalog": 3},
        "certificates": [{"name": "cloud", "for": "the cloud", "not_after": NOW + 6 * DAY}],
        "cameras": [],
        "open": {"tasks": 4, "overdue": 0, "exceptions": 0, "decisions": 0},
        **over,
    }


def found(**over: Any) -> list[tuple[str, str]]:
    return [(each.check, each.level) for each in findings_in(report(**over), NOW)]


def test_a_gateway_that_does_not_run_is_told_of_with_what_it_holds(site: Path) -> None:
    status = told(site)
    assert status["ok"] is False
    assert (status["gateway"], status["waiting"], status["scans"]) == ("gw-01", 1, 1)
    assert status["process"] == {"runs": False, "answers": False, "pid": None, "since": None}
    assert status["link"] is None
    assert status["open"] == {"tasks": 3, "overdue": 1, "exceptions": 1, "decisions": 3}
    assert status["oldest_unsent_at"] > 0
    assert [each["name"] for each in status["certificates"]] == ["cloud"]
    shown = call(site)
    assert "The gateway does not run: no scan is taken." in shown
    assert "systemctl start quartermaster-gateway" in shown
    assert "1 event to go" in shown


def test_what_is_not_there_is_said_and_the_rest_is_told(tmp_path: Path) -> None:
    shown = call(tmp_path)
    assert "This gateway is not enrolled yet." in shown
    assert "gateway.db" not in shown, "it has never run: there is nothing to miss"
    with pytest.raises(QuartermasterError) as refused:
        call(tmp_path / "none")
    assert refused.value.code == "file.unreadable"


def test_a_folder_in_which_everything_is_broken_still_has_a_status(
    site: Path, tmp_path: Path
) -> None:
    data = tmp_path / "broken"
    shutil.copytree(site, data)
    (data / "gateway.toml").write_text("[api]\nprot = 1\n")
    (data / "gateway.db").write_bytes(b"no database" * 1000)
    (data / "identity" / "current" / "identity.json").write_text("{")
    status = told(data)
    assert {each["code"] for each in status["troubles"]} == {
        "settings.invalid",
        "store.damaged",
        "file.unreadable",
    }
    assert status["seq"] is None
    (data / "gateway.db").unlink()
    codes = [each["code"] for each in told(data)["troubles"]]
    assert "store.damaged" in codes, "its note says that there was one"


def test_a_process_that_does_not_answer_is_a_problem_and_the_store_is_told(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import edge.cli.standing
    from edge.web.hatch import ask

    monkeypatch.setattr(edge.cli.standing, "ask", lambda data: ask(data, seconds=0.05))
    data = tmp_path / "gw"
    shutil.copytree(site, data)
    listening = listen(data)
    try:
        status = told(data)
        shown = call(data)
    finally:
        listening.close()
    assert status["process"]["runs"] is True
    assert status["process"]["answers"] is False
    assert status["seq"] == 1
    assert "does not say how it stands" in shown
    (data / HATCH).unlink()


def test_a_well_gateway_has_nothing_to_say() -> None:
    assert found() == []
    assert verdict(report(), []).says == "All is well."


def test_that_the_cloud_is_away_is_a_note_and_that_it_refuses_is_a_problem() -> None:
    error = QuartermasterError("broker.unreachable", "no route")
    away = report(link={"up": False, "last_error": f"{error} {error.entry.do}"})
    away["heard_at"] = NOW - 3 * HOUR
    (finding,) = findings_in(away, NOW)
    assert (finding.level, finding.check) == ("note", "cloud")
    assert finding.says.endswith("last heard 3 hours ago (broker.unreachable: no route).")
    assert "scans go on, nothing is lost" in verdict(away, [finding]).says
    refused = {"up": False, "last_error": "broker.refused: not authorized"}
    assert found(link=refused) == [("cloud", "problem")]


def test_each_trouble_is_found_with_what_to_do() -> None:
    expired = [{"name": "cloud", "for": "the cloud", "not_after": NOW - 1}]
    notice = QuartermasterError("disk.full", "97 % used").as_dict()
    trouble = QuartermasterError("store.damaged", "torn").as_dict()
    everything = report(
        certificates=expired,
        notices=[notice],
        troubles=[trouble],
        frozen="epoch 1 ends at 3, 7 had been committed",
        epoch_refused="epoch.undecided",
        witnessed={"disagreed": "another head"},
        versions={"catalog": 0},
        last_refused_document="downlink.hash",
        cameras=[{"name": "cam-1", "state": "failed"}],
        open={"tasks": 2, "overdue": 2, "exceptions": 1, "decisions": 0},
        evidence_dropped=5,
    )
    findings = findings_in(everything, NOW)
    assert [each.check for each in findings if each.level == "problem"] == [
        "store",
        "disk",
        "outbox",
        "outbox",
        "outbox",
        "certificates",
        "documents",
    ]
    assert all(each.do for each in findings)
    assert [each.level for each in findings] == sorted(
        (each.level for each in findings), reverse=True
    ), "the worst first"
    assert verdict(everything, findings).says == "7 things must be seen to."


def test_a_certificate_that_was_not_renewed_in_time_is_told_before_it_ends() -> None:
    late = [{"name": "cloud", "for": "the cloud", "not_after": NOW + DAY}]
    assert found(certificates=late) == [("certificates", "note")]
    assert found(certificates=[{**late[0], "name": "door"}]) == []


def test_when_the_store_will_be_full_is_said_in_words() -> None:
    filling = {"watched_seconds": 3 * 3600, "full_in_seconds": 5 * 86_400}
    assert full_in({"filling": filling}) == "in about 5 days, at the pace of the last 3 hours"
    assert "not in sight" in full_in({"filling": {**filling, "full_in_seconds": None}})
    early = {"watched_seconds": 9, "full_in_seconds": None}
    assert "ten minutes of watching" in full_in({"filling": early})
    assert "running gateway" in full_in({"filling": None})


def test_what_waits_for_a_word_and_how_a_shadow_does_is_told() -> None:
    shadow = {
        "version": "slots-1",
        "candidate": "slots-r2",
        "compared": 1200,
        "agreed": 1100,
        "labelled": 0,
        "right": 0,
        "candidate_right": 0,
    }
    words = shadow | {"labelled": 4, "right": 1, "candidate_right": 3}
    told = [fact.says for fact in _learning_facts({"crops": 2, "shadow": [shadow, words]})]
    assert told == [
        "2 crops waiting for a person's word",
        "slots-r2 beside slots-1: agreed 1,100 of 1,200",
        "slots-r2 beside slots-1: agreed 1,100 of 1,200; of 4 labels right 3, in force 1",
    ]
    assert list(_learning_facts({"crops": 0, "shadow": []})) == []
    assert list(_learning_facts({})) == []
