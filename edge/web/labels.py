"""The test labels of ``/scanner-setup``: what they say is what a scanner should send.

``layout`` holds what keyboards of different countries have in different places. The two GS1 labels
hold a lot of variable length with a date behind it: without the group separator between the two,
the lot swallows the date (GS1 General Specifications 7.8.6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple, cast


class Label(NamedTuple):
    """A test label: its kind, what it is made from, and what a scanner should send for it."""

    symbology: str
    text: str
    sends: str


GS: Final = "\x1d"
_LAYOUT: Final = "QM yz-YZ aqwm-AQWM /_+*.:;,=?!()[]{}<>@#$%&\\|"

LABELS: Final[Mapping[str, Label]] = {
    "ean13": Label("EAN13", "9506000134352", "9506000134352"),
    "layout": Label("DataMatrix", _LAYOUT, _LAYOUT),
    "gs1-128": Label(
        "Code128",
        "[01]09506000134352[10]QM-42[17]480131",
        f"010950600013435210QM-42{GS}17480131",
    ),
    "gs1-datamatrix": Label(
        "DataMatrix",
        "[01]09506000134352[10]QM-42[21]7[17]480131",
        f"010950600013435210QM-42{GS}217{GS}17480131",
    ),
}


@cache
def drawn() -> Mapping[str, bytes]:
    """Every label as an SVG picture, by its name."""
    import zxingcpp  # noqa: PLC0415 - only a gateway that serves pages draws

    create = cast(
        "Callable[..., zxingcpp.Barcode]",
        zxingcpp.create_barcode,  # pyright: ignore[reportUnknownMemberType] - **kwargs is untyped
    )
    pictures: dict[str, bytes] = {}
    for name, label in LABELS.items():
        options = {"gs1": True} if label.text.startswith("[") else {}
        if label.symbology == "DataMatrix":
            options["force_square"] = True  # older scanners know no rectangles
        barcode = create(label.text, zxingcpp.barcode_format_from_str(label.symbology), **options)
        svg = zxingcpp.write_barcode_to_svg(barcode)
        pictures[name] = svg[svg.index("<svg") :].encode()
    return pictures
