"""When a read becomes a fact, and when it does not."""

from __future__ import annotations

import numpy as np

from edge.ports import Barcode, Frame
from edge.vision.barcodes import provenance
from edge.vision.confirm import MAX_IN_SIGHT, Confirmation, confidence
from edge.vision.ladder import Reading
from shared.events import CodeSeen
from shared.gs1 import Scanned

GTIN = "09506000134352"
CODE = Barcode(f"01{GTIN}10A1", "Code 128", "]C1", ())
SEEN = Reading(CODE)


def frame(number: int, at: float | None = None, *, frozen: bool = False) -> Frame:
    seed = 0 if frozen else number
    image = np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)
    return Frame(image, number, float(number) if at is None else at)


def unknown(_: str) -> str | None:
    return None


def test_one_frame_is_not_enough_and_two_are() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown)
    assert confirmation.observe(frame(0), [SEEN]) == []
    (fact,) = confirmation.observe(frame(1), [SEEN])
    assert fact == CodeSeen(
        camera="cam-1",
        symbology="Code 128",
        raw=f"]C101{GTIN}10A1",
        gtin=GTIN,
        lot="A1",
        frames=2,
        model="zxing-cpp-3.1.1",
        model_sha256=provenance().sha256,
        confidence=944,
    )


def test_a_code_of_the_item_master_needs_one_frame() -> None:
    asked: list[str] = []

    def sku_of(code: str) -> str | None:
        asked.append(code)
        return "OAT-1"

    confirmation = Confirmation("cam-1", sku_of=sku_of)
    (fact,) = confirmation.observe(frame(0), [SEEN])
    assert (fact.sku, fact.frames, asked) == ("OAT-1", 1, [GTIN])


def test_an_expected_pallet_needs_one_frame() -> None:
    def expected(scanned: Scanned) -> bool:
        return scanned.sscc == "106141412345678908"

    confirmation = Confirmation("cam-1", sku_of=unknown, expected=expected)
    pallet = Barcode("00106141412345678908", "Code 128", "]C1", ())
    (fact,) = confirmation.observe(frame(0), [Reading(pallet)])
    assert (fact.sku, fact.frames) == (None, 1)


def test_confidence_grows_with_looks_that_agree_and_falls_with_those_that_do_not() -> None:
    ean = Barcode("9506000134352", "EAN-13", "]E0", ())

    def sure(code: Barcode, looks: int, against: int = 0, *, ours: bool = False) -> int:
        return confidence(code, looks=looks, against=against, ours=ours)

    assert sure(ean, 1) < sure(ean, 2) < sure(ean, 4) < sure(ean, 2, ours=True) < 1000
    assert sure(ean, 4, against=1) < sure(ean, 4)
    assert sure(CODE, 1) > sure(ean, 4)


def test_looks_of_one_frame_are_told_as_confidence() -> None:
    ean = Barcode("9506000134352", "EAN-13", "]E0", ())
    confirmation = Confirmation("cam-1", sku_of=unknown)
    confirmation.observe(frame(0), [Reading(ean, looks=3, against=1)])
    (fact,) = confirmation.observe(frame(1), [Reading(ean, looks=2)])
    assert fact.confidence == 1000 * (5 + 1) // (5 + 1 + 2)


def test_the_same_code_twice_in_one_frame_is_one_sighting() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown)
    assert confirmation.observe(frame(0), [SEEN, SEEN]) == []


def test_a_frozen_picture_confirms_nothing() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown)
    for number in range(5):
        assert confirmation.observe(frame(number, at=0.1, frozen=True), [SEEN]) == []
    assert confirmation.frozen == 4


def test_frames_too_far_apart_do_not_agree() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown, window_s=2.0)
    assert confirmation.observe(frame(0, at=0.0), [SEEN]) == []
    assert confirmation.observe(frame(1, at=2.5), [SEEN]) == []
    assert len(confirmation.observe(frame(2, at=3.0), [SEEN])) == 1


def test_another_symbology_with_the_same_text_does_not_confirm() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown)
    confirmation.observe(frame(0), [SEEN])
    assert confirmation.observe(frame(1), [Reading(CODE._replace(symbology="Data Matrix"))]) == []


def test_what_stays_in_sight_is_told_once_and_counted() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown, repeat_s=30.0)
    facts = [
        fact
        for number in range(10)
        for fact in confirmation.observe(frame(number, at=number * 20.0 / 10), [SEEN])
    ]
    assert len(facts) == 1
    assert confirmation.suppressed == 8
    confirmation.observe(frame(10, at=100.0), [SEEN])
    assert len(confirmation.observe(frame(11, at=100.5), [SEEN])) == 1


def test_what_breaks_the_rules_is_counted_by_its_code_and_never_a_fact() -> None:
    wrong = Barcode("9506000134353", "EAN-13", "]E0", ())
    confirmation = Confirmation("cam-1", sku_of=lambda _: "ANY")
    assert confirmation.observe(frame(0), [Reading(wrong)]) == []
    assert confirmation.observe(frame(1), [Reading(wrong)]) == []
    assert confirmation.refused == {"gs1.check-digit": 2}


def test_a_flood_of_codes_is_bounded() -> None:
    confirmation = Confirmation("cam-1", sku_of=unknown)
    flood = [Reading(Barcode(f"T{n}", "QR Code", "]Q1", ())) for n in range(3 * MAX_IN_SIGHT)]
    confirmation.observe(frame(0), flood)
    assert len(confirmation._in_sight) == MAX_IN_SIGHT
