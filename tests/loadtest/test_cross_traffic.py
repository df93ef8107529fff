"""Others on the same line: what they take of it, and how TCP-like flows and CoDel get along. Virtual time, seeded."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from loadtest.emulator import Cause, Direction, LinkModel
from loadtest.emulator.description import ConstantTraffic, IndependentLoss, Queue, Steps, TcpTraffic
from tests.loadtest.virtual_time import SIZE, run


def test_constant_cross_traffic_takes_its_rate_of_the_line() -> None:
    cross = (ConstantTraffic(rate=400_000.0, size=500, start=5.0, stop=15.0),)

    def run_against(offer: float) -> tuple[LinkModel[int], float]:
        direction = Direction(capacity=Steps(((0.0, 1e6),)), cross_traffic=cross)
        every = SIZE * 8 / offer
        model, arrived = run(direction, packets=int(20 / every), every=every)
        return model, sum(SIZE * 8 for time, _ in arrived if 6.0 < time <= 14.0) / 8.0

    model, rate = run_against(500_000.0)
    assert rate == pytest.approx(500_000.0, rel=0.01)
    assert model.statistics.cross_delivered_bytes * 8 == pytest.approx(400_000.0 * 10, rel=0.01)
    assert 0 < model.statistics.queueing.longest <= (SIZE + 500) * 8 / 1e6
    # With more offered than there is, both lose, and the line is full. Who loses how much is a matter of phase.
    model, rate = run_against(900_000.0)
    crossed = model.statistics.cross_delivered_bytes * 8 / 10
    assert rate < 890_000.0
    assert crossed < 395_000.0
    assert rate + crossed == pytest.approx(1e6, rel=0.02)


def test_tcp_like_traffic_fills_the_line_and_shares_it_with_its_like() -> None:
    cross = (TcpTraffic(count=3, rtt=0.05),)
    direction = Direction(capacity=Steps(((0.0, 2e6),)), queue=Queue(seconds=0.1), cross_traffic=cross)
    model: LinkModel[int] = LinkModel(direction, seed=1)
    assert not list(model.poll(60.0))
    assert model.statistics.cross_delivered_bytes * 8 / 60 == pytest.approx(2e6, rel=0.05)


def test_tcp_like_traffic_obeys_the_square_root_law() -> None:
    # Ott, Kemperman and Mathis 1996: rate = 1.31 · MSS/RTT / sqrt(p) for independent losses, one acknowledgement per
    # packet. The tolerance is for what the law leaves out: whole packets, and losses of one window that count as one.
    rtt, loss = 0.1, 0.001
    cross = (TcpTraffic(rtt=rtt),)
    direction = Direction(capacity=Steps(((0.0, 1e8),)), loss=IndependentLoss(loss), cross_traffic=cross)
    model: LinkModel[int] = LinkModel(direction, seed=1)
    assert not list(model.poll(300.0))
    expected = 1500 * 8 / rtt * 1.31 / math.sqrt(loss)
    assert model.statistics.cross_delivered_bytes * 8 / 300 == pytest.approx(expected, rel=0.1)


def test_short_transfers_leave_the_line_alone_in_between() -> None:
    cross = (TcpTraffic(rtt=0.05, transfer=(40_000, 40_000), idle=10.0),)
    model: LinkModel[int] = LinkModel(Direction(capacity=Steps(((0.0, 2e6),)), cross_traffic=cross), seed=1)
    assert not list(model.poll(2000.0))
    transfers = model.statistics.cross_delivered_bytes / 40_000
    # 2,000 s of pauses of 10 s and transfers of about a third of a second: Poisson, four standard errors.
    assert transfers == pytest.approx(2000 / 10.3, abs=4 * math.sqrt(2000 / 10.3))


def test_codel_keeps_a_standing_queue_near_its_target() -> None:
    def longest_after_settling(codel: bool) -> float:
        direction = Direction(
            capacity=Steps(((0.0, 10e6),)),
            queue=Queue(seconds=1.0, codel=codel),
            cross_traffic=(TcpTraffic(rtt=0.1),),
        )
        model: LinkModel[float] = LinkModel(direction, seed=1)
        waits = []
        for n in range(3000):
            sent = n * 0.02
            model.send(sent, 100, sent)
            waits += [at - sent_at for at, sent_at in model.poll(sent) if sent > 20.0]
        return statistics.median(waits)

    assert longest_after_settling(codel=False) > 0.3
    assert longest_after_settling(codel=True) < 0.015


def test_codel_leaves_a_short_burst_alone_and_drops_at_the_rate_of_its_control_law() -> None:
    direction = Direction(capacity=Steps(((0.0, 1e6),)), queue=Queue(seconds=5.0, codel=True))
    model: LinkModel[int] = LinkModel(direction, seed=1)
    for number in range(10):
        model.send(0.0, SIZE, number)
    list(model.poll(1.0))
    assert model.statistics.lost[Cause.CODEL] == 0

    dropped: list[float] = []
    model = LinkModel(direction, seed=1, lost=lambda time, _: dropped.append(time))
    for number in range(200):
        model.send(0.0, SIZE, number)
    list(model.poll(10.0))
    # The first after an interval above the target, then the intervals shrink with the square root of the count.
    assert dropped[0] == pytest.approx(0.1, abs=0.02)
    for count, (one, other) in enumerate(itertools.pairwise(dropped[:8]), start=1):
        assert other - one == pytest.approx(0.1 / math.sqrt(count), abs=2 * SIZE * 8 / 1e6)
