"""The scan page's pure modules, run by node: pace, repeats, ids, backoff, what labels say."""

from __future__ import annotations

import itertools
import json
import subprocess
import uuid
from typing import Any

import pytest

from edge.web import pages
from edge.web.labels import LABELS

JS = pages.SCAN / "js"
_STAND_INS = """
globalThis.HTMLTextAreaElement = class {}; globalThis.HTMLInputElement = class {};
"""


def js(code: str, **given: Any) -> Any:
    """What ``code`` returns; ``given`` are its variables, ``load`` imports a module of the page."""
    names = ", ".join(given)
    script = f"""{_STAND_INS}
        const load = (name) => import({json.dumps(JS.absolute().as_uri())} + '/' + name);
        const {{{names}}} = {json.dumps(given)};
        const answer = await (async () => {{ {code} }})();
        process.stdout.write(JSON.stringify(answer));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Ids


def test_ids_are_in_order_of_making_also_when_the_clock_stands_or_runs_backwards() -> None:
    made = js(
        """const { uuid7 } = await load('ids.js');
        const times = [...Array(5000).fill(1768000000000), 1767999999999, 5, 1768000000007];
        return times.map((time) => uuid7(time));"""
    )
    assert sorted(made) == made
    assert len(set(made)) == len(made)
    for text in (made[0], made[-1]):
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert uuid.UUID(made[0]).int >> 80 == 1768000000000


# Backoff


def test_waiting_grows_with_full_jitter_and_is_bounded() -> None:
    most, least, held = js(
        """const { delay } = await load('backoff.js');
        const tries = [...Array(30).keys()];
        return [tries.map((n) => delay(n, { random: 0.999999 })),
            tries.map((n) => delay(n, { random: 0 })), delay(1, { random: 0, atLeast: 1000 })];"""
    )
    assert all(later >= earlier for earlier, later in itertools.pairwise(most))
    assert most[0] == pytest.approx(500, abs=1)
    assert max(most) <= 30_000
    assert set(least) == {0}
    assert held == 1000


# The camera's repeats


@pytest.mark.parametrize(
    ("seen", "news"),
    [
        ([(0, "]C1A")], [0]),
        ([(0, "]C1A"), (100, "]C1A"), (1500, "]C1A")], [0]),
        ([(0, "]C1A"), (100, "]C1A"), (1700, "]C1A")], [0, 1700]),
        ([(0, "]C1A"), (50, "]C1B"), (100, "]C1A"), (150, "]C1B")], [0, 50]),
        ([(0, "]E0A"), (100, "]E0A"), (200, "]E0A")], [100]),
        ([(0, "]E0A"), (700, "]E0A"), (800, "]E0A")], [800]),
        ([(0, "]E0A"), (100, "]E0B"), (200, "]E0A")], [200]),
    ],
    ids=[
        "once",
        "in view",
        "came back",
        "two in view",
        "agree",
        "too far apart",
        "misread between",
    ],
)
def test_one_label_in_view_is_one_scan(seen: list[tuple[int, str]], news: list[int]) -> None:
    told = js(
        """const { Repeats } = await load('inputs/repeats.js');
        const repeats = new Repeats();
        return seen.filter(([at, code]) => repeats.see(code, at).news).map(([at]) => at);""",
        seen=seen,
    )
    assert told == news


# The wedge

_TYPED = """
    const { Wedge } = await load('inputs/wedge.js');
    const heard = [];
    const wedge = new Wedge({
        settings: () => ({ suffix: 'enter', prefix: '', separator: '', ...settings }),
        taken: ({ text }) => heard.push(['taken', text]),
        broken: ({ text }, { mixed }) => heard.push([mixed ? 'mixed' : 'endless', text]),
    });
    let at = 1000;
    for (const [key, gap, more] of keys) {
        at += gap;
        const event = { code: '', timeStamp: at, target: null, preventDefault() {},
            stopImmediatePropagation() {}, getModifierState: () => false };
        wedge.keydown({ ...event, key, ...more });
        if (more?.altUp) wedge.keyup({ ...event, key: 'Alt' });
    }
    await new Promise((ok) => setTimeout(ok, wait));
    wedge.reset();
    return heard;
