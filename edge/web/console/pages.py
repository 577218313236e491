"""Renders the console's templates; everything that they load comes from the gateway itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.responses import Response
from starlette.routing import Route

from edge.web.guard import Guard
from edge.web.pages import Bundle, read_folder
from shared import words

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere, no text that becomes a script."""
VIEWS: Final = {
    "overview": "Overview",
    "exceptions": "Exceptions",
    "devices": "Devices",
    "tasks": "Tasks",
    "decisions": "Decisions",
    "scans": "Scans",
}
_HERE: Final = Path(__file__).parent
_VENDOR: Final = _HERE.parent / "vendor"
_LIBRARIES: Final = ("htmx.min.js", "alpine.min.js", "uPlot.esm.js", "uPlot.min.css")


class Pages:
    """The pages of one gateway's console.

    Args:
        site: named on every page.
        gateway: likewise.
    """

    headers: Final = {
        "content-security-policy": POLICY,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }

    def __init__(self, *, site: str, gateway: str) -> None:
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
            "clock_time": words.clock_time,
            "ago": words.ago,
            "counted": words.counted,
            "plain": words.plain,
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

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, kept by nobody."""
        text = self._environment.get_template(f"{template}.html").render(view=template, **values)
        return Response(text, status, self.headers, media_type="text/html")
