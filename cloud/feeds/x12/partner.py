"""A trading partner as agreed with: who they are, what is exchanged, how things are called. Pure.

A partner is one pair of interchange addresses: ISA05/06 of theirs, ISA07/08 of ours. Only such a
pair is spoken with. The file that a person writes (TOML) has the same fields.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from cloud.feeds.x12.envelope import Delimiters
from shared.errors import QuartermasterError

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9 .&/_-]{0,14}$"
_FORBIDDEN: Final = re.compile(r"[A-Za-z0-9 .,\"'()-]")

Qualifier = Annotated[str, Meta(pattern=r"^[A-Z0-9]{2}$")]
Address = Annotated[str, Meta(pattern=_ID)]
Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Short = Annotated[str, Meta(max_length=80)]


class Role(StrEnum):
    """What the partner is to us."""

    SUPPLIER = "supplier"
    RETAILER = "retailer"
    WAREHOUSE = "warehouse"
    CARRIER = "carrier"


COMES: Final[dict[Role, frozenset[str]]] = {
    Role.SUPPLIER: frozenset({"855", "865", "856", "810", "846", "997"}),
    Role.RETAILER: frozenset({"850", "860", "852", "997"}),
    Role.WAREHOUSE: frozenset({"945", "944", "947", "846", "997"}),
    Role.CARRIER: frozenset({"214", "997"}),
}
"""Which sets make sense from whom."""
GOES: Final[dict[Role, frozenset[str]]] = {
    Role.SUPPLIER: frozenset({"850", "860", "997"}),
    Role.RETAILER: frozenset({"855", "856", "810", "846", "997"}),
    Role.WAREHOUSE: frozenset({"940", "997"}),
    Role.CARRIER: frozenset({"997"}),
}


class Side(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One end of the line: the interchange's address, and the group's where it differs."""

    qualifier: Qualifier
    id: Address
    group: Annotated[str, Meta(pattern=r"^[A-Za-z0-9 .&/_-]{0,15}$")] = ""

    @property
    def application(self) -> str:
        """GS02 or GS03."""
        return self.group or self.id


class Marks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delimiters that we write."""

    element: Annotated[str, Meta(min_length=1, max_length=1)] = "*"
    component: Annotated[str, Meta(min_length=1, max_length=1)] = ">"
    segment: Annotated[str, Meta(min_length=1, max_length=1)] = "~"
    repetition: Annotated[str, Meta(min_length=1, max_length=1)] = "^"
    line_breaks: bool = True


class Codes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which qualifiers of element 235 name an item how, the preferred one first."""

    gtin: tuple[Qualifier, ...] = ("UK", "UP", "EN", "UI", "UA", "EO")
    ours: tuple[Qualifier, ...] = ()
    theirs: tuple[Qualifier, ...] = ()


_CODES: Final[dict[Role, Codes]] = {
    Role.SUPPLIER: Codes(ours=("BP", "SK", "IN", "CB"), theirs=("VP", "VN", "VC", "MG", "PN")),
    Role.RETAILER: Codes(ours=("VN", "VP", "VC", "MG"), theirs=("IN", "BP", "SK", "CB", "PI")),
    Role.WAREHOUSE: Codes(ours=("SK", "VN", "VP", "BP"), theirs=("ZZ",)),
    Role.CARRIER: Codes(),
}


