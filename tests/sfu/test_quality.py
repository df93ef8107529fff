"""How good a call is over one line, as an estimate."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sfu import QualityLevel
from bridge.sfu.quality import (
    LegQuality,
    Rating,
    SessionQuality,
    Stream,
    level_of,
    opinion_score,
    residual_loss,
    transmission_factor,
)

LOST, POOR, GOOD, EXCELLENT = QualityLevel


def sound(
    lost: float = 0.0, *, rtt: float = 0.04, jitter: float = 0.002, repeated: int = 0, resends: bool = False
) -> Stream:
    return Stream("audio", lost, jitter, rtt, repeated, resends)


def score(stream: Stream) -> float:
    return opinion_score(transmission_factor(stream))


@pytest.mark.parametrize(
    ("factor", "expected"), [(-5, 1.0), (0, 1.0), (50, 2.58), (70, 3.6), (80, 4.02), (93.2, 4.41), (100, 4.5)]
)
def test_scores_of_the_recommendation(factor: float, expected: float) -> None:
    assert opinion_score(factor) == pytest.approx(expected, abs=0.01)


def test_loss_and_delay_make_it_worse() -> None:
    assert score(sound()) > 4.3
    by_loss = [score(sound(lost)) for lost in (0, 0.01, 0.03, 0.1, 0.3, 1)]
    assert by_loss == sorted(by_loss, reverse=True)
    by_delay = [score(sound(rtt=rtt)) for rtt in (0.02, 0.2, 0.4, 0.8, 2.0)]
    assert by_delay == sorted(by_delay, reverse=True)
    assert score(sound(jitter=0.1)) < score(sound())
    assert all(1 <= score(sound(lost, rtt=rtt)) <= 4.5 for lost in (0, 0.5, 1, 2) for rtt in (0, 1, 60))


def test_what_repairs_loss_counts() -> None:
    assert residual_loss(sound(0.1)) == pytest.approx(0.1)
    assert residual_loss(sound(0.1, repeated=1)) == pytest.approx(0.01)
    assert residual_loss(sound(0.1, repeated=2)) == pytest.approx(0.001)
    assert residual_loss(sound(0.1, resends=True)) == pytest.approx(0.01)
    assert residual_loss(sound(0.1, resends=True, rtt=0.3)) == pytest.approx(0.1), "too late to be played"
    assert level_of(sound(0.1)) is POOR
    assert level_of(sound(0.1, repeated=2)) is EXCELLENT
    assert score(sound(0.03, repeated=1)) >= 3.8, "the goal at 3 % loss"


@pytest.mark.parametrize(("lost", "level"), [(0.0, EXCELLENT), (0.03, GOOD), (0.2, POOR)])
def test_pictures_are_rated_by_what_is_missing(lost: float, level: QualityLevel) -> None:
    assert level_of(Stream("video", lost, 0.01, 0.1)) is level


def test_a_rating_does_not_flicker() -> None:
    rating = Rating()
    assert rating.update(EXCELLENT)
    assert [rating.update(level) for level in (POOR, EXCELLENT, POOR, EXCELLENT)] == [False] * 4
    assert [rating.update(level) for level in (POOR, GOOD)] == [False, True]
    assert rating.level is GOOD, "both were worse; the better of them is certain"
    assert [rating.update(EXCELLENT) for _ in range(3)] == [False, False, True]
    assert rating.update(LOST), "that is certain at once"
    assert [rating.update(POOR) for _ in range(3)] == [False, False, True]


def test_counters_become_shares_of_what_came_since() -> None:
    leg = LegQuality()
    assert leg.loss_since(1, 90, 10) == pytest.approx(0.1)
    assert leg.loss_since(1, 90, 10) is None
    assert leg.loss_since(1, 190, 10) == 0
    assert leg.loss_since(1, 290, 5) == 0, "what was lost came late"
    leg.keep([2])
    assert leg.loss_since(1, 10, 0) == 0


def transport(producers: list[dict[str, Any]], consumers: list[dict[str, Any]]) -> Any:
    return {"producers": producers, "consumers": consumers}


def test_a_session_is_rated_in_both_directions() -> None:
    quality = SessionQuality()
    kinds: Any = {1: "audio", 2: "video"}

    def sample(packets: int, lost: int, fraction: float) -> bool:
        sent = {"producer_id": 1, "packets": packets, "packets_lost": lost, "jitter": 0.002}
        received = {
            "consumer_id": 7,
            "producer_id": 2,
            "packets": packets,
            "fraction_lost": fraction,
            "jitter": 0.002,
            "round_trip_time": 0.05,
            "retransmissions": 0,
        }
        gone = {**received, "consumer_id": 8, "producer_id": 99}
        return quality.update(transport([sent], []), transport([], [received, gone]), kinds, 0)

    assert sample(100, 0, 0.0)
    report = quality.report()
    assert (report.publish, report.subscribe) == (EXCELLENT, EXCELLENT)
    assert report.publish_score is not None
    assert report.publish_score > 4.2
    assert report.subscribe_score is None, "there is no sound"
    assert not sample(200, 30, 0.5)
    assert sample(300, 60, 0.5)
    assert quality.report().publish is POOR
    assert quality.report().subscribe is POOR
    assert not quality.update(None, None, kinds, 0)
    assert quality.lost(publish=True)
    assert quality.report().publish is LOST
