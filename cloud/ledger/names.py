"""The surrogate keys of SKUs and locations, remembered within bounds.

A name keeps its key for ever (nothing in the catalog is deleted), so what was found once stays
true. What was not found is asked again each time: it may have been imported meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from cloud.db import Connection

ItemIds = Callable[[Connection, Collection[str]], Mapping[str, int]]
LocationIds = Callable[[Connection, int, Collection[str]], Mapping[str, int]]

MAX_NAMES: Final = 200_000
"""At about 150 bytes each: 30 MB at most."""


class Names:
    """One worker's memory of names.

    Args:
        item_ids: the catalog's answer for SKUs.
        location_ids: the catalog's answer for the locations of a site.
    """

    def __init__(self, item_ids: ItemIds, location_ids: LocationIds) -> None:
        self._item_ids = item_ids
        self._location_ids = location_ids
        self.items: dict[str, int] = {}
        self._locations: dict[int, dict[str, int]] = {}

    def locations(self, site_id: int) -> dict[str, int]:
        """The known locations of a site."""
        return self._locations.setdefault(site_id, {})

    def learn(
        self, connection: Connection, skus: Collection[str], codes: Mapping[int, Collection[str]]
    ) -> None:
        """Ask the catalog for these SKUs, and these location codes by site."""
        if sum(map(len, self._locations.values())) + len(self.items) > MAX_NAMES:
            self.items.clear()
            for known in self._locations.values():
                known.clear()
        if skus:
            self.items.update(self._item_ids(connection, skus))
        for site_id, wanted in codes.items():
            self.locations(site_id).update(self._location_ids(connection, site_id, wanted))
