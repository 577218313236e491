"""Quantities and durations as integers; nothing in the core is a float."""

from __future__ import annotations

from typing import Final, NewType

Quantity = NewType("Quantity", int)
"""A number of base units (eaches) of one item; negative only in differences."""

Micros = NewType("Micros", int)
"""Microseconds since the Unix epoch (UTC), or a span of them."""

MAX_QUANTITY: Final = 10_000_000
"""The largest quantity one scan may carry; a bigger one is a mistyped barcode."""

SECOND: Final = Micros(1_000_000)
MINUTE: Final = Micros(60 * SECOND)
HOUR: Final = Micros(60 * MINUTE)
DAY: Final = Micros(24 * HOUR)
