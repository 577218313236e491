"""What a line means: a place, a scan, or a scan in JSON with what it does not say."""

from __future__ import annotations

import json

import pytest

from edge.inputs.work import Work, completed, plain, scan_of
from shared.errors import QuartermasterError


def test_a_place_is_where_goods_are_received() -> None:
    assert Work().at("DOCK-2") == Work("receive", "DOCK-2")
    assert Work("receive", "DOCK-2").at("DOCK-3") == Work("receive", "DOCK-3")


def test_a_place_is_where_goods_are_put_away_to() -> None:
    assert Work("put_away").at("A-01").at("A-02") == Work("put_away", None, "A-02")


def test_a_move_asks_for_two_places_and_a_third_begins_anew() -> None:
    work = Work("move").at("A-01")
    assert work == Work("move", "A-01")
    assert "put it to" in work.next_in_words()
    work = work.at("A-02")
    assert work == Work("move", "A-01", "A-02")
    assert work.next_in_words() == "now scan the goods"
    assert work.at("A-03") == Work("move", "A-03")


def test_a_label_is_compared_without_its_symbology() -> None:
    assert plain("]C0A-01 ") == plain("A-01") == "A-01"


def test_a_bare_line_is_a_scan_at_the_devices_step() -> None:
    made = json.loads(scan_of("]E04006381333931", Work("put_away", None, "A-01"), "id-1"))
    assert made == {"id": "id-1", "raw": "]E04006381333931", "step": "put_away", "to": "A-01"}


def test_a_scan_in_json_keeps_what_it_says() -> None:
    body = b'{"id": "mine", "raw": "1", "step": "pick", "location": "B-01"}'
    assert completed(body, Work("receive", "DOCK-1"), "made") == body


def test_a_scan_in_json_is_given_what_it_does_not_say() -> None:
    body = b'{"raw": "1", "quantity": 3, "location": "A-02"}'
    made = json.loads(completed(body, Work("receive", "DOCK-1"), "made"))
    assert made == {"id": "made", "raw": "1", "quantity": 3, "location": "A-02", "step": "receive"}


def test_a_step_that_is_said_takes_no_place_from_the_device() -> None:
    body = b'{"id": "mine", "raw": "1", "step": "receive"}'
    assert json.loads(completed(body, Work("put_away", None, "A-01"), None)) == json.loads(body)


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"raw": \xff}', b"[" * 5000])
def test_broken_json_is_refused(body: bytes) -> None:
    with pytest.raises(QuartermasterError) as refused:
        completed(body, Work(), "made")
    assert refused.value.code == "scan.malformed"


def test_a_code_longer_than_any_label_is_refused() -> None:
    with pytest.raises(QuartermasterError) as refused:
        scan_of("x" * 513, Work(), "made")
    assert refused.value.code == "scan.too-long"