class Partner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is agreed with one partner."""

    code: Code
    role: Role
    them: Side
    us: Side
    name: Short = ""
    party: Short = ""
    """What the rooms call them: a supplier's code, a retailer's channel; the code without it."""
    site: Short = ""
    """The site of a warehouse partner, and of documents that name none."""
    sites: dict[Annotated[str, Meta(min_length=1, max_length=80)], Short] = {}
    """Their numbers of places (N104) → our sites."""
    version: Annotated[str, Meta(pattern=r"^00(4010|4030|4060|5010)([A-Z0-9]{1,6})?$")] = "004010"
    marks: Marks = Marks()
    codes: Codes | None = None
    units: dict[Annotated[str, Meta(min_length=1, max_length=10)], Qualifier] = {}
    """Their unit codes → X12's (element 355), where they use their own."""
    comes: tuple[str, ...] = ()
    """The sets that they may send; empty: all that a partner of this role sends."""
    goes: tuple[str, ...] = ()
    acknowledge: bool = True
    """Whether they want a 997 for what they send."""
    answers_within_hours: Annotated[int, Meta(ge=0, le=720)] = 24
    """Until when they acknowledge what we send; 0: they never do."""
    test: bool = False
    """Whether test interchanges (ISA15 T) are exchanged; else only those of production."""
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?$")] = "USD"
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    whole_stock: bool = False
    """Whether an 846 lists everything: what is not in it is zero."""

    @property
    def scope(self) -> str:
        """Whose numbers theirs are, in references."""
        return self.party or self.code

    @property
    def names(self) -> Codes:
        """Which qualifier means what."""
        return self.codes or _CODES[self.role]

    @property
    def inbound(self) -> frozenset[str]:
        """The sets that they may send."""
        return frozenset(self.comes) | {"997"} if self.comes else COMES[self.role]

    @property
    def outbound(self) -> frozenset[str]:
        """The sets that they get."""
        return frozenset(self.goes) | {"997"} if self.goes else GOES[self.role]

    @property
    def delimiters(self) -> Delimiters:
        """What we write between things."""
        marks = self.marks
        later = self.version >= "00402"
        return Delimiters(
            marks.element, marks.component, marks.segment, marks.repetition if later else ""
        )

    def unit(self, code: str) -> str:
        """X12's code for a unit of theirs."""
        return self.units.get(code, code) or "EA"

    def their_unit(self, code: str) -> str:
        """Their code for a unit, where they use one of their own."""
        return next((theirs for theirs, x12 in self.units.items() if x12 == code), code)

    def place(self, number: str) -> str:
        """Our site for a number of theirs; the number itself where nobody said what it is."""
        return self.sites.get(number, number) if number else self.site


def read_partner(content: bytes) -> Partner:
    """A partner from a TOML file.

    Raises:
        QuartermasterError: ``x12.profile``, naming the field.
    """
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
        return checked(msgspec.convert(table, Partner, strict=False))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise QuartermasterError("x12.profile", str(error)[:200]) from None
    except msgspec.ValidationError as error:
        says, _, where = str(error).partition(" - at ")
        raise QuartermasterError("x12.profile", says, where=where.strip("`$.")) from None


def checked(partner: Partner) -> Partner:
    """A partner whose agreements go together.

    Raises:
        QuartermasterError: ``x12.profile``.
    """
    marks = msgspec.structs.asdict(partner.marks)
    signs = [str(sign) for name, sign in marks.items() if name != "line_breaks"]
    for name, sign in marks.items():
        if name != "line_breaks" and (_FORBIDDEN.match(sign) or not sign.isprintable()):
            raise QuartermasterError("x12.profile", f"{sign!r} is no delimiter", where=name)
    if len(set(signs)) != len(signs):
        raise QuartermasterError("x12.profile", "two delimiters are the same", where="marks")
    for where, kinds, possible in (
        ("comes", partner.comes, COMES[partner.role]),
        ("goes", partner.goes, GOES[partner.role]),
    ):
        if unknown := sorted(set(kinds) - possible):
            those = ", ".join(sorted(possible))
            says = f"{unknown[0][:20]} with a {partner.role}; possible: {those}"
            raise QuartermasterError("x12.profile", says, where=where)
    if (partner.them.qualifier, partner.them.id) == (partner.us.qualifier, partner.us.id):
        raise QuartermasterError("x12.profile", "both sides have one address", where="us")
    try:
        ZoneInfo(partner.timezone)
    except (ValueError, OSError, KeyError):
        raise QuartermasterError("x12.profile", "no such timezone", where="timezone") from None
    return partner
