"""People and plan files are read whole: every wrong entry is named, and no secret is quoted."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.fleet.files import MAX_FAULTS
from cloud.fleet.people_file import read_people, refuse_weak
from cloud.fleet.plan_file import Named, read_plan, refuse_unknown
from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.people import MAX_PEOPLE, People, Person, decode_people
from shared.plan import PickFace, Plan, Task, TaskLine, decode_plan

SITE = "AMS1"
HASH = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("correct horse")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")


def people_file(*rows: dict[str, Any], **top: Any) -> bytes:
    return json.dumps({"people": list(rows), **top}).encode()


def plan_file(*tasks: dict[str, Any], faces: list[Any] | None = None) -> bytes:
    return json.dumps({"tasks": list(tasks), "faces": faces or []}).encode()


def people_faults(content: bytes, **how: Any) -> list[str]:
    _, faults = read_people(content, site=SITE, **how)
    return [fault.where for fault in faults.found]


def plan_faults(content: bytes) -> list[str]:
    return [fault.where for fault in read_plan(content, site=SITE)[2].found]


def test_toml_and_json_say_the_same() -> None:
    toml = f"""
    break_glass = "{HASH}"
    [[people]]
    code = "ada"
    name = "Ada"
    role = "operator"
    secret = "{HASH}"
    badges = [" B-1 "]
    """
    row = {"code": "ada", "name": "Ada", "role": "operator", "secret": HASH, "badges": ["B-1"]}
    people, faults = read_people(toml.encode(), site=SITE)
    assert not faults
    badge = hashlib.sha256(b"B-1").digest()
    assert people == People(SITE, [Person("ada", "Ada", "operator", HASH, [badge])], HASH)
    assert read_people(people_file(row, break_glass=HASH), site=SITE)[0] == people
    assert decode_people(encode(people)) == people


def test_a_badges_digest_may_be_given_instead() -> None:
    digest = hashlib.sha256(b"B-1").hexdigest()
    row = {"code": "ada", "badges": [f"sha256:{digest}"]}
    people, faults = read_people(people_file(row), site=SITE)
    assert not faults
    assert people.people[0].badges == [bytes.fromhex(digest)]


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ([{"code": "ada"}, {"code": "ada"}], ["people 2 (ada)"]),
        ([{"code": "ada", "badges": ["B"]}, {"code": "bob", "badges": ["B"]}], ["people 2 (bob)"]),
        ([{"code": "ada", "badges": ["B", "B"]}], ["people 1 (ada)"]),
        ([{"code": "ada", "badges": ["B"] * 9}], ["people 1 (ada)"]),
        ([{"code": "ada", "badges": [""]}], ["people 1 (ada)"]),
        ([{"code": "break-glass"}], ["people 1 (break-glass)"]),
        ([{"code": "a b"}], ["people 1 (a b)"]),
        ([{"code": "x" * 65}], [f"people 1 ({'x' * 64})"]),
        ([{"code": ""}], ["people 1"]),
        ([{}], ["people 1"]),
        ([7, {"code": "ada", "role": "admin"}], ["people 1", "people 2 (ada)"]),
        ([{"code": "ada", "nmae": "Ada"}], ["people 1 (ada)"]),
        ([{"code": "ada", "secret": "correct horse"}], ["people 1 (ada)"]),
        ([{"code": "ada", "secret": CHEAP}], ["people 1 (ada)"]),
        ([{"code": "ada", "secret": HASH.replace("m=8192", "m=4194304")}], ["people 1 (ada)"]),
        ([{"code": "ada", "secret": HASH, "pin": "correct horse"}], ["people 1 (ada)"]),
        ([{"code": "ada", "pin": "correct horse"}], ["people 1 (ada)"]),
    ],
)
def test_a_wrong_person_is_named(rows: list[Any], where: list[str]) -> None:
    assert people_faults(people_file(*rows)) == where


def test_what_is_wrong_never_quotes_a_secret() -> None:
    rows = [
        {"code": "ada", "pin": "hunter2hunter2"},
        {"code": "bob", "secret": "hunter2hunter2"},
        {"code": "eve", "pin": "hunter2" * 100, "badges": [3]},
    ]
    _, faults = read_people(people_file(*rows, break_glass_pin="hunter2hunter2"), site=SITE)
    assert len(faults.found) == 4
    assert "hunter2" not in str(faults.found)


def test_a_plain_secret_is_hashed_where_nobody_keeps_what_it_was_read_from() -> None:
    def hasher(plain: str) -> str:
        assert plain in {"135792", "in case of fire"}
        return HASH

    rows = [{"code": "ada", "pin": "135792"}, {"code": "bob", "pin": "12345"}, {"code": "eve"}]
    content = people_file(*rows, break_glass_pin="in case of fire")
    people, faults = read_people(content, site=SITE, pins=hasher)
    assert [fault.where for fault in faults.found] == ["people 2 (bob)"]
    assert [person.secret for person in people.people] == [HASH, "", ""]
    assert people.break_glass == HASH


@pytest.mark.parametrize("secret", ["", "12345", "000000", "x" * 257])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        refuse_weak(secret)
    assert refusal.value.code == "request.invalid"
    assert secret not in refusal.value.detail or not secret


def test_ten_thousand_people_are_read_and_one_more_is_too_many() -> None:
    rows = [{"code": f"p{n}", "badges": [f"B-{n}"]} for n in range(MAX_PEOPLE + 1)]
    people, faults = read_people(people_file(*rows[:-1]), site=SITE)
    assert not faults
    assert decode_people(encode(people)) == people
    assert people_faults(people_file(*rows)) == ["people"]


def test_a_hopeless_file_costs_a_bounded_report() -> None:
    _, faults = read_people(people_file(*({"code": ""} for _ in range(3000))), site=SITE)
    assert (len(faults.found), faults.more) == (MAX_FAULTS, 3000 - MAX_FAULTS)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"{",
        b"[[people]",
        b'{"people": {}}',
        b'{"people": 7}',
        b'{"poeple": []}',
        b'{"site": "VIE1"}',
        b'{"site": 7}',
        b"site = 2030-01-01",
        b"\x00",
        b"{" + b'"a":[' * 100_000,
    ],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes) -> None:
    for read in (read_people, read_plan):
        if content.startswith(b'{"people"') and read is read_plan:
            continue
        with pytest.raises(QuartermasterError) as refusal:
            read(content, site=SITE)
        assert refusal.value.code == "document.file"


def test_a_plan_is_read() -> None:
    content = b"""
    site = "AMS1"
    [[tasks]]
    code = "SO-1"
    kind = "pick"
    document = "SO-1"
    priority = 3
    due_at = 2030-01-07T10:00:00+01:00
    zone = "A"
    note = "fragile"
    [[tasks.lines]]
    sku = "OAT"
    quantity = 6
    location = "A-01"
    to = "STAGE-1"
    lot = "L1"
    [[tasks]]
    code = "ASN-1"
    kind = "receive"
    blind = true
    [[faces]]
    sku = "OAT"
    location = "A-01"
    minimum = 2
    maximum = 20
    """
    plan, named, faults = read_plan(content, site=SITE)
    assert not faults
    pick = Task(
        "SO-1",
        "pick",
        [TaskLine("OAT", 6, "A-01", "STAGE-1", "L1")],
        document="SO-1",
        priority=3,
        due_at=1_894_006_800_000_000,
        zone="A",
        note="fragile",
    )
    receive = Task("ASN-1", "receive", [], blind=True)
    assert plan == Plan(SITE, [pick, receive], [PickFace("OAT", "A-01", 2, 20)])
    assert decode_plan(encode(plan)) == plan
    assert named == [
        Named("tasks 1 (SO-1)", ["OAT"], ["A-01", "STAGE-1"]),
        Named("tasks 2 (ASN-1)", [], []),
        Named("faces 1 (A-01)", ["OAT"], ["A-01"]),
    ]


LINE = {"sku": "OAT", "quantity": 1, "location": "A-01"}


@pytest.mark.parametrize(
    ("tasks", "faces", "where"),
    [
        ([{"code": "T", "kind": "pick", "lines": []}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "dance", "lines": [LINE]}], [], ["tasks 1 (T)"]),
        ([{"code": "T x", "kind": "pick", "lines": [LINE]}], [], ["tasks 1 (T x)"]),
        ([{"code": "T", "kind": "pick", "lines": [{"sku": "OAT"}]}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "pick", "lines": [{"quantity": 1}]}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "count", "lines": [{"sku": "OAT"}]}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "count", "lines": [{"location": "A-01"}]}], [], []),
        ([{"code": "T", "kind": "receive", "lines": [{"sku": ""}]}], [], ["tasks 1 (T)"] * 2),
        (
            [{"code": "T", "kind": "pick", "lines": [LINE], "due_at": "2030-01-07T10:00:00"}],
            [],
            ["tasks 1 (T)"],
        ),
        ([{"code": "T", "kind": "pick", "lines": [{**LINE, "sscc": "1"}]}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "pick", "lines": [LINE] * 501}], [], ["tasks 1 (T)"]),
        ([{"code": "T", "kind": "pick", "lines": [LINE]}] * 2, [], ["tasks 2 (T)"]),
        (
            [],
            [{"sku": "OAT", "location": "A-01", "minimum": 3, "maximum": 2}],
            ["faces 1 (A-01)"],
        ),
        (
            [],
            [{"sku": "OAT", "location": "A-01", "minimum": 1, "maximum": 2}] * 2,
            ["faces 2 (A-01)"],
        ),
        ([], [{"sku": "OAT", "location": "A-01", "minimum": -1, "maximum": 2}], ["faces 1 (A-01)"]),
    ],
)
def test_a_wrong_task_or_face_is_named(
    tasks: list[Any], faces: list[Any], where: list[str]
) -> None:
    assert plan_faults(plan_file(*tasks, faces=faces)) == where


def test_what_the_catalog_does_not_hold_is_named() -> None:
    lines = [LINE, {**LINE, "sku": "RYE", "to": "NOWHERE"}, {**LINE, "sku": "RYE"}]
    content = plan_file({"code": "T", "kind": "pick", "lines": lines})
    _, named, faults = read_plan(content, site=SITE)
    refuse_unknown(named, frozenset({"OAT"}), frozenset({"A-01"}), faults)
    assert [(fault.where, fault.says) for fault in faults.found] == [
        ("tasks 1 (T)", "no item RYE"),
        ("tasks 1 (T)", "no location NOWHERE"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ROW = st.dictionaries(
    st.sampled_from(
        ["code", "name", "role", "secret", "badges", "kind", "lines", "sku", "minimum"]
    ),
    JSON,
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROW | JSON, max_size=4))
def test_whatever_the_entries_are_they_are_good_or_named(rows: list[Any]) -> None:
    people, faults = read_people(json.dumps({"people": rows}).encode(), site=SITE)
    if not faults:
        assert len(people.people) == len(rows)
        assert decode_people(encode(people)) == people
    content = json.dumps({"tasks": rows, "faces": rows}).encode()
    plan, _, faults = read_plan(content, site=SITE)
    if not faults:
        assert decode_plan(encode(plan)) == plan
