"""How often sound is repeated towards receivers that lose packets."""

from __future__ import annotations

from bridge.sfu.redundancy import HOLD, RedundancyPolicy


def run(policy: RedundancyPolicy, start: float, seconds: float, lost: float, *, bitrate: int, voices: int) -> int:
    for tenth in range(round(seconds * 10)):
        policy.update(start + tenth / 10, lost=lost, bitrate=bitrate, voices=voices)
    return policy.frames


def settled(lost: float, *, bitrate: int = 2_000_000, voices: int = 1) -> int:
    return run(RedundancyPolicy(), 0, 5, lost, bitrate=bitrate, voices=voices)


def test_loss_decides() -> None:
    assert [settled(lost) for lost in (0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3)] == [0, 0, 0, 1, 1, 2, 2]


def test_one_bad_report_of_many_changes_little_and_bursts_are_answered_soon() -> None:
    policy = RedundancyPolicy()
    run(policy, 0, 5, 0.0, bitrate=2_000_000, voices=1)
    assert policy.update(5.0, lost=0.04, bitrate=2_000_000, voices=1) == 0
    assert run(policy, 5.1, 0.5, 0.1, bitrate=2_000_000, voices=1) >= 1


def test_between_the_thresholds_nothing_changes() -> None:
    policy = RedundancyPolicy()
    assert run(policy, 0, 5, 0.03, bitrate=2_000_000, voices=1) == 1
    assert run(policy, 5, 60, 0.015, bitrate=2_000_000, voices=1) == 1


def test_it_ends_once_loss_has_stayed_low() -> None:
    policy = RedundancyPolicy()
    assert run(policy, 0, 5, 0.12, bitrate=2_000_000, voices=1) == 2
    assert run(policy, 5, 8, 0.0, bitrate=2_000_000, voices=1) == 2
    assert run(policy, 13, 2 * HOLD + 10, 0.0, bitrate=2_000_000, voices=1) == 0


def test_a_thin_line_gets_as_much_as_it_can_carry() -> None:
    assert settled(0.2, bitrate=300_000) == 2
    assert settled(0.2, bitrate=200_000) == 1
    assert settled(0.2, bitrate=100_000) == 0
    assert settled(0.2, bitrate=300_000, voices=2) == 0
    assert settled(0.2, bitrate=1_000_000, voices=3) == 2


def test_where_there_is_no_video_sound_takes_the_line() -> None:
    policy = RedundancyPolicy()
    for tenth in range(30):
        policy.update(tenth / 10, lost=0.2, bitrate=150_000, voices=1, beside_video=False)
    assert policy.frames == 2


def test_impossible_figures_do_no_harm() -> None:
    policy = RedundancyPolicy()
    for lost in (-1.0, 7.0):
        assert 0 <= policy.update(1.0, lost=lost, bitrate=0, voices=0) <= 2
    assert policy.update(0.5, lost=0.5, bitrate=10_000_000, voices=1) <= 2


def test_what_a_queue_drops_as_a_line_becomes_thin_is_no_reason_to_send_more() -> None:
    policy = RedundancyPolicy()
    run(policy, 0, 5, 0.0, bitrate=2_000_000, voices=1)
    for tenth in range(10):
        policy.update(5 + tenth / 10, lost=0.15, bitrate=250_000, voices=1, queue=0.3)
    assert run(policy, 6, 3, 0.08, bitrate=250_000, voices=1) == 0
    assert run(policy, 10, 5, 0.05, bitrate=250_000, voices=1) == 1, "later on it is the line's own"


def test_loss_counts_where_somebody_else_keeps_the_queue_full() -> None:
    policy = RedundancyPolicy()
    for tenth in range(100):
        policy.update(tenth / 10, lost=0.05, bitrate=400_000, voices=1, queue=0.25)
    assert policy.frames == 1
