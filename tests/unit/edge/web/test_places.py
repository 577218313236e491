"""The site's locations, for scanners that work without a network."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette

from edge.app.store import Store
from edge.web import places
from edge.web.guard import guarded
from tests.support.gateway import equip_store


def ask(store: Store, token: str, **headers: str) -> httpx.Response:
    room = places.routes(store.database)
    app = Starlette(routes=room(lambda handler: guarded(handler, store.database.noticed)))

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
            given = {"authorization": f"Bearer {token}"} | headers
            return await client.get("/v1/locations", headers=given)

    return asyncio.run(go())


def test_locations_in_use_are_listed_with_their_roles_and_only_sent_again_when_changed(
    bare_store: Store,
) -> None:
    token = equip_store(bare_store)
    answer = ask(bare_store, token)
    assert answer.json() == {
        "version": 1,
        "locations": [["A-01", "shelf"], ["A-02", "shelf"], ["DOCK-1", "dock"],
                      ["STAGE-1", "staging"]],
    }  # fmt: skip
    again = ask(bare_store, token, **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    token = equip_store(bare_store, version=2)
    stale = ask(bare_store, token, **{"if-none-match": answer.headers["etag"]})
    assert stale.json()["version"] == 2


def test_locations_are_told_to_paired_devices_only(bare_store: Store) -> None:
    assert ask(bare_store, "qmd_nobody").status_code == 401
