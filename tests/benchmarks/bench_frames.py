"""What looking costs: four 720p cameras at 5 frames a second each, every lane on.

The frames are rendered beforehand and served over HTTP-MJPEG by a process of its own; a gateway's
cameras look at them through their real workers and record into a real store. Behind, goods and
people move at a dock; before it, every two seconds and for 1.2 s, a carton with another code is
held. Every other code is unknown to the item master, so that two frames have to agree on it.

- ``unreported_drops``: frames sent that were neither looked at nor counted as dropped;
- ``cores``: CPU of all workers together, with their capture threads (``/proc``);
- ``code_to_event_p95_ms``: from sending the first frame that shows a code to its event's commit;
- ``scan_lane_p95_ms``: CPU a frame for codes without the ladder, over the reel, after the run;
  ``with_ladder_p95_ms`` is what the worst camera's worker needed with it (it has 40 ms a frame);
- ``skipped``: looks for which a camera's budget (0.25 cores) had no room.

Bars: 0, ≤ 1.0, ≤ 400 ms, ≤ 15 ms, and every code told on every camera.

What limits it: 200 ms between two frames are half of the way to an event that needs two of them;
the rest is decoding (3 ms), looking, and waiting for a core where others work, too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.clock import SystemClock
from deploy.demo.crew import percentile
from deploy.pki import create
from edge.app import opened
from edge.app.cameras import Cameras
from edge.settings import Camera, CountingLine, Zone
from shared.downlink import Catalog, Code, Item
from shared.events import CodeSeen
from tests.support.gateway import CATALOG, enrol, equip_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.app.worker_words import Told

CAMERAS: Final = 4
FPS: Final = 5.0
SHOWN: Final = 6
EMPTY: Final = 4
WARM_UP_S: Final = 4.0
SIZE: Final = (1280, 720)
FACE_WIDTH: Final = 760
MODELS: Final = Path("edge/vision/models")
SLOTS: Final = (0.02, 0.35, 0.68)
"""Where shelf slots begin, as shares of the picture's width."""
WHOLE: Final = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def gtin_of(number: int) -> str:
    """A GTIN-13 of our own, with its check digit."""
    body = f"40{number:010d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body))
    return body + str(-total % 10)


def render(folder: Path, cartons: int) -> None:
    """The reel: a dock where goods and people move; before it cartons with labels come and go."""
    import cv2
    import numpy as np

    from cloud.vision.clips import plan
    from cloud.vision.filming import film
    from edge.simulator.labels import print_label
    from edge.simulator.scenery import carton_face

    rng = np.random.default_rng(20)
    each = SHOWN + EMPTY
    scenes = film(plan(20, frames_per_second=FPS, seconds=cartons * each / FPS))
    face: Any = None
    for number in range(cartons * each):
        carton, shown = divmod(number, each)
        filmed = next(scenes, None)
        if filmed is not None:
            scene = cv2.resize(filmed.image, SIZE, interpolation=cv2.INTER_LINEAR)
        if shown == 0:
            face = carton_face(print_label(f"]E0{gtin_of(carton)}"), rng=rng)
        image = scene.copy()
        if shown < SHOWN:
            put_before(image, face, rng)
        noisy = np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
        (folder / f"{number:05d}.jpg").write_bytes(cv2.imencode(".jpg", noisy)[1].tobytes())


def put_before(image: Any, face: Any, rng: Any) -> None:
    """A carton before the scene, a little turned, each time at another place."""
    import cv2
    import numpy as np

    height, width = face.shape[:2]
    scale = FACE_WIDTH / width
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-4, 4)), scale)
    place = (rng.uniform(0.3, 0.34) * SIZE[0], rng.uniform(0.58, 0.62) * SIZE[1])
    matrix[:, 2] += np.array(place) - (width / 2, height / 2)
    soft = cv2.GaussianBlur(face, (0, 0), 0.7)
    kind = {"dst": image, "borderMode": cv2.BORDER_TRANSPARENT}
    cv2.warpAffine(soft, matrix, SIZE, flags=cv2.INTER_LINEAR, **kind)


