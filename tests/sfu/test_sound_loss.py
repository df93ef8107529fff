"""What the sound of a leg is laid out for."""

from __future__ import annotations

from bridge.sfu.sound_loss import HOLD, SoundLoss


def test_where_nothing_is_lost_nothing_is_repeated_after_a_while() -> None:
    loss = SoundLoss()
    assert loss.follow(0, "patient", 0.0) is None, "bursts come again"
    assert loss.follow(HOLD - 0.1, "patient", 0.0) is None
    assert loss.follow(HOLD, "patient", 0.0) == 0


def test_loss_is_followed_at_once_and_whoever_loses_most_decides() -> None:
    loss = SoundLoss()
    for at in (0, HOLD):
        loss.follow(at, "patient", 0.0)
    assert loss.follow(HOLD + 1, "doctor", 0.05) == 10
    assert loss.follow(HOLD + 2, "patient", 0.0) == 10
    assert loss.follow(HOLD + 3, "doctor", 0.3) == 20
    loss.leave("doctor")
    assert loss.follow(HOLD + 4, "patient", 0.0) == 20
    assert loss.follow(HOLD * 2 + 4, "patient", 0.0) == 0


def test_a_burst_in_between_begins_the_wait_anew() -> None:
    loss = SoundLoss()
    loss.follow(0, "patient", 0.0)
    loss.follow(9, "patient", 0.1)
    assert loss.follow(HOLD, "patient", 0.1) == 10
    loss.follow(20, "patient", 0.0)
    assert loss.follow(29, "patient", 0.0) == 10
    assert loss.follow(30, "patient", 0.0) == 0
