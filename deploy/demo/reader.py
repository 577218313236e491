"""Reads HTTPS doors as any client would: the cloud's public API, a gateway's local one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

import httpx

from edge.simulator.scanner import Door
from shared.errors import QuartermasterError

_PAGE: Final = 500


class Reader:
    """One connection to one door, kept open."""

    def __init__(self, door: Door) -> None:
        self._http = httpx.Client(
            base_url=f"https://{door.host}:{door.port}",
            headers={"Authorization": f"Bearer {door.token}"},
            verify=door.tls,
            timeout=30.0,
        )

    def get(self, path: str, *, refused: bool = False, **parameters: Any) -> dict[str, Any]:
        """One document; with ``refused`` a refusal's document is as good as any.

        Raises:
            QuartermasterError: ``cloud.unreachable``.
        """
        try:
            answer = self._http.get(path, params=parameters)
            if not refused:
                answer.raise_for_status()
        except httpx.HTTPError as error:
            says = f"{type(error).__name__}: {error}"
            raise QuartermasterError("cloud.unreachable", says, where=path) from None
        return cast("dict[str, Any]", answer.json())

    def rows(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page.

        Raises:
            QuartermasterError: ``cloud.unreachable``.
        """
        cursor: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=_PAGE, **parameters, **cursor)
            yield from page["items"]
            if not page.get("next"):
                return
            cursor = {"cursor": page["next"]}

    def close(self) -> None:
        """Hang up."""
        self._http.close()
