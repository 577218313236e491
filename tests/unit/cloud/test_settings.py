"""Settings say by name what is wrong, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.settings import load
from shared.errors import QuartermasterError

URL = "postgresql://localhost/qm"


def test_only_the_database_must_be_given() -> None:
    settings = load({"QM_DATABASE_URL": URL, "HOME": "/root"})
    assert settings.database_url == URL
    assert settings.pki == Path("pki")
    assert settings.public_door_url == "https://localhost:8444"


def test_an_empty_variable_counts_as_absent() -> None:
    assert load({"QM_DATABASE_URL": URL, "QM_API_PORT": ""}).api_port == 8443


def test_public_addresses_lose_their_trailing_slash() -> None:
    settings = load({"QM_DATABASE_URL": URL, "QM_API_URL": "https://qm.example/"})
    assert settings.public_api_url == "https://qm.example"


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, "QM_DATABASE_URL"),
        ({"QM_DATABASE_URL": "mysql://x"}, "QM_DATABASE_URL"),
        ({"QM_DATABASE_URL": URL, "QM_API_PORT": "70000"}, "QM_API_PORT"),
        ({"QM_DATABASE_URL": URL, "QM_BROKER_PORT": "many"}, "QM_BROKER_PORT"),
        ({"QM_DATABASE_URL": URL, "QM_BROKER_HOST": "a b"}, "QM_BROKER_HOST"),
        ({"QM_DATABASE_URL": URL, "QM_GENERATION": "0"}, "QM_GENERATION"),
        ({"QM_DATABASE_URL": URL, "QM_ENVIRONMENT": "Prod!"}, "QM_ENVIRONMENT"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], variable: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        load(environment)
    assert refusal.value.code == "settings.invalid"
    assert refusal.value.where == variable
