"""How long packets are waited for: as late as they come lately, whatever their clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bridge.transcode.arrivals import GUARD, LATEST_SECONDS, MAX_MARGIN, MIN_MARGIN, START_MARGIN, Arrivals

PACKET = 0.02
PART = 1e-6
EPOCH = 70_000.0
"""Of the sender's clock against ours."""


def come(arrivals: Arrivals, begun: float, seconds: float, late: Callable[[], float] = lambda: 0.0) -> None:
    """Packets come for so long."""
    for number in range(round(seconds / PACKET)):
        at = begun + number * PACKET
        arrivals.note(at + late(), EPOCH + at)


def test_before_anything_is_known_a_packet_is_waited_for() -> None:
    arrivals = Arrivals()
    assert arrivals.margin == START_MARGIN
    come(arrivals, 5.0, 0.5)
    assert arrivals.margin == START_MARGIN


def test_on_a_clean_line_next_to_nothing_is_waited_for() -> None:
    arrivals = Arrivals()
    come(arrivals, 5.0, 3.0)
    assert arrivals.margin == MIN_MARGIN
    assert arrivals.due(EPOCH + 9.0) == pytest.approx(9.0)


def test_the_latest_is_waited_for_at_once_and_is_forgotten_in_time() -> None:
    arrivals = Arrivals()
    come(arrivals, 5.0, 5.0)
    arrivals.note(10.0 + 0.05, EPOCH + 10.0)
    assert arrivals.margin == pytest.approx(0.05 + GUARD)
    come(arrivals, 10.02, LATEST_SECONDS - 1.0)
    assert arrivals.margin == pytest.approx(0.05 + GUARD)
    come(arrivals, 9.02 + LATEST_SECONDS, 2.0)
    assert arrivals.margin == MIN_MARGIN


def test_who_is_later_than_can_be_waited_for_is_waited_for_that_long() -> None:
    arrivals = Arrivals()
    come(arrivals, 5.0, 3.0)
    arrivals.note(8.7, EPOCH + 8.0)
    assert arrivals.margin == MAX_MARGIN


@pytest.mark.parametrize("parts", [100, -100])
def test_clocks_that_part_are_no_jitter(parts: float) -> None:
    arrivals = Arrivals()
    for number in range(round(120 / PACKET)):
        at = 5.0 + number * PACKET
        arrivals.note(at, EPOCH + at * (1 + parts * PART))
    assert arrivals.margin == MIN_MARGIN


def test_a_sender_that_begins_anew_is_learned_anew() -> None:
    arrivals, chance = Arrivals(), random.Random(1)
    come(arrivals, 5.0, 5.0, lambda: chance.uniform(0, 0.08))
    arrivals.note(10.0, 3.0)
    assert arrivals.margin == START_MARGIN
    assert arrivals.due(4.0) == pytest.approx(11.0)


def test_nothing_is_held_for_ever() -> None:
    arrivals = Arrivals()
    come(arrivals, 5.0, 3.0, lambda: 0.0)
    arrivals.note(8.0 + 10 * LATEST_SECONDS, EPOCH + 8.0 + 10 * LATEST_SECONDS)
    assert arrivals.margin == START_MARGIN


def test_what_came_while_nobody_looked_is_neither_late_nor_early() -> None:
    arrivals = Arrivals()
    come(arrivals, 5.0, 3.0)
    for due in (8.0, 8.02, 8.04):
        arrivals.note(8.05, EPOCH + due, since=8.0)
    assert arrivals.margin == MIN_MARGIN
    assert arrivals.due(EPOCH + 9.0) == pytest.approx(9.0)
    # What had been due before, had not come before.
    arrivals.note(9.06, EPOCH + 9.0, since=9.03)
    assert arrivals.margin == pytest.approx(0.03 + GUARD)
