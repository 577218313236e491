"""Somebody asks what the label on a photo says: the gateway answers, another process has read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.app.store import opened
from edge.vision.labels import provenance
from shared.events import LabelRead, decode_event
from tests.support import WallClock
from tests.support.floor import new_id
from tests.support.gateway import RunningGateway, enrol, equip, running
from tests.support.prints import Label, photo

EXPIRES = datetime.fromtimestamp(WallClock().now() / 1e6, UTC).date() + timedelta(days=300)
GOOD = Label(("OAT FLAKES 500 G", "LOT KR43796", f"EXP {EXPIRES:%d.%m.%Y}"), "", "")
BAD = Label(("OAT FLAKES 500 G", "USE BY 31 FEB 2027", "EXP 31 FEB"), "", "")
SETTINGS = '[labels]\nlot_forms = ["AA99999"]\ndates = "day-first"\n'


@pytest.fixture
def gateway(tmp_path: Path, pki: Path) -> Iterator[RunningGateway]:
    data = tmp_path / "gw"
    enrol(data, pki)
    with running(data, equip(data), extra=SETTINGS) as gateway:
        yield gateway


def photographed(gateway: RunningGateway, label: Label) -> tuple[str, bytes]:
    """A photo of a label, sent in with a code that nobody knows: the exception, and its photo."""
    picture = photo(label, np.random.default_rng(3), style="thermal", blur=0.0)
    encoded = cv2.imencode(".jpg", picture)[1].tobytes()
    report = {
        "id": new_id(),
        "about": "scan.unknown-item",
        "subject": "4006381333931",
        "photo": base64.b64encode(encoded).decode(),
    }
    raised = gateway.http.post("/v1/exceptions", json=report)
    assert raised.json()["photo_kept"], raised.text
    return raised.json()["exception"], encoded


def asked(gateway: RunningGateway, exception: str) -> dict[str, Any]:
    answer = gateway.http.post(f"/v1/exceptions/{exception}/label", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_lot_and_expiry_are_read_off_a_photo_and_a_day_that_is_not_there_never(
    gateway: RunningGateway,
) -> None:
    good, picture = photographed(gateway, GOOD)
    told = asked(gateway, good)
    assert (told["lot"], told["expiry"]) == ("KR43796", EXPIRES.isoformat())
    bad, _ = photographed(gateway, BAD)
    doubt = asked(gateway, bad)
    assert (doubt["lot"], doubt["expiry"], doubt["seq"], doubt["codes"]) == (None, None, None, [])
    assert "31 FEB" in doubt["text"]
    loaded = Path(f"/proc/{gateway.process.pid}/maps").read_text()
    assert not [each for each in ("cv2", "onnxruntime", "rapidocr") if each in loaded]
    assert gateway.stop() == 0
    with opened(gateway.data) as store:
        rows = store.database.reader.execute("SELECT body FROM waiting ORDER BY seq").fetchall()
    events = [decode_event(body) for (body,) in rows]
    (event,) = [each for each in events if isinstance(each.data, LabelRead)]
    read = event.data
    assert isinstance(read, LabelRead)
    assert (event.seq, event.device) == (told["seq"], "sc-01")
    assert (read.lot, read.expiry) == ("KR43796", EXPIRES.isoformat())
    assert (read.camera, read.zone) == ("sc-01", None)
    assert (read.model, read.model_sha256) == provenance()
    assert read.confidence == told["confidence"] > 900
    assert read.image_sha256 == hashlib.sha256(picture).digest()
    assert 0 < read.frame_at <= event.occurred_at
