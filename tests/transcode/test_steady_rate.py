"""An encoder's rate follows what lasts: each change of it costs a keyframe."""

from __future__ import annotations

from bridge.transcode.steady_rate import DOWN_SECONDS, SOON_SECONDS, UP_SECONDS, SteadyRate


def changes(steady: SteadyRate, wanted: list[int], begin: float = 0.0, step: float = 0.1) -> list[tuple[float, int]]:
    """When the rate became what, given what was wanted at each step."""
    made = []
    for number, bitrate in enumerate(wanted):
        steady.want(bitrate)
        if steady.follow(begin + number * step):
            made.append((round(begin + number * step, 1), steady.bitrate))
    return made


def test_an_estimate_that_goes_up_and_down_changes_nothing() -> None:
    sawtooth = [*[140_000 + 3_000 * n for n in range(30)], *[100_000] * 6] * 5
    assert changes(SteadyRate(150_000), sawtooth) == [], "up by half for seconds, down by a third for half a second"


def test_what_lasts_is_followed_by_the_least_of_it() -> None:
    steady = SteadyRate(150_000)
    assert changes(steady, [110_000, 120_000, *[115_000] * 20]) == [(DOWN_SECONDS, 120_000)]
    assert changes(steady, [*[200_000] * 15, *[180_000] * 15], begin=10.0) == [(10.0 + UP_SECONDS, 180_000)]


def test_another_line_is_followed_at_once_and_a_clock_that_leaps_back_is_waited_for() -> None:
    steady = SteadyRate(300_000)
    assert changes(steady, [90_000, 800_000, 120_000]) == [(0.0, 90_000), (0.1, 800_000), (0.2, 120_000)]
    assert changes(steady, [200_000] * 5, begin=100.0) == []
    assert changes(steady, [200_000] * 30, begin=1.0) == [(1.0 + UP_SECONDS, 200_000)]


def test_a_line_that_falls_and_recovers_over_and_over_is_followed_up_less_and_less() -> None:
    # Two thirds of 300 kbit/s, back within 5 s, and again, for two minutes.
    sawtooth = [round(200_000 * 1.08 ** (n / 10)) for n in range(53)] * 23
    made = changes(SteadyRate(300_000), sawtooth)
    assert len(made) <= 4
    assert [bitrate for _, bitrate in made][-1] < 240_000, "what it always carries"


def test_a_rate_that_held_is_followed_as_before() -> None:
    steady = SteadyRate(150_000)
    held = round(10 * (SOON_SECONDS + UP_SECONDS + 1))
    for begin in (0.0, 100.0, 200.0):
        rise, fall = changes(steady, [*[200_000] * held, *[150_000] * 20], begin=begin)
        assert (rise, fall[1]) == ((begin + UP_SECONDS, 200_000), 150_000)
