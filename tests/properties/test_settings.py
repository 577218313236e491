"""Whatever lies in ``gateway.toml``, a gateway finds settings to start with, says what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.app.checking import check
from edge.app.safe_mode import chosen, differences
from edge.settings import Settings, parse
from shared.errors import QuartermasterError

_LINES = st.sampled_from(
    [
        "[api]", "[broker]", "[uplink]", "[store]", "[[camera]]", "[tcp]", "[mqtt]", "[[sensor]]",
        "port = 8443", 'port = "x"', "port = 0", 'host = "127.0.0.1"', "window = 16", "window = 99",
        'name = "dock"', 'source = "0"', 'device = "s-1"', 'kind = "door"', "heartbeat_seconds = 5",
        "heartbeat_seconds = nan", "heartbeat_seconds = inf", "retention_days = -1", "names = [1]",
        'names = ["a b"]', "prot = 1", "api = 3", "camera = []", "x.y = 1", "# nothing", "[", '"',
        "max_mebibytes = 99999999999999999999", "burst = 1e400", "d = 2026-01-01",
    ]
)  # fmt: skip
_TEXTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(_LINES, max_size=8).map(lambda lines: "\n".join(lines).encode()),
)


def _parsed(text: bytes) -> Settings | None:
    try:
        return parse(text)
    except QuartermasterError:
        return None


@settings(max_examples=300, deadline=None)
@given(text=_TEXTS, good=st.none() | _TEXTS)
def test_there_are_always_settings_and_what_is_not_used_is_named(
    text: bytes, good: bytes | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "gateway.toml").write_bytes(text)
        if good is not None:
            (data / "gateway.toml.last-good").write_bytes(good)
        choice = chosen(data)
        assert isinstance(choice.settings, Settings)
        assert (choice.using == "file") == (choice.fault == "")
        assert (choice.using == "file") == (_parsed(text) is not None)


@settings(max_examples=300, deadline=None)
@given(text=_TEXTS)
def test_the_check_and_the_start_agree_on_what_is_written(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, faults = check(text, Path(folder), runs=False)
    assert found == _parsed(text)
    if found is None:
        assert any(fault.level == "problem" for fault in faults)
    else:
        assert differences(found, found) == {}
    assert all(fault.says for fault in faults)
