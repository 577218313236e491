"""``gateway read`` as a person meets it: tables, JSON, reasons, exit codes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from cloud.gateways.authority import found
from edge import tasks
from edge.app.store import opened
from edge.capture.camera import LiveCamera
from edge.cli import reading
from edge.cli.read import read
from edge.link.identity import install
from edge.simulator.cameras import Carton, MjpegServer, SimulatedCamera
from edge.simulator.labels import label_frames, print_label
from edge.stock.catalog import enter
from shared.certificates import Leaf, chain_pem, issue, key_pem, new_key
from shared.downlink import Catalog, Code, Item
from shared.enrolment import Enrolled
from shared.errors import QuartermasterError
from shared.events import Event, decode_event
from shared.plan import Plan, Task, TaskLine
from shared.units import DAY
from tests.support import FakeClock
from tests.support.prints import Label, photo
from tests.support.rtsp import RtspCamera

GTIN = "09506000134352"
LABEL = f"]C101{GTIN}1729123110LOT7"

app = typer.Typer()
app.command()(read)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (frame,) = label_frames(LABEL, rng=np.random.default_rng(1))
    cv2.imwrite(str(tmp_path / "carton.jpg"), frame)
    cv2.imwrite(str(tmp_path / "location.png"), print_label("]C0A-01-02"))
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((50, 50), np.uint8))
    (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_photos_become_events_with_what_their_labels_say(photos: Path) -> None:
    result = run(photos, "--json")
    *places, last = lines(result)
    by_name = {Path(place["place"]).name: place for place in places}
    (code,) = by_name["carton.jpg"]["codes"]
    assert code["event"]["raw"] == LABEL
    assert code["event"]["gtin"] == GTIN
    assert (code["event"]["lot"], code["event"]["expiry"]) == ("LOT7", "2029-12-31")
    assert (code["event"]["frames"], code["event"]["sku"], code["seq"]) == (1, None, None)
    assert code["event"]["image_sha256"]
    assert by_name["location.png"]["codes"][0]["kind"] == "plain"
    assert by_name["empty.png"]["codes"] == []
    assert by_name["damaged.jpg"]["error"]["code"] == "file.unreadable"
    assert result.exit_code == 0
    summary = last["summary"]
    assert (summary["files"], summary["codes"], summary["events"]) == (4, 2, 2)
    assert (summary["without_code"], summary["unreadable"]) == (1, 1)
    assert summary["recorded"] is False


def test_the_table_says_it_in_words(photos: Path) -> None:
    result = run(photos)
    assert f"GTIN {GTIN} · lot LOT7 · expires 2029-12-31" in result.stdout
    assert "no code" in result.stdout
    assert "file.unreadable" in result.stdout
    assert "4 files, 2 codes, 2 events (shown, not recorded)" in result.stdout.splitlines()[-1]


def test_a_named_file_that_is_missing_is_told_and_the_rest_goes_on(photos: Path) -> None:
    result = run(photos / "absent.png", photos / "carton.jpg", "--json")
    first, second, last = lines(result)
    assert first["error"]["code"] == "file.unreadable"
    assert len(second["codes"]) == 1
    assert last["summary"]["unreadable"] == 1
    assert result.exit_code == 1


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    assert "no pictures" in run(tmp_path).stdout


def test_a_video_is_confirmed_over_its_frames(tmp_path: Path) -> None:
    file = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720))
    for frame in label_frames(LABEL, rng=np.random.default_rng(2), count=3):
        writer.write(frame)
    writer.release()
    looked, last = lines(run(file, "--json"))
    assert (looked["frames"], looked["dropped"], looked["suppressed"]) == (3, 0, 1)
    assert [code["event"]["frames"] for code in looked["codes"]] == [2]
    assert last["summary"]["events"] == 1


def test_one_frame_of_a_video_makes_no_event(tmp_path: Path) -> None:
    file = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720))
    writer.write(next(label_frames(LABEL, rng=np.random.default_rng(2))))
    writer.release()
    looked, last = lines(run(file, "--json"))
    assert [code["event"] for code in looked["codes"]] == [None]
    assert last["summary"]["unconfirmed"] == 1


def test_a_camera_is_read_by_its_address_and_its_password_is_not_shown() -> None:
    camera = SimulatedCamera([Carton(LABEL)], seed=3, rounds=None, period_s=0.02)
    with MjpegServer(camera) as server:
        address = server.address.replace("//", "//me:hidden@")
        looked, last = lines(run(address, "--json", "--seconds", "1.5"))
    assert looked["place"] == "http://127.0.0.1/video"
    (code,) = looked["codes"]
    assert code["event"]["raw"] == LABEL
    assert code["event"]["frame_at"] > 0
    assert code["event"]["image_sha256"]
    assert last["summary"]["events"] == 1


def test_an_rtsp_camera_is_read_with_its_password() -> None:
    camera = SimulatedCamera([Carton(LABEL)], seed=3, rounds=None, size=(960, 544))
    with RtspCamera(camera, rate=40.0, credentials="me:hidden") as server:
        result = run(server.address, "--seconds", "1")
        assert server.refused
    assert f"GTIN {GTIN} · lot LOT7 · expires 2029-12-31" in result.stdout
    assert "rtsp://127.0.0.1/stream" in result.stdout
    assert "hidden" not in result.output


class _Leaving:
    """A capture that gives three pictures once, and nothing when it is opened again."""

    def __init__(self) -> None:
        self._frames = list(label_frames(LABEL, rng=np.random.default_rng(2), count=3))

    def open(self, _address: str) -> _Leaving:
        return self

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def read(self) -> tuple[bool, Any]:
        return (True, self._frames.pop()) if self._frames else (False, None)

    def release(self) -> None:
        """Nothing to let go of."""


def test_what_was_seen_of_a_camera_that_went_away_is_told_with_why_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leaving(place: str) -> LiveCamera:
        capture = _Leaving().open
        return LiveCamera(place, open_capture=capture, jitter=lambda _: 0.0, give_up_after=2)

    monkeypatch.setattr("edge.cli.places.open_source", leaving)
    result = run("rtsp://me:hidden@camera/1", "--json", "--seconds", "60")
    looked, last = lines(result)
    assert looked["frames"] >= 1
    assert looked["frames"] + looked["dropped"] == 3
    assert [code["text"] for code in looked["codes"]] == [LABEL[3:]]
    assert looked["error"]["code"] == "camera.unreadable"
    assert last["summary"]["unreadable"] == 1
    assert result.exit_code == 1
    assert "hidden" not in result.output


@pytest.mark.parametrize("device", ["97", "/dev/video97"])
def test_a_device_that_is_not_there_is_told(device: str) -> None:
    result = run(device)
    assert "camera.unreadable" in result.stdout
    assert "there is no such device" in result.stdout
    assert result.exit_code == 1


def test_a_code_that_follows_no_rule_is_shown_with_its_reason_and_is_no_event(
    tmp_path: Path,
) -> None:
    import zxingcpp

    code = zxingcpp.create_barcode("two\nlines\x1b[31m", zxingcpp.BarcodeFormat.QRCode)
    drawn = np.asarray(zxingcpp.write_barcode_to_image(code, scale=6))
    cv2.imwrite(str(tmp_path / "note.png"), drawn)
    result = run(tmp_path / "note.png")
    assert "scan.malformed" in result.stdout
    assert "\x1b[31m" not in result.stdout
    assert r"two\nlines\x1b[31m" in result.stdout


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A data folder as enrolment leaves it, with one item in the catalog."""
    data = tmp_path / "gateway"
    data.mkdir()
    now = FakeClock().now()
    house = found("quartermaster.local", now=now)
    key = new_key()
    leaf = Leaf(common_name="gw-1", public_key=key.public_key(), usage="client")
    certificate = issue(house.devices, leaf, now=now, lifetime=DAY)
    event_key = Ed25519PrivateKey.generate()
    answer = Enrolled(
        gateway="gw-1",
        site="berlin",
        trust_domain="quartermaster.local",
        epoch=1,
        certificate=chain_pem(certificate, house.devices.certificate).decode(),
        trust=chain_pem(house.root.certificate).decode(),
        cloud_key=event_key.public_key().public_bytes_raw(),
        broker_host="localhost",
        broker_port=8883,
        door_url="https://localhost:8444",
    )
    install(
        data / "identity",
        answer,
        api_url="https://localhost:8443",
        tls_key=key_pem(key),
        event_key=key_pem(event_key),
    )
    catalog = Catalog("berlin", [Item("OAT-1", "Oat drink", [Code(GTIN, 6)])], [])
    with opened(data) as store:
        store.database.run_blocking(lambda connection: enter(connection, catalog, snapshot=True))
    return data


