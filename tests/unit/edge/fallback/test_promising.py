"""Stock is promised within leases: never more, once for each request, and nothing is forgotten."""

from __future__ import annotations

import pytest

from edge import stock
from shared.errors import QuartermasterError
from shared.events import DecisionTaken, LeaseCommitted, LeaseReturned
from shared.leases import Leases
from shared.units import DAY, HOUR
from tests.support.alone import PLACES, Alone
from tests.support.floor import label, new_id


def remaining(alone: Alone) -> dict[str, int]:
    standing = alone.decider.leases(alone.store.database.reader)
    return {each.lease.code: each.remaining for each in standing}


def test_an_order_is_promised_within_the_leases_that_end_first(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 4), ("LE-2", 30))
    answer = alone.allocate(10)
    assert (answer["status"], answer["outcome"], answer["remaining"]) == (200, "committed", 24)
    assert answer["leases"] == [{"lease": "LE-1", "quantity": 4}, {"lease": "LE-2", "quantity": 6}]
    assert answer["decision"]["kind"] == "allocate"
    assert alone.facts(LeaseCommitted) == [
        LeaseCommitted("LE-1", "TEA-1", 4, "SO-1"),
        LeaseCommitted("LE-2", "TEA-1", 6, "SO-1"),
    ]
    assert remaining(alone) == {"LE-1": 0, "LE-2": 24}
    assert alone.replays()


def test_what_leases_do_not_leave_is_refused_with_what_remains(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 8))
    answer = alone.allocate(9)
    assert (answer["status"], answer["outcome"], answer["remaining"]) == (409, "refused", 8)
    assert answer["error"]["code"] == "lease.exhausted"
    assert alone.facts(LeaseCommitted) == []
    (taken,) = alone.facts(DecisionTaken)
    assert (taken.quantity, taken.carried_out) == (0, False)
    assert remaining(alone) == {"LE-1": 8}
    assert alone.replays()


@pytest.mark.parametrize("why", ["no leases", "another channel", "another gateway", "an old epoch"])
def test_without_a_lease_of_its_own_nothing_is_promised(alone: Alone, why: str) -> None:
    alone.receive(100)
    if why != "no leases":
        over = {
            "another channel": {"channel": "web"},
            "another gateway": {"gateway": "gw-02"},
            "an old epoch": {"epoch": 7},
        }[why]
        alone.lease(("LE-1", 50), **over)
    assert alone.allocate(1)["error"]["code"] == "lease.exhausted"
    assert alone.facts(LeaseCommitted) == []


def test_a_channels_lease_is_for_its_orders(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50), channel="web")
    assert alone.allocate(5, channel="web")["outcome"] == "committed"


def test_no_more_is_promised_than_is_here(alone: Alone) -> None:
    alone.receive(10)
    alone.lease(("LE-1", 50))
    assert alone.allocate(7)["outcome"] == "committed"
    assert alone.allocate(4)["remaining"] == 3
    alone.good(label(), "pick", 7, location="R-01", document="SO-1")
    assert alone.allocate(4)["remaining"] == 3
    assert alone.allocate(3)["outcome"] == "committed"


def test_a_pick_for_the_document_fulfils_the_promise_until_it_is_undone(alone: Alone) -> None:
    alone.receive(20)
    alone.lease(("LE-1", 50))
    alone.allocate(10)
    picked = alone.good(label(), "pick", 8, location="R-01", document="SO-1")
    assert alone.allocate(99)["remaining"] == 10  # 12 are here, 2 still promised
    alone.undo(picked["id"])
    assert alone.allocate(99)["remaining"] == 10  # 20 are here, 10 promised
    alone.good(label(), "pick", 15, location="R-01", document="SO-2")
    assert alone.allocate(99)["remaining"] == 0  # 5 are here, 10 promised


def test_the_same_request_gets_the_same_answer_and_promises_once(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50))
    request = {"id": new_id(), "document": "SO-9"}
    first = alone.allocate(10, **request)
    alone.restart()
    assert alone.allocate(10, **request) == first
    assert alone.allocate(11, **request)["error"]["code"] == "request.conflict"
    assert remaining(alone) == {"LE-1": 40}
    assert len(alone.facts(LeaseCommitted)) == 1


