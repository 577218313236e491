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
    plain_number,
    proposed,
    rounded,
    translated,
)
from cloud.tables.reading import is_workbook, lines
from cloud.tables.service import Saved, all_saved, remove, save, saved
from cloud.tables.text import decoded, written

__all__ = [
    "MAX_BYTES",
    "REMARKS",
    "TROUBLES",
    "WORKBOOK",
    "ColumnMapping",
    "Exact",
    "Form",
    "Line",
    "Saved",
    "all_saved",
    "decoded",
    "is_workbook",
    "lines",
    "plain_number",
    "proposed",
    "remove",
    "rounded",
    "save",
    "saved",
    "translated",
    "written",
    "written_workbook",
]
