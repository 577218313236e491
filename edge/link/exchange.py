"""One HTTPS exchange with the cloud: our own trust store, bounded answers, problems as errors."""

from __future__ import annotations

import ssl
from typing import Final

import httpx
import msgspec

from shared.errors import CATALOGUE, QuartermasterError

_TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
_MAX_ANSWER: Final = 256 * 1024


def trusting(trust: bytes) -> ssl.SSLContext:
    """TLS 1.3 to servers that these authorities (PEM) stand for, and to no others."""
    context = ssl.create_default_context(cadata=trust.decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def exchange(method: str, url: str, body: bytes | None, tls: ssl.SSLContext) -> bytes:
    """One HTTPS exchange: the body of a good answer.

    Raises:
        QuartermasterError: ``cloud.unreachable``, ``enrol.fingerprint`` when the server's
            certificate does not lead to the pinned root, or the cloud's own refusal.
    """
    if not url.startswith("https://"):
        raise QuartermasterError("settings.invalid", "the address must start with https://")
    headers = {"content-type": "application/json"} if body is not None else {}
    try:
        with (
            httpx.Client(verify=tls, timeout=_TIMEOUT, trust_env=False) as client,
            client.stream(method, url, content=body, headers=headers) as response,
        ):
            answer = b""
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > _MAX_ANSWER:
                    raise QuartermasterError("payload.too-large", where=url)
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise QuartermasterError("enrol.fingerprint", str(error), where=url) from None
        raise QuartermasterError("cloud.unreachable", str(error), where=url) from None
    if status == 200:
        return answer
    raise _refusal(status, answer, url)


class _Problem(msgspec.Struct):
    """The part of a problem document (RFC 9457) that is acted on."""

    code: str = ""
    detail: str = ""


def _refusal(status: int, body: bytes, url: str) -> QuartermasterError:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    for code in CATALOGUE:
        if code == problem.code:
            return QuartermasterError(code, problem.detail)
    return QuartermasterError("cloud.unreachable", f"HTTP {status}", where=url)
