"""The gateway's own pages: read once, versioned by their content, nothing inline.

A :class:`Bundle` is a folder of files. Its version is a hash over all of them and part of their
address, so that a browser keeps them for good and never mixes two versions. Pages and service
workers stand at fixed addresses and are asked for each time (``ETag``).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from edge.web.guard import Guard, encode
from edge.web.labels import LABELS, drawn
from shared.errors import CATALOGUE, Code, QuartermasterError

SCAN_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Everything from the gateway itself; a decoder may be compiled, no text becomes a script."""

_HERE: Final = Path(__file__).parent
SCAN: Final = _HERE / "scan"
_DECODER: Final = ("zxing-reader.js", "zxing_reader.wasm")
_OWN: Final[tuple[Code, ...]] = (
    "scan.empty",
    "scan.too-long",
    "scan.location-missing",
    "task.wrong-location",
    "request.not-found",
    "internal.unexpected",
)
"""What the page says by itself; all other errors come from the gateway with their words."""
_VERSION: Final = b"@VERSION@"
_FILES: Final = b"[/* every file of this version */]"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), serial=(self), microphone=(), geolocation=()",
}
_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
}
_ZIPPED_FROM: Final = 1024


class Bundle:
    """Files under ``address``, which ends with a slash.

    Args:
        address: where they are served, e.g. ``/scan/a/``; the version follows.
        files: by their name below it.
        policy: the content security policy of what is served.
        online: beginnings of names that a service worker does not install.
    """

    def __init__(
        self,
        address: str,
        files: Mapping[str, bytes],
        *,
        policy: str,
        online: tuple[str, ...] = (),
    ) -> None:
        self._files = files
        self._installed = sorted(name for name in files if not name.startswith(online))
        self.policy = policy
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        self.version = digest.hexdigest()[:16]
        self._address = address
        self.root = f"{address}{self.version}/"

    def route(self, guard: Guard) -> Route:
        """All files, for good."""
        path = f"{self._address}{{version}}/{{name:path}}"
        return Route(path, guard(self._get), methods=["GET"])

    @cached_property
    def _served(self) -> dict[str, Static]:
        return {
            name: Static(content, media_of(name), self.policy, for_good=True)
            for name, content in self._files.items()
        }

    async def _get(self, request: Request) -> Response:
        found = self._served.get(request.path_params["name"])
        if found is None or request.path_params["version"] != self.version:
            raise QuartermasterError("request.not-found", request.url.path[:200])
        return found.answer(request)

    def page(self, path: str, content: bytes, media: str) -> Callable[[Guard], Route]:
        """A file at a fixed address that knows this version and names its files."""
        names = [self.root + name for name in self._installed]
        body = content.replace(_VERSION, self.version.encode()).replace(_FILES, encode(names))
        static = Static(body, media, self.policy)

        async def get(request: Request) -> Response:
            return static.answer(request)

        return lambda guard: Route(path, guard(get), methods=["GET"])


class Static:
    """One file as it is answered."""

    def __init__(self, body: bytes, media: str, policy: str, *, for_good: bool = False) -> None:
        self._body = body
        tag = hashlib.sha256(body).hexdigest()[:32]
        self._headers = _HEADERS | {
            "content-type": media,
            "content-security-policy": policy,
            "cache-control": "public, max-age=31536000, immutable" if for_good else "no-cache",
            "etag": f'"{tag}"',
            "vary": "accept-encoding",
        }

    @cached_property
    def _zipped(self) -> bytes:
        return gzip.compress(self._body, mtime=0)

    def answer(self, request: Request) -> Response:
        """The file, or that the browser has it already."""
        if self._headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        can_unzip = "gzip" in request.headers.get("accept-encoding", "")
        if len(self._body) < _ZIPPED_FROM or not can_unzip:
            return Response(self._body, headers=self._headers)
        return Response(self._zipped, headers=self._headers | {"content-encoding": "gzip"})


class _Stable(NamedTuple):
    """A file whose address never changes: browsers keep these with the installed app."""

    path: str
    name: str


_STABLE: Final = (
    _Stable("/scan/", "index.html"),
    _Stable("/scan/sw.js", "sw.js"),
    _Stable("/scan/manifest.webmanifest", "manifest.webmanifest"),
    _Stable("/scan/icon.svg", "icon.svg"),
    _Stable("/scan/icon-192.png", "icon-192.png"),
    _Stable("/scan/icon-512.png", "icon-512.png"),
    _Stable("/scanner-setup", "setup.html"),
)


def scan_bundle(folder: Path = SCAN) -> Bundle:
    """What the scan page and the scanner's setup page are made of, the decoder among it."""
    apart = {stable.name for stable in _STABLE}
    files = {name: body for name, body in read_folder(folder).items() if name not in apart}
    for name in _DECODER:
        vendored = _HERE / "vendor" / name
        if vendored.is_file():  # without it only phones that read codes by themselves use a camera
            files[f"vendor/{name}"] = vendored.read_bytes()
    files["words.json"] = encode(words())
    files["labels.json"] = encode({name: label.sends for name, label in LABELS.items()})
    files |= {f"labels/{name}.svg": svg for name, svg in drawn().items()}
    return Bundle("/scan/a/", files, policy=SCAN_POLICY, online=("setup/", "labels"))


def words() -> dict[str, tuple[str, str]]:
    """What is wrong and what to do, by code, for what the page refuses without a network."""
    return {code: CATALOGUE[code][1:] for code in _OWN}


def routes(folder: Path = SCAN) -> Callable[[Guard], Sequence[BaseRoute]]:
    """``/scan/`` and ``/scanner-setup``, with everything that they load."""
    bundle = scan_bundle(folder)
    pages = [
        bundle.page(stable.path, (folder / stable.name).read_bytes(), media_of(stable.name))
        for stable in _STABLE
    ]

    async def to_scan(_request: Request) -> Response:
        return RedirectResponse("/scan/", 308)

    def room(guard: Guard) -> Sequence[BaseRoute]:
        found: list[BaseRoute] = [page(guard) for page in pages]
        return [*found, bundle.route(guard), Route("/scan", guard(to_scan), methods=["GET"])]

    return room


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there; notes for developers are left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _MEDIA
    }


def media_of(name: str) -> str:
    """The media type by a file's suffix.

    Raises:
        KeyError: a kind of file that the pages do not have; a programming error.
    """
    return _MEDIA[Path(name).suffix]