def serve(folder: Path) -> None:
    """Be the cameras: ports go out first, then each frame as it is sent; ends with its input."""
    import socket

    frames = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    over = threading.Event()
    say = threading.Lock()

    def stream(camera: int, server: socket.socket) -> None:
        viewer, _ = server.accept()
        viewer.recv(4096)
        head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n"
        viewer.sendall(head)
        began = time.monotonic() + camera / (CAMERAS * FPS)
        for number in range(10**9):
            if over.wait(max(0.0, began + number / FPS - time.monotonic())):
                break
            at = (number + camera * (SHOWN + EMPTY)) % len(frames)
            body = frames[at]
            part = f"--f\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
            sent_at = time.monotonic()
            viewer.sendall(part.encode() + body + b"\r\n")
            with say:
                print(camera, at, sent_at, flush=True)
        time.sleep(3.0)  # what was sent arrives before the end does

    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(CAMERAS)]
    print(*(server.getsockname()[1] for server in servers), flush=True)
    threads = [
        threading.Thread(target=stream, args=each, daemon=True) for each in enumerate(servers)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join(5)


@contextmanager
def served(folder: Path) -> Iterator[tuple[list[int], list[tuple[int, int, float]], Any]]:
    """The cameras' ports, what they have sent so far, and a way to end them."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_frames", "--serve", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    ports = [int(port) for port in process.stdout.readline().split()]
    sent: list[tuple[int, int, float]] = []

    def hear() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            camera, at, when = line.split()
            sent.append((int(camera), int(at), float(when)))

    listener = threading.Thread(target=hear)
    listener.start()
    try:
        yield ports, sent, process.stdin.close
    finally:
        if not process.stdin.closed:
            process.stdin.close()
        process.wait(timeout=20)
        listener.join()


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes with all their threads."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def ships(*names: str) -> bool:
    """Whether all these models ship with the gateway."""
    return all((MODELS / f"{name}.toml").exists() for name in names)


def camera(number: int, port: int) -> Camera:
    """One camera with every lane on for which there is a model."""
    tasks: list[Any] = ["scan"]
    if ships("detector"):
        tasks.append("detect")
    if ships("detector", "backbone", "damage"):
        tasks.append("damage")
    lines = [CountingLine(name="in", start=(0.5, 0.0), end=(0.5, 1.0))]
    return Camera(
        name=f"cam-{number}",
        source=f"http://127.0.0.1:{port}/video",
        frames_per_second=10.0,
        zones=[Zone(name="belt", polygon=WHOLE, tasks=tuple(tasks))],
        lines=lines if "detect" in tasks else [],
    )


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """One run."""
    cartons = round((seconds + WARM_UP_S) * FPS / (SHOWN + EMPTY)) + CAMERAS
    reel = folder / "reel"
    reel.mkdir()
    began = time.monotonic()
    render(reel, cartons)
    print(f"rendered {cartons} cartons in {time.monotonic() - began:.0f} s")
    pki = folder / "pki"
    create(pki, trust_domain="quartermaster.local", clock=SystemClock())
    enrol(folder / "gw", pki)
    known = [
        Item(f"SKU-{number}", "x", [Code("0" + gtin_of(number), 1)])
        for number in range(0, cartons, 2)
    ]
    told: list[tuple[str, str, float]] = []

    def hear(by: Camera, words: Told) -> None:
        if isinstance(words.data, CodeSeen):
            told.append((by.name, words.data.gtin or "", time.monotonic()))

    with opened(folder / "gw") as store, served(reel) as (ports, sent, end):
        equip_store(store, catalog=Catalog("berlin", known, CATALOG.locations))
        if ships("backbone", "slots"):
            draw_slots(store, reel)
        settings = msgspec.structs.replace(
            store.settings, camera=[camera(*each) for each in enumerate(ports)]
        )
        cameras = Cameras(dataclasses.replace(store, settings=settings))
        cameras.start(told=hear)
        try:
            wait_for_all(cameras)
            time.sleep(WARM_UP_S)
            pids = [each["worker"] for each in cameras.report()]
            from_, used = time.monotonic(), cpu_seconds(pids)
            time.sleep(seconds)
            cores = (cpu_seconds(pids) - used) / (time.monotonic() - from_)
            until = time.monotonic()
            end()
            time.sleep(2.5)
            report = cameras.report()
        finally:
            cameras.stop()
    costs = cores, scan_lane(reel, cartons)
    return figures(report, sent, told, (from_, until), costs)


def scan_lane(reel: Path, cartons: int) -> float:
    """What looking at a frame of the reel for codes costs without the ladder: p95, CPU ms."""
    import cv2

    from edge.ports import Frame
    from edge.vision.lanes import Look
    from edge.vision.scanning import ScanLane
    from shared.units import Micros

    cv2.setNumThreads(1)
    known = {"0" + gtin_of(number) for number in range(0, cartons, 2)}
    lane = ScanLane("bench", sku_of=lambda code: "x" if code in known else None, ladder_s=0.0)
    costs: list[float] = []
    for number, path in enumerate(sorted(reel.glob("*.jpg"))):
        image = cv2.imread(str(path))
        began = time.thread_time()
        lane.look(Look(Frame(image, number, number / FPS), Micros(0)))
        costs.append(1000 * (time.thread_time() - began))
    return round(percentile(costs, 0.95), 2)


def draw_slots(store: Any, reel: Path) -> None:
    """Three shelf slots in each camera's picture."""
    from edge.vision.calibration import Slot, put_slot
    from edge.vision.embedding import reference_of

    still = min(reel.glob("*.jpg")).read_bytes()
    for number in range(CAMERAS):
        for at in SLOTS:
            polygon = ((at, 0.02), (at + 0.28, 0.02), (at + 0.28, 0.27), (at, 0.27))
            made = reference_of(still, polygon)
            slot = Slot(f"cam-{number}", f"s{at}", None, polygon, made, "full", "bench", 1)
            store.database.run_blocking(lambda connection, slot=slot: put_slot(connection, slot))


def wait_for_all(cameras: Cameras) -> None:
    """Until every worker sees."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if all(each["state"] == "watching" for each in cameras.report()):
            return
        time.sleep(0.1)
    raise RuntimeError(cameras.report())


def figures(
    report: list[dict[str, Any]],
    sent: list[tuple[int, int, float]],
    told: list[tuple[str, str, float]],
    span: tuple[float, float],
    costs: tuple[float, float],
) -> dict[str, Any]:
    """What the run says; ``costs`` are cores, and the scan lane's p95 without the ladder."""
    cores, scan_p95_ms = costs
    shown: dict[tuple[str, str], float] = {}
    for number, at, when in sent:
        if at % (SHOWN + EMPTY) < SHOWN:
            key = (f"cam-{number}", "0" + gtin_of(at // (SHOWN + EMPTY)))
            shown.setdefault(key, when)
    heard = {(name, gtin): when for name, gtin, when in reversed(told)}
    wanted = {key: when for key, when in shown.items() if span[0] <= when <= span[1] - 1.2}
    waits = [1000 * (heard[key] - when) for key, when in wanted.items() if key in heard]
    frames = [sum(1 for number, _, _ in sent if number == it) for it in range(CAMERAS)]
    accounted = [each["looked_at"] + each["dropped_frames"] for each in report]
    skipped: dict[str, int] = {}
    looks: dict[str, int] = {}
    for each in report:
        for where, count in each["skipped"].items():
            skipped[where] = skipped.get(where, 0) + count
        for where, count in each["looks"].items():
            looks[where] = looks.get(where, 0) + count
    result: dict[str, Any] = {
        "bench": "frames",
        "frames": sum(frames),
        "looked_at": sum(each["looked_at"] for each in report),
        "dropped": sum(each["dropped_frames"] for each in report),
        "unreported_drops": sum(abs(a - b) for a, b in zip(frames, accounted, strict=True)),
        "cores": round(cores, 3),
        "codes_shown": len(wanted),
        "codes_told": len(waits),
        "wrong_codes": len(set(heard) - set(shown)),
        "code_to_event_p50_ms": round(percentile(waits, 0.50), 1),
        "code_to_event_p95_ms": round(percentile(waits, 0.95), 1),
        "scan_lane_p95_ms": scan_p95_ms,
        "with_ladder_p95_ms": max(each["scan_p95_ms"] for each in report),
        "looks": looks,
        "skipped": skipped,
        "restarts": sum(each["restarts"] for each in report),
        "lacking": {each["name"]: each["lacking"] for each in report if each["lacking"]},
    }
    result["ok"] = (
        result["unreported_drops"] == 0
        and result["cores"] <= 1.0
        and result["code_to_event_p95_ms"] <= 400
        and result["scan_lane_p95_ms"] <= 15
        and result["wrong_codes"] == 0
        and len(waits) == len(wanted)
        and not result["lacking"]
    )
    return result


def main() -> int:
    """Run and print; the last line is the JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="10 s instead of 60")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(Path(asked.serve))
        return 0
    with tempfile.TemporaryDirectory(prefix="qm-frames-") as folder:
        result = measure(Path(folder), 10.0 if asked.short else 60.0)
    for name, value in result.items():
        print(f"{name:>22}  {value}")
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
