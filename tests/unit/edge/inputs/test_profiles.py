"""The scanner profiles of firmware_config can be read and filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.inputs.profiles import Kind, filled, load
from shared.errors import QuartermasterError

FILES = sorted((Path(__file__).parents[4] / "firmware_config" / "profiles").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("kind", ["keystroke", "ip"])
def test_a_profile_is_filled_in_and_turns_on_one_output_only(file: Path, kind: Kind) -> None:
    made = filled(load(file), kind, address="10.0.0.1", port=58627)
    assert "{" not in str(made.steps)
    plugins = {plugin["PLUGIN_NAME"]: plugin for plugin in made.bundle["PLUGIN_CONFIG"]}
    on = {
        name
        for name, parameter in (
            ("KEYSTROKE", "keystroke_output_enabled"),
            ("IP", "ip_output_enabled"),
        )
        if plugins[name]["PARAM_LIST"][parameter] == "true"
    }
    assert on == {"KEYSTROKE" if kind == "keystroke" else "IP"}
    assert {plugins["BDF"]["OUTPUT_PLUGIN_NAME"]} == on
    assert plugins["BDF"]["PARAM_LIST"]["bdf_send_enter"] == "true"
    if kind == "ip":
        told = plugins["IP"]["PARAM_LIST"]
        assert (told["ip_output_address"], told["ip_output_port"]) == ("10.0.0.1", "58627")


def test_there_is_a_profile_for_datawedge() -> None:
    assert "zebra-datawedge" in [file.stem for file in FILES]


def test_a_broken_template_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("profile = 1\n")
    with pytest.raises(QuartermasterError) as refused:
        load(file)
    assert refused.value.code == "file.unreadable"
    assert str(file) in refused.value.where
