"""Profiles of scanners: what a device of a make is to be set to, from a template."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from shared.errors import QuartermasterError

Kind = Literal["keystroke", "ip"]


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    apps: list[str]
    steps: list[str]
    plugins: list[dict[str, str | dict[str, str]]]


class Template(msgspec.Struct, forbid_unknown_fields=True):
    """A file of ``firmware_config/profiles``; ``steps`` are the same settings in words."""

    profile: str
    keystroke: _Output
    ip: _Output


class Profile(msgspec.Struct):
    """``steps`` for a person; ``bundle`` as DataWedge's intent SET_CONFIG takes it."""

    steps: list[str]
    bundle: dict[str, Any]


def load(file: Path) -> Template:
    """Read a template.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Template)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=str(file)) from None


def filled(template: Template, kind: Kind, *, address: str = "", port: int = 0) -> Profile:
    """The profile for one way of output."""
    output = template.ip if kind == "ip" else template.keystroke

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{address}", address).replace("{port}", str(port))
        return {name: fill(each) for name, each in value.items()}

    return Profile(
        [fill(step) for step in output.steps],
        {
            "PROFILE_NAME": template.profile,
            "PROFILE_ENABLED": "true",
            "CONFIG_MODE": "CREATE_IF_NOT_EXIST",
            "APP_LIST": [{"PACKAGE_NAME": app, "ACTIVITY_LIST": ["*"]} for app in output.apps],
            "PLUGIN_CONFIG": [fill(plugin) for plugin in output.plugins],
        },
    )
