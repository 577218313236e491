"""Which other histories of an epoch arrived, beside the one in force. Pure.

Two machines with one identity tell two histories under the same numbers. What is not in force of
them is set aside segment by segment; here it is put together again, event by event, along the
hashes, however the machines sealed it. A history is a run of events of which each follows the one
before and none has two followers: where it starts is where it parts from another, or where what
came before it is not here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

NAME_LENGTH: Final = 12
"""Of the hash of a history's first event, in hexadecimal."""


class Placed(NamedTuple):
    """One event of a segment that is set aside; ``segment`` is the number of that."""

    seq: int
    hash: bytes
    prev_hash: bytes
    segment: int


class History(NamedTuple):
    """Events that follow each other and are not in force; ``after`` says what they follow.

    That is ``verified`` for the chain in force, the name of another history, or nothing where what
    came before did not arrive.
    """

    name: str
    after: str
    events: list[Placed]

    @property
    def first_seq(self) -> int:
        """Where it starts."""
        return self.events[0].seq

    @property
    def last_seq(self) -> int:
        """Where it ends, as far as it arrived."""
        return self.events[-1].seq


def placed(
    segment: int, first_seq: int, prev_hash: bytes, hashes: Iterable[bytes]
) -> Iterable[Placed]:
    """The events of a segment, given its number and the hashes of their bytes."""
    for seq, digest in enumerate(hashes, start=first_seq):
        yield Placed(seq, digest, prev_hash, segment)
        prev_hash = digest


def histories_of(events: Iterable[Placed], in_force: Collection[bytes]) -> list[History]:
    """Put events together; those in force, and repetitions, are left out.

    Args:
        events: of all segments of one epoch that are set aside.
        in_force: the hashes of events that count, as far down as any of these may reach.
    """
    nodes: dict[bytes, Placed] = {}
    for event in events:
        if event.hash not in in_force:
            nodes.setdefault(event.hash, event)
    followers: defaultdict[bytes, list[Placed]] = defaultdict(list)
    for event in nodes.values():
        followers[event.prev_hash].append(event)
    runs = [
        _run(event, followers)
        for event in nodes.values()
        if event.prev_hash not in nodes or len(followers[event.prev_hash]) > 1
    ]
    owners = {event.hash: _name(run) for run in runs for event in run}
    found = [
        History(
            _name(run),
            "verified" if run[0].prev_hash in in_force else owners.get(run[0].prev_hash, ""),
            run,
        )
        for run in runs
    ]
    return sorted(found, key=lambda history: (history.first_seq, history.name))


def _run(first: Placed, followers: Mapping[bytes, Sequence[Placed]]) -> list[Placed]:
    """An event and what follows it, as far as only one does."""
    run = [first]
    while len(after := followers.get(run[-1].hash, ())) == 1:
        run.append(after[0])
    return run


def _name(run: Sequence[Placed]) -> str:
    return run[0].hash.hex()[:NAME_LENGTH]
