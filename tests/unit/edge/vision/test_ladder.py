"""What several looks at one print are worth, and where closer looks go."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from edge.ports import Barcode
from edge.settings import SYMBOLOGIES
from edge.simulator.labels import print_label
from edge.vision.barcodes import ZxingReader, provenance
from edge.vision.ladder import RUNGS, Rung, agreed, closer, mapped, print_of
from edge.vision.locating import Candidate, candidates, differing
from edge.vision.symbologies import FORMATS, formats_of

HERE = ((10, 10), (110, 10), (110, 60), (10, 60))
AWAY = ((510, 10), (610, 10), (610, 60), (510, 60))


def ean(text: str, position: tuple[tuple[int, int], ...] = HERE) -> Barcode:
    return Barcode(text, "EAN-13", "]E0", position)


def qr(text: str, position: tuple[tuple[int, int], ...] = HERE) -> Barcode:
    return Barcode(text, "QR Code Model 2", "]Q1", position)


def small_label() -> Any:
    grey = cv2.cvtColor(print_label("]E09506000134352"), cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def texts(looks: list[list[Barcode]]) -> set[str]:
    return {reading.code.text for reading in agreed(looks)}


def test_one_look_is_no_ean() -> None:
    assert texts([[ean("A")]]) == set()
    assert texts([[ean("A"), ean("A")]]) == set()
    assert texts([[ean("A")], [ean("A")]]) == {"A"}


def test_a_code_that_corrects_errors_stands_by_one_look() -> None:
    assert texts([[qr("A")], []]) == {"A"}


def test_an_ean_needs_twice_the_looks_of_all_that_contradict_it() -> None:
    assert texts([[ean("A")]] * 3 + [[ean("B")], [ean("C")]]) == set()
    assert texts([[ean("A")]] * 4 + [[ean("B")], [ean("C")]]) == {"A"}


def test_another_print_contradicts_nothing() -> None:
    assert texts([[ean("A"), ean("B", AWAY)]] * 2) == {"A", "B"}


def test_a_sliver_beside_the_lines_that_were_read_is_of_the_same_print() -> None:
    lines = ((10, 10), (110, 10), (110, 40), (10, 40))
    sliver = ((10, 44), (110, 44), (110, 46), (10, 46))
    assert texts([[ean("A", lines), ean("B", sliver)]] * 2 + [[ean("A", lines)]] * 2) == {"A"}
    assert print_of(ean("B", sliver)) == (10, 20, 110, 70)


def test_a_short_code_needs_three_looks() -> None:
    short = Barcode("A", "UPC-E", "]E0", HERE)
    assert texts([[short]] * 2) == set()
    assert texts([[short]] * 3) == {"A"}


def test_a_matrix_code_that_most_looks_contradict_is_a_wrong_correction() -> None:
    assert texts([[qr("A")]] * 3 + [[qr("B")]]) == {"A"}


def test_a_matrix_code_beside_another_is_not_contradicted() -> None:
    beside = ((112, 10), (212, 10), (212, 60), (112, 60))
    assert texts([[qr("A"), qr("B", beside)]] + [[qr("A")]] * 5) == {"A", "B"}


@pytest.mark.parametrize("rung", RUNGS)
def test_a_corner_seen_closer_leads_back_to_where_it_is(rung: Rung) -> None:
    grey = np.full((300, 400), 30, np.uint8)
    cv2.circle(grey, (180, 120), 6, 255, -1)
    cut, back = closer(grey, Candidate((100, 60, 260, 200), 5.0), rung, most_pixels=1_000_000)
    _, _, _, brightest = cv2.minMaxLoc(cv2.GaussianBlur(cut, (0, 0), 6))
    (corner,) = mapped(ean("A", ((int(brightest[0]), int(brightest[1])),)), back).position
    assert abs(corner[0] - 180) <= 2
    assert abs(corner[1] - 120) <= 2


def test_a_closer_look_is_bounded_however_large_the_box() -> None:
    grey = np.zeros((2000, 3000), np.uint8)
    for rung in RUNGS:
        cut, _ = closer(grey, Candidate((0, 0, 3000, 2000), 0.0), rung, most_pixels=90_000)
        assert cut.size <= 91_000


def test_a_label_on_a_plain_wall_is_where_a_code_is_looked_for() -> None:
    label = small_label()
    wall = np.full((720, 1280), 200, np.uint8)
    height, width = label.shape
    wall[300 : 300 + height, 700 : 700 + width] = label
    left, top, right, bottom = candidates(wall, most=3)[0].box
    assert left <= 740 <= 640 + width <= right
    assert top <= 300 + height / 2 <= bottom


def test_the_lean_of_bars_is_told() -> None:
    bars = np.full((400, 400), 255, np.uint8)
    bars[100:300, 100:300:8] = 0
    bars[100:300, 101:300:8] = 0
    bars[100:300, 102:300:8] = 0
    matrix = cv2.getRotationMatrix2D((200, 200), -30, 1.0)
    turned = cv2.warpAffine(bars, matrix, (400, 400), borderValue=255)
    (found, *_) = candidates(np.asarray(turned, np.uint8), most=1)
    assert abs(found.lean - 30) < 3


def test_an_ean_at_an_angle_that_zxing_cannot_read_is_read_upright() -> None:
    label = small_label()
    wall = np.full((900, 900), 255, np.uint8)
    height, width = label.shape
    top, left = 450 - height // 2, 450 - width // 2
    wall[top : top + height, left : left + width] = label
    matrix = cv2.getRotationMatrix2D((450, 450), 43, 1.0)
    turned = cv2.warpAffine(wall, matrix, (900, 900), borderValue=255)
    (code,) = ZxingReader().read(turned)
    assert code.text == "9506000134352"


def test_nothing_stands_out_of_an_even_picture_nor_of_a_tiny_one() -> None:
    assert candidates(np.full((720, 1280), 90, np.uint8), most=4) == []
    assert candidates(np.zeros((1, 5000), np.uint8), most=4) == []


def test_nearly_the_same_box_is_looked_at_once() -> None:
    one = Candidate((0, 0, 100, 100), 0.0)
    assert differing([one, Candidate((5, 5, 100, 100), 0.0)]) == [one]
    assert len(differing([one, Candidate((60, 60, 160, 160), 0.0)])) == 2


def test_a_reader_reads_only_the_symbologies_that_it_is_given() -> None:
    both = np.vstack([print_label("]Q1HELLO-1"), print_label("]E09506000134352")])
    (code,) = ZxingReader(symbologies=["EAN/UPC"]).read(both)
    assert code.text == "9506000134352"


def test_every_symbology_has_a_name_that_the_library_and_the_settings_know() -> None:
    assert tuple(FORMATS) == SYMBOLOGIES
    for name in FORMATS:
        assert str(formats_of([name]))
    assert str(formats_of(["no such thing"])) == str(formats_of())


def test_the_reader_says_which_it_is_by_its_bytes() -> None:
    name, sha256 = provenance()
    assert name == "zxing-cpp-3.1.1"
    assert len(sha256) == 32
