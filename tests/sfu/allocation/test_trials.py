"""When a line is tried out with pictures themselves."""

from __future__ import annotations

from bridge.sfu.allocation.trials import FIRST_WAIT, LONGEST_WAIT, Trials


def test_a_trial_is_on_from_the_beginning_until_it_fails() -> None:
    trials = Trials()
    assert trials.is_on(0.0)
    assert trials.is_on(1000.0)
    trials.failed(1000.0)
    assert not trials.is_on(1000.0 + FIRST_WAIT / 2)
    assert trials.is_on(1000.0 + FIRST_WAIT)


def test_what_fails_again_and_again_is_tried_ever_more_seldom() -> None:
    trials, now, waits = Trials(), 0.0, list[float]()
    for _ in range(6):
        trials.failed(now)
        # While none is on, none can fail.
        trials.failed(now + 1.0)
        began = now
        while not trials.is_on(now):
            now += 1.0
        waits.append(now - began)
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, LONGEST_WAIT]
