"""What a feed of a kind is set to: checked when it is registered. Pure.

Kinds with a shape of their own elsewhere (X12, report files) check theirs themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta, Struct

from shared.errors import QuartermasterError

Domain = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{2,252}(:[0-9]{1,5})?\Z")]
_S = TypeVar("_S", bound=Struct)
_Site = Annotated[str, Meta(min_length=1, max_length=80)]


class ShopifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop. ``locations`` says which site of ours each of its locations is."""

    shop: Domain
    locations: dict[str, _Site] = {}
    api_version: Annotated[str, Meta(pattern=r"^20[0-9]{2}-(01|04|07|10)\Z")] = "2026-10"
    poll_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    """How often reconciliation asks the shop what webhooks may have missed."""


class CarrierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A carrier, or who speaks for several."""

    carrier: Annotated[str, Meta(max_length=80)] = ""


class TillSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tills. ``stores`` says which site of ours each store is, where it has another name."""

    stores: dict[str, _Site] = {}
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?\Z")] = ""


class RestSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connector that posts documents in our own form."""


class TableSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of any system. ``mapping`` is the saved mapping that reads them.

    ``sites`` says which site of ours each of theirs is; ``whole``, that a stock file tells all of a
    site's stock, so that what it leaves out is none; ``timezone`` holds for times without offset.
    """

    mapping: Annotated[str, Meta(min_length=1, max_length=64)]
    sites: dict[str, _Site] = {}
    timezone: Annotated[str, Meta(max_length=60)] = "UTC"
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?\Z")] = ""
    whole: bool = False


class AmazonSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seller's reports. ``sites`` names the site of ours for ``Amazon`` and for ``Merchant``."""

    sites: dict[str, _Site] = {}
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
    decimal: Literal[".", ","] = "."


SETTINGS: Final[Mapping[str, type[Struct]]] = {
    "shopify": ShopifySettings,
    "carrier": CarrierSettings,
    "pos": TillSettings,
    "rest": RestSettings,
    "table": TableSettings,
    "amazon": AmazonSettings,
}


def checked_settings(kind: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that a kind does not have.

    Raises:
        QuartermasterError: ``request.invalid``, naming the setting.
    """
    if (shape := SETTINGS.get(kind)) is not None:
        found = settings_of(settings, shape)
        if isinstance(found, TableSettings) and found.timezone not in available_timezones():
            says = f"{found.timezone[:60]!r} is not a time zone"
            raise QuartermasterError("request.invalid", says, where="settings timezone")


def settings_of(settings: Mapping[str, Any], shape: type[_S]) -> _S:
    """A feed's settings in their shape.

    Raises:
        QuartermasterError: ``request.invalid``.
    """
    try:
        return msgspec.convert(settings, shape)
    except msgspec.ValidationError as error:
        raise QuartermasterError("request.invalid", str(error), where="settings") from None
