"""Which pictures a leg makes thinner: those that stand still on this line, after a while, and without flapping."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.sfu.allocation.hysteresis import MAX_HOLD, MIN_HOLD, THIN_SECONDS, UNHEEDED_SECONDS
from bridge.sfu.allocation.model import Layer, Source
from bridge.sfu.allocation.thin_line import LEAST, LEAVE_MARGIN, RETRY_SECONDS, ThinLine

STEP = 0.5


def video(number: int, bitrate: int, *, heeds: bool = True) -> Source:
    """One size of so many bit/s, its headers left out."""
    return Source(number, (Layer(0, 0, bitrate, 640, 360, 25.0),), heeds=heeds)


class Line:
    """A line that is looked at every half second, with legs for whatever is wanted of them."""

    def __init__(self, *videos: Source) -> None:
        self.now = 0.0
        self.videos: Sequence[Source] = videos
        self.thinned: Collection[int] = ()
        self.choice = ThinLine()

    def carries(self, budget: int | None, seconds: float, *, starved: Collection[int] = ()) -> Collection[int]:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            still = [each for each in starved if each not in self.thinned]
            self.thinned = self.choice.update(self.now, budget, self.videos, thinned=self.thinned, starved=still)
        return self.thinned


def test_what_stands_still_for_a_while_is_made_thinner() -> None:
    line = Line(video(1, 1_000_000))
    assert not line.carries(200_000, THIN_SECONDS, starved=[1])
    assert line.carries(200_000, STEP, starved=[1]) == {1}


def test_nobody_waits_for_a_publisher_that_cannot_be_told() -> None:
    line = Line(video(1, 1_000_000, heeds=False), video(2, 60_000))
    assert not line.carries(200_000, UNHEEDED_SECONDS, starved=[1])
    assert line.carries(200_000, STEP, starved=[1]) == {1}


def test_beside_one_that_may_follow_both_wait() -> None:
    line = Line(video(1, 1_000_000, heeds=False), video(2, 1_000_000))
    assert not line.carries(200_000, THIN_SECONDS, starved=[1, 2])
    assert line.carries(200_000, STEP, starved=[1, 2]) == {1, 2}


def test_what_moves_is_left_alone_however_thin_the_line() -> None:
    assert not Line(video(1, 1_000_000)).carries(200_000, 60)


def test_a_publisher_that_follows_in_time_is_left_alone() -> None:
    line = Line(video(1, 1_000_000))
    for _ in range(10):
        assert not line.carries(200_000, THIN_SECONDS - STEP, starved=[1])
        assert not line.carries(200_000, STEP)


def test_nothing_is_chosen_while_nothing_is_known() -> None:
    assert not Line(video(1, 1_000_000)).carries(None, 60, starved=[1])
    assert not Line(Source(1, ())).carries(200_000, 60, starved=[1])


def test_of_two_the_heavy_one_gets_a_leg() -> None:
    line = Line(video(1, 1_000_000), video(2, 60_000))
    assert line.carries(200_000, 60, starved=[1, 2]) == {1}


def test_another_one_that_stands_still_beside_it_gets_one_too() -> None:
    line = Line(video(1, 1_000_000))
    line.carries(200_000, 10, starved=[1])
    line.videos = (video(1, 1_000_000), video(2, 500_000))
    assert line.carries(200_000, 10, starved=[2]) == {1, 2}


def test_where_not_even_a_leg_makes_a_picture_there_is_none() -> None:
    assert not Line(video(1, 1_000_000)).carries(LEAST - 1, 60, starved=[1])
    assert Line(video(1, 1_000_000)).carries(40_000, 60, starved=[1]) == {1}


def test_it_comes_as_it_is_sent_when_the_line_has_some_to_spare_for_a_while() -> None:
    line = Line(video(1, 1_000_000))
    line.carries(200_000, 10, starved=[1])
    need = round(1_060_000 * LEAVE_MARGIN)
    assert line.carries(need - 1, 60) == {1}
    assert line.carries(need, MIN_HOLD) == {1}
    assert not line.carries(need, STEP)


def test_a_line_that_comes_and_goes_keeps_its_leg_for_longer_each_time() -> None:
    line = Line(video(1, 1_000_000))
    changes, before = 0, False
    for _ in range(20):
        for budget in (200_000, 3_000_000):
            for _ in range(40):
                made = bool(line.carries(budget, STEP, starved=[1] if budget < 1_000_000 else []))
                changes += made is not before
                before = made
    # 800 s of a line that changes every 20 s: without hysteresis that were 40 changes.
    assert changes < 8
    assert before
    line.carries(3_000_000, MAX_HOLD + STEP)
    assert not line.thinned


def test_a_leg_that_cannot_be_had_is_asked_for_again_later() -> None:
    line = Line(video(1, 1_000_000))
    assert line.carries(200_000, THIN_SECONDS + STEP, starved=[1]) == {1}
    line.choice.refuse(line.now)
    line.thinned = ()
    assert not line.carries(200_000, RETRY_SECONDS, starved=[1])
    assert line.carries(200_000, THIN_SECONDS + 2 * STEP, starved=[1]) == {1}
