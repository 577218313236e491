"""What ``gateway read`` does: looks at place after place, shows and records what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from edge.capture.camera import is_camera, without_password
from edge.capture.files import list_pictures
from edge.cli import read_report as report
from edge.cli.places import Look, Looked
from edge.ports import system_wall
from edge.settings import Labels
from edge.vision.confirm import Expected, SkuOf
from edge.vision.labels import LabelReader
from shared.errors import QuartermasterError
from shared.events import CodeSeen, LabelRead
from shared.gs1 import Scanned
from shared.ids import is_code

Tell = Callable[[CodeSeen | LabelRead], int | None]
"""Records an event; returns its sequence number, None when it is only shown."""


class _Sink(NamedTuple):
    sku_of: SkuOf
    expected: Expected
    tell: Tell
    recorded: bool
    printed: Labels = Labels()


def read_places(
    paths: list[str],
    *,
    data: Path | None,
    json: bool,
    device: str,
    seconds: float,
    labels: bool = False,
    forms: Sequence[str] = (),
) -> bool:
    """Read each place; whether one that was named could not be read.

    Args:
        paths: pictures, folders, videos, camera addresses.
        data: the gateway's folder in which events are recorded; None shows them only.
        json: one object a line.
        device: the camera that the events name.
        seconds: how long to look at a live camera.
        labels: read the print of pictures for lot and expiry, too.
        forms: how lots are written, see :func:`edge.vision.printed.understand`; else as the
            gateway's settings say.

    Raises:
        QuartermasterError: ``model.missing`` without the extra ``ocr``, ``settings.invalid`` for
            the device's name, or what recording refuses.
    """
    if not is_code(device):
        raise QuartermasterError("settings.invalid", repr(device[:60]), where="--device")
    started = time.monotonic()
    summary = report.Summary()
    failed = False
    show = report.show_json if json else report.show_table
    with ExitStack() as stack:
        sink = _open(data, device, stack)
        summary.recorded = sink.recorded
        look = Look(
            device,
            sku_of=sink.sku_of,
            expected=sink.expected,
            seconds=seconds,
            labels=_reader(sink.printed, forms) if labels else None,
            received=datetime.fromtimestamp(system_wall() / 1e6, UTC).date(),
        )
        for named, place in _expand(paths):
            summary.files += 1
            try:
                if isinstance(place, QuartermasterError):
                    raise place
                looked = look.at(place)
                sequence = [sink.tell(found.event) for found in looked.found if found.event]
                if looked.label is not None and _says_something(looked.label):
                    sink.tell(looked.label)
            except QuartermasterError as error:
                summary.unreadable += 1
                failed = failed or named or error.code not in _GOES_ON
                shown = without_password(place) if isinstance(place, str) else error.where
                show(Looked(place=shown), [], error)
                if error.code not in _GOES_ON:
                    raise
                continue
            _count(summary, looked)
            if looked.lost is not None:
                summary.unreadable += 1
                failed = True
            show(looked, sequence, looked.lost)
    summary.seconds = round(time.monotonic() - started, 3)
    report.show_summary(summary, json=json)
    return failed


_GOES_ON: Final = frozenset({"file.unreadable", "camera.unreadable"})


def _expand(paths: list[str]) -> Iterator[tuple[bool, str | QuartermasterError]]:
    """Each place to look at, and whether it was named itself (not found in a folder)."""
    for path in paths:
        if is_camera(path):
            yield True, path
            continue
        try:
            files = list_pictures(Path(path))
        except QuartermasterError as error:
            yield True, error
            continue
        for file in files:
            yield len(files) == 1, str(file)


def _open(data: Path | None, device: str, stack: ExitStack) -> _Sink:
    if data is None:
        return _Sink(_unknown, _unexpected, _only_shown, recorded=False)
    from edge import stock, tasks  # noqa: PLC0415 - the store is opened only to record
    from edge.app.store import opened  # noqa: PLC0415 - as above

    gateway = stack.enter_context(opened(data))
    reader = gateway.database.reader

    def sku_of(code: str) -> str | None:
        item = stock.item_of_gtin(reader, code) or stock.item_of_sku(reader, code)
        return None if item is None else item.sku

    def expected(scanned: Scanned) -> bool:
        return scanned.sscc is not None and bool(tasks.announced(reader, scanned.sscc))

    def tell(event: CodeSeen | LabelRead) -> int:
        return gateway.pipeline.record_blocking(event, device=device)

    return _Sink(sku_of, expected, tell, recorded=True, printed=gateway.settings.labels)


def _reader(printed: Labels, forms: Sequence[str]) -> LabelReader:
    return LabelReader(order=printed.dates, forms=forms or printed.lot_forms)


def _says_something(label: LabelRead) -> bool:
    return label.lot is not None or label.expiry is not None


def _unknown(_code: str) -> None:
    """No item master: every code is unknown."""


def _unexpected(_scanned: Scanned) -> bool:
    """No open tasks: nothing is expected."""
    return False


def _only_shown(_event: CodeSeen | LabelRead) -> None:
    """A dry run records nothing."""


def _count(summary: report.Summary, looked: Looked) -> None:
    summary.codes += len(looked.found)
    summary.events += sum(found.event is not None for found in looked.found)
    summary.refused += sum(found.refusal is not None for found in looked.found)
    summary.unconfirmed += sum(
        found.event is None and found.refusal is None for found in looked.found
    )
    summary.without_code += not looked.found
