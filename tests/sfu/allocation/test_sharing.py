"""Receivers of one leg: who is sent the thin encoding, and when it comes back."""

from __future__ import annotations

import pytest

from bridge.sfu.allocation.sharing import MAIN, MIN_HOLD, SOON, THIN, Rates, SharedLines


class Line:
    """A receiver."""

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Nothing is sent."""


def lines(*bitrates: int) -> tuple[SharedLines, list[Line]]:
    """Receivers whose lines carry so much, all since the beginning."""
    shared, receivers = SharedLines(300, 60, 1500), [Line() for _ in bitrates]
    for receiver, bitrate in zip(receivers, bitrates, strict=True):
        shared.follow(0.0, receiver, bitrate)
    return shared, receivers


@pytest.mark.parametrize(
    ("bitrates", "main", "thin"),
    [
        ((), 300, 0),
        ((800,), 800, 0),
        ((10,), 60, 0),
        ((9000, 2000), 1500, 0),
        ((700, 600, 500), 500, 0),
        ((1000, 100), 1000, 100),
        ((100, 1000), 1000, 100),
        ((1000, 700, 100), 700, 100),
        ((1000, 90, 100), 1000, 90),
        # One who does best of all is not worth that the others get as little as the thinnest.
        ((1500, 600, 600, 600, 150), 600, 150),
    ],
)
def test_the_thinnest_line_of_each_encoding_decides(bitrates: tuple[int, ...], main: int, thin: int) -> None:
    shared, _ = lines(*bitrates)
    assert shared.rates == Rates(main, thin)


def test_a_line_that_falls_changes_over_at_once_and_the_others_keep_theirs() -> None:
    shared, (good, falling) = lines(1000, 900)
    assert shared.follow(1.0, falling, 200) == [falling]
    assert (shared.encoding(good), shared.encoding(falling)) == (MAIN, THIN)
    assert shared.rates == Rates(1000, 200)


def test_it_comes_back_when_it_has_carried_as_much_for_a_while() -> None:
    shared, (_, thin) = lines(1000, 200)
    assert shared.follow(10.0, thin, 950) == []
    assert shared.follow(10.0 + MIN_HOLD - 0.1, thin, 500) == []
    assert shared.follow(20.0, thin, 950) == []
    assert shared.follow(20.0 + MIN_HOLD, thin, 950) == [thin]
    assert shared.rates == Rates(950, 0)


def test_it_does_not_come_back_to_cost_the_others_a_third() -> None:
    shared, (_, thin) = lines(1000, 200)
    for bitrate in (670, 700, 860):
        for now in (10.0, 10.0 + MIN_HOLD, 100.0):
            assert shared.follow(now + bitrate, thin, bitrate) == []
        assert shared.rates == Rates(1000, bitrate)
    # Nor is a line sent away that is no thinner than this.
    assert lines(1000, 700)[0].rates == Rates(700, 0)


def test_it_does_not_come_back_only_to_be_sent_away_again() -> None:
    shared, (_, _, thin) = lines(1000, 700, 100)
    for now in range(1, 30):
        assert shared.follow(float(now), thin, 620) == []
    assert shared.rates == Rates(700, 620)


def test_a_line_that_wavers_changes_over_more_and_more_seldom() -> None:
    shared, (_, wavering) = lines(1000, 200)
    changes, now = 0, 0.0
    while now < 300.0:
        now += 1.0
        changes += bool(shared.follow(now, wavering, 200 if int(now) % 15 < 2 else 1000))
    # Every 15 seconds both ways would be 40.
    assert changes <= 12
    assert SOON > MIN_HOLD


def test_where_those_with_better_lines_leave_what_is_thin_is_all_there_is() -> None:
    shared, (good, thin, thinner) = lines(1000, 150, 140)
    assert set(shared.leave(1.0, good)) == {thin, thinner}
    assert shared.rates == Rates(140, 0)
    assert shared.leave(1.0, good) == []