"""


def typed(
    keys: list[Any], *, wait: int = 0, settings: dict[str, str] | None = None
) -> list[list[str]]:
    return js(_TYPED, keys=keys, wait=wait, settings=settings or {})


def burst(text: str, gap: float = 10, end: str = "Enter") -> list[tuple[str, float]]:
    return [(key, gap) for key in [*text, *([end] if end else [])]]


CTRL = {"ctrlKey": True}


@pytest.mark.parametrize("gap", [5, 12, 25, 40])
@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_any_pace_of_a_scanner_is_a_scan(gap: float, end: str) -> None:
    assert typed(burst("9506000134352", gap, end)) == [["taken", "9506000134352"]]


def test_scans_that_follow_each_other_at_once_are_two() -> None:
    assert typed([*burst("ABC123"), *burst("DEF456")]) == [["taken", "ABC123"], ["taken", "DEF456"]]


def test_a_persons_typing_is_nothing_and_a_radio_that_stumbles_once_still_a_scan() -> None:
    assert typed(burst("hello", 110)) == []
    stumbled = [*burst("95060001", end=""), ("3", 1400), *burst("4352")]
    assert typed(stumbled) == [["taken", "9506000134352"]]


def test_what_a_person_typed_into_a_scan_is_never_guessed_at() -> None:
    mixed = [*burst("by hand", 130, end=""), *burst("9506000134352")]
    assert typed(mixed) == [["mixed", "by hand9506000134352"]]


@pytest.mark.parametrize(
    "separator",
    [
        [("]", 10, CTRL)],
        [("+", 10, CTRL | {"code": "BracketRight"})],
        [("\x1d", 10, CTRL)],
        [
            ("0", 5, {"altKey": True, "code": "Numpad0"}),
            ("2", 5, {"altKey": True, "code": "Numpad2"}),
            ("9", 5, {"altKey": True, "code": "Numpad9", "altUp": True}),
        ],
    ],
    ids=["ctrl", "german", "itself", "alt"],
)
def test_the_group_separator_is_understood_however_it_is_typed(separator: list[Any]) -> None:
    keys = [*burst("10L-7", end=""), *separator, *burst("17480131")]
    assert typed(keys) == [["taken", "10L-7\x1d17480131"]]


def test_an_agreed_separator_and_prefix_are_replaced() -> None:
    settings = {"separator": "~", "prefix": "#"}
    assert typed(burst("#10L-7~17480131"), settings=settings) == [["taken", "10L-7\x1d17480131"]]


def test_line_ends_as_control_characters_end_a_scan() -> None:
    assert typed([*burst("ABC123", end=""), ("m", 10, CTRL)]) == [["taken", "ABC123"]]


def test_without_a_suffix_a_pause_ends_a_scan_where_that_was_agreed() -> None:
    keys = burst("9506000134352", end="")
    agreed = typed(keys, wait=250, settings={"suffix": "none"})
    assert agreed == [["taken", "9506000134352"]]
    assert typed(keys, wait=1600) == [["endless", "9506000134352"]]


# What labels seem to say


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (
            "]C101095060001343521748013110L2025A",
            {"gtin": "09506000134352", "expiry": "2048-01-31", "lot": "L2025A"},
        ),
        (
            LABELS["gs1-datamatrix"].sends,
            {"gtin": "09506000134352", "lot": "QM-42", "serial": "7", "expiry": "2048-01-31"},
        ),
        ("02095060001343523712", {"gtin": "09506000134352", "quantity": 12}),
        ("4006381333931", {}),
        ("A-01", {}),
    ],
)
def test_a_label_is_readable_before_the_gateway_has_answered(raw: str, says: Any) -> None:
    code = "const { fieldsOf } = await load('words.js'); return fieldsOf(raw);"
    assert js(code, raw=raw) == says
