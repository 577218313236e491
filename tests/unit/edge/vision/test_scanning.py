"""The scan lane: how far a look goes, where it reads, and what it needs to believe."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge.ports import Barcode, Frame
from edge.simulator.labels import print_label
from edge.vision import scanning
from edge.vision.barcodes import ZxingReader, provenance
from edge.vision.lanes import Look, Zone
from edge.vision.scanning import ScanLane, crop_of
from shared.events import CodeSeen
from shared.gs1 import Scanned
from shared.units import Micros

GTIN = "09506000134352"
LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
RIGHT = Zone("right", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
QR = f"]Q301{GTIN}10LOT7"


def scene(content: str, *, at: tuple[int, int] = (80, 60), factor: float = 0.5) -> Any:
    """A 720p picture with one label in it, its left upper corner ``at``."""
    label = cv2.resize(print_label(content), None, fx=factor, fy=factor)
    picture = np.full((720, 1280, 3), 120, np.uint8)
    height, width = label.shape[:2]
    picture[at[1] : at[1] + height, at[0] : at[0] + width] = label
    return picture


def look(picture: Any, number: int, zone: Zone | None = None) -> Look:
    noise = np.random.default_rng(number).integers(-3, 4, picture.shape)
    seen = np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)
    return Look(Frame(seen, number, 0.2 * number), Micros(1_000_000 + number), zone)


def unknown(_: str) -> str | None:
    return None


def test_a_fact_says_who_saw_it_when_where_and_what_shows_it() -> None:
    lane = ScanLane("dock", sku_of=unknown)
    picture = scene(QR)
    assert lane.look(look(picture, 0, LEFT)) == []
    assert lane.unfinished
    (finding,) = lane.look(look(picture, 1, LEFT))
    fact = finding.fact
    assert isinstance(fact, CodeSeen)
    assert (fact.camera, fact.zone, fact.frame_at, fact.frames) == ("dock", "left", 1_000_001, 2)
    assert (fact.model, fact.model_sha256) == tuple(provenance())
    assert (fact.gtin, fact.lot, fact.confidence) == (GTIN, "LOT7", 944)
    assert finding.crop is not None
    assert fact.image_sha256 == hashlib.sha256(finding.crop).digest()
    crop = cv2.imdecode(np.frombuffer(finding.crop, np.uint8), cv2.IMREAD_COLOR)
    assert [code.aim + code.text for code in ZxingReader().read(crop)] == [QR]
    assert [read.text for read in lane.reads] == [QR]


def test_only_the_part_of_the_picture_that_is_the_zone_is_read() -> None:
    lane = ScanLane("dock", sku_of=lambda _: "OAT")
    picture = scene(QR)
    assert lane.look(look(picture, 0, RIGHT)) == []
    assert len(lane.look(look(picture, 1, LEFT))) == 1


def test_a_code_in_the_box_of_a_zone_but_outside_its_lines_is_not_read() -> None:
    triangle = Zone("corner", ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    lane = ScanLane("dock", sku_of=lambda _: "OAT")
    assert lane.look(look(scene(QR), 0, triangle)) == []


def test_only_the_symbologies_of_the_zone_are_read() -> None:
    lane = ScanLane("dock", sku_of=lambda _: "OAT")
    picture = scene(QR)
    eans = LEFT._replace(symbologies=("EAN/UPC",))
    assert lane.look(look(picture, 0, eans)) == []
    matrices = LEFT._replace(symbologies=("EAN/UPC", "QR Code"))
    assert len(lane.look(look(picture, 1, matrices))) == 1


def test_an_item_of_ours_needs_one_frame_and_an_expected_pallet_too() -> None:
    (known,) = ScanLane("dock", sku_of=lambda _: "OAT").look(look(scene(QR), 0))
    assert isinstance(known.fact, CodeSeen)
    assert known.fact.sku == "OAT"
    pallet = scene("]C100106141412345678908")
    lane = ScanLane("dock", sku_of=unknown, expected=lambda scanned: scanned.sscc is not None)
    assert len(lane.look(look(pallet, 0))) == 1


class _Misreading(ZxingReader):
    """Reads at first sight what is not there, and closer what is."""

    def fast(self, grey: Any) -> list[Barcode]:
        return [code._replace(text="8574731738478") for code in super().fast(grey)]


def test_a_wrong_read_that_every_frame_repeats_is_no_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "ZxingReader", _Misreading)
    lane = ScanLane("dock", sku_of=unknown, ladder_s=60.0)
    facts = [
        finding.fact
        for number in range(6)
        for finding in lane.look(look(scene(f"]E0{GTIN[1:]}"), number))
    ]
    assert [fact.raw for fact in facts if isinstance(fact, CodeSeen)] == [f"]E0{GTIN[1:]}"]
    assert lane.doubted >= 6


def test_a_weak_read_that_nothing_confirms_is_a_doubt_and_no_fact() -> None:
    lane = ScanLane("dock", sku_of=unknown, ladder_s=0.0)
    for number in range(2):
        assert lane.look(look(scene(f"]E0{GTIN[1:]}"), number)) == []
        assert ([code.text for code in lane.doubts], lane.read) == ([GTIN[1:]], [])
    assert lane.look(look(scene(QR), 2)) == []
    assert ([code.aim + code.text for code in lane.read], lane.doubts) == ([QR], [])


def test_two_photos_that_agree_may_lie_any_time_apart() -> None:
    lane = ScanLane("photos", sku_of=unknown, effort="still", clock=_no_clock)
    assert lane.look(look(scene(QR), 0)) == []
    assert len(lane.look(look(scene(QR), 1000))) == 1


def test_the_ladder_stops_when_its_time_is_used_up_and_that_is_counted() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.02
        return now[0]

    texture = np.full((720, 1280, 3), 120, np.uint8)
    texture[200:400, 300:700] = np.random.default_rng(5).integers(0, 255, (200, 400, 1))
    lane = ScanLane("dock", sku_of=unknown, clock=clock)
    assert lane.look(look(texture, 0)) == []
    assert (lane.climbed, lane.out_of_time) == (1, 1)
    assert now[0] < 0.2


def test_without_the_ladder_nothing_is_climbed() -> None:
    texture = np.full((720, 1280, 3), 120, np.uint8)
    texture[200:400, 300:700] = np.random.default_rng(5).integers(0, 255, (200, 400, 1))
    lane = ScanLane("dock", sku_of=unknown, ladder_s=0.0)
    lane.look(look(texture, 0))
    assert (lane.climbed, lane.out_of_time) == (0, 0)


def test_a_label_that_lies_askew_is_read_by_the_ladder() -> None:
    upright = np.full((720, 1280, 3), 255, np.uint8)
    upright[250:470, 430:850] = scene(f"]E0{GTIN[1:]}")[60:280, 80:500]
    matrix = cv2.getRotationMatrix2D((640, 360), 43, 1.0)
    picture = cv2.warpAffine(upright, matrix, (1280, 720), borderValue=(255, 255, 255))
    bare = ScanLane("dock", sku_of=lambda _: "OAT", ladder_s=0.0)
    lane = ScanLane("dock", sku_of=unknown, ladder_s=60.0)
    assert not any(bare.look(look(picture, number)) for number in range(2))
    assert sum(len(lane.look(look(picture, number))) for number in range(2)) == 1


def test_the_item_master_is_not_asked_again_for_every_frame() -> None:
    asked: list[str] = []

    def sku_of(code: str) -> str | None:
        asked.append(code)
        return None

    lane = ScanLane("dock", sku_of=sku_of)
    for number in range(8):
        lane.look(look(scene(f"]E0{GTIN[1:]}"), number))
    assert len(asked) <= 4


def test_a_picture_of_one_pixel_gives_nothing() -> None:
    tiny = Look(Frame(np.zeros((1, 1, 3), np.uint8), 0, 0.0), Micros(0), LEFT)
    assert ScanLane("dock", sku_of=unknown).look(tiny) == []
    assert crop_of(np.zeros((1, 1, 3), np.uint8), (5, 5, 9, 9)) is None


def test_a_still_needs_no_budget_but_an_item_that_is_ours() -> None:
    lane = ScanLane("photos", sku_of=lambda _: "OAT", effort="still", clock=_no_clock)
    (finding,) = lane.look(look(scene(f"]E0{GTIN[1:]}"), 0))
    assert isinstance(finding.fact, CodeSeen)
    assert finding.fact.confidence > 900
    assert msgspec.structs.asdict(finding.fact)["sku"] == "OAT"


def _no_clock() -> float:
    raise AssertionError


def test_what_is_expected_is_asked_with_what_was_read() -> None:
    seen: list[Scanned] = []

    def expected(scanned: Scanned) -> bool:
        seen.append(scanned)
        return False

    ScanLane("dock", sku_of=unknown, expected=expected).look(look(scene(QR), 0))
    assert [scanned.gtin for scanned in seen] == [GTIN]
