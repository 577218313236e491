"""One door for every file that holds a table: CSV or Excel, as its first bytes say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cloud.tables import excel, text
from cloud.tables.model import ColumnMapping, Line
from shared.errors import Code, QuartermasterError

_FOREIGN: Final = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or one with a password; save it as .xlsx"),
    (b"%PDF", "a PDF; ask for the table itself, as .xlsx or CSV"),
    (b"\x1f\x8b", "a compressed file; unpack it first"),
    (b"{\\rtf", "a text document; save the table as .xlsx or CSV"),
)


def is_workbook(content: bytes | str) -> bool:
    """Whether a file is an archive, as Excel's are."""
    return isinstance(content, bytes) and content.startswith(excel.ARCHIVE)


def lines(
    content: bytes | str,
    *,
    code: Code,
    mapping: ColumnMapping | None = None,
    expected: str = "",
) -> Iterator[Line]:
    """Every line of a CSV or Excel file, its header first; their cells are not translated yet.

    Raises:
        QuartermasterError: ``payload.too-large``, or ``code`` where no line could be trusted.
    """
    for begins, says in _FOREIGN:
        if isinstance(content, bytes) and content.startswith(begins):
            raise QuartermasterError(code, says)
    if isinstance(content, bytes) and is_workbook(content):
        sheet = mapping.sheet if mapping else ""
        header = mapping.header if mapping else 1
        return excel.numbered(content, code=code, sheet=sheet, expected=expected, header=header)
    if mapping is None:
        return text.numbered(text.decoded(content, code=code), code=code)
    decoded = text.decoded(content, code=code, encoding=mapping.encoding)
    return text.numbered(decoded, code=code, delimiter=mapping.delimiter, header=mapping.header)
