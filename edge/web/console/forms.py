"""What the console's forms send: a few short fields, and nothing else."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from edge.web.guard import body_of
from shared.errors import QuartermasterError

_MEDIA: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 16


async def fields_of(request: Request) -> dict[str, str]:
    """The fields by name; of one that comes twice, the last.

    Raises:
        QuartermasterError: ``payload.too-large`` or ``request.form``.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await body_of(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise QuartermasterError("request.form", "not the fields of a form") from None
    if media != _MEDIA:
        raise QuartermasterError("request.form", f"{media[:60]} is no form")
    return dict(pairs)


def line_in(fields: dict[str, str], name: str, *, most: int, may_lack: bool = False) -> str:
    """One line of text, without what surrounds it.

    Raises:
        QuartermasterError: ``request.invalid``, which never quotes what was sent.
    """
    text = " ".join(fields.get(name, "").split())
    if len(text) > most or not (text or may_lack):
        wanted = f"at most {most} characters" if text else "it is missing"
        raise QuartermasterError("request.invalid", wanted, where=name)
    return text
