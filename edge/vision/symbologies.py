"""The codes that are looked for, by the names that people use, and how far each protects itself.

A zone may name the only ones read in it. Weak symbologies have at most one check digit against a
misread bar (ISO/IEC 15420 for EAN/UPC, 16390 for ITF, 16388 for Code 39; Codabar has none): their
reads need a second look. The others correct errors or check several characters at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import zxingcpp

from edge.ports import Barcode

FORMATS: Final = {
    "EAN/UPC": "EAN/UPC",
    "ITF": "ITF",
    "Code 128": "Code 128",
    "Code 39": "Code 39",
    "Code 93": "Code 93",
    "Codabar": "Codabar",
    "DataBar": "DataBar",
    "QR Code": "QR Code",
    "Data Matrix": "Data Matrix",
    "Aztec": "Aztec",
    "PDF417": "PDF417",
}
"""What stands on goods, cartons and shelves, as zxing-cpp calls it; more only invites misreads."""

_WEAK: Final = ("EAN", "UPC", "ITF", "Code 39", "Codabar")
_SHORT: Final = ("UPC-E", "EAN-8", "Codabar")
_UNCHECKED: Final = frozenset({"Micro QR Code", "rMQR Code"})
"""They detect errors, but hardly correct any, and a corner of a QR code can pass for one."""


def formats_of(names: Sequence[str] = ()) -> zxingcpp.BarcodeFormats:
    """What zxing-cpp shall look for; everything where nothing is named.

    Names that are not in :data:`FORMATS` are refused by the settings, and ignored here.
    """
    chosen = [FORMATS[name] for name in names if name in FORMATS] or list(FORMATS.values())
    return zxingcpp.barcode_formats_from_str("|".join(chosen))


def is_weak(code: Barcode) -> bool:
    """Whether one look can misread it without noticing."""
    return code.symbology.startswith(_WEAK)


def is_wanted(code: Barcode) -> bool:
    """Whether it is one of those that zxing-cpp finds along with QR codes and that are too weak."""
    return code.symbology not in _UNCHECKED


def looks_needed(code: Barcode) -> int:
    """How many differing looks at one picture must agree: short weak codes are invented easily."""
    if not is_weak(code):
        return 1
    return 3 if code.symbology.startswith(_SHORT) else 2
