"""Renders the console's templates; everything that they load comes from the gateway itself."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge.web.console.sessions import Visit
from edge.web.guard import Guard, encode
from edge.web.pages import Bundle, read_folder
from shared import words
from shared.units import MINUTE

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere, no text that becomes a script."""
VIEWS: Final = {
    "overview": "Overview",
    "scans": "Scans",
    "tasks": "Tasks",
    "exceptions": "Exceptions",
    "decisions": "Decisions",
    "devices": "Devices",
    "cameras": "Cameras",
    "system": "System",
    "logs": "Logs",
}
_HERE: Final = Path(__file__).parent
_VENDOR: Final = _HERE.parent / "vendor"
_LIBRARIES: Final = ("htmx.min.js", "alpine.min.js", "uPlot.esm.js", "uPlot.min.css")


class Pages:
    """The pages of one gateway's console.

    Args:
        site: named on every page.
        gateway: likewise.
        around: what every page shows to a visitor beside its own.
    """

    headers: Final = {
        "content-security-policy": POLICY,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }

    def __init__(
        self, *, site: str, gateway: str, around: Callable[[Visit], dict[str, Any]]
    ) -> None:
        self._around = around
        files = read_folder(_HERE / "static")
        for name in _LIBRARIES:
            if (_VENDOR / name).is_file():  # without them the pages work, and do not move
                files[f"vendor/{name}"] = (_VENDOR / name).read_bytes()
        self._bundle = Bundle("/console/a/", files, policy=POLICY)
        self._environment: Any = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "when": words.when,
            "when_exactly": words.when_exactly,
            "minutes": _minutes,
            "time_of_day": _time_of_day,
            "ago": words.ago,
            "counted": words.counted,
            "plain": words.plain,
            "segment": _segment,
            "json": _json,
        }
        self._environment.globals |= {
            "root": self._bundle.root,
            "libraries": [name for name in _LIBRARIES if f"vendor/{name}" in files],
            "site": site,
            "gateway": gateway,
            "views": VIEWS,
        }

    def route(self, guard: Guard) -> Route:
        """What the pages load."""
        return self._bundle.route(guard)

    def page(
        self, template: str, status: int = 200, *, visit: Visit | None, **values: Any
    ) -> Response:
        """A page, kept by nobody; those in a folder belong to the view of its name."""
        around = self._around(visit) if visit is not None else {}
        text = self._environment.get_template(f"{template}.html").render(
            view=template.partition("/")[0], visit=visit, **around, **values
        )
        return Response(text, status, self.headers, media_type="text/html")


def go(path: str) -> Response:
    """To another page, after something was done."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


def _minutes(number: int) -> str:
    """So many minutes, in words."""
    return words.lasting(number * MINUTE)


def _segment(name: str) -> str:
    """A name as one part of an address."""
    return quote(name, safe="")


def _json(value: Any) -> str:
    """What a script on the page reads."""
    return encode(value).decode()


def _time_of_day(micros: int) -> str:
    """Where a column says that it is UTC."""
    return words.clock_time(micros).removesuffix(" UTC")
