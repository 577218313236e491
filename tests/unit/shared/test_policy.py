"""What a scan may do, by the policy in force."""

from __future__ import annotations

from datetime import date

import pytest

from shared.downlink import encode
from shared.errors import QuartermasterError
from shared.policy import (
    BUILT_IN,
    Facts,
    Policy,
    Step,
    Verdict,
    decode_policy,
    from_toml_dict,
    judge,
)
from shared.policy.matching import Match, Wanted
from shared.policy.verdict import Asked, Lot


def facts(step: Step = "receive", **over: object) -> Facts:
    given: dict[str, object] = {
        "step": step,
        "quantity": 1,
        "expiry": None,
        "today": date(2026, 1, 15),
        "removed": False,
        "reason": "",
        "left": None,
    }
    return Facts(**(given | over))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (facts(removed=True), "scan.item-removed"),
        (facts(quantity=0), "scan.quantity"),
        (facts(quantity=-1), "scan.quantity"),
        (facts(quantity=1_000_001), "scan.quantity"),
        (facts("adjust", quantity=-5), "scan.reason-missing"),
        (facts("adjust", quantity=-5, reason="  "), "scan.reason-missing"),
        (facts("ship", expiry="2026-01-14"), "scan.expired"),
    ],
)
def test_what_nobody_can_mean_is_refused(given: Facts, code: str) -> None:
    verdict = judge(BUILT_IN, given)
    assert verdict.refusal is not None
    assert verdict.refusal.code == code
    assert verdict.warnings == ()


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (facts(), []),
        (facts("count", quantity=0), []),
        (facts("adjust", quantity=-5, reason="broken"), []),
        (facts(quantity=10_001), ["scan.large-quantity"]),
        (facts("pick", left=0), []),
        (facts("pick", left=-1), ["scan.negative-on-hand"]),
        (facts(expiry="2026-01-14"), ["scan.expired"]),
        (facts("pick", expiry="2026-01-15"), ["scan.near-expiry"]),
        (facts("pick", expiry="2026-01-28"), ["scan.near-expiry"]),
        (facts("pick", expiry="2026-01-29"), []),
        (facts("count", expiry="2020-01-01"), []),
        (facts(quantity=20_000, left=-1), ["scan.large-quantity", "scan.negative-on-hand"]),
    ],
)
def test_what_is_merely_suspicious_is_accepted_with_a_warning(
    given: Facts, codes: list[str]
) -> None:
    verdict = judge(BUILT_IN, given)
    assert verdict.refusal is None
    assert [notice.code for notice in verdict.warnings] == codes


def test_a_policy_decides_what_is_refused_and_what_is_not_worth_a_word() -> None:
    strict = Policy(negative_on_hand="refuse", expired_arriving="refuse")
    lax = Policy(negative_on_hand="allow", expired_leaving="allow", near_expiry_days=0)
    assert judge(strict, facts("pick", left=-1)).refusal is not None
    assert judge(strict, facts(expiry="2026-01-01")).refusal is not None
    assert judge(lax, facts("pick", left=-1, expiry="2026-01-01")) == Verdict(None, ())


def test_a_policy_goes_through_its_document_unchanged() -> None:
    policy = Policy("tight", max_quantity=7, negative_on_hand="refuse")
    assert decode_policy(encode(policy)) == policy


@pytest.mark.parametrize("content", [b"", b"\x00", encode(BUILT_IN) + b"\x00", b"\x81\x18\x2a"])
def test_bytes_that_are_no_policy_are_refused(content: bytes) -> None:
    with pytest.raises(QuartermasterError) as refused:
        decode_policy(content)
    assert refused.value.code == "downlink.malformed"


def test_a_table_names_what_differs_from_the_built_in_rules() -> None:
    assert from_toml_dict({}) == BUILT_IN
    assert from_toml_dict({"name": "x", "max_quantity": 5}).max_quantity == 5


@pytest.mark.parametrize(
    "table", [{"max_quantty": 5}, {"max_quantity": "5"}, {"negative_on_hand": "maybe"}]
)
def test_a_table_with_a_mistake_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(QuartermasterError) as refused:
        from_toml_dict(table)
    assert refused.value.code == "settings.invalid"


def asked(missed: str = "", *, left: int = 5, **over: object) -> Asked:
    wanted = Wanted(1, "TEA-1", left, "A-01", None, None, 0)
    found = Match(None if missed else wanted, missed, wanted)  # type: ignore[arg-type]
    return Asked(**({"may": True, "match": found} | over))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (facts("pick", known=False, code="X"), "scan.unknown-item"),
        (facts("ship", asked=asked(may=False)), "task.step"),
        (facts("pick", asked=asked("item")), "task.wrong-item"),
        (facts("pick", asked=asked("lot")), "task.wrong-lot"),
        (facts("pick", asked=asked("location")), "task.wrong-location"),
        (facts("pick", quantity=6, asked=asked()), "task.over"),
        (facts("pick", held=3), "scan.held"),
        (facts("pick", sooner=Lot("L1", "2026-02-01")), "scan.fefo"),
        (facts("pick", expiry="2026-01-01", held=3, sooner=Lot("L1", "x")), "scan.expired"),
        (facts("pick", asked=asked("item"), expiry="2026-01-01"), "task.wrong-item"),
    ],
)
def test_what_a_task_or_the_stock_speaks_against_is_refused(given: Facts, code: str) -> None:
    verdict = judge(BUILT_IN, given)
    assert verdict.refusal is not None
    assert verdict.refusal.code == code
    assert (verdict.expected is None) == (given.asked is None)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (facts("pick", quantity=5, asked=asked()), []),
        (facts("pick", quantity=6, asked=asked(left=0)), []),
        (facts("receive", quantity=6, asked=asked(arriving=True)), ["task.over-receipt"]),
        (facts("receive", quantity=6, asked=asked(arriving=True, blind=True)), []),
        (facts("count", quantity=6, asked=asked(left=0)), []),
        (facts("move", held=3, sooner=Lot("L1", "2026-02-01")), []),
        (facts("receive", differs="2026-03-01"), ["scan.expiry-differs"]),
    ],
)
def test_what_a_task_asks_for_passes(given: Facts, codes: list[str]) -> None:
    verdict = judge(BUILT_IN, given)
    assert verdict.refusal is None
    assert [notice.code for notice in verdict.warnings] == codes


def test_every_ruling_is_the_policys() -> None:
    rulings = {
        "wrong_item": facts("pick", asked=asked("item")),
        "wrong_location": facts("pick", asked=asked("location")),
        "over_task": facts("pick", quantity=6, asked=asked()),
        "over_receipt": facts("receive", quantity=6, asked=asked(arriving=True)),
        "held_leaving": facts("pick", held=1),
        "fefo": facts("pick", sooner=Lot("L1", "2026-02-01")),
        "expired_leaving": facts("pick", expiry="2026-01-01"),
        "expired_arriving": facts("receive", expiry="2026-01-01"),
        "negative_on_hand": facts("pick", left=-1),
    }
    for field, given in rulings.items():
        refused = judge(Policy(**{field: "refuse"}), given)  # type: ignore[arg-type]
        warned = judge(Policy(**{field: "warn"}), given)  # type: ignore[arg-type]
        allowed = judge(Policy(**{field: "allow"}), given)  # type: ignore[arg-type]
        assert refused.refusal is not None, field
        assert warned.refusal is None
        assert [notice.code for notice in warned.warnings] == [refused.refusal.code]
        assert (allowed.refusal, allowed.warnings) == (None, ())
