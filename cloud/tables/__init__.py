"""Tables in files: CSV and Excel in and out, and how another's columns are read as ours."""

from cloud.tables.excel import MEDIA_TYPE as WORKBOOK
from cloud.tables.excel import written as written_workbook
from cloud.tables.model import (
    MAX_BYTES,
    REMARKS,
    TROUBLES,
    ColumnMapping,
    Exact,
    Form,
    Line,
    proposed,
    rounded,
    translated,
)
from cloud.tables.reading import is_workbook, lines
from cloud.tables.text import written

__all__ = [
    "MAX_BYTES",
    "REMARKS",
    "TROUBLES",
    "WORKBOOK",
    "ColumnMapping",
    "Exact",
    "Form",
    "Line",
    "is_workbook",
    "lines",
    "proposed",
    "rounded",
    "translated",
    "written",
    "written_workbook",
]
