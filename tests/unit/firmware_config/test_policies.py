"""Every policy in the tree is one that a gateway would take."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from shared.downlink import encode
from shared.policy import Policy, decode_policy, from_toml_dict

FOLDER = Path(__file__).parents[3] / "firmware_config" / "policies"
FILES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_policy_survives_the_way_to_the_gateway(file: Path) -> None:
    policy = from_toml_dict(tomllib.loads(file.read_text("utf-8")))
    assert policy.name == file.stem
    assert decode_policy(encode(policy)) == policy


def test_the_default_policy_names_every_rule() -> None:
    table = tomllib.loads((FOLDER / "default.toml").read_text("utf-8"))
    assert set(table) == set(Policy.__struct_fields__)
