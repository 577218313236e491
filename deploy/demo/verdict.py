"""The verdict: the cloud's ledger, read through its public API, against the oracle.

Event by event, not by counting: every accepted scan must stand in the ledger under its own id with
exactly the movements that it means; nothing else may stand there; and stock, position by position,
must be what the oracle folded. Where visitors were invited to scan, too, only the crew is judged:
what other devices moved is taken out of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from deploy.demo.reader import Reader
from edge.simulator.oracle import Key, Oracle, legs


class Verdict(NamedTuple):
    """What the comparison found; all but the first two must be zero or empty.

    ``made`` are accepted scans, ``in_ledger`` those of them that the ledger holds. ``doubled``
    counts ids with too many movements and ids that no gateway accepted. ``gaps`` are sequence
    numbers that the cloud says are missing. ``stock`` names positions that differ. ``visitors`` are
    events of devices that are none of the crew's.
    """

    made: int
    in_ledger: int
    lost: int
    doubled: int
    gaps: int
    quarantined: int
    misunderstood: int
    stock: tuple[str, ...]
    stock_lines: int
    visitors: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, missing or different."""
        return not (
            self.lost
            or self.doubled
            or self.gaps
            or self.quarantined
            or self.misunderstood
            or self.stock
        )


def judge(cloud: Reader, oracle: Oracle, *, crew: Collection[str] | None = None) -> Verdict:
    """Read the whole ledger and compare.

    Args:
        cloud: the public API.
        oracle: what was scanned.
        crew: the devices to judge; all of them, if none are named.

    Raises:
        QuartermasterError: ``cloud.unreachable``.
    """
    accepted = oracle.accepted_ids()
    sites = sorted({noted.site for noted in oracle.scans.values()})
    found: Counter[str] = Counter()
    visitors: set[str] = set()
    gaps = quarantined = 0
    stock: Counter[Key] = Counter()
    for site in sites:
        for row in cloud.rows("/v1/movements", site=site):
            if crew is not None and row["device"] not in crew:
                visitors.add(row["event_id"])
                stock[_key(site, row)] -= int(row["quantity"])
            else:
                found[row["event_id"]] += -1 if row["reversal"] else 1
        for row in cloud.rows("/v1/stock", site=site):
            stock[_key(site, row)] += int(row["quantity"])
        for row in cloud.get(f"/v1/sites/{site}/completeness")["gateways"]:
            gaps += sum(last - first + 1 for first, last in row["missing"])
            quarantined += int(row["quarantined"])
    found = +found  # what was taken back is not there
    present = accepted & found.keys()
    doubled = sum(found[scan] > legs(oracle.scans[scan].planned) for scan in present)
    short = sum(found[scan] < legs(oracle.scans[scan].planned) for scan in present)
    return Verdict(
        made=len(accepted),
        in_ledger=len(present) - short,
        lost=len(accepted) - len(present) + short,
        doubled=doubled + len(found.keys() - accepted),
        gaps=gaps,
        quarantined=quarantined,
        misunderstood=len(oracle.misunderstood()),
        stock=_differences({key: units for key, units in stock.items() if units}, oracle.stock()),
        stock_lines=len(stock),
        visitors=len(visitors),
    )


def _key(site: str, row: dict[str, Any]) -> Key:
    return Key(site, row["sku"], row["location"], row["lot"] or "", row["state"])


def when_settled(
    cloud: Reader,
    oracle: Oracle,
    *,
    pause: Callable[[float], None],
    tries: int = 120,
    crew: Collection[str] | None = None,
) -> Verdict:
    """The verdict once nothing is on the way any more, or after ``tries`` half seconds.

    The cheap question (how many events are missing) is asked until it says none.
    """
    verdict = judge(cloud, oracle, crew=crew)
    while not verdict.clean and tries:
        pause(0.5)
        tries -= 1
        verdict = judge(cloud, oracle, crew=crew)
    return verdict


def _differences(ledger: dict[Key, int], truth: dict[Key, int]) -> tuple[str, ...]:
    return tuple(
        f"{' '.join(part for part in key if part)}: ledger {ledger.get(key, 0)}, "
        f"scanned {truth.get(key, 0)}"
        for key in sorted(ledger.keys() | truth.keys())
        if ledger.get(key, 0) != truth.get(key, 0)
    )
