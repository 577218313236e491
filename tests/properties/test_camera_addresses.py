"""A camera's password is never shown, whatever it is made of and however it was typed."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from edge.app.journal import blanked
from edge.capture.camera import without_password
from edge.settings import shown

HIDDEN = "x7Zq"
around = st.text(alphabet="ab1 /?#@:=&[]%\"'\\._-\t", max_size=6)


@given(scheme=st.sampled_from(["rtsp", "http", "RTSP"]), before=around, after=around)
@example(scheme="rtsp", before="", after="@")
@example(scheme="rtsp", before="123/", after="")
@example(scheme="http", before="a b", after="/")
def test_of_a_password_in_an_address_nothing_is_shown(scheme: str, before: str, after: str) -> None:
    address = f"{scheme}://me:{before}{HIDDEN}{after}@cam:554/stream"
    assert HIDDEN not in without_password(address)
    assert HIDDEN not in shown(address)


@given(before=around, after=around)
def test_nor_of_one_that_stands_in_a_query_or_a_path(before: str, after: str) -> None:
    kept = str.maketrans("", "", " \t&/?#@")
    password = (before + HIDDEN + after).translate(kept)
    for address in (
        f"http://cam/video?user=me&password={password}",
        f"rtsp://cam:554/user=me&password={password}&channel=1.sdp",
    ):
        assert HIDDEN not in without_password(address)
        assert HIDDEN not in shown(address)


@given(before=st.text(alphabet="ab1@:=&%._-", max_size=6))
def test_nor_in_a_line_of_the_log(before: str) -> None:
    said = f"cannot open rtsp://me:{before}{HIDDEN}@cam/1 and wait"
    assert HIDDEN not in blanked("detail", said)
    assert HIDDEN not in shown(said)
