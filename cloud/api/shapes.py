"""What the API says and is asked, as pydantic models: the rim of the cloud.

Times are RFC 3339 with an offset; codes are those of the catalog; quantities are base units.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.functional_validators import AfterValidator

from cloud.api.paging import Paged
from cloud.catalog import ImportKind
from shared.events import StockState
from shared.units import Micros

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

State = Literal["available", "allocated", "quarantined", "damaged", "in_transit"]
_CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}$"
_FIRST_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_DAY: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _plausible(moment: datetime) -> datetime:
    if not _FIRST_DAY <= moment < _LAST_DAY:
        raise ValueError("must lie between the years 2000 and 2200")
    return moment


SiteCode = Annotated[str, Field(pattern=_CODE, description="A site's code.", examples=["AMS1"])]
ItemCode = Annotated[str, Field(pattern=_CODE, description="A SKU.", examples=["OAT-500"])]
LocationCode = Annotated[
    str, Field(pattern=_CODE, description="A location's code.", examples=["A-01-1"])
]
Lot = Annotated[
    str, Field(pattern=r"^[ -~]{1,20}$", description="A lot (AI 10).", examples=["L2407"])
]
Serial = Annotated[
    str, Field(pattern=r"^[ -~]{1,20}$", description="A serial number (AI 21).", examples=["S1"])
]
Sscc = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{18}$",
        description="A logistic unit (AI 00).",
        examples=["095000000000000017"],
    ),
]
GatewayName = Annotated[
    str, Field(pattern=r"^gw-[a-z0-9-]{1,48}$", description="A gateway.", examples=["gw-ams-1"])
]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_plausible),
    Field(examples=["2026-03-01T12:00:00Z"]),
]


def moment(micros: Micros | int) -> datetime:
    """A time of ours as the API says it; exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)


def moment_or_none(micros: int | None) -> datetime | None:
    """As :func:`moment`, where there may be none."""
    return None if micros is None else moment(micros)


