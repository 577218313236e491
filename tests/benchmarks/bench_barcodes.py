"""How many codes of real photos are read, rightly and wrongly, and how fast; beside the libraries.

Reads the photo set beside the repository (``../shared/data/barcodes``: images and truth.csv) in
one run by zxing-cpp alone (its thorough look), by OpenCV's barcode and QR detectors, by this
project's scan lane (two frames of the same photo with other noise, 40 ms of ladder each, without
an item master; what becomes an event), and by its look at stills (all of the ladder, no item
master), for which the bars are. A wrong read is any text other than the true one; for photos
without a code, any text at all. The lane refuses texts with control characters: some QR codes.

The photos are halved by the hash of their names. The ladder's rungs were chosen on half A; the
rules about what speaks against a read were made after wrong reads seen in both. Both are reported.

What limits it: labels bent on cloth (QR) and glare over the bars (EAN/UPC), which no look at one
picture undoes. A still costs a dozen looks; nearly all of the time is zxing-cpp's.

    python -m tests.benchmarks.bench_barcodes [--short] [FOLDER]

``--short`` takes every fourth photo and judges wrong reads only: too few remain for shares.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import zxingcpp

from edge.capture.pictures import load_picture
from edge.ports import Frame
from edge.vision.barcodes import ZxingReader
from edge.vision.lanes import Look
from edge.vision.scanning import ScanLane
from edge.vision.symbologies import formats_of
from shared.errors import QuartermasterError
from shared.events import CodeSeen
from shared.units import Micros

FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "barcodes"
BARS: Final = {"EAN/UPC": 80.0, "QR": 93.0, "DataMatrix": 96.0, "Code128": 98.0, "ITF": 100.0}
"""Percent of a family's photos that must be read."""
MOST_WRONG: Final = {"EAN/UPC": 1, "NEGATIVE": 0}

Texts = Callable[[Any], set[str]]


class Photo(NamedTuple):
    """One photo, what it shows, and its half."""

    family: str
    text: str
    image: Any
    half: str


def load(folder: Path) -> tuple[list[Photo], int]:
    """All photos, and how many could not be opened."""
    photos: list[Photo] = []
    unreadable = 0
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                image = load_picture(folder / row["file"]).image
            except QuartermasterError as error:
                unreadable += 1
                print(error)
                continue
            half = "AB"[hashlib.sha256(row["file"].encode()).digest()[0] & 1]
            photos.append(Photo(row["family"], row["text"], image, half))
    return photos, unreadable


def zxing_alone(image: Any) -> set[str]:
    """The library's own thorough look."""
    found = zxingcpp.read_barcodes(image, formats=formats_of(), text_mode=zxingcpp.TextMode.Plain)
    return {code.text for code in found}


class OpenCv:
    """OpenCV's own readers; it prints a UPC-A without its leading zero."""

    def __init__(self) -> None:
        self._linear = cv2.barcode.BarcodeDetector()
        self._qr = cv2.QRCodeDetectorAruco()

    def __call__(self, image: Any) -> set[str]:
        """All texts."""
        if min(image.shape[:2]) < 8:
            return set()
        texts: set[str] = set()
        try:
            texts.update(self._linear.detectAndDecodeMulti(image)[1] or ())
            texts = {text.zfill(13) if len(text) == 12 else text for text in texts}
            texts.update(self._qr.detectAndDecodeMulti(image)[1] or ())
        except (cv2.error, UnicodeDecodeError):
            pass
        return texts - {""}


def lane_reads(image: Any) -> set[str]:
    """What becomes an event when the photo is seen twice."""
    lane = ScanLane("bench", sku_of=lambda _: None)
    rng = np.random.default_rng(image.size)
    texts: set[str] = set()
    for number in range(2):
        noise = rng.normal(0.0, 2.0, image.shape)
        seen = np.clip(image + noise, 0, 255).astype(np.uint8)
        look = Look(Frame(seen, number, 0.2 * number), Micros(number))
        for finding in lane.look(look):
            assert isinstance(finding.fact, CodeSeen)
            texts.add(finding.fact.raw[3:])
    return texts


def measure(photos: list[Photo], name: str, texts_of: Texts) -> dict[str, Any]:
    """Read, wrong and missed by family and half, and milliseconds a photo."""
    families: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: defaultdict[str, float] = defaultdict(float)
    for photo in photos:
        started = time.perf_counter()
        texts = texts_of(photo.image)
        seconds[photo.family] += time.perf_counter() - started
        counts = families[photo.family]
        right = bool(photo.text) and photo.text in texts
        counts["photos"] += 1
        counts["read"] += right
        counts[f"read_{photo.half}"] += right
        counts[f"photos_{photo.half}"] += 1
        counts["wrong"] += len(texts - {photo.text})
        counts["missed"] += bool(photo.text) and not right
    print(f"\n{name}")
    shown: dict[str, Any] = {}
    for family in sorted(families):
        c = families[family]
        ms = 1000 * seconds[family] / c["photos"]
        print(
            f"  {family:12} read {c['read']:3} of {c['photos']:3}"
            f"  (A {c['read_A']} of {c['photos_A']}, B {c['read_B']} of {c['photos_B']})"
            f"  wrong {c['wrong']:2}  {ms:7.1f} ms"
        )
        shown[family] = {
            "photos": c["photos"],
            "read": c["read"],
            "halves": [c["read_A"], c["photos_A"], c["read_B"], c["photos_B"]],
            "wrong": c["wrong"],
            "ms": round(ms, 1),
        }
    shown["all"] = {
        key: sum(counts[key] for counts in families.values()) for key in ("read", "wrong", "missed")
    }
    return shown


def failures(families: dict[str, Any], *, short: bool) -> list[str]:
    """The bars that the stills miss."""
    failed: list[str] = []
    for family, most in MOST_WRONG.items():
        wrong = families.get(family, {}).get("wrong", 0)
        if wrong > most:
            failed.append(f"{family}: {wrong} wrong, {most} allowed")
    if short:
        return failed
    for family, least in BARS.items():
        counts = families[family]
        if 100 * counts["read"] < least * counts["photos"]:
            failed.append(f"{family}: {counts['read']} of {counts['photos']}, {least} % are needed")
    return failed


def main() -> int:
    """Measure and print; the last line is JSON."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    short = "--short" in sys.argv[1:]
    folder = Path(named[0]) if named else FOLDER
    if not (folder / "truth.csv").is_file():
        print(f"There are no photos at {folder}: nothing was measured.")
        print(json.dumps({"bench": "barcodes", "photos": 0, "ok": False}))
        return 1
    cv2.setNumThreads(1)
    photos, unreadable = load(folder)
    if short:
        photos = photos[::4]
    result: dict[str, Any] = {"bench": "barcodes", "photos": len(photos), "unreadable": unreadable}
    still = ZxingReader()
    ways: dict[str, Texts] = {
        "zxing_alone": zxing_alone,
        "opencv": OpenCv(),
        "lane": lane_reads,
        "still": lambda image: {code.text for code in still.read(image)},
    }
    for name, texts_of in ways.items():
        result[name] = measure(photos, name, texts_of)
    failed = failures(result["still"], short=short)
    for each in failed:
        print(f"missed: {each}")
    result["missed_bars"] = failed
    result["ok"] = not failed
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
