"""What we give DataWedge is what Zebra documents: a DataWedge without its device takes it whole."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.inputs.profiles import Kind, filled, load
from tests.support.datawedge import DataWedge, Refused

FILE = Path(__file__).parents[4] / "firmware_config" / "profiles" / "zebra-datawedge.toml"
CHROME = "com.android.chrome"
CODE = "0109506000134352\x1d10L-7"


def bundle(kind: Kind) -> dict[str, Any]:
    made = filled(load(FILE), kind, address="10.0.0.1", port=58627).bundle
    return json.loads(json.dumps(made))


class Typed:
    """Who has the focus, and what is typed there."""

    def __init__(self) -> None:
        self.strokes: list[tuple[str, bool]] = []

    def __call__(self, text: str, events: bool) -> None:  # noqa: FBT001 - the port's shape
        self.strokes.append((text, events))

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.strokes)


def test_the_keystroke_profile_types_code_separator_and_enter_as_keys() -> None:
    device, typed = DataWedge(), Typed()
    device.set_config(bundle("keystroke"))
    device.scan(CODE, CHROME, typed)
    assert typed.text == CODE + "\n"
    assert all(events for _, events in typed.strokes)


def test_only_the_browser_is_typed_into() -> None:
    device, typed = DataWedge(), Typed()
    device.set_config(bundle("keystroke"))
    device.scan(CODE, "com.example.mail", typed)
    assert typed.text == ""


def test_one_profile_takes_the_place_of_the_other_on_the_same_device() -> None:
    device = DataWedge()
    for kind in ("keystroke", "ip", "keystroke"):
        device.set_config(bundle(kind))
    (profile,) = (each for each in device.profiles.values() if each.enabled)
    assert profile.of("KEYSTROKE")["keystroke_output_enabled"] == "true"
    assert profile.of("IP")["ip_output_enabled"] == "false"
    assert profile.of("KEYSTROKE")["keystroke_send_control_chars_as_events"] == "true"


def plugin(made: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in made["PLUGIN_CONFIG"] if each["PLUGIN_NAME"] == name)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (dict[str, Any].clear, "BUNDLE_EMPTY"),
        (lambda b: b.update(PROFILE_NAME=""), "PROFILE_NAME_EMPTY"),
        (lambda b: b.update(PROFILE="x"), "PARAMETER_INVALID"),
        (lambda b: b.update(CONFIG_MODE="CREATE"), "PARAMETER_INVALID"),
        (lambda b: b.update(CONFIG_MODE="UPDATE"), "PROFILE_NOT_FOUND"),
        (lambda b: b.update(PROFILE_NAME="Profile0 (default)"), "OPERATION_NOT_ALLOWED"),
        (lambda b: plugin(b, "IP").update(PLUGIN_NAME="ip"), "PLUGIN_NOT_SUPPORTED"),
        (lambda b: plugin(b, "IP").update(PARAM_LIST={}), "PLUGIN_BUNDLE_INVALID"),
        (lambda b: plugin(b, "BDF").pop("OUTPUT_PLUGIN_NAME"), "PLUGIN_BUNDLE_INVALID"),
        (lambda b: plugin(b, "IP")["PARAM_LIST"].update(ip_port="1"), "PARAMETER_INVALID"),
        (lambda b: plugin(b, "IP")["PARAM_LIST"].update(ip_output_port="0"), "PARAMETER_INVALID"),
        (lambda b: plugin(b, "IP")["PARAM_LIST"].update(ip_output_port=1), "PARAMETER_INVALID"),
        (
            lambda b: plugin(b, "IP")["PARAM_LIST"].update(ip_output_address="gateway"),
            "PARAMETER_INVALID",
        ),
        (
            lambda b: plugin(b, "IP")["PARAM_LIST"].update(ip_output_enabled=True),
            "PARAMETER_INVALID",
        ),
    ],
)
def test_a_slip_in_a_name_or_a_value_is_refused_and_changes_nothing(
    change: Change, code: str
) -> None:
    device, wrong = DataWedge(), bundle("ip")
    change(wrong)
    before = copy.deepcopy(device.profiles)
    with pytest.raises(Refused) as refused:
        device.set_config(wrong)
    assert refused.value.code == code
    assert device.profiles == before


def test_a_browser_that_another_profile_has_is_not_taken_away() -> None:
    device, other = DataWedge(), bundle("keystroke")
    other["PROFILE_NAME"] = "Theirs"
    device.set_config(other)
    with pytest.raises(Refused) as refused:
        device.set_config(bundle("keystroke"))
    assert refused.value.code == "APP_ALREADY_ASSOCIATED"
