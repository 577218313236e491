"""SQL of the postings; private to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloud.db import Connection, Queries
from cloud.ledger import model as ledger
from cloud.ledger.postings.model import Posting, Source
from shared.units import Micros

_Q: Final = Queries(__package__ or "")


class Leg(NamedTuple):
    """One movement of a posting, by the keys of what it names."""

    occurred_at: int
    event_id: str
    position: ledger.Position
    quantity: int
    kind: int


def known(connection: Connection, key: str) -> tuple[int, bytes] | None:
    """The posting under a key, and the hash of what it stated."""
    row = connection.execute(_Q["known"], {"key": key}).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def begin(
    connection: Connection,
    key: str,
    source: Source,
    *,
    site_id: int,
    stated: bytes,
    movements: int,
    occurred_at: int,
    at: Micros,
    reverses: int | None = None,
) -> int | None:
    """A posting's number; None where somebody else has just made it."""
    row = connection.execute(
        _Q["begin"],
        {
            **source._asdict(),
            "key": key,
            "site_id": site_id,
            "stated": stated,
            "movements": movements,
            "occurred_at": occurred_at,
            "at": at,
            "reverses": reverses,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def append(
    connection: Connection, posting_id: int, legs: Sequence[Leg], *, device: str, at: Micros
) -> None:
    """Append a posting's movements."""
    connection.execute(
        _Q["append"],
        {
            "posting_id": posting_id,
            "device": device,
            "at": at,
            "occurred": [leg.occurred_at for leg in legs],
            "event_ids": [leg.event_id for leg in legs],
            "kinds": [leg.kind for leg in legs],
            **_columns((leg.position, leg.quantity) for leg in legs),
        },
    )


def append_contrary(
    connection: Connection, posting_id: int, reverses: int, *, device: str, at: Micros
) -> list[tuple[ledger.Position, int]]:
    """Append the contrary of a posting's movements."""
    rows = connection.execute(
        _Q["append_contrary"],
        {"posting_id": posting_id, "reverses": reverses, "device": device, "at": at},
    )
    return [((row[0], row[1], row[2], row[3], row[4], row[5]), int(row[6])) for row in rows]


def add_to_balances(
    connection: Connection, deltas: Mapping[ledger.Position, int], at: Micros
) -> None:
    """Add differences to balances, in the order of their keys."""
    connection.execute(_Q["add_to_balances"], {"at": at, **_columns(sorted(deltas.items()))})


def _columns(rows: Any) -> dict[str, list[Any]]:
    names = ("site_ids", "item_ids", "location_ids", "lots", "serials", "states", "quantities")
    values = [(*position, quantity) for position, quantity in rows]
    return {name: [row[n] for row in values] for n, name in enumerate(names)}


def make_places(connection: Connection, places: Collection[tuple[int, str]]) -> None:
    """See to it that sites have these places."""
    ordered = sorted(places)
    given = {"site_ids": [p[0] for p in ordered], "codes": [p[1] for p in ordered]}
    connection.execute(_Q["make_place"], given)


def owner(connection: Connection, site_id: int) -> str | None:
    """The gateway that tells a site's stock."""
    row = connection.execute(_Q["owner"], {"site_id": site_id}).fetchone()
    return None if row is None else str(row[0])


def postings(connection: Connection, filters: Mapping[str, Any]) -> list[Posting]:
    """Postings, the newest first."""
    none = dict.fromkeys(("posting_id", "sites", "site", "source", "after"))
    given = {**none, "limit": 1, **filters}
    return [Posting(*row) for row in connection.execute(_Q["postings"], given, prepare=False)]


def lock_site_words(connection: Connection, site_id: int) -> None:
    """Take the reports of one site one after the other."""
    connection.execute(_Q["lock_site_words"], {"site_id": site_id})


def stated(
    connection: Connection, site_id: int, item_ids: Collection[int]
) -> tuple[dict[tuple[int, int], int], int | None]:
    """Until when stock was already told: by item and state, and as a whole."""
    rows = connection.execute(_Q["stated"], {"site_id": site_id, "item_ids": sorted(item_ids)})
    by_item = {(int(row[0]), int(row[1])): int(row[2]) for row in rows}
    whole = connection.execute(_Q["stated_whole"], {"site_id": site_id}).fetchone()
    return by_item, None if whole is None else int(whole[0])


def state_items(
    connection: Connection,
    site_id: int,
    said: Collection[tuple[int, int]],
    *,
    stated_at: int,
    posting_id: int,
) -> None:
    """Keep the newest word on each item and state."""
    ordered = sorted(said)
    connection.execute(
        _Q["state_items"],
        {
            "site_id": site_id,
            "item_ids": [item for item, _ in ordered],
            "states": [state for _, state in ordered],
            "stated_at": stated_at,
            "posting_id": posting_id,
        },
    )


def state_whole(connection: Connection, site_id: int, *, stated_at: int, posting_id: int) -> None:
    """Keep the newest word on everything."""
    given = {"site_id": site_id, "stated_at": stated_at, "posting_id": posting_id}
    connection.execute(_Q["state_whole"], given)


def fold_postings(connection: Connection) -> int:
    """Add what was posted to a fold of gateways' evidence; how many movements that were."""
    return sum(int(row[0]) for row in connection.execute(_Q["fold_postings"]))
