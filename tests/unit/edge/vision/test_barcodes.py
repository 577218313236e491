"""Codes in pictures that are made here."""

from __future__ import annotations

import numpy as np
import pytest

from edge.simulator.labels import label_frames, print_label
from edge.vision.barcodes import MAX_SIDE, ZxingReader

GTIN = "09506000134352"
CONTENTS = [
    f"]C101{GTIN}1729123110LOT7",
    f"]C101{GTIN}10LOT7\x1d21SN1",
    f"]d201{GTIN}1729123110LOT7",
    f"]Q301{GTIN}10LOT7",
    f"]Q1https://id.gs1.org/01/{GTIN}",
    "]E09506000134352",
    "]E496385074",
    f"]I1{GTIN}",
    "]C0A-01-02",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_text_and_aim_identifier_come_out_as_they_were_printed(content: str) -> None:
    (code,) = ZxingReader().read(print_label(content))
    assert code.aim + code.text == content
    assert len(code.position) == 4


def test_a_picture_without_a_code_gives_none() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 640), dtype=np.uint8)
    assert ZxingReader().read(noise) == []
    assert ZxingReader().read(np.zeros((1, 1), np.uint8)) == []


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_colour_and_alpha_are_all_read(channels: int) -> None:
    grey = print_label(CONTENTS[0])[:, :, :1]
    picture = np.repeat(grey, channels, axis=2)
    assert len(ZxingReader().read(picture)) == 1


def test_corners_lie_in_the_picture_that_was_given_even_if_it_was_reduced() -> None:
    label = print_label(f"]d201{GTIN}10LOT7")
    large = np.full((3000, 6000, 3), 255, np.uint8)
    large[2000 : 2000 + label.shape[0], 5000 : 5000 + label.shape[1]] = label
    assert max(large.shape) > MAX_SIDE
    (code,) = ZxingReader().read(large)
    assert all(4990 <= x <= 5350 and 2100 <= y <= 2450 for x, y in code.position)


def test_a_fragment_of_an_itf_is_no_code_beside_the_whole() -> None:
    # Found by rendering: the same frame gave 09506000134352 and 095060001343.
    frames = label_frames(f"]I1{GTIN}", rng=np.random.default_rng(7), count=5)
    for frame in frames:
        assert {code.text for code in ZxingReader().read(frame)} == {GTIN}


def test_two_labels_in_one_picture_are_both_read() -> None:
    both = np.vstack([print_label(CONTENTS[2]), print_label("]E09506000134352")])
    texts = {code.aim + code.text for code in ZxingReader().read(both)}
    assert texts == {CONTENTS[2], "]E09506000134352"}


def test_at_least_nineteen_of_twenty_rendered_frames_are_read() -> None:
    reader = ZxingReader()
    right = total = 0
    for seed, content in enumerate(CONTENTS):
        frames = label_frames(content, rng=np.random.default_rng(seed), count=5)
        for frame in frames:
            texts = [code.aim + code.text for code in reader.read(frame)]
            assert set(texts) <= {content}
            right += content in texts
            total += 1
    assert right / total >= 0.95
