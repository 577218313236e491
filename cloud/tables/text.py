"""CSV, in and out. Pure.

Spreadsheets run a cell that begins with ``=``, ``+``, ``-`` or ``@`` (OWASP, "CSV Injection"). Such
a cell goes out behind an apostrophe, and an apostrophe before such a cell is taken off on its way
in: what was written is read back as it was.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cloud.tables.model import MAX_BYTES, Line
from shared.errors import Code, QuartermasterError

_RUNS: Final = re.compile(r"'*[=+\-@\t\r]")
_BEGINS: Final = frozenset("'=+-@\t\r")


def decoded(content: bytes | str, *, code: Code, encoding: str = "utf-8") -> str:
    """A file's text.

    Raises:
        QuartermasterError: ``payload.too-large``, or ``code`` where it is no such text.
    """
    if len(content) > MAX_BYTES:
        raise QuartermasterError("payload.too-large", f"{len(content)} bytes; 64 MiB at most")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            says = f"the file is not {encoding.upper()}"
            do = "; save it as CSV UTF-8" if encoding == "utf-8" else ""
            raise QuartermasterError(code, says + do, where=f"line {line}") from None
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise QuartermasterError(code, "a NUL character", where=f"line {line}")
    if not content.strip():
        raise QuartermasterError(code, "the file is empty", where="line 1")
    return content


def numbered(text: str, *, code: Code, delimiter: str = "auto", header: int = 1) -> Iterator[Line]:
    """Every line of a table with the number on which it starts; a quoted cell may span several.

    Where nobody says what stands between cells, the line ``header`` shows it.

    Raises:
        QuartermasterError: ``code`` where the text is no such table.
    """
    if delimiter == "auto":
        shown = text.split("\n", header)[:header][-1]
        delimiter = max(",;\t", key=shown.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    guarded = "'" in text
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise QuartermasterError(code, str(error), where=f"line {line}") from None
        yield line, [_bared(cell) for cell in cells] if guarded else cells
        line = reader.line_num + 1


def written(rows: Iterable[Sequence[str | float]], *, delimiter: str = ",") -> str:
    """Rows as CSV that no spreadsheet runs; a number is written as it is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", delimiter=delimiter)
    writer.writerows(
        [_harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in _BEGINS and cell and _RUNS.match(cell) else cell


def _bared(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _RUNS.match(cell) else cell
