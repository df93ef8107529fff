"""Which encodings publishers are asked for, and which of them they may leave out."""

from __future__ import annotations

from bridge.sfu.allocation import Allocator, Layer, Source
from bridge.sfu.allocation.publishing import Asked, Received, ask, next_pixels

SMALL = Layer(0, 2, 110_000, 320, 180, 25.0)
MIDDLE = Layer(1, 2, 400_000, 640, 360, 25.0)


def asked(active: set[int], needed: set[int]) -> Asked:
    return Asked(frozenset(active), frozenset(needed))


def test_what_nobody_gets_is_sent_in_its_least() -> None:
    assert ask([], [SMALL], 3, None) == asked({0}, {0})
    assert ask([Received(None, 10_000)], [SMALL, MIDDLE], 3, None) == asked({0}, {0})


def test_one_encoding_above_is_sent_for_whoever_can_take_more_soon() -> None:
    assert ask([Received(0, 150_000)], [SMALL], 3, 150_000) == asked({0, 1}, {1})
    assert ask([Received(0, 130_000)], [SMALL], 3, 130_000) == asked({0, 1}, {0}), "it would look worse"
    assert ask([Received(0, 100_000)], [SMALL, MIDDLE], 3, 100_000) == asked({0}, {0}), "it would not look well"


def test_nothing_larger_is_sent_than_anybody_shows() -> None:
    assert ask([Received(0, 900_000, complete=True)], [SMALL, MIDDLE], 3, None) == asked({0}, {0})
    both = [Received(0, 900_000, complete=True), Received(0, 900_000)]
    assert ask(both, [SMALL, MIDDLE], 3, None) == asked({0, 1}, {0, 1})


def test_what_everyone_would_gladly_do_without_is_spare() -> None:
    assert ask([Received(1, 200_000)], [SMALL, MIDDLE], 3, 200_000).needed == {1}
    assert ask([Received(1, 200_000), Received(0, 150_000)], [SMALL, MIDDLE], 3, 200_000).needed == {0, 1}


def test_an_encoding_without_a_ceiling_is_taken_to_take_what_is_ample() -> None:
    assert ask([Received(0, 700_000)], [SMALL], 3, None).needed == {0}
    assert ask([Received(0, 800_000)], [SMALL], 3, None).needed == {1}


def test_of_a_line_that_is_unknown_nothing_is_promised() -> None:
    assert ask([Received(0, None)], [SMALL, MIDDLE], 3, None).needed == {0}


def test_layers_of_one_stream_are_wanted_with_it() -> None:
    assert ask([Received(2, 900_000)], [Layer(2, 2, 900_000, 1280, 720, 25.0)], 1, None).active == {0}


def test_the_size_of_what_was_not_seen_yet() -> None:
    assert next_pixels([SMALL], 3) == 640 * 360
    assert next_pixels([SMALL, MIDDLE], 2) == 0
    assert next_pixels([], 3) == 0


def test_whoever_gets_all_there_is_takes_what_comes_on_top_at_once() -> None:
    allocator = Allocator()
    for tick in range(8):
        allocator.allocate(tick * 0.25, 600_000, 45_000, [Source(1, (SMALL,))])
    choice = allocator.allocate(2.0, 600_000, 45_000, [Source(1, (SMALL, MIDDLE))]).choices[1]
    assert choice.layer == MIDDLE


def test_a_line_is_asked_to_carry_what_may_come_yet() -> None:
    with_more = Allocator().allocate(0.0, 300_000, 45_000, [Source(1, (SMALL,), next_pixels=640 * 360)])
    without = Allocator().allocate(0.0, 300_000, 45_000, [Source(1, (SMALL,))])
    assert without.desired < 200_000
    assert with_more.desired > 500_000
