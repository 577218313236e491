"""What the API says of our orders to suppliers, what is under way, what came, and lead times."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.api.shapes import ItemCode, SiteCode, moment, moment_or_none
from cloud.api.shapes_catalog import Money
from cloud.api.shapes_trade import SupplierCode
from cloud.orders import purchases
from shared.units import MAX_QUANTITY

_NUMBER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_SHARES = (0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95)

Number = Annotated[str, Field(pattern=_NUMBER, examples=["PO-000017"])]
AnyNumber = Annotated[str, Field(pattern=r"^[ -~]{1,80}$", examples=["PO-000017"])]
Status = Literal[
    "open",
    "confirmed",
    "changed",
    "backordered",
    "rejected",
    "shipped",
    "received",
    "closed",
    "cancelled",
]
ShipmentStatus = Literal["under-way", "delivered", "received", "cancelled"]
Kind = Literal[
    "confirmed-less",
    "price",
    "shipped-more",
    "invoiced-more",
    "receipt-differs",
    "over",
    "short",
    "damaged",
    "wrong-item",
    "late",
]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
        description="On one line; kept with the change.",
        examples=["last of the season, the supplier agreed"],
    ),
]


class WishedLine(BaseModel):
    """A line that is to be ordered."""

    model_config = ConfigDict(extra="forbid")
    sku: ItemCode
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, description="Base units.")]
    number: Annotated[Number | None, Field(description="1, 2, … without it.")] = None
    price: Annotated[
        int | None,
        Field(
            ge=0,
            le=10**12,
            description="Whole minor units of the order's currency; as offered without it.",
        ),
    ] = None
    per: Annotated[
        int, Field(ge=1, le=MAX_QUANTITY, description="As many base units cost `price`.")
    ] = 1
    wanted: Annotated[date | None, Field(description="The day on which it should be here.")] = None


class NewOrder(BaseModel):
    """An order to place."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "supplier": "MILL",
                "site": "AMS1",
                "lines": [{"sku": "OAT-500", "quantity": 480, "wanted": "2026-03-20"}],
            }
        },
    )
    supplier: SupplierCode
    site: SiteCode
    lines: Annotated[list[WishedLine], Field(min_length=1, max_length=1000)]
    number: Annotated[Number | None, Field(description="The next free one without it.")] = None
    currency: Annotated[
        str | None, Field(pattern=r"^[A-Z]{3}$", description="The offer's without it.")
    ] = None
    incoterm: Annotated[str, Field(pattern=r"^([A-Z]{3})?$", description="Incoterms 2020.")] = ""
    lane: Annotated[
        str, Field(pattern=r"^[ -~]{0,64}$", description="How it comes, e.g. `sea`.")
    ] = ""
    force: Annotated[
        Reason | None, Field(description="Why it is ordered against the supplier's terms.")
    ] = None


class OrderLines(BaseModel):
    """All lines that an order is to have from now on; those left out are cancelled."""

    model_config = ConfigDict(extra="forbid")
    lines: Annotated[list[WishedLine], Field(min_length=1, max_length=1000)]
    force: Annotated[
        Reason | None, Field(description="Why it is ordered against the supplier's terms.")
    ] = None


