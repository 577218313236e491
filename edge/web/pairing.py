"""How a phone becomes a device of this gateway: a code of one use, shown as a QR code.

Rules:

1. a code is good for one use, ten minutes and five tries; only a hash of its secret part is kept;
2. its first four characters name the pairing, so that wrong tries count against the right one;
3. it can be typed: no letters that look like digits, case and dashes mean nothing;
4. whoever asks too often from one address waits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.db import Connection, Database, Queries
from edge.ports import Recorder
from edge.web import devices
from edge.web.guard import Guard, body_of, encode, json_answer
from shared.clock import Clock
from shared.errors import Code, QuartermasterError
from shared.events import DeviceHealth
from shared.ids import is_code
from shared.rates import RateLimit
from shared.units import MINUTE

LIFETIME: Final = 10 * MINUTE
MAX_TRIES: Final = 5
WITNESS: Final = "qm_device"
"""A cookie that proves nothing: by it a browser that has lost its storage knows that it has."""

_SQL: Final = Queries(__package__ or "edge.web")
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_LOOK_ALIKES: Final = str.maketrans("OIL", "011", " -")
_NAME: Final = 4
_SECRET: Final = 10  # 50 bits against five tries
_WITNESS_SECONDS: Final = 400 * 24 * 3600  # the longest that browsers keep a cookie


class Pairing(NamedTuple):
    """A code as a person may read it aloud, and until when it is good (microseconds)."""

    code: str
    expires_at: int


class Paired(NamedTuple):
    """A device and its token, which is shown once."""

    device: str
    token: str


class PairRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A code, as it is shown or typed."""

    code: Annotated[str, Meta(max_length=64)]


_decoder: Final = msgspec.json.Decoder(PairRequest)


def begin(connection: Connection, device: str, *, now: int) -> Pairing:
    """Have a code for this device; an earlier one of the same device is good no more.

    Raises:
        QuartermasterError: ``request.invalid`` for a name that is no code.
    """
    if not is_code(device):
        raise QuartermasterError("request.invalid", repr(device[:60]), where="name")
    connection.execute(_SQL["forget_pairings"], (now, device))
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_NAME + _SECRET))
    name, secret = code[:_NAME], code[_NAME:]
    connection.execute(_SQL["end_pairing"], (name,))
    connection.execute(_SQL["begin_pairing"], (name, _hash(secret), device, now + LIFETIME))
    return Pairing(f"{name}-{secret[:5]}-{secret[5:]}", now + LIFETIME)


def redeem(connection: Connection, code: str, *, now: int) -> Paired | Code:
    """Pair a device by its code, or say why not: the count of wrong tries must be committed."""
    plain = code.upper().translate(_LOOK_ALIKES)
    name, secret = plain[:_NAME], plain[_NAME:]
    row = connection.execute(_SQL["pairing"], (name,)).fetchone()
    if row is None or now >= row[2]:
        return "pair.code"
    if row[3] >= MAX_TRIES:
        return "pair.too-many-tries"
    if not hmac.compare_digest(_hash(secret), row[0]):
        connection.execute(_SQL["count_try"], (name,))
        return "pair.code"
    connection.execute(_SQL["end_pairing"], (name,))
    return Paired(row[1], devices.add(connection, row[1], now=now))


def routes(
    database: Database, recorder: Recorder, clock: Clock
) -> Callable[[Guard], Sequence[BaseRoute]]:
    """``POST /v1/pair``: a code for a token; the pairing is an event."""
    limit = RateLimit(0.5, 20)

    async def pair(request: Request) -> Response:
        address = request.client.host if request.client else ""
        limit.take(address, 1, time.monotonic())
        code, now = _code_in(await body_of(request)), clock.now()

        def unit(connection: Connection) -> Paired | Code:
            return redeem(connection, code, now=now)

        paired = await database.run(unit)
        if isinstance(paired, str):
            raise QuartermasterError(paired)
        await recorder.record(DeviceHealth(paired.device, "paired"), device=paired.device)
        response = json_answer(encode(paired._asdict()))
        response.set_cookie(
            WITNESS,
            paired.device,
            max_age=_WITNESS_SECONDS,
            path="/scan/",
            secure=True,
            samesite="strict",
        )
        return response

    return lambda guard: [Route("/v1/pair", guard(pair), methods=["POST"])]


def _code_in(body: bytes) -> str:
    try:
        return _decoder.decode(body).code
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QuartermasterError("payload.malformed", str(error)) from None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
