"""One camera's loop: frame → codes → facts. Blocking; it wants a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

from edge.ports import BarcodeReader, FrameSource
from edge.vision.confirm import Confirmation
from shared.events import CodeSeen


def watch(
    source: FrameSource,
    reader: BarcodeReader,
    confirmation: Confirmation,
    tell: Callable[[CodeSeen], object],
) -> int:
    """Look at every frame that ``source`` gives until it ends; returns how many there were.

    ``tell`` takes each confirmed fact and may block (a durable commit): a live source drops frames
    meanwhile and counts them.

    Raises:
        QuartermasterError: ``camera.unreadable`` or ``file.unreadable`` by the source, and what
            ``tell`` raises.
    """
    seen = 0
    for frame in source.frames():
        seen += 1
        for fact in confirmation.observe(frame, reader.read(frame.image)):
            tell(fact)
    return seen
