"""The cloud's commands, as a person or a script runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from cloud import fleet
from cloud.access import authenticate
from cloud.catalog import IMPORT_KINDS, ImportKind, import_csv
from cloud.cli import app
from cloud.db import unit_of_work
from shared.downlink import DocumentKind
from shared.errors import QuartermasterError
from shared.people import decode_people
from tests.support import WallClock

if TYPE_CHECKING:
    from click.testing import Result
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, database_url: str, pki: Path) -> str:
    """The database that the commands work on."""
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    monkeypatch.setenv("QM_PKI", str(pki))
    return database_url


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def refused(*arguments: str) -> QuartermasterError:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, QuartermasterError), result.output
    return result.exception


def answer(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status).stdout)


@pytest.mark.usefixtures("url")
def test_the_templates_import_in_their_order(tmp_path: Path) -> None:
    for kind in IMPORT_KINDS:
        file = tmp_path / f"{kind}.csv"
        file.write_text(run("catalog", "template", kind).stdout)
        assert answer("catalog", "import", kind, str(file), "--dry-run")["inserted"]
        assert answer("catalog", "import", kind, str(file))["inserted"]
        assert answer("catalog", "import", kind, str(file))["inserted"] == 0


@pytest.mark.usefixtures("url")
def test_what_was_imported_is_exported_corrected_and_exploded(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    for kind in ("items", "bills"):
        file.write_text(run("catalog", "template", kind).stdout)
        answer("catalog", "import", kind, str(file))
    file.write_text(run("catalog", "export", "bills").stdout)
    assert answer("catalog", "import", "bills", str(file))["unchanged"] == 1
    past = run("catalog", "export", "bills", "--at", "2020-01-01T00:00:00Z").stdout
    assert past.splitlines() == file.read_text().splitlines()[:1]
    needs = answer("catalog", "explode", "BREAKFAST", "3", "--on", "2026-02-01")
    assert [(need["sku"], need["quantity"]) for need in needs] == [("OAT-1000", 6), ("OAT-500", 3)]
    assert "OAT-1000" in run("catalog", "explode", "BREAKFAST", "3").stdout
    file.write_text("sku,version,component,quantity\nOAT-500,1,OAT-500,x\n")
    corrected = run("catalog", "correct", "bills", str(file), status=65).stdout
    assert "OAT-500,1,OAT-500,x,quantity: 'x' is not a whole number" in corrected
    assert refused("catalog", "export", "bills", "--at", "noon").code == "request.invalid"
    assert refused("catalog", "export", "bills", "--at", "2026-03-01").code == "request.invalid"


@pytest.mark.usefixtures("url")
def test_a_broken_file_is_listed_row_by_row_and_changes_nothing(
    tmp_path: Path, pool: ConnectionPool[Connection]
) -> None:
    file = tmp_path / "items.csv"
    file.write_text("sku,name,gtin\nA,Apples,4006381333931\nB B,Bran,123\n")
    report = answer("catalog", "import", "items", str(file), status=65)
    assert [(error["line"], error["column"]) for error in report["errors"]] == [
        (3, "gtin"),
        (3, "sku"),
    ]
    assert "nothing was imported" in run("catalog", "import", "items", str(file), status=65).stdout
    with unit_of_work(pool) as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (0,)


@pytest.mark.usefixtures("url")
def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert refused("catalog", "import", "items", str(tmp_path / "no")).code == "file.unreadable"
    assert refused("policy", "publish", str(tmp_path / "no")).code == "file.unreadable"


@pytest.mark.usefixtures("url")
def test_a_key_is_issued_once_listed_without_its_secret_and_revoked(
    pool: ConnectionPool[Connection],
) -> None:
    issued = answer("keys", "add", "planner", "--scope", "read", "--days", "30")
    with unit_of_work(pool) as connection:
        caller = authenticate(connection, issued["key"], now=WallClock().now())
    assert (caller.scopes, caller.sites) == (frozenset({"self", "read"}), None)
    listed = run("keys", "list", "--json").stdout
    assert issued["key_id"] in listed
    assert issued["key"].split("_", 3)[3] not in listed
    run("keys", "revoke", issued["key_id"])
    with unit_of_work(pool) as connection, pytest.raises(QuartermasterError) as refusal:
        authenticate(connection, issued["key"], now=WallClock().now())
    assert refusal.value.code == "request.unauthenticated"
    assert refused("keys", "revoke", issued["key_id"]).code == "request.not-found"


@pytest.mark.usefixtures("url")
def test_an_account_is_made_granted_and_put_out_of_force() -> None:
    made = CliRunner().invoke(
        app,
        ["accounts", "add", "Olga", "--role", "planner", "--json"],
        input="lamp violet kettle Tuesday\n",
    )
    person = json.loads(made.stdout)["person"]
    run("accounts", "grant", person, "--role", "buyer", "--role", "planner")
    (listed,) = answer("accounts", "list")
    assert (listed["account"], listed["grants"]) == ("olga", ["buyer", "planner"])
    weak = CliRunner().invoke(app, ["accounts", "password", person], input="passwordpassword\n")
    assert isinstance(weak.exception, QuartermasterError)
    run("accounts", "disable", person)
    assert person in run("accounts", "list").stdout
    (listed,) = answer("accounts", "list")
    assert (listed["account"], listed["name"]) == (None, "")
    assert refused("accounts", "grant", "p-0", "--role", "buyer").code == "request.not-found"


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    ("arguments", "code", "where"),
    [
        (["", "--scope", "read"], "request.invalid", "name"),
        (["x", "--scope", "everything"], "request.invalid", "scope"),
        (["x", "--days", "0"], "request.invalid", "days"),
        (["x", "--site", "NOWHERE"], "request.not-found", "site"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_issued(
    arguments: list[str], code: str, where: str
) -> None:
    error = refused("keys", "add", *arguments)
    assert (error.code, error.where) == (code, where)
    assert answer("keys", "list") == []


@pytest.mark.usefixtures("url")
def test_a_policy_is_validated_before_it_is_published(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('name = "good"\nmax_quantity = 5\n')
    for text in ("colour = 'red'\n", "max_quantity = -1\n", "name = \n", "\x00"):
        bad.write_text(text)
        error = refused("policy", "publish", str(bad))
        assert (error.code, error.where) == ("settings.invalid", str(bad))
    assert answer("policy", "publish", str(good)) == {"policy": "good", "version": 1}
    run("policy", "check", str(good))


EXAMPLES = Path(__file__).parents[3] / "firmware_config"
PLACES = "site,code\nAMS1,DOCK-1\nAMS1,A-01\nAMS1,STAGE-1\n"


@pytest.fixture
def site(pool: ConnectionPool[Connection]) -> str:
    """A site with what the examples name."""
    with unit_of_work(pool) as connection:
        files: dict[ImportKind, str] = {
            "sites": "code,name\nAMS1,Amsterdam\n",
            "items": "sku,name\nCOF-500,Coffee\nTEA-20,Tea\n",
            "locations": PLACES,
        }
        for kind, content in files.items():
            assert not import_csv(connection, kind=kind, content=content).errors
    return "AMS1"


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("kind", ["people", "plan"])
def test_an_example_is_checked_tried_and_published(
    kind: DocumentKind, site: str, pool: ConnectionPool[Connection]
) -> None:
    file = str(EXAMPLES / {"people": "people", "plan": "plans"}[kind] / "example.toml")
    there = ("--site", site)
    assert answer(kind, "check", file, *there)["errors"] == []
    tried = answer(kind, "publish", file, *there, "--dry-run")
    assert (tried["version"], tried["dry_run"]) == (1, True)
    with unit_of_work(pool) as connection:
        assert fleet.in_force(connection, kind, site) is None
    told = answer(kind, "publish", file, *there)
    assert (told["kind"], told["site"], told["version"], told["errors"]) == (kind, site, 1, [])
    assert answer(kind, "publish", file, *there)["version"] == 1
    with unit_of_work(pool) as connection:
        found = fleet.in_force(connection, kind, site)
    assert found is not None
    assert "is version 1" in run(kind, "publish", file, *there).stdout
    assert "valid" in run(kind, "check", file, *there).stdout
    assert refused(kind, "publish", file, "--site", "NOWHERE").code == "request.not-found"
    assert refused(kind, "publish", f"{file}.no", *there).code == "file.unreadable"


@pytest.mark.usefixtures("url")
def test_a_wrong_plan_is_listed_entry_by_entry_and_not_published(
    site: str, tmp_path: Path, pool: ConnectionPool[Connection]
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        '[[tasks]]\ncode="T-1"\nkind="pick"\nlines=[{sku="RYE", quantity=1, location="B-99"}]\n'
        '[[tasks]]\ncode="T-2"\nkind="jump"\n'
    )
    told = answer("plan", "publish", str(file), "--site", site, status=65)
    assert told["version"] is None
    assert [(error["where"], error["says"]) for error in told["errors"]] == [
        ("tasks 2 (T-2)", "kind: Invalid enum value 'jump'"),
        ("tasks 1 (T-1)", "no item RYE"),
        ("tasks 1 (T-1)", "no location B-99"),
    ]
    says = run("plan", "publish", str(file), "--site", site, status=65).stdout
    assert "nothing was published" in says
    with unit_of_work(pool) as connection:
        assert fleet.in_force(connection, "plan", site) is None


@pytest.mark.usefixtures("url")
def test_secrets_go_in_as_hashes_or_by_the_standard_input_and_are_never_shown(
    site: str, tmp_path: Path, pool: ConnectionPool[Connection]
) -> None:
    made = CliRunner().invoke(app, ["people", "secret"], input="open sesame\n")
    assert made.exit_code == 0
    encoded = made.stdout.strip()
    assert PasswordHasher().verify(encoded, "open sesame")
    weak = CliRunner().invoke(app, ["people", "secret"], input="1234\n")
    assert isinstance(weak.exception, QuartermasterError)
    plain = '[[people]]\ncode = "ada"\nrole = "operator"\npin = "open sesame"\n'
    file = tmp_path / "people.toml"
    file.write_text(plain)
    refusal = run("people", "publish", str(file), "--site", site, status=65)
    assert "sesame" not in refusal.stdout
    piped = CliRunner().invoke(app, ["people", "publish", "-", "--site", site], input=plain)
    assert piped.exit_code == 0, piped.output
    assert "sesame" not in piped.output
    with unit_of_work(pool) as connection:
        found = fleet.in_force(connection, "people", site)
    assert found is not None
    (ada,) = decode_people(found[1]).people
    assert PasswordHasher().verify(ada.secret, "open sesame")
    file.write_text(f'[[people]]\ncode = "ada"\nsecret = "{encoded}"\n')
    assert answer("people", "publish", str(file), "--site", site)["version"] == 2


def test_migrating_is_idempotent_and_check_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("QM_DATABASE_URL", empty_database_url)
    assert "missing 0001_catalog" in run("migrate", "--check", status=1).stdout
    assert "applied 0001_catalog" in run("migrate").stdout
    assert run("migrate").stdout == "The database is up to date.\n"
    assert run("migrate", "--check").stdout == "The database is up to date.\n"
