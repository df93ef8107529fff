"""Where packets lie on a recording's time."""

from __future__ import annotations

import pytest

from bridge.transcode.recorder.clock import MAX_CORRECTION, MAX_DRIFT, TrackClock, bring_in_step

VIDEO, AUDIO = 90_000, 48_000


def ntp(seconds: float) -> int:
    return round(seconds * (1 << 32))


def test_time_stamps_say_when_and_not_the_arrival() -> None:
    clock = TrackClock(VIDEO)
    assert clock.at(1000, 5.0) == 5.0
    assert clock.at(1000 + VIDEO // 2, 5.9) == pytest.approx(5.5)


def test_a_track_that_runs_away_begins_anew() -> None:
    clock = TrackClock(VIDEO)
    clock.at(0, 0.0)
    later = MAX_DRIFT + 1.0
    assert clock.at(VIDEO, later + 1.0) == pytest.approx(later + 1.0)
    assert clock.at(2 * VIDEO, later + 2.0) == pytest.approx(later + 2.0)


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
