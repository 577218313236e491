"""A device that floods is held to its rate; the others do not notice."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import httpx

from edge.app.store import opened
from edge.web import devices
from shared.errors import CATALOGUE
from tests.support.gateway import enrol, equip_store, running

BURST = 600
LIMITS = f"scans_per_second = 1\nburst = {BURST}"
"""So little that a slow machine floods, too."""


def test_a_device_that_floods_is_told_to_wait_and_the_others_are_answered_as_ever(
    tmp_path: Path, pki: Path
) -> None:
    enrol(tmp_path, pki)
    with opened(tmp_path) as store:
        token = equip_store(store)
        flooder = store.database.run_blocking(lambda c: devices.add(c, "flood-1", now=1))
    with running(tmp_path, token, api=LIMITS) as gateway:
        ca = str(tmp_path / "identity" / "local" / "ca.crt")
        told: list[httpx.Response] = []
        over = threading.Event()

        def flood() -> None:
            with httpx.Client(
                base_url=f"https://localhost:{gateway.port}",
                verify=ssl.create_default_context(cafile=ca),
                headers={"authorization": f"Bearer {flooder}"},
                timeout=30,
                trust_env=False,
            ) as http:
                while not over.is_set():
                    batch = {"scans": [{"raw": "x"} for _ in range(100)]}
                    told.append(http.post("/v1/scans", json=batch))

        flooding = threading.Thread(target=flood)
        flooding.start()
        try:
            mine = [gateway.scan() for _ in range(20)]
            while flooding.is_alive() and not any(each.status_code == 429 for each in told):
                mine.append(gateway.scan())
            mine += [gateway.scan() for _ in range(20)]
        finally:
            over.set()
            flooding.join()
        assert {answer.status_code for answer in mine} == {200}
        refused = [answer for answer in told if answer.status_code == 429]
        assert len([answer for answer in told if answer.status_code == 200]) >= BURST // 100
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        error = refused[0].json()["error"]
        assert (error["code"], error["says"]) == (
            "request.too-many",
            CATALOGUE["request.too-many"].says,
        )
        lines = gateway.http.get("/v1/stock", params={"sku": "TEA-1"}).json()["lines"]
        assert sum(line["quantity"] for line in lines) == len(mine)
