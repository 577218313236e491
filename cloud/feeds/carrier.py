"""A carrier's word on a parcel, by signed webhook, as a document.

``{"tracking_number": "1Z…", "carrier": "UPS", "shipment": "SH-7", "at": "2026-03-01T12:00:00Z",
"status": "in-transit", "eta": "2026-03-03T16:00:00Z", "reason": ""}``; other members are passed
over. Pure.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud.feeds.documents import Name, Numbering, Reference, Text, Tracking
from cloud.feeds.kinds import CarrierSettings, settings_of
from cloud.feeds.model import Incoming, Read
from cloud.feeds.reading import moment, shaped, strict_json


class _Word(Struct):
    tracking_number: Annotated[str, Meta(min_length=1, max_length=80)]
    at: Text
    status: Literal["picked-up", "in-transit", "out-for-delivery", "delivered", "exception"]
    carrier: Name = ""
    shipment: Name = ""
    eta: Text | None = None
    reason: Text = ""


def read(_connection: object, incoming: Incoming) -> Read:
    """What the carrier says.

    Raises:
        QuartermasterError: ``feed.content``, ``feed.document``.
    """
    word = shaped(strict_json(incoming.content), _Word)
    carrier = word.carrier or settings_of(incoming.feed.settings, CarrierSettings).carrier
    number = Reference(numbering=Numbering.TRACKING, scope=carrier, number=word.tracking_number)
    shipment = [number]
    if word.shipment:
        scope = incoming.feed.partner or incoming.feed.code
        shipment.append(Reference(numbering=Numbering.SHIPMENT, scope=scope, number=word.shipment))
    document = Tracking(
        reference=number,
        shipment=tuple(shipment),
        at=moment(word.at, where="at"),
        status=word.status,
        eta=None if word.eta is None else moment(word.eta, where="eta"),
        reason=word.reason,
        carrier=carrier,
    )
    return Read((document,))
