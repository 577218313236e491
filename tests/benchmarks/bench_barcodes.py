"""How many codes of real photos are read, rightly and wrongly, and how fast.

Reads the photo set beside the repository (``../shared/data/barcodes``: images and truth.csv) with
the two efforts of the reader. A wrong read is any text other than the true one; for photos without
a code, any text at all. Only the first reading attempt of each effort counts.

What limits it: nearly all misses are EAN/UPC and QR photos that are blurred or bent beyond what
zxing-cpp decodes; ``still`` costs four looks, most of the time in its turned and enlarged views.

    python tests/benchmarks/bench_barcodes.py [FOLDER]
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from edge.capture.pictures import load_picture
from edge.vision.barcodes import Effort, ZxingReader
from shared.errors import QuartermasterError

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "barcodes"


def load(folder: Path) -> tuple[list[tuple[str, str, Any]], int]:
    """Family, true text and picture of each photo; and how many could not be opened."""
    photos: list[tuple[str, str, Any]] = []
    unreadable = 0
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                image = load_picture(folder / row["file"]).image
            except QuartermasterError as error:
                unreadable += 1
                print(error)
                continue
            photos.append((row["family"], row["text"], image))
    return photos, unreadable


def measure(photos: list[tuple[str, str, Any]], effort: Effort) -> dict[str, Any]:
    """Right, wrong and missed by family, and milliseconds a photo."""
    reader = ZxingReader(effort)
    families: defaultdict[str, Counter[str]] = defaultdict(Counter)
    started = time.perf_counter()
    for family, text, image in photos:
        texts = {code.text for code in reader.read(image)}
        families[family]["wrong"] += len(texts - {text})
        families[family]["right"] += bool(text) and text in texts
        families[family]["missed"] += bool(text) and text not in texts
        families[family]["photos"] += 1
    seconds = time.perf_counter() - started
    print(f"\n{effort}: {1000 * seconds / len(photos):.1f} ms a photo")
    total: Counter[str] = Counter()
    for family in sorted(families):
        counts = families[family]
        total.update(counts)
        print(f"  {family:12} " + "  ".join(f"{key} {counts[key]:3}" for key in sorted(counts)))
    return {
        "right": total["right"],
        "wrong": total["wrong"],
        "missed": total["missed"],
        "ms_a_photo": round(1000 * seconds / len(photos), 2),
    }


def main() -> None:
    """Measure and print; the last line is JSON."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if not (folder / "truth.csv").is_file():
        print(f"There are no photos at {folder}: nothing was measured.")
        print(json.dumps({"bench": "barcodes", "photos": 0}))
        return
    photos, unreadable = load(folder)
    result: dict[str, Any] = {"bench": "barcodes", "photos": len(photos), "unreadable": unreadable}
    for effort in ("live", "still"):
        result[effort] = measure(photos, effort)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