def test_an_unknown_item_is_refused_and_may_be_asked_for_again(alone: Alone) -> None:
    assert alone.allocate(1, sku="NONE")["error"]["code"] == "scan.unknown-item"
    assert alone.decisions() == []


def test_a_lease_that_has_ended_goes_back_and_promises_nothing(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50), not_after=alone.clock.now() + HOUR)
    alone.allocate(10)
    alone.clock.moment += HOUR
    assert alone.allocate(1)["outcome"] == "committed"
    alone.clock.moment += 1
    assert alone.allocate(1)["error"]["code"] == "lease.exhausted"
    assert alone.facts(LeaseReturned) == [LeaseReturned("LE-1", "TEA-1", 39, "expired")]
    alone.clock.moment -= DAY
    assert alone.allocate(1)["error"]["code"] == "lease.exhausted"
    assert len(alone.facts(LeaseReturned)) == 1


def test_time_alone_ends_a_lease(alone: Alone) -> None:
    alone.lease(("LE-1", 50), not_after=alone.clock.now() + HOUR)
    alone.pass_time(2 * HOUR)
    alone.pass_time(2 * HOUR)
    assert alone.facts(LeaseReturned) == [LeaseReturned("LE-1", "TEA-1", 50, "expired")]


def test_a_lease_that_a_document_leaves_out_goes_back_and_never_comes_to_life(
    alone: Alone,
) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50), ("LE-2", 5))
    alone.allocate(20)
    alone.lease(("LE-2", 5))
    assert alone.facts(LeaseReturned) == [LeaseReturned("LE-1", "TEA-1", 30, "withdrawn")]
    alone.lease(("LE-1", 50), ("LE-2", 5))
    assert remaining(alone) == {"LE-2": 5}
    assert alone.allocate(6)["remaining"] == 5


def test_what_was_promised_is_known_when_documents_are_forgotten_and_come_again(
    alone: Alone,
) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50))
    alone.allocate(20)
    alone.store.database.run_blocking(stock.forget_documents)
    alone.put("catalog", PLACES)
    alone.lease(("LE-1", 50))
    assert remaining(alone) == {"LE-1": 30}


def test_a_database_that_may_be_a_copy_promises_and_returns_nothing(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50), not_after=alone.clock.now() + HOUR)
    alone.frozen = True
    assert alone.allocate(1)["error"]["code"] == "lease.exhausted"
    alone.put("leases", Leases("berlin", []))
    alone.pass_time(2 * HOUR)
    assert alone.facts(LeaseReturned) == []


def test_in_shadow_nothing_is_promised(alone: Alone) -> None:
    alone.policy(shadow=["allocate"])
    alone.receive(100)
    alone.lease(("LE-1", 50))
    answer = alone.allocate(5)
    assert (answer["outcome"], answer["error"]["code"]) == ("refused", "decision.shadow")
    assert remaining(alone) == {"LE-1": 50}
    assert alone.facts(LeaseCommitted) == []


def test_a_lease_whose_row_has_changed_is_not_used(alone: Alone) -> None:
    alone.receive(100)
    alone.lease(("LE-1", 50))
    alone.store.database.run_blocking(
        lambda connection: connection.execute("UPDATE lease SET remaining = 5000")
    )
    assert alone.allocate(60)["error"]["code"] == "store.damaged"
    with pytest.raises(QuartermasterError, match=r"store\.damaged"):
        remaining(alone)


@pytest.mark.parametrize(
    "request_",
    [
        {"quantity": 0},
        {"quantity": 10_000_001},
        {"sku": "a b"},
        {"document": ""},
        {"channel": ""},
        {"more": 1},
        {"id": "7"},
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_door(
    alone: Alone, request_: dict[str, object]
) -> None:
    given = {"quantity": 1} | request_
    quantity = given.pop("quantity")
    assert alone.allocate(quantity, **given)["error"]["code"] == "request.invalid"  # type: ignore[arg-type]
    assert alone.decisions() == []
