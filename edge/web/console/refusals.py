"""What the rooms refuse in JSON, read again: as a page for people, or as the error that it was."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from shared.errors import Code, QuartermasterError


class _Remark(msgspec.Struct):
    code: Code
    says: str
    do: str
    detail: str = ""
    where: str | None = None


class _Refusal(msgspec.Struct):
    error: _Remark | None = None


_refusals: Final = msgspec.json.Decoder(_Refusal)


def refusal_in(response: Response) -> dict[str, Any] | None:
    """What an answer refuses, for a page; None where it refuses nothing."""
    try:
        found = _refusals.decode(response.body)
    except msgspec.MsgspecError:
        return None
    return msgspec.to_builtins(found.error) if found.error is not None else None


def demand_done(status: int, body: bytes) -> None:
    """Raise what a room has refused.

    Raises:
        QuartermasterError: the same.
    """
    if status >= HTTPStatus.BAD_REQUEST:
        error = _refusals.decode(body).error
        if error is not None:
            raise QuartermasterError(error.code, error.detail, where=error.where or "")
        raise QuartermasterError("internal.unexpected")
