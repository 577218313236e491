"""A small disk fills up under the real gateway: no false OK, a refusal in words, it recovers."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from shared.events import Received
from tests.support.gateway import (
    FakeCloud,
    RunningGateway,
    answers,
    enrol,
    equip,
    public_key,
    running,
    scan,
    wait_until,
)

if TYPE_CHECKING:
    from deploy.broker import Broker

DISK_MEBIBYTES = 9
LEVELS = ["plenty", "low", "scarce", "full"]
SMALL = "[store]\nballast_mebibytes = 2\nmax_mebibytes = {quota}\n"


@contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """The settings for a disk of a few MiB: a file system of its own, else a quota as small."""
    folder.mkdir()
    size = f"size={DISK_MEBIBYTES}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield SMALL.format(quota=DISK_MEBIBYTES - 2)
        return
    try:
        yield SMALL.format(quota=8192)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def batch(gateway: RunningGateway) -> list[dict[str, Any]]:
    scans = [scan(quantity=1) for _ in range(200)]
    answer = gateway.http.post("/v1/scans", json={"scans": scans})
    while answer.status_code == 429:  # a device has its rate
        time.sleep(0.2)
        answer = gateway.http.post("/v1/scans", json={"scans": scans})
    return answers(answer)


def level_told(gateway: RunningGateway) -> str | None:
    """What it says of its disk, once it has looked: it does so each second."""
    disk = gateway.status()["disk"]
    at_least = sum(disk["used_percent"] >= mark for mark in (70, 85))
    return disk["level"] if LEVELS.index(disk["level"]) >= at_least else None


def codes(given: list[dict[str, Any]]) -> set[str]:
    return {answer["error"]["code"] for answer in given if answer["error"]}


def test_scans_fill_the_disk_are_refused_in_words_and_all_that_was_answered_arrives(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    with small_disk(tmp_path / "gw") as settings:
        data = tmp_path / "gw"
        identity = enrol(data, pki, broker_port=broker.gateway_port)
        token = equip(data)
        broker.stop()
        accepted: list[str] = []
        refused: list[str] = []
        levels: list[str] = []
        with running(data, token, extra=settings) as gateway:
            while len(refused) < 100:
                given = batch(gateway)
                assert codes(given) <= {"disk.full"}
                for answer in given:
                    (accepted if answer["outcome"] == "accepted" else refused).append(answer["id"])
                level = wait_until(lambda: level_told(gateway), "the level of what is used")
                levels += [level] if level not in levels[-1:] else []
                assert len(accepted) < 100_000
            assert levels == sorted(levels, key=LEVELS.index), "it says so the more, the less room"
            assert "low" in levels, "it says so before it refuses"
            alone = gateway.scan(quantity=1)
            assert alone.status_code == 507
            assert alone.json()["error"]["do"].startswith("Write the scan down")
            state = wait_until(
                lambda: (s := gateway.status())["disk"]["level"] == "full" and s, "said"
            )
            assert state["notices"][0]["code"] == "disk.full"
            assert gateway.http.get("/readyz").status_code == 503
            broker.start()
            with FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud:
                state = wait_until(
                    lambda: (
                        (s := gateway.status())["unacknowledged"] + s["waiting"] == 0
                        and s["disk"]["level"] in {"plenty", "low"}
                        and s
                    ),
                    "drained and recovered",
                    seconds=60,
                )
                assert state["disk"]["freed_early"] > 0, "what the cloud has went first"
                more = batch(gateway)
                assert not codes(more)
                accepted += [answer["id"] for answer in more]
                wait_until(lambda: gateway.status()["unacknowledged"] == 0, "the rest")
                arrived = [
                    e.id.hex() for e in cloud.events.values() if isinstance(e.data, Received)
                ]
                assert sorted(arrived) == sorted(one.replace("-", "") for one in accepted)
                assert not cloud.errors


def test_somebody_else_fills_the_disk_to_the_last_byte_and_makes_room_again(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    with small_disk(tmp_path / "gw") as settings:
        data = tmp_path / "gw"
        if not os.path.ismount(data):
            return  # without a file system of our own there is nothing to fill
        identity = enrol(data, pki, broker_port=broker.gateway_port)
        token = equip(data)
        keys = {"gw-01": public_key(identity)}
        with (
            FakeCloud(pki, broker.service_port, keys) as cloud,
            running(data, token, extra=settings) as gateway,
        ):
            kept = [gateway.scan().json()["id"] for _ in range(20)]
            filler = data / "somebody-elses"
            fill(filler)
            refused: list[httpx.Response] = []
            for _ in range(30):
                answer = gateway.scan()
                if answer.status_code == 200:
                    kept.append(answer.json()["id"])
                else:
                    refused.append(answer)
            assert {answer.status_code for answer in refused} == {507}
            assert {answer.json()["error"]["code"] for answer in refused} == {"disk.full"}
            filler.unlink()
            wait_until(lambda: room_again(gateway), "room again")
            kept.append(gateway.scan().json()["id"])
            gateway.kill()
        fill(filler)
        with running(data, token, extra=settings) as gateway:
            assert gateway.scan().status_code == 507, "it starts on a full disk, and says so"
            filler.unlink()
            wait_until(lambda: room_again(gateway), "room again")
            kept.append(gateway.scan().json()["id"])
            with FakeCloud(pki, broker.service_port, keys, events=cloud.events) as cloud:
                wait_until(
                    lambda: (s := gateway.status())["unacknowledged"] + s["waiting"] == 0, "drained"
                )
        arrived = {e.id.hex() for e in cloud.events.values() if isinstance(e.data, Received)}
        assert arrived == {one.replace("-", "") for one in kept}


def room_again(gateway: RunningGateway) -> bool:
    disk = gateway.status()["disk"]
    return disk["ballast"] and disk["level"] == "plenty"


def fill(path: Path) -> None:
    """Write until not one byte more finds room."""
    for size in (1 << 20, 4096, 1):
        with path.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * size)
