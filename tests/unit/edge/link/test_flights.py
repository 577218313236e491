"""What is on its way, and what a word of the cloud says of it."""

from __future__ import annotations

from edge.link.flights import Flights
from edge.outbox import Sealed
from shared.downlink import Watermark


def sealed(first: int, last: int, epoch: int = 1) -> Sealed:
    return Sealed(epoch, first, last, b"")


def word(
    reached: int, *missing: tuple[int, int], through: int = 0, epoch: int = 1, generation: int = 1
) -> Watermark:
    return Watermark(generation, epoch, reached, bytes(32), list(missing), received_through=through)


def fly(flights: Flights, *segments: tuple[int, int], live: bool = False, at: float = 0.0) -> None:
    for first, last in segments:
        flights.take_off(sealed(first, last), at, live=live)


def left(flights: Flights) -> list[int]:
    return sorted(flight.sealed.first_seq for flight in flights.every())


def test_what_is_covered_to_its_last_event_lands() -> None:
    flights = Flights()
    fly(flights, (1, 10), (11, 20), (21, 30))
    assert flights.land(word(19), 2.0).backlog == [2.0]
    assert left(flights) == [11, 21]
    assert (flights.backlog, flights.live) == (2, 0)


def test_what_arrived_above_a_gap_lands_too_and_counts_for_its_own_lane() -> None:
    flights = Flights()
    fly(flights, (1, 10), (11, 20))
    fly(flights, (101, 101), (102, 103), live=True, at=1.0)
    landed = flights.land(word(10, (11, 100), through=103), 2.0)
    assert landed.backlog == [2.0]
    assert landed.live == [1.0, 1.0]
    assert left(flights) == [11]
    assert flights.has_arrived(sealed(102, 103))
    assert not flights.has_arrived(sealed(104, 104))
    assert not flights.has_arrived(sealed(50, 60))


def test_a_cloud_that_does_not_say_what_arrived_above_a_gap_frees_only_what_it_covers() -> None:
    flights = Flights()
    fly(flights, (1, 10))
    fly(flights, (101, 101), live=True)
    assert flights.land(word(0, (1, 100)), 1.0).live == []


def test_another_epochs_word_says_nothing() -> None:
    flights = Flights()
    fly(flights, (1, 10))
    flights.land(word(50, epoch=2), 1.0)
    assert left(flights) == [1]


def test_what_was_overtaken_in_its_lane_is_lost_and_what_is_only_slow_is_not() -> None:
    flights = Flights()
    fly(flights, (1, 10), at=0.0)
    fly(flights, (11, 20), at=0.5)
    fly(flights, (21, 30), at=5.0)
    fly(flights, (101, 101), live=True, at=9.0)
    said = word(0, (1, 100), through=101)
    flights.land(said, 10.0)
    assert flights.overtaken(said) == [], "live overtakes backlog by design"
    said = word(0, (1, 20), (31, 100), through=101)
    flights.land(said, 11.0)
    assert [flight.sealed.first_seq for flight in flights.overtaken(said)] == [1, 11]


def test_another_cloud_knows_nothing_of_what_the_one_before_said() -> None:
    flights = Flights()
    flights.land(word(100), 0.0)
    assert flights.has_arrived(sealed(1, 10))
    flights.forget_words()
    assert not flights.has_arrived(sealed(1, 10))