def micros(moment: datetime | None) -> Micros | None:
    """A time that was asked for, as ours; exact to the microsecond."""
    return None if moment is None else Micros((moment - _EPOCH) // timedelta(microseconds=1))


def state_name(state: int) -> State:
    """A state as the API names it."""
    return _STATE_NAMES[StockState(state)]


def state_number(name: State | None) -> int | None:
    """A state as the ledger keeps it."""
    return None if name is None else int(StockState[name.upper()])


_STATE_NAMES: Final[dict[StockState, State]] = {
    StockState.AVAILABLE: "available",
    StockState.ALLOCATED: "allocated",
    StockState.QUARANTINED: "quarantined",
    StockState.DAMAGED: "damaged",
    StockState.IN_TRANSIT: "in_transit",
}


class StockLine(BaseModel):
    """A balance: how many base units stand where, of what, in which state. Never zero."""

    site: str
    sku: str
    name: str
    location: str
    lot: str | None
    serial: str | None
    state: State
    quantity: int
    updated_at: datetime | None


class PostedBy(BaseModel):
    """Who states a movement that no gateway does."""

    id: int
    source: Annotated[
        Literal["document", "person", "transit"], Field(description="What kind of statement.")
    ]
    what: Annotated[str, Field(examples=["stock-report"])]
    reference: Annotated[str, Field(description="The document's own number.")]
    feed: str
    delivery: Annotated[int | None, Field(description="Of that feed; it holds what came.")]
    person: str
    reason: str


class MovementLine(BaseModel):
    """A signed quantity at one position, and the event that it comes from."""

    site: str
    sku: str
    location: str
    lot: str | None
    serial: str | None
    state: State
    quantity: int
    event: Annotated[str, Field(description="The event's type.", examples=["PICKED"])]
    event_id: Annotated[str, Field(description="The client-made UUID of the scan.")]
    gateway: Annotated[
        str | None, Field(description="Whose event; null where no gateway states it: see posting.")
    ]
    epoch: int
    seq: int
    device: str
    occurred_at: Annotated[datetime, Field(description="When it was true, by the gateway.")]
    received_at: Annotated[datetime, Field(description="When the cloud knew.")]
    reversal: Annotated[
        bool,
        Field(description="It takes an earlier movement back: of a broken link, or by an undo."),
    ]
    posting: PostedBy | None = None


class SiteLine(BaseModel):
    """A site."""

    code: str
    name: str
    region: str
    timezone: str
    currency: str


class GatewayLine(BaseModel):
    """A gateway's standing in the registry."""

    name: str
    site: str
    status: Literal["registered", "active", "revoked"]
    hw_serial: str
    epoch: Annotated[int, Field(description="The newest granted; 0 before enrolment.")]
    created_at: datetime
    revoked_at: datetime | None
    certificate_until: datetime | None


class ExplainedGap(BaseModel):
    """Numbers of an epoch that never arrive, and why: a tombstone."""

    first: int
    last: Annotated[
        int | None, Field(description="Null where nobody knows how far the epoch had gone.")
    ]
    outcome: Annotated[
        Literal["lost", "carried", "unknown"],
        Field(
            description="lost: the gateway recorded them and has them no more. carried: their "
            "events go on in a later epoch, with their ids. unknown: another epoch was granted, "
            "and its first event, which tells, is not here yet."
        ),
    ]
    reason: Annotated[str, Field(examples=["store-damaged"])]
    detail: str
    stated_at: Annotated[datetime, Field(description="When the cloud was told.")]
    arrived: Annotated[int, Field(description="How many of them are here nevertheless.")]


class GatewayCompleteness(BaseModel):
    """Up to where a gateway's events are complete and unaltered, and what is missing."""

    gateway: str
    epoch: Annotated[
        int, Field(description="0: what the gateway recorded while no epoch was in force.")
    ]
    complete: Annotated[bool, Field(description="All through the head is here and verified.")]
    accounted: Annotated[bool, Field(description="Complete, or all that is not here is explained.")]
    contiguous_seq: Annotated[int, Field(description="Complete and unaltered through here.")]
    head_seq: Annotated[int | None, Field(description="The highest sequence known to exist.")]
    missing: Annotated[
        list[tuple[int, int]],
        Field(description="Closed ranges that nothing explains; the first 256."),
    ]
    missing_events: Annotated[int, Field(description="How many events these and all further hold.")]
    missing_since: Annotated[datetime | None, Field(description="The oldest gap's first sight.")]
    explained: Annotated[list[ExplainedGap], Field(description="The first 256.")]
    followed_by: Annotated[
        int | None, Field(description="The epoch in which the gateway went on; null: in force.")
    ]
    quarantined: int
    reasons: Annotated[dict[str, int], Field(description="What is quarantined, by code.")]
    frozen: Annotated[bool, Field(description="A neighbour did not link: look for a clone.")]
    reversed: Annotated[
        int, Field(description="Events that counted until then, and were taken back.")
    ]
    rehomed: Annotated[
        int, Field(description="Events beside this chain that a person decided to take over.")
    ]
    last_received_at: datetime | None
    last_heard_at: Annotated[datetime | None, Field(description="In any of its epochs.")]
    silent: Annotated[
        bool,
        Field(
            description="Nothing came for 120 s, though a heartbeat is due each minute: "
            "events above the head may exist."
        ),
    ]


class Completeness(BaseModel):
    """A site's completeness: that of all its gateways."""

    site: str
    complete: bool
    accounted: Annotated[bool, Field(description="No gateway misses anything unexplained.")]
    silent: Annotated[bool, Field(description="A gateway is: what is complete may lack its tail.")]
    generation: Annotated[int, Field(description="Raised when this cloud was restored.")]
    refilled: Annotated[
        bool | None,
        Field(
            description="After a restore: every gateway has spoken to this generation, and "
            "nothing is missing unexplained. Null in the first generation."
        ),
    ]
    gateways: list[GatewayCompleteness]


class ReversalLine(BaseModel):
    """A segment whose events counted until the link below it broke, and both ends of that link."""

    gateway: str
    site: str
    epoch: int
    first_seq: int
    last_seq: int
    code: str
    detail: str
    head_seq: Annotated[int, Field(description="Where the verified chain ends.")]
    head_hash: str
    other_seq: Annotated[int, Field(description="Where the first segment above it starts.")]
    other_hash: Annotated[str, Field(description="What that one starts from instead.")]
    events: Annotated[int, Field(description="Of it, as many counted.")]
    movements: Annotated[int, Field(description="As many were taken back.")]
    reversed_at: datetime


class QuarantineLine(BaseModel):
    """What was received but could not be applied, and why."""

    id: int
    gateway: str
    site: str | None
    epoch: int | None
    first_seq: int | None
    last_seq: int | None
    code: str
    detail: str
    size: Annotated[int, Field(description="Bytes.")]
    times: Annotated[int, Field(description="How often it was received.")]
    received_at: datetime


class RowFlaw(BaseModel):
    """A cell of an imported file that cannot be used."""

    line: int
    column: str
    code: str
    says: str
    do: str


class ImportReport(BaseModel):
    """What an import did, or, in a dry run, would do."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "items",
                "dry_run": False,
                "rows": 3,
                "inserted": 2,
                "changed": 0,
                "unchanged": 1,
                "revision": 12,
                "errors": [],
                "more_errors": 0,
            }
        }
    )
    kind: ImportKind
    dry_run: bool
    rows: int
    inserted: int
    changed: int
    unchanged: int
    revision: Annotated[int, Field(description="The catalog's revision afterwards.")]
    errors: Annotated[list[RowFlaw], Field(description="Only in a dry run; else a 422.")]
    more_errors: Annotated[int, Field(description="Errors beyond those listed.")]


class StockFilter(Paged):
    """Which balances."""

    site: SiteCode | None = None
    item: ItemCode | None = None
    location: LocationCode | None = None
    lot: Lot | None = None
    serial: Serial | None = None
    state: State | None = None


class AsOfFilter(StockFilter):
    """Which balances, at which past moment; at least one of the two is needed."""

    at: Annotated[Moment | None, Field(description="As it was true at this moment.")] = None
    known: Annotated[Moment | None, Field(description="As the cloud knew it then.")] = None


class MovementFilter(Paged):
    """Which movements."""

    site: SiteCode | None = None
    item: ItemCode | None = None
    location: LocationCode | None = None
    lot: Lot | None = None
    serial: Serial | None = None
    state: State | None = None
    gateway: GatewayName | None = None
    posting: Annotated[int | None, Field(ge=1, lt=2**63, description="Only of this posting.")] = (
        None
    )
    since: Annotated[Moment | None, Field(description="Received at or after.")] = None
    until: Annotated[Moment | None, Field(description="Received at or before.")] = None


class GatewayFilter(Paged):
    """Which gateways."""

    site: SiteCode | None = None


class ReversalFilter(Paged):
    """Which reversals."""

    site: SiteCode | None = None
    gateway: GatewayName | None = None


class QuarantineFilter(Paged):
    """Which refusals."""

    site: SiteCode | None = None
    gateway: GatewayName | None = None
    code: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9.-]{1,64}$", examples=["event.unknown-item"]),
    ] = None
