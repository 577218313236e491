"""Every example of people and plans in the tree is one that a gateway would take."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.fleet.people_file import read_people
from cloud.fleet.plan_file import read_plan
from shared.downlink import encode
from shared.people import decode_people
from shared.plan import decode_plan

FOLDER = Path(__file__).parents[3] / "firmware_config"


def named(file: Path) -> str:
    return file.name


@pytest.mark.parametrize("file", sorted((FOLDER / "people").iterdir()), ids=named)
def test_people_survive_the_way_to_the_gateway(file: Path) -> None:
    people, faults = read_people(file.read_bytes(), site="AMS1")
    assert not faults.found
    assert decode_people(encode(people)) == people
    assert {person.role for person in people.people} == {"operator", "scanner"}


@pytest.mark.parametrize("file", sorted((FOLDER / "people").iterdir()), ids=named)
def test_no_example_brings_a_secret_that_everybody_knows(file: Path) -> None:
    people, _ = read_people(file.read_bytes(), site="AMS1")
    assert not people.break_glass
    assert not any(person.secret for person in people.people)


@pytest.mark.parametrize("file", sorted((FOLDER / "plans").iterdir()), ids=named)
def test_a_plan_survives_the_way_to_the_gateway(file: Path) -> None:
    plan, named_in_it, faults = read_plan(file.read_bytes(), site="AMS1")
    assert not faults.found
    assert decode_plan(encode(plan)) == plan
    assert len(named_in_it) == len(plan.tasks) + len(plan.faces)
