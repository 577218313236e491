"""A heads document says what cameras judge by; what contradicts itself is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.heads import MAX_DIMENSIONS, MAX_MODEL, Head, Heads, decode_heads

MODEL = b"a graph"
HEAD = Head(
    "slots",
    "slots-r1",
    "active",
    hashlib.sha256(MODEL).digest(),
    ["empty", "full"],
    "backbone-1",
    bytes(32),
    64,
    MODEL,
)


def changed(**fields: Any) -> Head:
    return msgspec.structs.replace(HEAD, **fields)


def test_a_document_comes_back_as_it_was_and_finds_its_heads() -> None:
    heads = Heads("berlin", [HEAD, changed(role="shadow", version="slots-r2")])
    assert decode_heads(encode(heads)) == heads
    active, shadow = heads.of("slots", "active"), heads.of("slots", "shadow")
    assert active is not None
    assert shadow is not None
    assert (active.version, shadow.version) == ("slots-r1", "slots-r2")
    assert heads.of("damage", "active") is None


@pytest.mark.parametrize(
    "heads",
    [
        pytest.param([HEAD, changed(version="slots-r2")], id="two heads in one role"),
        pytest.param([changed(classes=["empty", "empty"])], id="a class twice"),
        pytest.param([changed(version="damage-r1")], id="another head's version"),
        pytest.param([changed(classes=["empty"])], id="one class only"),
        pytest.param([changed(model=b"another")], id="other bytes"),
        pytest.param([changed(role="pilot")], id="an unknown role"),
        pytest.param([changed(dimensions=MAX_DIMENSIONS + 1)], id="too many dimensions"),
        pytest.param([changed(dimensions=0)], id="no dimensions"),
        pytest.param(
            [
                changed(
                    model=bytes(MAX_MODEL + 1), sha256=hashlib.sha256(bytes(MAX_MODEL + 1)).digest()
                )
            ],
            id="too large",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(heads: list[Head]) -> None:
    with pytest.raises(QuartermasterError) as refused:
        decode_heads(encode(Heads("berlin", heads)))
    assert refused.value.code == "downlink.malformed"


def test_what_is_no_document_is_refused() -> None:
    for content in (b"", b"\xff", encode(HEAD)):
        with pytest.raises(QuartermasterError) as refused:
            decode_heads(content)
        assert refused.value.code == "downlink.malformed"