class Ending(BaseModel):
    """Why nothing more is expected."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason


class PurchaseOption(BaseModel):
    """How to carry it out."""

    model_config = ConfigDict(extra="forbid")
    dry_run: Annotated[bool, Field(description="Only say what would be.")] = False


class PurchaseLine(BaseModel):
    """One line as it stands; `ordered` + `over` = `received` + `open` + `cancelled`."""

    number: str
    sku: str
    status: Status
    ordered: int
    confirmed: int
    backordered: int
    rejected: int
    shipped: int
    received: int
    damaged: Annotated[int, Field(description="Of what was received.")]
    invoiced: int
    cancelled: int
    open: int
    over: int
    wanted: date | None
    ship_day: Annotated[date | None, Field(description="As the supplier confirmed last.")]
    deliver_day: Annotated[date | None, Field(description="As the supplier confirmed last.")]
    promised_day: Annotated[date | None, Field(description="As the supplier confirmed first.")]
    price: Annotated[Money | None, Field(description="Null for keys of single sites.")]
    per: int
    confirmed_price: Annotated[Money | None, Field(description="For `confirmed_per`.")]
    confirmed_per: int
    closed_by: str
    closed_why: str
    first_receipt: datetime | None
    last_receipt: datetime | None


class PurchaseOrderLine(BaseModel):
    """An order as listed."""

    number: str
    supplier: str
    site: str
    status: Annotated[Status, Field(description="Of its lines, the least advanced one's.")]
    ordered_at: datetime
    currency: str
    incoterm: str
    lane: str
    kept_by: Annotated[str, Field(description="Who said last what is ordered.")]
    revision: Annotated[int, Field(description="Its ETag.")]
    changed_at: datetime


class PurchaseOrderView(PurchaseOrderLine):
    """An order with its lines."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "number": "PO-000017",
                "supplier": "MILL",
                "site": "AMS1",
                "status": "open",
                "ordered_at": "2026-03-01T12:00:00Z",
                "currency": "EUR",
                "incoterm": "",
                "lane": "",
                "kept_by": "buyer (key 4f1c09d2a7b3)",
                "revision": 1,
                "changed_at": "2026-03-01T12:00:00Z",
                "lines": [],
            }
        }
    )
    lines: list[PurchaseLine]


class PurchaseChange(BaseModel):
    """Something that became otherwise, who said so, and when we knew."""

    line: Annotated[str, Field(description="Empty: the order, or a shipment of it.")]
    what: str
    before: str
    after: str
    said_by: str
    why: str
    revision: int
    known_at: datetime


class AsnLine(BaseModel):
    """Goods of a shipment."""

    number: str
    line: Annotated[str, Field(description="Of the order; empty where it was not ordered.")]
    sku: str
    quantity: int
    received: int
    lot: str
    serial: str
    expires: date | None
    sscc: str


class AsnPackage(BaseModel):
    """A package, and what it stands on or lies in."""

    sscc: str
    stands_on: str


class AsnView(BaseModel):
    """A shipment that was announced."""

    number: str
    order: str
    supplier: str
    site: str
    status: ShipmentStatus
    shipped_at: datetime
    eta: datetime | None
    eta_by: Annotated[str, Field(description="Whose word the ETA is.")]
    carrier: str
    trouble: Annotated[str, Field(description="What the carrier says went wrong, while it does.")]
    lines: list[AsnLine]
    packages: list[AsnPackage]


class ReceiptView(BaseModel):
    """Goods that came for an order."""

    order: str
    line: Annotated[str, Field(description="Empty: it was not ordered.")]
    shipment: str
    site: str
    sku: str
    quantity: int
    damaged: bool
    counts: Annotated[
        bool, Field(description="No: a warehouse told of what our gateways had seen, too.")
    ]
    lot: str
    sscc: str
    source: Annotated[str, Field(description="The event of the scan, or the warehouse's document.")]
    received_at: datetime


class DiscrepancyView(BaseModel):
    """Two sides that do not agree, or did not."""

    id: int
    order: str
    supplier: str
    site: str
    kind: Annotated[Kind, Field(description="Its case is `purchase.` and this.")]
    line: str
    shipment: str
    sku: str
    ours: Annotated[
        str, Field(description="Withheld from keys of single sites where it is a price.")
    ]
    theirs: str
    quantity: int
    opened_at: datetime
    closed_at: datetime | None


class FigureView(BaseModel):
    """A figure and the orders that it comes from."""

    value: float | None
    orders: list[str]


class OrderScoreView(BaseModel):
    """One order's part."""

    number: str
    promised_days: float | None
    actual_days: float | None
    late_days: float | None
    fill: float | None
    price_drift: float | None
    asn_lines: int
    asn_right: int


