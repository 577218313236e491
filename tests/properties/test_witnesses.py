"""Three witnesses: the unclear raises nothing, the clear is said, and nobody is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.witness import (
    ENOUGH_FRAMES,
    TOGETHER,
    Check,
    Glimpse,
    Handled,
    OnRecord,
    Right,
    Window,
    joined,
    judge,
    settled,
)

AT = 1_768_000_000_000_000
WINDOW = Window()
PLACES = ["DOCK-1", "A-01", "A-02", "A-03", "STAGE-1"]
SKUS = ["TEA-1", "OAT-1", "SOAP-1"]
TIMES = st.integers(AT - WINDOW.before, AT + WINDOW.after) | st.integers(
    AT - 3 * WINDOW.before, AT + 3 * WINDOW.after
)

HANDLED = st.builds(
    Handled,
    st.sampled_from(SKUS),
    st.integers(1, 99),
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
    TIMES,
    st.booleans(),
)
GLIMPSES = st.builds(
    Glimpse,
    st.sampled_from(["cam-1", "cam-2"]),
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
    TIMES,
    st.none() | st.sampled_from(SKUS),
    st.just(""),
    st.integers(1, 3),
    st.integers(-1, 1),
    st.sampled_from([b"1", b"2", b"3"]),
).flatmap(
    lambda each: st.just(each) if each.sku else st.booleans().map(lambda g: each._replace(gone=g))
)
LEDGERS = st.dictionaries(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(PLACES)), st.integers(-5, 50)
)
WATCHED = st.sets(st.sampled_from(PLACES))


def on_record(ledger: dict[tuple[str, str], int]) -> OnRecord:
    return lambda sku, location: ledger.get((sku, location), 0)


def asked(
    handled: Handled,
    glimpses: list[Glimpse],
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> Check | None:
    return judge(
        handled, glimpses, others, on_record=on_record(ledger), watched=watched, window=WINDOW
    )


CASES = (
    HANDLED.map(lambda each: each._replace(at=AT)),
    st.lists(GLIMPSES, max_size=8),
    st.lists(HANDLED, max_size=4),
    LEDGERS,
    WATCHED,
)


@given(*CASES)
def test_another_item_in_a_single_frame_disagrees_with_nobody(
    handled: Handled,
    glimpses: list[Glimpse],
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> None:
    once = [each._replace(frames=1) for each in glimpses if each.sku not in {None, handled.sku}]
    check = asked(handled, once, others, ledger, watched)
    assert check is None or check.verdict == "unsure"


@given(*CASES)
def test_only_what_was_seen_around_the_scan_counts(
    handled: Handled,
    glimpses: list[Glimpse],
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> None:
    first, last = WINDOW.around(handled.at)
    near = [each for each in glimpses if first <= each.at <= last]
    assert asked(handled, glimpses, others, ledger, watched) == asked(
        handled, near, others, ledger, watched
    )
    check = asked(handled, glimpses, others, ledger, watched)
    assert check is None or check.by in near


@given(*CASES)
def test_a_disagreement_has_a_witness_that_says_otherwise_and_no_other_explanation(
    handled: Handled,
    glimpses: list[Glimpse],
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> None:
    check = asked(handled, glimpses, others, ledger, watched)
    if check is None or check.verdict != "disagreed":
        return
    assert len({check.by_scan, check.by_camera, check.by_ledger}) == 2
    against_ledger = check.by_ledger < 0 and check.location == handled.source
    if against_ledger:
        return
    came = check.by_camera > check.by_ledger
    if came:
        assert ledger.get((check.sku, check.location), 0) <= 0
    looked_at = handled.source if not came else handled.target
    assert looked_at in watched or check.location == handled.target


@given(*CASES)
def test_an_agreement_is_never_beside_numbers_that_differ(
    handled: Handled,
    glimpses: list[Glimpse],
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> None:
    check = asked(handled, glimpses, others, ledger, watched)
    if check is None or check.verdict != "agreed":
        return
    assert check.by_scan == check.by_camera == check.by_ledger
    assert check.sku == handled.sku
    assert check.location in {handled.source, handled.target}


@given(HANDLED, st.lists(HANDLED, max_size=4), LEDGERS, WATCHED)
def test_without_a_glimpse_there_is_nothing_to_say(
    handled: Handled,
    others: list[Handled],
    ledger: dict[tuple[str, str], int],
    watched: set[str],
) -> None:
    assert asked(handled, [], others, ledger, watched) is None


@given(st.lists(GLIMPSES, max_size=12))
def test_a_code_is_joined_only_with_a_track_of_its_own_zone_and_moment(
    glimpses: list[Glimpse],
) -> None:
    tracks = [each for each in glimpses if each.sku is None and not each.gone]
    found = joined(glimpses)
    assert len(found) == sum(each.sku is not None for each in glimpses)
    for each in found:
        code = each.glimpse
        near = [
            track
            for track in tracks
            if (track.camera, track.zone) == (code.camera, code.zone)
            and abs(track.at - code.at) <= TOGETHER
        ]
        assert each.is_sure == (bool(near) or code.frames >= ENOUGH_FRAMES)
        assert each.net in ({track.net for track in near} or {0})


COUNTS = st.integers(-100, 100)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_count_says_who_was_right(scan: int, camera: int, ledger: int, difference: int) -> None:
    right = settled(scan, camera, ledger, difference)
    assert right.ledger == (difference == 0)
    if scan == ledger:
        assert right.scan == right.ledger
    if (camera - ledger) * (scan - ledger) < 0:
        assert not (right.camera and right.scan)
    assert right.in_words()


def test_words_name_the_right_and_the_wrong() -> None:
    assert Right(scan=False, camera=True, ledger=False).in_words() == (
        "camera was right; scan and ledger were wrong"
    )
    assert Right(scan=True, camera=True, ledger=True).in_words() == (
        "scan and camera and ledger were right"
    )
