"""Pure decision functions a second, on one core: what a gateway decides, and the cloud again.

Nine kinds of decisions take turns, over inputs as a gateway records them: sixteen reserve
positions, ten docks, eight leases, numbers that change from one to the next. The line before the
last tells each kind by itself, and what recording an input and deciding again from its bytes cost
(the cloud's part).

What limits it: building the sentences. A decision is about twenty microseconds, of which the
arithmetic is about two; sorting sixteen reserve positions by expiry costs five.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from shared.policy import (
    RULES,
    Allocation,
    DecisionKind,
    Held,
    Losses,
    Outlook,
    PickErrors,
    Place,
    Policy,
    Recorded,
    Replenishment,
    Request,
    Reserve,
    Routing,
    decide,
    encode_input,
    replay,
)
from tests.support.decisions import taken

ROUNDS = 5
EACH = 4_000
WANTED = 20_000
POLICY = Policy(order_units=500, order_units_a_day=5_000, transfer_units=100)


def replenishment(n: int) -> Recorded:
    reserves = [
        Reserve(
            f"R-{i:02d}", 10 + (n + i) % 40, f"L{(n * 7 + i * 3) % 90}", f"2027-0{1 + i % 9}-15"
        )
        for i in range(16)
    ]
    return Replenishment(
        RULES, n % 5000, f"SKU-{n}", f"A-{n}", 20, 120, n % 20, 0, "2026-03-01", reserves, 40, 200
    )


def routing(n: int) -> Recorded:
    places = [
        Place(f"D-{i}", f"Z{i % 3}", (n * 13 + i * 29) % 90, i, 100, i * 3, (n + i) % 7 == 0)
        for i in range(10)
    ]
    return Routing(RULES, 0, f"SKU-{n}", 5 + n % 40, f"D-{n % 10}", places)


def allocation(n: int) -> Recorded:
    leases = [Held(f"LE-{i}", 5 + (n + i) % 20, 1_000 + (n * i) % 500) for i in range(8)]
    return Allocation(RULES, 0, f"SKU-{n}", 1 + n % 60, f"SO-{n}", "", 100, 1_100, leases)


def outlook(n: int) -> Recorded:
    return Outlook(RULES, 30, f"SKU-{n}", 10 + n % 50, 5, 40 + n % 90, 8, 24)


def request(n: int) -> Recorded:
    return Request(RULES, 30, f"SKU-{n}", 10 + n % 900, n % 40, 24, n % 5_500)


def losses(n: int) -> Recorded:
    return Losses(RULES, 0, f"SKU-{n}", 30, 4, 500, 5 + n % 20, f"A-{n}", 3 + n % 5)


def pick_errors(n: int) -> Recorded:
    return PickErrors(RULES, 0, "item", f"SKU-{n}", 60, n % 4, n % 2, n % 3, 1)


KINDS: dict[DecisionKind, Callable[[int], Recorded]] = {
    "replenish": replenishment,
    "dock": routing,
    "put_away": routing,
    "allocate": allocation,
    "stockout": outlook,
    "transfer": request,
    "order": request,
    "shrinkage": losses,
    "pick_errors": pick_errors,
}


def rate(work: Callable[[], None], number: int) -> float:
    """How many of ``number`` a second; the median of some rounds."""
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(number / (time.perf_counter() - began))
    return statistics.median(found)


def main() -> None:
    """Measure and print; the last line is JSON."""
    inputs = {kind: [make(n) for n in range(EACH)] for kind, make in KINDS.items()}
    mixed = [(kind, given) for row in zip(*_named(inputs), strict=True) for kind, given in row]

    def decide_mixed() -> None:
        for kind, given in mixed:
            decide(kind, POLICY, given)

    each: dict[str, int] = {}
    for kind, given in inputs.items():

        def decide_one(kind: DecisionKind = kind, given: list[Recorded] = given) -> None:
            for one in given:
                decide(kind, POLICY, one)

        each[kind] = round(rate(decide_one, EACH))
    events = [taken(kind, POLICY, given)[1] for kind, given in mixed[:9_000]]

    def record() -> None:
        for _, given in mixed[:9_000]:
            encode_input(given)

    def decide_again() -> None:
        for event in events:
            assert replay(POLICY, event).identical

    decisions = rate(decide_mixed, len(mixed))
    print(f"each kind, a second: {each}")
    print(
        json.dumps(
            {
                "bench": "fallback",
                "decisions_per_s": round(decisions),
                "wanted_per_s": WANTED,
                "recorded_per_s": round(rate(record, 9_000)),
                "replayed_per_s": round(rate(decide_again, 9_000)),
                "met": decisions >= WANTED,
            }
        )
    )


def _named(
    inputs: dict[DecisionKind, list[Recorded]],
) -> list[list[tuple[DecisionKind, Recorded]]]:
    return [[(kind, one) for one in given] for kind, given in inputs.items()]


if __name__ == "__main__":
    main()
