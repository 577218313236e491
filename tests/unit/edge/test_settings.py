"""gateway.toml: defaults that work, mistakes that are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.settings import Labels, Settings, load
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


def test_a_site_says_how_its_labels_are_printed(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[labels]\nlot_forms = ["AA99999", "A9-9999"]\ndates = "day-first"\n'
    )
    assert load(tmp_path).labels == Labels(lot_forms=["AA99999", "A9-9999"], dates="day-first")
    assert Settings().labels == Labels(lot_forms=[], dates=None)


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
        ("[labels]\ndates = 'day first'\n", "labels.dates"),
        ("[labels]\nlot_forms = ['a9-9999']\n", "'a9-9999' is no form of a lot"),
        ("[labels]\nlot_forms = ['AAA']\n", "at least one digit"),
        ("[labels]\nlot_forms = ['9A']\n", "3 to 20"),
        (f"[labels]\nlot_forms = {['A99'] * 33}\n", "more than 32"),
    ],
)
def test_a_mistake_is_refused_and_named(tmp_path: Path, text: str, names: str) -> None:
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(QuartermasterError) as refused:
        load(tmp_path)
    assert refused.value.code == "settings.invalid"
    assert names in str(refused.value)
