"""Which settings are in force when those of the file cannot be used."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from edge.app.applying import apply
from edge.app.safe_mode import (
    Choice,
    SettingsWatch,
    chosen,
    differences,
    in_force,
    instead,
    keep_good,
    mended,
)
from edge.settings import Api, Settings, shown
from shared.errors import QuartermasterError
from shared.events import EventData, SettingChanged
from shared.ids import GatewayId
from tests.support import free_port

GOOD = '[api]\nhost = "127.0.0.1"\nport = 9443\n'
TAKEN = QuartermasterError("settings.invalid", "Address already in use", where="api.port")
NO_NAME = QuartermasterError("settings.invalid", "not a host: 'a b'", where="host")


def write(data: Path, text: str, name: str = "gateway.toml") -> None:
    (data / name).write_text(text)


def test_the_file_is_in_force_as_long_as_it_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, "heartbeat_seconds = 5.0", "gateway.toml.last-good")
    choice = chosen(tmp_path)
    assert (choice.using, choice.fault, choice.settings.api.port) == ("file", "", 9443)
    assert choice.notice() is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[api]\nprot = 1\n", "prot"),
        ("[api\n", "line 1"),
        ('[api]\nport = "8443"\n', "api.port"),
        ("\xff", "gateway.toml"),
    ],
)
@pytest.mark.parametrize("good", [True, False])
def test_else_the_last_good_or_the_defaults_are_and_the_fault_is_named(
    tmp_path: Path, text: str, names: str, *, good: bool
) -> None:
    (tmp_path / "gateway.toml").write_bytes(text.encode("latin-1"))
    if good:
        write(tmp_path, GOOD, "gateway.toml.last-good")
    choice = chosen(tmp_path)
    assert choice.using == ("last-good" if good else "defaults")
    assert choice.settings.api.port == (9443 if good else Api().port)
    assert names in choice.fault
    notice = choice.notice()
    assert notice is not None
    assert names in notice.detail


def test_a_last_good_that_is_none_any_more_leaves_the_defaults(tmp_path: Path) -> None:
    write(tmp_path, "[api")
    write(tmp_path, "[api", "gateway.toml.last-good")
    assert chosen(tmp_path).settings == Settings()


def test_a_file_that_cannot_be_opened_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").mkdir()
    assert "gateway.toml" in chosen(tmp_path).fault


def test_a_taken_port_leads_to_the_last_good_settings_then_to_another_door_then_nowhere(
    tmp_path: Path,
) -> None:
    write(tmp_path, '[api]\nhost = "127.0.0.1"\nport = 9444\n[store]\nretention_days = 30\n')
    write(tmp_path, GOOD, "gateway.toml.last-good")
    first = instead(tmp_path, chosen(tmp_path), TAKEN)
    assert first is not None
    assert (first.using, first.settings.api.port) == ("last-good", 9443)
    second = instead(tmp_path, first, TAKEN)
    assert second is not None
    assert second.using == "another-door"
    assert second.settings.api.host == "127.0.0.1", "it opens no wider than it was told to"
    assert "already in use" in second.fault
    assert instead(tmp_path, second, TAKEN) is None


def test_what_is_wrong_with_the_rest_leads_to_the_last_good_settings_then_to_the_defaults(
    tmp_path: Path,
) -> None:
    wrong = QuartermasterError("settings.invalid", "sensors speak MQTT", where="sensor")
    write(tmp_path, f"{GOOD}[store]\nretention_days = 30\n")
    write(tmp_path, GOOD, "gateway.toml.last-good")
    first = instead(tmp_path, chosen(tmp_path), wrong)
    assert first is not None
    assert (first.using, first.settings.api.port) == ("last-good", 9443)
    assert mended(tmp_path, first) is None, "the same text would fail again"
    second = instead(tmp_path, first, wrong)
    assert second is not None
    assert (second.using, second.settings) == ("defaults", Settings())
    assert instead(tmp_path, second, wrong) is None
    third = instead(tmp_path, second, TAKEN)
    assert third is not None
    assert third.using == "another-door"
    assert third.fault == first.fault == "sensor: sensors speak MQTT"


def test_the_last_good_settings_are_not_tried_when_they_are_the_same(tmp_path: Path) -> None:
    wrong = QuartermasterError("settings.invalid", "sensors speak MQTT", where="sensor")
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "gateway.toml.last-good")
    choice = instead(tmp_path, chosen(tmp_path), wrong)
    assert choice is not None
    assert choice.using == "defaults"


def test_the_same_door_is_not_tried_again_by_the_last_good_settings(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f'[api]\nhost = "127.0.0.1"\nport = {port}\n'
        write(tmp_path, f"{text}[store]\nretention_days = 30\n")
        write(tmp_path, text, "gateway.toml.last-good")
        choice = instead(tmp_path, chosen(tmp_path), TAKEN)
    assert choice is not None
    assert choice.using == "another-door"
    assert choice.settings.api.port != port
    assert choice.settings.store.retention_days == 30, "the rest of the file is in force"


def test_a_name_that_is_none_is_left_out_and_is_mended_only_by_another_text(
    tmp_path: Path,
) -> None:
    text = f'[api]\nhost = "127.0.0.1"\nport = {free_port()}\nnames = ["a b"]\n'
    write(tmp_path, text)
    choice = instead(tmp_path, chosen(tmp_path), NO_NAME)
    assert choice is not None
    assert choice.settings.api.names == []
    assert mended(tmp_path, choice) is None
    write(tmp_path, text.replace("a b", "dock"))
    assert mended(tmp_path, choice) == chosen(tmp_path)


def test_a_port_is_mended_when_it_is_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write(tmp_path, f'[api]\nhost = "127.0.0.1"\nport = {port}\n')
        choice = instead(tmp_path, chosen(tmp_path), TAKEN)
        assert choice is not None
        assert mended(tmp_path, choice) is None
    assert mended(tmp_path, choice) == chosen(tmp_path)


def test_a_broken_file_is_mended_by_one_that_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, "[api")
    broken = chosen(tmp_path)
    assert mended(tmp_path, broken) is None
    write(tmp_path, f'[api]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    assert mended(tmp_path, broken) == chosen(tmp_path)


class Recorder:
    """Takes events; the first so many times the disk is full."""

    def __init__(self, full: int = 0) -> None:
        self.told: list[SettingChanged] = []
        self.full = full

    async def record(self, data: EventData, *, device: str, event_id: bytes | None = None) -> int:
        assert (device, event_id) == ("gw-01", None)
        if self.full:
            self.full -= 1
            raise QuartermasterError("disk.full")
        assert isinstance(data, SettingChanged)
        self.told.append(data)
        return len(self.told)


def start(data: Path, recorder: Recorder, choice: Choice | None = None) -> None:
    """A start of the gateway, and its first moments."""

    async def moments() -> None:
        now = choice or chosen(data)
        watch = SettingsWatch(data, now, recorder, GatewayId("gw-01"), lambda: None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await watch.run()

    asyncio.run(moments())


def test_a_change_is_told_once_with_who_made_it_and_why(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    recorder = Recorder()
    start(tmp_path, recorder)
    assert recorder.told == [], "the first start tells nothing"
    apply(tmp_path, b"heartbeat_seconds = 5.0", by="ann", reason="a slow line")
    for _ in range(2):
        start(tmp_path, recorder)
    assert {(each.setting, each.before, each.after) for each in recorder.told} == {
        ("heartbeat_seconds", "60.0", "5.0"),
        ("api.port", "9443", "8443"),
        ("api.host", "127.0.0.1", "0.0.0.0"),  # noqa: S104 - the default
    }
    assert {each.reason for each in recorder.told} == {"by ann: a slow line"}


def test_a_change_by_hand_names_nobody_and_safe_mode_says_so(tmp_path: Path) -> None:
    write(tmp_path, "heartbeat_seconds = 30.0\n")
    recorder = Recorder()
    start(tmp_path, recorder)
    write(tmp_path, "heartbeat_seconds = 20.0\n")
    start(tmp_path, recorder)
    write(tmp_path, "[api")
    start(tmp_path, recorder)
    assert [each.after for each in recorder.told] == ["20.0", "60.0"]
    assert recorder.told[0].reason == ""
    assert recorder.told[1].reason.startswith("safe mode: gateway.toml")
    known = in_force(tmp_path)
    assert known is not None
    assert known.using == "defaults"


def test_no_event_tells_a_cameras_password(tmp_path: Path) -> None:
    recorder = Recorder()
    start(tmp_path, recorder)
    source = "rtsp://ann:Geheim1@10.0.0.9/x?pwd=Geheim1"
    write(tmp_path, f'[[camera]]\nname = "dock"\nsource = "{source}"\n')
    start(tmp_path, recorder)
    (changed,) = recorder.told
    assert (changed.setting, changed.after) == (
        "camera.dock.source",
        "rtsp://***@10.0.0.9/x?pwd=***",
    )


def test_what_could_not_be_recorded_is_told_at_the_next_start(tmp_path: Path) -> None:
    write(tmp_path, "heartbeat_seconds = 30.0\n")
    start(tmp_path, Recorder())
    write(tmp_path, "heartbeat_seconds = 20.0\n")
    recorder = Recorder(full=1)
    start(tmp_path, recorder)
    assert recorder.told == []
    known = in_force(tmp_path)
    assert known is not None
    assert known.settings.heartbeat_seconds == 20.0, "what is in force is noted all the same"
    start(tmp_path, recorder)
    assert [each.after for each in recorder.told] == ["20.0"]


def test_what_is_good_is_kept_closed_to_others(tmp_path: Path) -> None:
    keep_good(tmp_path, GOOD.encode())
    kept = tmp_path / "gateway.toml.last-good"
    assert kept.read_text() == GOOD
    assert kept.stat().st_mode & 0o777 == 0o600


def test_differences_are_named_by_setting_and_passwords_are_not_shown() -> None:
    before = Settings()
    write_to = Choice(settings=Settings(api=Api(port=9443))).settings
    assert differences(before, write_to) == {"api.port": (8443, 9443)}
    assert shown("rtsp://ann:secret@10.0.0.9/x") == "rtsp://***@10.0.0.9/x"
    assert shown("http://10.0.0.9/c?u=ann&p=secret") == "http://10.0.0.9/c?u=***&p=***"
    assert shown("rtsp://ann:s@secret@10.0.0.9/x") == "rtsp://***@10.0.0.9/x"
    assert shown("rtsp://ann:half/secret@10.0.0.9/x") == "rtsp://***@10.0.0.9/x"
    assert shown("rtsp://10.0.0.9/user=ann_password=secret.sdp") == "rtsp://10.0.0.9/user=***"
    assert shown("rtsp://ann:secret@10.0.0.9:554/x") == "rtsp://***@10.0.0.9:554/x"
    assert shown(["rtsp://ann:secret@10.0.0.9/x"]) == '["rtsp://***@10.0.0.9/x"]'
    assert shown("http://10.0.0.9/a@b") == "http://10.0.0.9/a@b"