class ScorecardView(BaseModel):
    """A supplier's last orders, twelve at most; days are counted from the order."""

    supplier: str
    promised_days: Annotated[FigureView, Field(description="By the first promise.")]
    actual_days: FigureView
    actual_variance: Annotated[FigureView, Field(description="Of actual days, in days squared.")]
    late_days: Annotated[FigureView, Field(description="Actual less promised.")]
    late_variance: FigureView
    fill: Annotated[FigureView, Field(description="Received of ordered, of orders that ended.")]
    price_drift: Annotated[FigureView, Field(description="Invoiced over ordered, less one.")]
    asn_accuracy: Annotated[FigureView, Field(description="Lines that came as announced.")]
    orders: list[OrderScoreView]


class QuantileView(BaseModel):
    """Within so many days, with this chance."""

    share: float
    days: int


class LeadTimeView(BaseModel):
    """A distribution of days, as learnt."""

    clock: Annotated[
        Literal["ordered", "promised", "eta"],
        Field(description="Since the order, the first promised day, or the ETA."),
    ]
    lane: Annotated[str, Field(description="Empty: all of them.")]
    item_class: Annotated[str, Field(description="Empty: all of them.")]
    observed: Annotated[float, Field(description="Order lines that it was learnt from.")]
    open: Annotated[float, Field(description="Order lines that were still waited for.")]
    mean: float
    quantiles: list[QuantileView]
    days: list[int]
    chances: Annotated[list[float], Field(description="Of at most as many days.")]


class LeadTimesView(BaseModel):
    """What is known of how long a supplier takes."""

    supplier: str
    stated_days: Annotated[int | None, Field(description="As the supplier states.")]
    learnt: list[LeadTimeView]


class PurchaseFilter(Paged):
    """Which orders."""

    site: SiteCode | None = None
    supplier: SupplierCode | None = None
    status: Status | None = None
    sku: ItemCode | None = None
    number: AnyNumber | None = None


class AsnFilter(Paged):
    """Which shipments."""

    site: SiteCode | None = None
    supplier: SupplierCode | None = None
    status: ShipmentStatus | None = None
    order: AnyNumber | None = None


class ReceiptFilter(Paged):
    """Which receipts."""

    site: SiteCode | None = None
    order: AnyNumber | None = None
    sku: ItemCode | None = None


class DiscrepancyFilter(Paged):
    """Which discrepancies."""

    site: SiteCode | None = None
    order: AnyNumber | None = None
    kind: Kind | None = None
    standing: Literal["open", "closed", "all"] = "open"


def order_line(row: purchases.OrderRow) -> PurchaseOrderLine:
    """An order as listed."""
    return PurchaseOrderLine(**_order(row))


def order_view(found: purchases.View, *, costs: bool) -> PurchaseOrderView:
    """An order with its lines; without ``costs`` nothing says what they cost."""
    currency = found.order.currency
    lines = [_line(line, currency, costs=costs) for line in found.lines]
    return PurchaseOrderView(**_order(found.order), lines=lines)


def _order(row: purchases.OrderRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "supplier": row.supplier,
        "site": row.site,
        "status": row.status,
        "ordered_at": moment(row.ordered_at),
        "currency": row.currency,
        "incoterm": row.incoterm,
        "lane": row.lane,
        "kept_by": row.keeper,
        "revision": row.revision,
        "changed_at": moment(row.changed_at),
    }


def _line(line: purchases.LineState, currency: str, *, costs: bool) -> PurchaseLine:
    shown = {name: getattr(line, name) for name in PurchaseLine.model_fields if hasattr(line, name)}
    prices: dict[str, Any] = {
        "price": Money.of(line.price, currency) if costs else None,
        "confirmed_price": Money.of(line.confirmed_price, currency) if costs else None,
        "over": max(0, line.received - line.ordered),
        "first_receipt": moment_or_none(line.first_receipt),
        "last_receipt": moment_or_none(line.last_receipt),
    }
    return PurchaseLine(**(shown | prices))