def recorded(data: Path) -> list[Event]:
    with opened(data) as store:
        rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    return [decode_event(body) for (body,) in rows]


def test_labels_are_read_as_the_gateways_settings_say_unless_told_otherwise(
    gateway: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[dict[str, Any]] = []

    def reader(**printed: Any) -> None:
        known.append(printed)

    monkeypatch.setattr(reading, "LabelReader", reader)
    (gateway / "gateway.toml").write_text("[labels]\ndates = 'month-first'\nlot_forms = ['A99']\n")
    for more in ([], ["--lot-form", "999"], ["--dry-run"]):
        run(tmp_path / "absent.png", "--labels", "--data", gateway, *more)
    assert known == [
        {"order": "month-first", "forms": ["A99"]},
        {"order": "month-first", "forms": ["999"]},
        {"order": None, "forms": []},
    ]


def test_events_are_recorded_in_the_gateways_outbox_and_name_the_item(
    photos: Path, gateway: Path
) -> None:
    carton = photos / "carton.jpg"
    result = run(carton, photos / "location.png", "--data", gateway, "--device", "cam-7", "--json")
    *places, last = lines(result)
    assert [place["codes"][0]["seq"] for place in places] == [1, 2]
    assert last["summary"]["recorded"] is True
    first, second = recorded(gateway)
    assert (first.device, first.data.camera, first.data.raw) == ("cam-7", "cam-7", LABEL)
    assert (first.data.sku, second.data.sku) == ("OAT-1", None)
    assert first.data.image_sha256 == hashlib.sha256(carton.read_bytes()).digest()


def test_an_announced_pallet_is_believed_at_first_sight(tmp_path: Path, gateway: Path) -> None:
    pallet = "106141412345678908"
    asn = Task("R-1", "receive", [TaskLine("OAT-1", 6, sscc=pallet)], document="ASN-1")
    with opened(gateway) as store:
        plan = Plan("berlin", [asn])
        store.database.run_blocking(lambda connection: tasks.enter(connection, plan, 1))
    file = tmp_path / "dock.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720))
    writer.write(next(label_frames(f"]C100{pallet}", rng=np.random.default_rng(2))))
    writer.release()
    assert lines(run(file, "--json"))[0]["codes"][0]["event"] is None
    assert lines(run(file, "--json", "--data", gateway))[0]["codes"][0]["seq"] == 1
    assert [event.data.raw for event in recorded(gateway)] == [f"]C100{pallet}"]


def test_a_dry_run_leaves_the_gateway_as_it_was(photos: Path, gateway: Path) -> None:
    assert "shown, not recorded" in run(photos, "--data", gateway, "--dry-run").stdout
    assert recorded(gateway) == []


def test_a_folder_that_holds_no_gateway_is_refused_before_anything_is_read(
    photos: Path, tmp_path: Path
) -> None:
    result = run(photos, "--data", tmp_path / "absent")
    assert isinstance(result.exception, QuartermasterError)
    assert result.exception.code == "gateway.not-enrolled"
    assert result.stdout == ""


def test_a_device_name_with_blanks_is_refused(photos: Path) -> None:
    result = run(photos, "--device", "my camera")
    assert result.exit_code != 0


def test_the_print_of_a_label_is_read_when_asked_for(tmp_path: Path) -> None:
    label = Label(("OAT FLAKES", "LOT KR43796", "EXP 31.08.2031"), "KR43796", "2031-08-31")
    picture = photo(label, np.random.default_rng(3), style="thermal", blur=0.0)
    cv2.imwrite(str(tmp_path / "label.png"), picture)
    (place, _) = lines(run(tmp_path / "label.png", "--json", "--labels"))
    assert (place["label"]["lot"], place["label"]["expiry"]) == ("KR43796", "2031-08-31")
    shown = run(tmp_path / "label.png", "--labels").stdout
    assert "print: lot KR43796 · expires 2031-08-31" in shown
    (other, _) = lines(
        run(tmp_path / "label.png", "--json", "--labels", "--lot-form", "999", "--lot-form", "A9")
    )
    assert (other["label"]["lot"], other["label"]["expiry"]) == (None, "2031-08-31")
    (quiet, _) = lines(run(tmp_path / "label.png", "--json"))
    assert "label" not in quiet
