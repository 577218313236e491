"""Keys are written and read one way, and may only what they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.access.model import Caller, read_key, write_key
from shared.errors import QuartermasterError


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=32, max_size=32))
def test_a_written_key_is_read_back(key_id: bytes, secret: bytes) -> None:
    issued = write_key("dev", key_id, secret)
    presented = read_key(issued.text)
    assert presented is not None
    assert (presented.environment, presented.key_id) == ("dev", key_id.hex())


@pytest.mark.parametrize(
    "text", ["", "qm_", "qm_dev_1_2", "Bearer x", "qm_dev_aabbccddeeff_" + "x" * 44, "\0", "qm_dév"]
)
def test_anything_else_is_no_key(text: str) -> None:
    assert read_key(text) is None


def test_the_hash_covers_the_whole_key() -> None:
    here = read_key(write_key("dev", bytes(6), bytes(32)).text)
    there = read_key(write_key("prod", bytes(6), bytes(32)).text)
    assert here is not None
    assert there is not None
    assert here.secret_sha256 != there.secret_sha256


def test_a_caller_may_not_what_it_does_not_name() -> None:
    caller = Caller("k", "n", frozenset({"read"}), frozenset({1}))
    caller.demand("read")
    with pytest.raises(QuartermasterError) as refusal:
        caller.demand("catalog:write")
    assert refusal.value.code == "request.forbidden"
    assert caller.sees(1)
    assert not caller.sees(2)
    assert not caller._replace(sites=frozenset()).sees(1)
    assert caller._replace(sites=None).sees(2)
