"""How much publishers are asked for at most."""

from __future__ import annotations

from bridge.sfu.allocation import Allocator, Layer, Source, ceiling
from bridge.sfu.allocation.ceiling import RISE_SECONDS, Ceiling

SMALL = Layer(0, 2, 110_000, 320, 180, 25.0)
MIDDLE = Layer(1, 2, 400_000, 640, 360, 25.0)
MIDDLE_PIXELS = 640 * 360
AUDIO = 45_000


def test_the_best_line_decides() -> None:
    assert ceiling.wanted([90_000, 200_000], MIDDLE_PIXELS) == 200_000


def test_a_line_of_which_nothing_is_known_bounds_nobody() -> None:
    assert ceiling.wanted([90_000, None], MIDDLE_PIXELS) is None


def test_a_good_line_bounds_nobody() -> None:
    assert ceiling.wanted([90_000, 2_000_000], MIDDLE_PIXELS) is None
    assert ceiling.wanted([10_000_000], 0) is None


def test_a_line_is_good_where_it_carries_what_the_publisher_was_seen_to_send() -> None:
    assert ceiling.wanted([900_000], MIDDLE_PIXELS, 500_000) is None
    assert ceiling.wanted([900_000], MIDDLE_PIXELS, 1_700_000) == 900_000
    assert ceiling.wanted([2_100_000], MIDDLE_PIXELS, 1_700_000) is None


def test_no_receiver_bounds_nobody() -> None:
    assert ceiling.wanted([], MIDDLE_PIXELS) is None


def test_down_at_once_up_after_a_while_and_at_once_where_the_line_is_another_one() -> None:
    told = Ceiling()
    assert told.update(0.0, 200_000)
    assert not told.update(0.1, 195_000), "a breath"
    assert told.update(0.2, 150_000)
    assert not told.update(0.3, 180_000)
    assert not told.update(0.3 + RISE_SECONDS / 2, 155_000), "it was a moment's"
    assert not told.update(1.0, 180_000)
    assert told.update(1.0 + RISE_SECONDS, 180_000)
    assert told.update(2.1, 400_000)
    assert not told.update(3.0, None)
    assert told.update(3.0 + RISE_SECONDS, None)
    assert told.told is None


def layers_of(told: int | None) -> tuple[Layer, ...]:
    """What an encoder makes that keeps to a ceiling."""
    return tuple(
        Layer(each.spatial, each.temporal, min(each.bitrate, told or each.bitrate), each.width, each.height, 25.0)
        for each in (SMALL, MIDDLE)
    )


def call_of_two(estimate: int) -> tuple[Layer | None, int]:
    """What a receiver gets in the end whose publisher keeps to what it is told, and what that takes with sound."""
    allocator, told = Allocator(), Ceiling()
    layers: tuple[Layer, ...] = (SMALL, MIDDLE)
    for tick in range(80):
        allocation = allocator.allocate(
            tick * 0.25, estimate, AUDIO, [Source(1, layers, bounded=told.told is not None)]
        )
        told.update(tick * 0.25, ceiling.wanted([allocation.choices[1].room], MIDDLE_PIXELS))
        layers = layers_of(told.told)
    return allocation.choices[1].layer, allocation.allocated


def test_a_call_of_two_fills_a_thin_line_with_the_larger_picture() -> None:
    layer, allocated = call_of_two(280_000)
    assert layer is not None
    assert layer.height == 360
    assert allocated >= 0.85 * 280_000


def test_a_line_that_carries_no_lowest_layer_as_it_is_carries_less_of_it() -> None:
    layer, allocated = call_of_two(120_000)
    assert layer is not None
    assert layer.height == 180
    assert allocated <= 120_000


def test_probes_are_to_find_what_the_picture_could_take() -> None:
    small = layers_of(150_000)
    bounded = Allocator().allocate(0.0, 280_000, AUDIO, [Source(1, small, bounded=True)])
    assert bounded.desired > 500_000


def test_a_line_is_probed_for_what_a_bounded_publisher_sent_before() -> None:
    now = Layer(0, 0, 150_000, 320, 180, 25.0)
    free, bounded = (
        Allocator().allocate(0.0, 300_000, AUDIO, [Source(1, (now,), bounded=before > 0, unbounded_bitrate=before)])
        for before in (0, 1_700_000)
    )
    assert free.desired < 300_000
    assert bounded.desired > 1_700_000
