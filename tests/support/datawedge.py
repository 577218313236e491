"""A DataWedge without its device: it takes what Zebra documents for SET_CONFIG, and scans.

The names, values, modes and result codes are those of techdocs.zebra.com/datawedge/8-0 (Set Config,
Keystroke Output, IP Output), as far as our profiles and their neighbours reach; everything else is
refused, so that a slip in a name is one. What no page says is not guessed but left to the test: the
bytes of ENTER over IP. What a device of flesh and glass does beside that, this cannot show.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeGuard

Check = Callable[[str], bool]
Keys = Callable[[str, bool], None]
"""Types a text: as key events, or committed at once as an input method does."""


class Refused(Exception):  # noqa: N818 - DataWedge's word is a result code
    """A bundle that DataWedge answers with a failure."""

    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(f"{code} {what}".strip())
        self.code = code


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _number(low: int, high: int) -> Check:
    return lambda value: value.isascii() and value.isdigit() and low <= int(value) <= high


def _address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


class _Parameter(NamedTuple):
    default: str
    allowed: Check


def _switch(*, on: bool = False) -> _Parameter:
    return _Parameter("true" if on else "false", _one_of("true", "false"))


_TEXT: Final = _Parameter("", lambda _value: True)
_DELAY: Final = _Parameter("0", _number(0, 1000))
PARAMETERS: Final[dict[str, dict[str, _Parameter]]] = {
    "BARCODE": {
        "scanner_selection": _Parameter("auto", _one_of("auto")),
        "scanner_input_enabled": _switch(on=True),
        "decoder_ean13": _switch(on=True),
        "decoder_code128": _switch(on=True),
    },
    "KEYSTROKE": {
        "keystroke_output_enabled": _switch(on=True),
        "keystroke_action_char": _Parameter(
            "ASCII_NO_VALUE",
            _one_of("ASCII_NO_VALUE", "ASCII_TAB_VALUE", "ASCII_LF_VALUE", "ASCII_CR_VALUE"),
        ),
        "keystroke_delay_control_char": _DELAY,
        "keystroke_character_delay": _DELAY,
        "keystroke_delay_multibyte_chars_only": _switch(),
        "keystroke_send_chars_as_events": _switch(),
        "keystroke_send_control_chars_as_events": _switch(),
        "keystroke_send_tab_as_string": _switch(),
    },
    "IP": {
        "ip_output_enabled": _switch(),
        "ip_output_ip_wedge_enabled": _switch(on=True),
        "ip_output_protocol": _Parameter("TCP", _one_of("TCP", "UDP")),
        "ip_output_address": _Parameter("", _address),
        "ip_output_port": _Parameter("58627", _number(1, 65535)),
    },
    "BDF": {
        "bdf_enabled": _switch(),
        "bdf_prefix": _TEXT,
        "bdf_suffix": _TEXT,
        "bdf_send_data": _switch(on=True),
        "bdf_send_hex": _switch(),
        "bdf_send_tab": _switch(),
        "bdf_send_enter": _switch(),
    },
}
_OUTPUTS: Final = ("KEYSTROKE", "INTENT", "IP")
_MODES: Final = ("CREATE_IF_NOT_EXIST", "OVERWRITE", "UPDATE")
_MAIN: Final = {"PROFILE_NAME", "CONFIG_MODE", "PROFILE_ENABLED", "PLUGIN_CONFIG", "APP_LIST"}
_PLUGIN: Final = {"PLUGIN_NAME", "RESET_CONFIG", "PARAM_LIST", "OUTPUT_PLUGIN_NAME"}
_APP: Final = {"PACKAGE_NAME", "ACTIVITY_LIST"}

Settings = dict[str, str]
Plugins = dict[tuple[str, str], Settings]
"""By plug-in and, for the formatting of an output, that output."""


@dataclass
class _Profile:
    enabled: bool = True
    plugins: Plugins = field(default_factory=dict)
    apps: dict[str, list[str]] = field(default_factory=dict)

    def of(self, plugin: str, output: str = "") -> Settings:
        defaults = {name: each.default for name, each in PARAMETERS[plugin].items()}
        return defaults | self.plugins.get((plugin, output), {})


class DataWedge:
    """One device's DataWedge. ``enter`` is what its ENTER is over IP: no page says it."""

    def __init__(self, *, enter: str = "\n") -> None:
        self.profiles: dict[str, _Profile] = {"Profile0 (default)": _Profile(enabled=False)}
        self._enter = enter

    def set_config(self, bundle: Any) -> None:
        """Apply the bundle of the intent ``com.symbol.datawedge.api.SET_CONFIG``, or nothing of it.

        Raises:
            Refused: with DataWedge's own result code.
        """
        if not _is_bundle(bundle) or not bundle:
            raise Refused("BUNDLE_EMPTY")
        _only(bundle, _MAIN, "PARAMETER_INVALID")
        name = bundle.get("PROFILE_NAME")
        if not _is_text(name) or not name:
            raise Refused("PROFILE_NAME_EMPTY")
        mode = bundle.get("CONFIG_MODE", "OVERWRITE")
        if mode not in _MODES:
            raise Refused("PARAMETER_INVALID", f"CONFIG_MODE {mode}")
        if mode == "UPDATE" and name not in self.profiles:
            raise Refused("PROFILE_NOT_FOUND", name)
        before = _Profile() if mode == "OVERWRITE" else self.profiles.get(name, _Profile())
        after = _Profile(before.enabled, dict(before.plugins), dict(before.apps))
        after.enabled = _flag(bundle, "PROFILE_ENABLED", default=before.enabled)
        for each in _list_of(bundle, "PLUGIN_CONFIG"):
            key, settings = _configured(each, after.plugins)
            after.plugins[key] = settings
        for app in _list_of(bundle, "APP_LIST"):
            package, activities = self._associated(app, name)
            after.apps[package] = activities
        self.profiles[name] = after

    def _associated(self, app: Any, name: str) -> tuple[str, list[str]]:
        if not _is_bundle(app):
            raise Refused("PARAMETER_INVALID", "APP_LIST")
        _only(app, _APP, "PARAMETER_INVALID")
        package, activities = app.get("PACKAGE_NAME"), app.get("ACTIVITY_LIST")
        if not _is_text(package) or not package or not isinstance(activities, list):
            raise Refused("PARAMETER_INVALID", "APP_LIST")
        if name.startswith("Profile0"):
            raise Refused("OPERATION_NOT_ALLOWED", name)
        if any(package in p.apps for other, p in self.profiles.items() if other != name):
            raise Refused("APP_ALREADY_ASSOCIATED", package)
        return package, activities

    def scan(self, code: str, app: str, keys: Keys | None = None) -> None:
        """The trigger is pulled while ``app`` is in front: the code leaves as its profile says."""
        profile = self._in_force(app)
        if profile is None or profile.of("BARCODE")["scanner_input_enabled"] != "true":
            return
        typed = profile.of("KEYSTROKE")
        if typed["keystroke_output_enabled"] == "true":
            assert keys is not None, "somebody has the focus"
            for text, events in _strokes(_formatted(code, profile.of("BDF", "KEYSTROKE")), typed):
                keys(text, events)
        sent = profile.of("IP")
        if sent["ip_output_enabled"] == "true":
            text = _formatted(code, profile.of("BDF", "IP")).replace("\n", self._enter)
            _send(sent, text.encode())

    def _in_force(self, app: str) -> _Profile | None:
        enabled = [profile for profile in self.profiles.values() if profile.enabled]
        for package in (app, "*"):
            for profile in enabled:
                if package in profile.apps:
                    return profile
        return None


