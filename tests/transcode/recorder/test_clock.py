"""Where packets lie on a recording's time."""

from __future__ import annotations

import pytest

from bridge.transcode.recorder.clock import LATE_SECONDS, MAX_CORRECTION, MAX_DRIFT, TrackClock, bring_in_step

VIDEO, AUDIO = 90_000, 48_000


def ntp(seconds: float) -> int:
    return round(seconds * (1 << 32))


def test_time_stamps_say_when_and_not_the_arrival() -> None:
    clock = TrackClock(VIDEO)
    assert clock.at(1000, 5.0) == 5.0
    assert clock.at(1000 + VIDEO // 2, 5.9) == pytest.approx(5.5)


def test_a_track_whose_clock_stood_still_begins_anew_once_that_is_certain() -> None:
    clock = TrackClock(VIDEO)
    clock.at(0, 0.0)
    later = MAX_DRIFT + 1.0
    seconds = int(LATE_SECONDS)
    for second in range(1, seconds + 1):
        assert clock.at(second * VIDEO, later + second) == pytest.approx(second)
    assert clock.at((seconds + 1) * VIDEO, later + seconds + 1) == pytest.approx(later + seconds + 1)
    assert clock.at((seconds + 2) * VIDEO, later + seconds + 2) == pytest.approx(later + seconds + 2)


@pytest.mark.parametrize("jump", [-3600, -MAX_DRIFT - 1, MAX_DRIFT + 1, 3600])
def test_a_track_whose_timestamps_jump_begins_anew_at_once(jump: float) -> None:
    clock = TrackClock(VIDEO)
    clock.at(0, 0.0)
    clock.at(10 * VIDEO, 10.0)
    assert clock.at(round((11 + jump) * VIDEO), 11.0) == pytest.approx(11.0)


@pytest.mark.parametrize("drained", [0.0, 2.0])
def test_what_a_line_held_up_lies_where_it_was_taken_up(drained: float) -> None:
    """Nothing comes for three seconds, and then all of it, within `drained` seconds beside what is new."""
    clock = TrackClock(AUDIO)
    begins, ends = 4.0, 7.0
    for index in range(600):
        taken = index * 0.02
        arrived = max(taken, ends + (taken - begins) * drained / (ends + drained - begins)) if taken > begins else taken
        assert clock.at(index * 960, arrived) == pytest.approx(taken), (index, arrived)


@pytest.mark.parametrize("late", [-0.4, 0.0, 0.4])
def test_sender_reports_bring_a_picture_to_its_sound(late: float) -> None:
    """Both were taken at 100 s of the publisher's clock; the picture's packets came `late`."""
    sound, picture = TrackClock(AUDIO), TrackClock(VIDEO)
    sound.at(7000, 1.0)
    picture.at(9000, 1.0 + late)
    sound.report(ntp(100.0), 7000)
    picture.report(ntp(100.0), 9000)
    bring_in_step(sound, [picture])
    assert picture.at(9000 + VIDEO, 2.0 + late) == pytest.approx(2.0, abs=1e-6)
    assert sound.at(7000 + AUDIO, 2.0) == pytest.approx(2.0)


def test_reports_of_a_time_before_the_wrap_are_understood() -> None:
    sound, picture = TrackClock(AUDIO), TrackClock(VIDEO)
    start = (1 << 32) + 10
    sound.at(start, 1.0)
    picture.at(0, 1.2)
    sound.report(ntp(50.0), (start - AUDIO) % (1 << 32))
    picture.report(ntp(51.0), 0)
    bring_in_step(sound, [picture])
    assert picture.at(VIDEO, 2.2) == pytest.approx(2.0, abs=1e-6)


def test_reports_that_cannot_be_true_are_not_believed() -> None:
    sound, picture = TrackClock(AUDIO), TrackClock(VIDEO)
    sound.at(0, 1.0)
    picture.at(0, 1.0)
    sound.report(ntp(1000.0), 0)
    picture.report(ntp(1000.0 + MAX_CORRECTION + 1.0), 0)
    bring_in_step(sound, [picture])
    assert picture.at(VIDEO, 2.0) == pytest.approx(2.0)


def test_after_a_pause_the_next_packet_is_a_beginning() -> None:
    clock = TrackClock(AUDIO)
    clock.at(0, 1.0)
    clock.report(ntp(9.0), 0)
    clock.forget()
    assert clock.offset is None
    assert clock.at(60 * AUDIO, 1.5) == 1.5