_COSTS = frozenset({"price", "per", "confirmed_price", "confirmed_per", "invoiced_minor"})


def change_line(row: purchases.ChangeRow, *, costs: bool) -> PurchaseChange:
    """A change; without ``costs`` of a price only that it changed."""
    hidden = not costs and row.what in _COSTS
    return PurchaseChange(
        line=row.line,
        what=row.what,
        before="" if hidden else row.before,
        after="" if hidden else row.after,
        said_by=row.said_by,
        why=row.why,
        revision=row.revision,
        known_at=moment(row.known_at),
    )


def asn_view(row: purchases.ShipmentRow) -> AsnView:
    """A shipment as the API says it."""
    return AsnView(
        number=row.number,
        order=row.order,
        supplier=row.supplier,
        site=row.site,
        status=row.status,  # type: ignore[arg-type] - checked by the database
        shipped_at=moment(row.shipped_at),
        eta=moment_or_none(row.eta),
        eta_by=row.eta_by,
        carrier=row.carrier,
        trouble=row.trouble,
        lines=[AsnLine(**dict(zip(AsnLine.model_fields, line, strict=True))) for line in row.lines],
        packages=[AsnPackage(sscc=sscc, stands_on=below) for sscc, below in row.packages],
    )


def receipt_view(row: purchases.ReceiptRow) -> ReceiptView:
    """A receipt as the API says it."""
    shown: dict[str, Any] = row._asdict() | {"received_at": moment(row.received_at)}
    shown.pop("position")
    return ReceiptView(**shown)


def discrepancy_view(row: purchases.DiscrepancyRow, *, costs: bool) -> DiscrepancyView:
    """A discrepancy; without ``costs`` of prices only how far apart they are."""
    hidden = row.kind == "price" and not costs
    return DiscrepancyView(
        id=row.discrepancy_id,
        order=row.order,
        supplier=row.supplier,
        site=row.site,
        kind=row.kind,  # type: ignore[arg-type] - as judged
        line=row.line,
        shipment=row.shipment,
        sku=row.item,
        ours="" if hidden else row.ours,
        theirs=row.theirs.rpartition(", ")[2] if hidden else row.theirs,
        quantity=row.quantity,
        opened_at=moment(row.opened_at),
        closed_at=moment_or_none(row.closed_at),
    )


def scorecard_view(supplier: str, found: purchases.Scorecard) -> ScorecardView:
    """A scorecard as the API says it."""
    figures: dict[str, Any] = {
        name: FigureView(value=_rounded(figure.value), orders=list(figure.orders))
        for name, figure in found._asdict().items()
        if isinstance(figure, purchases.Figure)
    }
    scores = [
        OrderScoreView(
            number=each.number,
            promised_days=_rounded(each.promised_days),
            actual_days=_rounded(each.actual_days),
            late_days=_rounded(each.late_days),
            fill=_rounded(each.fill),
            price_drift=_rounded(each.price_drift),
            asn_lines=each.asn_lines,
            asn_right=each.asn_right,
        )
        for each in found.orders
    ]
    return ScorecardView(supplier=supplier, orders=scores, **figures)


def lead_times_view(
    supplier: str, stated_days: int | None, learnt: list[purchases.Learnt]
) -> LeadTimesView:
    """Lead times as the API says them."""
    return LeadTimesView(
        supplier=supplier,
        stated_days=stated_days,
        learnt=[
            LeadTimeView(
                clock=each.clock,
                lane=each.cell.lane,
                item_class=each.cell.item_class,
                observed=round(each.observed, 3),
                open=round(each.open, 3),
                mean=round(purchases.mean(each.distribution), 3),
                quantiles=[
                    QuantileView(share=share, days=purchases.quantile(each.distribution, share))
                    for share in _SHARES
                ],
                days=list(each.distribution.days),
                chances=[round(1 - left, 6) for left in each.distribution.survival],
            )
            for each in learnt
        ],
    )


def _rounded(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 4)