def _configured(plugin: Any, before: Plugins) -> tuple[tuple[str, str], Settings]:
    if not _is_bundle(plugin) or not plugin:
        raise Refused("PLUGIN_BUNDLE_INVALID")
    _only(plugin, _PLUGIN, "PLUGIN_BUNDLE_INVALID")
    name, given = plugin.get("PLUGIN_NAME"), plugin.get("PARAM_LIST")
    if not _is_text(name) or name not in PARAMETERS:
        raise Refused("PLUGIN_NOT_SUPPORTED", str(name))
    output = plugin.get("OUTPUT_PLUGIN_NAME", "")
    if (output in _OUTPUTS) != (name == "BDF") or (output and output not in _OUTPUTS):
        raise Refused("PLUGIN_BUNDLE_INVALID", f"{name}: OUTPUT_PLUGIN_NAME {output}")
    if not _is_bundle(given) or not given:
        raise Refused("PLUGIN_BUNDLE_INVALID", f"{name}: PARAM_LIST")
    reset = _flag(plugin, "RESET_CONFIG", default=True)
    settings = {} if reset else dict(before.get((name, output), {}))
    for parameter, value in given.items():
        known = PARAMETERS[name].get(parameter)
        if known is None or not _is_text(value) or not (value == "" or known.allowed(value)):
            raise Refused("PARAMETER_INVALID", f"{parameter} {value!r}")
        settings[parameter] = value or known.default
    return (name, output), settings


def _formatted(code: str, rules: Settings) -> str:
    """Basic data formatting; without it the data goes out as it was read."""
    if rules["bdf_enabled"] != "true":
        return code
    text = rules["bdf_prefix"]
    if rules["bdf_send_data"] == "true":
        text += code.encode().hex() if rules["bdf_send_hex"] == "true" else code
    text += rules["bdf_suffix"]
    return (
        text
        + ("\t" if rules["bdf_send_tab"] == "true" else "")
        + ("\n" if rules["bdf_send_enter"] == "true" else "")
    )


def _strokes(text: str, how: Settings) -> Iterable[tuple[str, bool]]:
    """What is typed, in pieces, and whether each comes as key events."""
    keys = how["keystroke_send_chars_as_events"] == "true"
    controls = how["keystroke_send_control_chars_as_events"] == "true"
    for character in text:
        formatted = character in "\t\n"  # what formatting adds are keys in any case
        yield character, formatted or (controls if ord(character) < 32 else keys)


def _send(how: Settings, data: bytes) -> None:
    """Without Remote Wedge the data goes as it is; one connection each, nothing is read."""
    assert how["ip_output_ip_wedge_enabled"] == "false", "a server of Zebra's would be needed"
    target = (how["ip_output_address"], int(how["ip_output_port"]))
    if how["ip_output_protocol"] == "UDP":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.sendto(data, target)
        return
    with socket.create_connection(target, timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):  # until the other side has taken it all
            pass


def _is_bundle(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_text(value: Any) -> TypeGuard[str]:
    """Every value in these bundles is a string, also "true" and "58627"."""
    return isinstance(value, str)


def _only(bundle: dict[str, Any], names: set[str], code: str) -> None:
    if unknown := set(bundle) - names:
        raise Refused(code, ", ".join(sorted(unknown)))


def _flag(bundle: dict[str, Any], name: str, *, default: bool) -> bool:
    value = bundle.get(name, "true" if default else "false")
    if value not in {"true", "false"}:
        raise Refused("PARAMETER_INVALID", f"{name} {value!r}")
    return value == "true"


def _list_of(bundle: dict[str, Any], name: str) -> list[Any]:
    value = bundle.get(name, [])
    if not isinstance(value, list):
        raise Refused("PARAMETER_INVALID", name)
    return value  # pyright: ignore[reportUnknownVariableType]
