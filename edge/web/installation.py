"""How a device comes to trust the gateway: one page in plain HTTP, and nothing else there.

=====================  ==============================================================
``/``                  the steps, for the device that asks
``/install.css``       ``/install.js``
``/ca.crt``            the gateway's own authority, DER
``/ca.mobileconfig``   the same, as a profile for Apple's devices
=====================  ==============================================================

What is served here anybody on the way may read and alter. So there is nothing secret in it, and
people compare the fingerprint with what the gateway's own screen shows. The pairing code stands in
the address's fragment, which no browser sends; the page hands it on to the HTTPS door.
"""

from __future__ import annotations

import hashlib
import plistlib
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import jinja2
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.certificates import instant, load_chain, micros, vouches_for
from shared.errors import QuartermasterError
from shared.units import Micros

_FOLDER: Final = Path(__file__).parent / "install"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), serial=()",
    "cache-control": "no-store",
    "connection": "close",
}
_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STATUSES: Final = {404: "There is nothing here but the installation page: /", 405: "GET or HEAD."}


class Authority(NamedTuple):
    """A gateway's own authority, as a device is to trust it."""

    title: str
    der: bytes
    names: list[str]
    """All that it may vouch for."""
    not_after: Micros

    @property
    def sha256(self) -> str:
        """Its fingerprint as devices show it: pairs of digits, with colons."""
        return hashlib.sha256(self.der).digest().hex(":").upper()

    @property
    def sha1(self) -> str:
        """The only fingerprint that Windows shows when it asks; no proof against a forger."""
        return hashlib.sha1(self.der, usedforsecurity=False).digest().hex(":").upper()


def authority_in(certificates: Path) -> Authority:
    """The authority in ``<data>/identity/local``.

    Raises:
        QuartermasterError: ``file.unreadable``, also where the gateway has never run.
    """
    try:
        certificate = load_chain((certificates / "ca.crt").read_bytes())[0]
    except OSError as error:
        where = str(certificates / "ca.crt")
        raise QuartermasterError("file.unreadable", error.strerror or "", where=where) from None
    (title,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Authority(
        str(title.value),
        certificate.public_bytes(Encoding.DER),
        vouches_for(certificate),
        micros(certificate.not_valid_after_utc),
    )


def grouped(fingerprint: str, pairs: int = 4) -> list[str]:
    """A fingerprint in groups that can be compared at a glance."""
    found = fingerprint.split(":")
    return [":".join(found[at : at + pairs]) for at in range(0, len(found), pairs)]


def addresses(
    reached: str, port: int | None, install_port: int, code: str
) -> tuple[str, str | None]:
    """Where a device pairs, and where its way to trusting the gateway begins (None: nowhere)."""
    host = f"[{reached}]" if ":" in reached else reached
    first = f"http://{host}:{install_port}/#pair={code}" if install_port else None
    return f"https://{host}{f':{port}' if port else ''}/scan/#pair={code}", first


class Installation:
    """The page and its files, made anew where the authority has changed.

    Args:
        site: named on the page.
        gateway: likewise.
        port: where the HTTPS door is.
        own_port: where this is served.
    """

    def __init__(self, *, site: str, gateway: str, port: int, own_port: int) -> None:
        self._about = {"site": site, "gateway": gateway, "port": port, "own_port": own_port}
        self._file = f"quartermaster-{gateway}"
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html")
        self._served: dict[str, Response] = {}
        paths = ("/", "/install.css", "/install.js", "/ca.crt", "/ca.mobileconfig")
        self.app = Starlette(
            routes=[Route(path, self._get, methods=["GET"]) for path in paths],
            exception_handlers={HTTPException: _refused},
        )
        self.app.router.redirect_slashes = False

    def show(self, certificates: Path) -> None:
        """Serve the authority in this folder from now on.

        Raises:
            QuartermasterError: ``file.unreadable``.
        """
        authority = authority_in(certificates)
        page = self._template.render(
            **self._about,
            title=authority.title,
            file=self._file,
            names=authority.names,
            reached=authority.names[0],
            sha256=grouped(authority.sha256),
            sha1=grouped(authority.sha1),
            until=instant(authority.not_after).date().isoformat(),
        )
        self._served = {
            "/": _file(page.encode(), "text/html; charset=utf-8", self._policy(authority)),
            "/install.css": _file(
                (_FOLDER / "install.css").read_bytes(), "text/css; charset=utf-8"
            ),
            "/install.js": _file(
                (_FOLDER / "install.js").read_bytes(), "text/javascript; charset=utf-8"
            ),
            "/ca.crt": _file(
                authority.der,
                "application/x-x509-ca-cert",
                saved_as=f"{self._file}.crt",
            ),
            "/ca.mobileconfig": _file(self._profile(authority), "application/x-apple-aspen-config"),
        }

    async def _get(self, request: Request) -> Response:
        return self._served[request.url.path]

    def _policy(self, authority: Authority) -> str:
        """Its own style and script; and asking the HTTPS door, by its names, whether it answers."""
        port = self._about["port"]
        doors = [f"https://{name}:{port}" for name in authority.names if ":" not in name]
        doors += [f"https://[{name}]:{port}" for name in authority.names if ":" in name]
        asked = " ".join(doors)
        return f"{_NOTHING}; script-src 'self'; style-src 'self'; connect-src {asked}"

    def _profile(self, authority: Authority) -> bytes:
        """A configuration profile that holds the authority and nothing else.

        Apple, Configuration Profile Reference: certificate payload ``com.apple.security.root``.
        """
        print_of = hashlib.sha256(authority.der).digest()
        gateway = self._about["gateway"]
        names = ", ".join(authority.names)
        root = {
            "PayloadType": "com.apple.security.root",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"quartermaster.{gateway}.authority",
            "PayloadUUID": str(UUID(bytes=print_of[:16])),
            "PayloadDisplayName": authority.title,
            "PayloadCertificateFileName": f"{self._file}.crt",
            "PayloadContent": authority.der,
        }
        return plistlib.dumps(
            {
                "PayloadType": "Configuration",
                "PayloadVersion": 1,
                "PayloadIdentifier": f"quartermaster.{gateway}",
                "PayloadUUID": str(UUID(bytes=print_of[16:])),
                "PayloadDisplayName": authority.title,
                "PayloadDescription": f"Lets this device trust {gateway} as {names}; nothing else.",
                "PayloadContent": [root],
            }
        )


def _file(body: bytes, media: str, policy: str = _NOTHING, *, saved_as: str = "") -> Response:
    response = Response(body, headers=_HEADERS | {"content-security-policy": policy})
    response.headers["content-type"] = media
    if saved_as:
        response.headers["content-disposition"] = f'attachment; filename="{saved_as}"'
    return response


async def _refused(_request: Request, error: Exception) -> Response:
    """In a few words; whoever comes here wanted something else."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    response = _file(f"{_STATUSES.get(status, '')}\n".encode(), "text/plain; charset=utf-8")
    response.status_code = status
    if status == 405:
        response.headers["allow"] = "GET, HEAD"
    return response
