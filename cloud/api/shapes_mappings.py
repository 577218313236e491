"""What the API says of mappings: whose columns are which of ours."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.paging import Paged
from cloud.tables import ColumnMapping, Saved
from shared.errors import QuartermasterError

MappingName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}$",
        description="A saved mapping of their columns.",
        examples=["mill-prices"],
    ),
]
Ours = Annotated[str, Field(min_length=1, max_length=80)]


class MappingShape(BaseModel):
    """How another's table is read as ours."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "offers",
                "columns": {"sku": "Artikel", "cost": "Preis netto"},
                "constants": {"supplier": "MILL", "currency": "EUR"},
                "factors": {},
                "header": 2,
                "sheet": "",
                "dates": "day-first",
                "decimal": ",",
                "encoding": "utf-8",
                "delimiter": ";",
            }
        },
    )
    kind: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="A kind of the catalog or of a feed."),
    ]
    columns: Annotated[
        dict[Ours, Annotated[str, Field(min_length=1, max_length=200)]],
        Field(description="Their column for each of ours."),
    ] = {}
    constants: Annotated[
        dict[Ours, Annotated[str, Field(max_length=200)]],
        Field(description="What holds for every row of the file."),
    ] = {}
    factors: Annotated[
        dict[Ours, Annotated[int, Field(ge=2, le=1_000_000)]],
        Field(description="What their numbers are multiplied by: 12 where they count cases."),
    ] = {}
    header: Annotated[int, Field(ge=1, le=100, description="The line that names columns.")] = 1
    sheet: Annotated[str, Field(max_length=31, description="Of a workbook with several.")] = ""
    dates: Literal["iso", "day-first", "month-first"] = "iso"
    decimal: Annotated[
        Literal[".", ","], Field(description="The other one may stand between thousands.")
    ] = "."
    encoding: Literal["utf-8", "windows-1252", "utf-16"] = "utf-8"
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"

    @classmethod
    def of(cls, mapping: ColumnMapping) -> MappingShape:
        """A mapping as the API says it."""
        return cls.model_validate(msgspec.to_builtins(mapping))

    def mapping(self) -> ColumnMapping:
        """What was said, as the rooms know it.

        Raises:
            QuartermasterError: ``request.invalid``.
        """
        try:
            return msgspec.convert(self.model_dump(), ColumnMapping)
        except msgspec.ValidationError as error:
            raise QuartermasterError("request.invalid", str(error), where="body") from None


class SavedMapping(BaseModel):
    """A mapping as it stands, or as one version had it."""

    name: str
    version: int
    saved_at: datetime
    saved_by: str
    mapping: MappingShape

    @classmethod
    def of(cls, saved: Saved) -> SavedMapping:
        """A saved mapping as the API says it."""
        return cls(
            name=saved.name,
            version=saved.version,
            saved_at=saved.saved_at,
            saved_by=saved.saved_by,
            mapping=MappingShape.of(saved.mapping),
        )


class MappingFilter(Paged):
    """Which mappings."""

    kind: Annotated[
        str | None, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="What they read.")
    ] = None


class VersionAsked(BaseModel):
    """Which version."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[
        int | None, Field(ge=1, lt=2**31, description="The one that stands without it.")
    ] = None


class ProposalOptions(BaseModel):
    """Where their columns are named."""

    model_config = ConfigDict(extra="forbid")
    header: Annotated[int, Field(ge=1, le=100, description="The line that names columns.")] = 1
