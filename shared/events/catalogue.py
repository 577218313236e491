"""The uplink catalogue: every fact that a gateway can state, versioned.

Facts are past tense. Quantities are integers in base units, times are microseconds UTC, texts are
bounded. On the wire a record is an array of its fields: a field is only ever appended, with a
default; any other change raises ``VERSION`` (:mod:`shared.events.wire`).

What an event does to stock is said once, in :mod:`shared.movements`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

from shared.events.fields import (
    Count,
    Data,
    Hash,
    Id,
    Name,
    PerMille,
    Raw,
    Seq,
    Signed,
    Text,
    Whole,
)
from shared.events.sights import (
    CropLabelled,
    DamageSuspected,
    LabelRead,
    ObjectTracked,
    ShadowCompared,
    SightChecked,
    SlotSeen,
)


class StockState(IntEnum):
    """What may be done with a unit of stock. Allocated stock is on hand, but spoken for."""

    AVAILABLE = 0
    ALLOCATED = 1
    QUARANTINED = 2
    DAMAGED = 3
    IN_TRANSIT = 4


class Kind(IntEnum):
    """Event types, key 2 of the map. Numbers are never reused."""

    RECEIVED = 1
    PUT_AWAY = 2
    PICKED = 3
    PACKED = 4
    SHIPPED = 5
    RETURNED = 6
    COUNTED = 7
    ADJUSTED = 8
    MOVED = 9
    INSPECTED = 10
    CODE_SEEN = 11
    SENSOR_READ = 12
    DEVICE_HEALTH = 13
    GATEWAY_HEALTH = 14
    DECISION_TAKEN = 15
    EPOCH_OPENED = 16
    EVENTS_LOST = 17
    EVENTS_CARRIED = 18
    EXCEPTION_RAISED = 19
    EXCEPTION_RESOLVED = 20
    TASK_CHANGED = 21
    COUNT_CLOSED = 22
    SCAN_UNDONE = 23
    OPERATOR_SIGNED = 24
    DECISION_OVERRIDDEN = 25
    LEASE_COMMITTED = 26
    LEASE_RETURNED = 27
    SETTING_CHANGED = 28
    OBJECT_TRACKED = 29
    SLOT_SEEN = 30
    DAMAGE_SUSPECTED = 31
    LABEL_READ = 32
    SIGHT_CHECKED = 33
    CROP_LABELLED = 34
    SHADOW_COMPARED = 35


class Line(Data, frozen=True):
    """Which goods, how many, and the label that said so.

    ``quantity`` is in base units (pack levels already multiplied out); ``expiry`` is AI 17 as
    ``YYYY-MM-DD``; ``raw`` is the scanned string as it came, its AIM identifier in front;
    ``catalog`` is the version of the catalog that named the item.
    """

    sku: Name
    quantity: Count
    lot: Annotated[str, Meta(max_length=20)] | None = None
    serial: Annotated[str, Meta(max_length=20)] | None = None
    expiry: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] | None = None
    sscc: Annotated[str, Meta(pattern=r"^[0-9]{18}\Z")] | None = None
    raw: Raw | None = None
    catalog: Whole = 0


class Received(Data, frozen=True):
    """Goods came in from outside the site (CBV ``receiving``)."""

    line: Line
    location: Name
    state: StockState = StockState.AVAILABLE
    document: Name | None = None


class PutAway(Data, frozen=True):
    """Goods went from where they arrived to where they are kept (CBV ``storing``)."""

    line: Line
    from_location: Name
    to_location: Name


class Picked(Data, frozen=True):
    """Goods were taken for an order and now stand, allocated, at a staging location."""

    line: Line
    from_location: Name
    to_location: Name
    document: Name | None = None


class Packed(Data, frozen=True):
    """Goods were put into the logistic unit ``line.sscc`` (CBV ``packing``); they stay put."""

    line: Line
    location: Name
    document: Name | None = None


class Shipped(Data, frozen=True):
    """Goods left the site (CBV ``shipping``), out of ``state``."""

    line: Line
    location: Name
    state: StockState = StockState.ALLOCATED
    document: Name | None = None


class Returned(Data, frozen=True):
    """Goods came back; ``state`` says what may be done with them."""

    line: Line
    location: Name
    state: StockState = StockState.QUARANTINED
    document: Name | None = None


class Counted(Data, frozen=True):
    """A count: what the gateway expected, what a person found. The difference moves stock.

    ``line.quantity`` is what was counted.
    """

    line: Line
    location: Name
    expected: Signed
    state: StockState = StockState.AVAILABLE


class Adjusted(Data, frozen=True):
    """A correction by ``difference``, with its reason; ``line.quantity`` is its magnitude."""

    line: Line
    location: Name
    difference: Signed
    reason: Text
    state: StockState = StockState.AVAILABLE


class Moved(Data, frozen=True):
    """Goods went from one location to another within the site."""

    line: Line
    from_location: Name
    to_location: Name
    state: StockState = StockState.AVAILABLE


class Inspected(Data, frozen=True):
    """A person looked: goods change from one state to another where they are."""

    line: Line
    location: Name
    from_state: StockState
    to_state: StockState
    finding: Text = ""


class CodeSeen(Data, frozen=True):
    """A camera read a code, confirmed. It moves no stock by itself.

    ``model`` names the reader and its version, ``model_sha256`` its bytes; ``frame_at`` is when the
    telling frame was taken (microseconds UTC, 0 where nobody knows).
    """

    camera: Name
    symbology: Name
    raw: Raw
    sku: Name | None = None
    gtin: Annotated[str, Meta(pattern=r"^[0-9]{14}\Z")] | None = None
    lot: Annotated[str, Meta(max_length=20)] | None = None
    expiry: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] | None = None
    frames: Count = 1
    zone: Name | None = None
    image_sha256: Hash | None = None
    frame_at: Whole = 0
    model: Text = ""
    model_sha256: Hash | None = None
    confidence: PerMille = 1000


class SensorRead(Data, frozen=True):
    """A sensor's value: ``value`` × 10^-``scale`` in ``unit`` (a UCUM code), and where it was read.

    For the property ``position`` it is 1 while a vehicle is at ``location``, 0 between places.
    """

    sensor: Name
    property: Name
    value: Annotated[int, Meta(ge=-(2**53), le=2**53)]
    scale: Annotated[int, Meta(ge=0, le=9)]
    unit: Annotated[str, Meta(max_length=16)]
    location: Name | None = None


class DeviceHealth(Data, frozen=True):
    """A scanner or camera came, went or complained."""

    device: Name
    status: Name
    detail: Text = ""


class GatewayHealth(Data, frozen=True):
    """The gateway's heartbeat: what it runs, holds and has sent.

    The versions of the documents in force: the cloud republishes until they echo what it wants.
    Counts are totals since the gateway's database was made. ``contradicted`` says why a head that
    the cloud countersigned is not in this gateway's history.
    """

    software: Name
    catalog: Whole
    policy: Whole
    scans: Whole = 0
    refused: Whole = 0
    waiting: Whole = 0
    dropped_frames: Whole = 0
    disk_free_bytes: Whole = 0
    detail: Text = ""
    people: Whole = 0
    plan: Whole = 0
    leases: Whole = 0
    contradicted: Text = ""
    heads: Whole = 0


class DecisionTaken(Data, frozen=True):
    """A decision with everything needed to take it again.

    ``recorded`` is the input as it was recorded and ``inputs`` its SHA-256; ``reasons`` are
    sentences with numbers. ``key`` makes two decisions about the same thing one: site, item, cycle
    and policy. ``quantity`` is in base units. ``carried_out`` is false in shadow.
    """

    decision: Name
    subject: Name
    origin: Name
    policy: Whole
    catalog: Whole
    inputs: Hash
    outcome: Text
    reasons: Annotated[list[Text], Meta(max_length=16)] = []  # noqa: RUF012 - msgspec copies it
    alternatives: Annotated[list[Text], Meta(max_length=16)] = []  # noqa: RUF012 - as above
    recorded: Annotated[bytes, Meta(max_length=2048)] = b""
    key: Annotated[str, Meta(max_length=160)] = ""
    quantity: Count = 0
    carried_out: bool = True


class EpochOpened(Data, frozen=True):
    """The first event of an epoch that follows another: which one, and how far the cloud had it.

    ``previous_seq`` and ``previous_hash`` are the last head that the cloud knew, zeros where it
    knew none; ``reason`` is why the earlier epoch could not go on.
    """

    previous_epoch: Whole
    previous_seq: Whole
    previous_hash: Hash
    reason: Name


class EventsLost(Data, frozen=True):
    """Events of an earlier epoch that this gateway recorded and has no more: a gap with a reason.

    Both ends belong to the range; without a last number nobody knows how far the epoch had gone.
    ``epoch`` 0 numbers what was recorded while no epoch was in force.
    """

    epoch: Whole
    first_seq: Seq
    last_seq: Seq | None
    reason: Name
    detail: Text = ""


class EventsCarried(Data, frozen=True):
    """Numbers of an earlier epoch whose events go on in this one, with their ids.

    They never arrive under their first numbers; ``reason`` is why that epoch could not go on.
    """

    epoch: Whole
    first_seq: Seq
    last_seq: Seq
    reason: Name


class ExceptionRaised(Data, frozen=True):
    """Something on the floor that a person should look at: a code nobody knows, a blocked dock.

    ``exception`` names this one at its gateway, ``about`` says what kind it is (a code of the error
    catalogue); a photo stays at the gateway, its hash goes up.
    """

    exception: Name
    about: Name
    subject: Text
    note: Text = ""
    sku: Name | None = None
    location: Name | None = None
    photo_sha256: Hash | None = None


class ExceptionResolved(Data, frozen=True):
    """A person (or the reason's end) closed an exception, and how."""

    exception: Name
    resolution: Name
    note: Text = ""


class TaskChanged(Data, frozen=True):
    """A task of the plan began, ended, or was left; ``done`` of ``expected`` base units."""

    task: Name
    status: Literal["started", "done", "short", "recount", "withdrawn"]
    done: Count = 0
    expected: Count = 0
    detail: Text = ""


class CountClosed(Data, frozen=True):
    """A count task ended: how many positions were right, exactly and within their tolerance.

    Inventory-record accuracy is ``within`` / ``positions``.
    """

    task: Name
    zone: Name | None
    positions: Count
    exact: Count
    within: Count


class Undone(Data, frozen=True):
    """One movement that is taken back: the signed quantity that comes to this position."""

    location: Name
    lot: Annotated[str, Meta(max_length=20)]
    serial: Annotated[str, Meta(max_length=20)]
    state: StockState
    quantity: Signed


class ScanUndone(Data, frozen=True):
    """A scan was taken back by who made it: the scan's id and what that does to its item."""

    undone: Id
    sku: Name
    moves: Annotated[list[Undone], Meta(max_length=4)]
    reason: Text = ""


class OperatorSigned(Data, frozen=True):
    """A person signed in or out at a device, or was refused; ``break-glass`` is an alarm."""

    person: Name
    signed: Literal["in", "out", "refused", "break-glass"]
    detail: Text = ""


class DecisionOverridden(Data, frozen=True):
    """A person decided otherwise than the gateway had: what instead, and why."""

    decision: Id
    outcome: Text
    reason: Text


class LeaseCommitted(Data, frozen=True):
    """So much of a lease was promised to an order."""

    lease: Name
    sku: Name
    quantity: Count
    document: Name


class LeaseReturned(Data, frozen=True):
    """The site gives back what it did not promise: it will not commit within this lease again."""

    lease: Name
    sku: Name
    quantity: Count
    reason: Name


class SettingChanged(Data, frozen=True):
    """Somebody changed how the gateway works."""

    setting: Name
    before: Text
    after: Text
    reason: Text = ""


EventData = (
    Received
    | PutAway
    | Picked
    | Packed
    | Shipped
    | Returned
    | Counted
    | Adjusted
    | Moved
    | Inspected
    | CodeSeen
    | SensorRead
    | DeviceHealth
    | GatewayHealth
    | DecisionTaken
    | EpochOpened
    | EventsLost
    | EventsCarried
    | ExceptionRaised
    | ExceptionResolved
    | TaskChanged
    | CountClosed
    | ScanUndone
    | OperatorSigned
    | DecisionOverridden
    | LeaseCommitted
    | LeaseReturned
    | SettingChanged
    | ObjectTracked
    | SlotSeen
    | DamageSuspected
    | LabelRead
    | SightChecked
    | CropLabelled
    | ShadowCompared
)

DATA_OF: Final[dict[int, type[EventData]]] = dict(
    zip((int(kind) for kind in Kind), get_args(EventData), strict=True)
)
KIND_OF: Final[dict[type[EventData], Kind]] = {data: Kind(kind) for kind, data in DATA_OF.items()}
