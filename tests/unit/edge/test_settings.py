"""gateway.toml: defaults that work, mistakes that are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.settings import Settings, load
from shared.errors import QuartermasterError


def test_without_a_file_the_defaults_are_in_force(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_a_file_says_what_differs(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[api]\nport = 9443\n[[camera]]\nname = "dock"\nsource = "rtsp://x"\nzone = "D1"\n'
    )
    settings = load(tmp_path)
    assert settings.api.port == 9443
    assert [camera.name for camera in settings.camera] == ["dock"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[api]\nprot = 1\n", "there is no setting prot here"),
        ("[[camera]]\nsource = '0'\n", "name is missing"),
        ("[api]\nport = 'x'\n", "expected is a whole number, not a text"),
        ("[api]\nport = 70000\n", "api.port"),
        ("[api\n", ""),
        ("heartbeat_seconds = inf\n", "no number to use"),
        ("[store]\nmax_mebibytes = 99999999999999999999\n", "no number to use"),
        ("heartbeat_seconds = 0\n", "heartbeat_seconds"),
        ("[uplink]\nwindow = 0\n", "uplink.window"),
        (
            (
                "[[camera]]\nname = 'dock'\nsource = '0'\n[[camera.zones]]\nname = 'gate'\n"
                "polygon = [[0, 0], [1, 0], [1, 1]]\nsymbologies = ['QR Code', 'EAN13']\n"
            ),
            "'EAN13' is no symbology; known are EAN/UPC, ITF,",
        ),
    ],
)
def test_a_mistake_is_refused_and_named(tmp_path: Path, text: str, names: str) -> None:
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(QuartermasterError) as refused:
        load(tmp_path)
    assert refused.value.code == "settings.invalid"
    assert names in str(refused.value)
