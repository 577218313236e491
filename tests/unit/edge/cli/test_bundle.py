"""A support bundle says what support needs, and holds no secret and no name, wherever one lies."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy import cli
from edge.app.store import opened
from edge.web import devices, pairing
from tests.support.damage import make_illegible
from tests.support.gateway import enrol, equip
from tests.support.worked import scans

BADGE = "B-7731-QX99-ZEBRA"
PASSWORD = "Winterhafen42"  # noqa: S105 - planted, to be looked for
TOKEN = "qmd_4f9dPLANTEDtokenPLANTEDtoken0123456789abc"  # noqa: S105 - likewise
PEOPLE = (("zora", "Zora Ignatowicz"), ("k-17", "Łukasz von Hagen"))


@pytest.fixture
def data(tmp_path: Path, pki: Path) -> Path:
    folder = tmp_path / "data"
    enrol(folder, pki)
    equip(folder)
    return folder


def plant(data: Path) -> list[str]:
    """Put secrets and names everywhere; what must not be found."""
    (data / "gateway.toml").write_text(
        f'[[camera]]\nname = "dock"\nsource = "rtsp://zora:{PASSWORD}@10.0.0.9/x?pwd={PASSWORD}"\n'
    )
    with opened(data) as store:
        token = store.database.run_blocking(lambda c: devices.add(c, "sc-02", now=1))
        code = store.database.run_blocking(lambda c: pairing.begin(c, "ph-01", now=1)).code

        def people(connection: Any) -> None:
            for each, name in PEOPLE:
                values = (each, name, "operator", f"$argon2id$v=19$m=1,t=1,p=1$c2FsdA${PASSWORD}")
                connection.execute("INSERT INTO person VALUES (?, ?, ?, ?)", values)

        store.database.run_blocking(people)
        scans(store, 3)
    key = next(path for path in (data / "identity").rglob("event.key")).read_text()
    (data / "logs").mkdir(exist_ok=True)
    lines: list[dict[str, str]] = [
        {"event": "edge.people", "detail": "Zora Ignatowicz is none", "badge": BADGE},
        {"event": "x", "detail": f"Bearer {TOKEN} by zora", "secret": PASSWORD},
        {"event": "x", "exception": f"Traceback\n{key}", "token": token},
        {"event": "x", "detail": f"pair with {code}", "who": "lukasz, ŁUKASZ VON HAGEN"},
        {"event": "x", "detail": f"rtsp://zora:{PASSWORD}@10.0.0.9", "level": "info"},
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (data / "logs" / "gateway.log").write_text(f"{text}{{torn {PASSWORD}\n")
    (data / "photos").mkdir()
    (data / "photos" / f"{'a' * 64}.jpg").write_bytes(b"PLANTED PHOTO")
    (data / "gateway.db.damaged-1.json").write_text(
        json.dumps(
            {
                "at": 1, "why": "a page of Zora Ignatowicz", "epoch": 1, "events": 1,
                "segments": 1, "lost": [[1, 2, 3]], "end_known": True, "incomplete": [],
            }
        )
    )  # fmt: skip
    lines_of_key = [line for line in key.splitlines() if line and "-----" not in line]
    return [
        *(BADGE, PASSWORD, TOKEN, token, code, "PLANTED PHOTO", "a" * 64, "argon2"),
        *("Ignatowicz", "Hagen", "HAGEN", "ŁUKASZ", "zora", "Zora", *lines_of_key),
    ]


def parts(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        found: dict[str, bytes] = {}
        for entry in archive:
            stream = archive.extractfile(entry)
            assert stream is not None
            found[entry.name.removeprefix("support/")] = stream.read()
        return found


def bundle(data: Path, path: Path) -> dict[str, bytes]:
    assert cli.run(["gateway", "support-bundle", str(path), "--data", str(data)]) == 0
    return parts(path)


def test_no_planted_secret_and_no_name_is_found_in_it(data: Path, tmp_path: Path) -> None:
    planted = plant(data)
    found = bundle(data, tmp_path / "b.tar.gz")
    whole = gzip.decompress((tmp_path / "b.tar.gz").read_bytes()).decode(errors="replace")
    for each in planted:
        assert each not in whole, each
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert set(found) == {
        "CONTENTS.txt", "about.json", "status.json", "findings.json", "settings.json",
        "database.json", "damage.json", "files.json", "log.jsonl",
    }  # fmt: skip
    for name in set(found) - {"CONTENTS.txt"}:
        assert name in found["CONTENTS.txt"].decode()


def test_it_says_what_support_needs(data: Path, tmp_path: Path) -> None:
    plant(data)
    found = {
        name: json.loads(content)
        for name, content in bundle(data, tmp_path / "b.tar.gz").items()
        if name.endswith(".json")
    }
    assert (found["about.json"]["gateway"], found["about.json"]["site"]) == ("gw-01", "berlin")
    assert found["status.json"]["seq"] == 3
    assert found["status.json"]["waiting"] == 3
    assert {"check", "level", "says", "do"} <= set(found["findings.json"][0])
    assert (
        found["settings.json"]["in_force"]["camera.dock.source"] == "rtsp://***@10.0.0.9/x?pwd=***"
    )
    assert found["database.json"]["rows"]["answered"] == 3
    assert found["database.json"]["chain"]["seq"] == 3
    assert found["database.json"]["schema"] > 0
    assert found["damage.json"][0]["lost"] == [[1, 2, 3]]
    names = {row["name"] for row in found["files.json"]}
    assert {"gateway.db", "gateway.toml"} <= names


@pytest.mark.parametrize("spoilt", ["torn", "gone", "not enrolled"])
def test_what_cannot_be_read_says_why_and_the_rest_is_there(
    data: Path, tmp_path: Path, spoilt: str
) -> None:
    planted = plant(data)
    if spoilt == "torn":
        make_illegible(data / "gateway.db")
    elif spoilt == "gone":
        for path in data.glob("gateway.db*"):
            path.unlink()
    else:
        (data / "identity" / "current").unlink()
    before = {p: p.read_bytes() for p in data.rglob("*") if p.is_file() and "-shm" not in p.name}
    found = bundle(data, tmp_path / "b.tar.gz")
    after = {p: p.read_bytes() for p in data.rglob("*") if p.is_file() and "-shm" not in p.name}
    assert before == after
    whole = b"".join(found.values()).decode(errors="replace")
    secret = planted if spoilt != "gone" else planted[:8]
    if spoilt == "torn":
        secret = [each for each in planted if each not in {"Ignatowicz", "Zora"}]
        assert "Ignatowicz" not in found["log.jsonl"].decode()
    for each in secret:
        assert each not in whole, each
    if spoilt == "torn":
        assert json.loads(found["database.json"])["error"]["code"] in {
            "store.damaged", "store.failed",
        }  # fmt: skip


def test_a_wrong_configuration_is_told_by_place_and_not_by_what_it_holds(
    data: Path, tmp_path: Path
) -> None:
    (data / "gateway.toml").write_text(f'[api]\nport = "{PASSWORD}"\n')
    found = bundle(data, tmp_path / "b.tar.gz")
    faults = json.loads(found["settings.json"])["faults"]
    assert faults == [{"setting": "api.port", "line": 2, "level": "problem"}]
    assert PASSWORD not in b"".join(found.values()).decode()


def test_it_is_bounded_however_long_the_log_is(data: Path, tmp_path: Path) -> None:
    (data / "logs").mkdir(exist_ok=True)
    line = json.dumps({"event": "x", "detail": "y" * 900, "level": "info"}) + "\n"
    (data / "logs" / "gateway.log").write_text(line * 4000 + json.dumps({"event": "last"}) + "\n")
    found = bundle(data, tmp_path / "b.tar.gz")
    assert sum(map(len, found.values())) < 4 << 20
    assert found["log.jsonl"].splitlines()[-1] == b'{"event":"last"}'


def test_what_is_there_is_not_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("mine")
    arguments = ["gateway", "support-bundle", str(tmp_path / "b.tar.gz"), "--data", str(data)]
    assert cli.run(arguments) != 0
    assert (tmp_path / "b.tar.gz").read_text() == "mine"


def test_it_lists_what_it_holds(data: Path, tmp_path: Path) -> None:
    import typer

    from edge.cli.bundle import support_bundle

    app = typer.Typer()
    app.command()(support_bundle)
    path = tmp_path / "b.tar.gz"
    done = CliRunner().invoke(app, [str(path), "--data", str(data), "--json"])
    assert set(json.loads(done.stdout)["parts"]) == set(parts(path))
