"""What is on its way, in both lanes, and what the cloud's words say has arrived. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from edge.outbox import Sealed
from shared.downlink import Watermark

_OVERTAKEN_S: Final = 1.0
"""A segment is taken for lost when one sent so much later in its lane has arrived."""

Key = tuple[int, int]
"""Epoch and first sequence number."""


@dataclass(slots=True)
class Flight:
    """A segment on its way."""

    sealed: Sealed
    live: bool
    """Sealed by this process just before it was sent: nobody had it before."""
    sent_at: float
    first_sent_at: float
    tries: int = 1


class Landed(NamedTuple):
    """What a word of the cloud said has arrived: how long it took, by lane."""

    live: list[float]
    backlog: list[float]


class Flights:
    """All segments in flight."""

    def __init__(self) -> None:
        self._all: dict[Key, Flight] = {}
        self._words: dict[int, Watermark] = {}
        self._newest_landed = {True: float("-inf"), False: float("-inf")}
        self.live = self.backlog = 0

    def __len__(self) -> int:
        """How many, both lanes together."""
        return len(self._all)

    def __contains__(self, key: Key) -> bool:
        """Whether a segment is on its way."""
        return key in self._all

    def every(self) -> list[Flight]:
        """All of them."""
        return list(self._all.values())

    def at(self, key: Key) -> Flight | None:
        """One of them."""
        return self._all.get(key)

    def take_off(self, sealed: Sealed, now: float, *, live: bool) -> None:
        """A segment is sent for the first time since the connection stands."""
        self._all[sealed.epoch, sealed.first_seq] = Flight(sealed, live, now, now)
        if live:
            self.live += 1
        else:
            self.backlog += 1

    def clear(self) -> None:
        """Nothing is on its way any more."""
        self._all.clear()
        self._newest_landed = {True: float("-inf"), False: float("-inf")}
        self.live = self.backlog = 0

    def forget_words(self) -> None:
        """Another cloud: what the one before had is in doubt."""
        self._words.clear()

    def has_arrived(self, sealed: Sealed) -> bool:
        """Whether the cloud has said that it has this segment, covered or above a gap."""
        word = self._words.get(sealed.epoch)
        if word is None:
            return False
        if sealed.last_seq <= word.contiguous_seq:
            return True
        return sealed.last_seq <= word.received_through and not _overlaps(sealed, word.missing)

    def land(self, word: Watermark, now: float) -> Landed:
        """Take from flight what has arrived; every word replaces the one before of its epoch."""
        self._words[word.epoch] = word
        landed = Landed([], [])
        for key, flight in list(self._all.items()):
            if key[0] != word.epoch or not self.has_arrived(flight.sealed):
                continue
            del self._all[key]
            newest = self._newest_landed[flight.live]
            self._newest_landed[flight.live] = max(newest, flight.sent_at)
            took = now - flight.first_sent_at
            if flight.live:
                self.live -= 1
                landed.live.append(took)
            else:
                self.backlog -= 1
                landed.backlog.append(took)
        return landed

    def overtaken(self, word: Watermark) -> list[Flight]:
        """What the cloud misses although it has what was sent later: lost on the way."""
        return [
            flight
            for flight in self._all.values()
            if flight.sealed.epoch == word.epoch
            and flight.sent_at + _OVERTAKEN_S < self._newest_landed[flight.live]
            and _overlaps(flight.sealed, word.missing)
        ]


def _overlaps(sealed: Sealed, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(sealed.first_seq <= last and first <= sealed.last_seq for first, last in ranges)
