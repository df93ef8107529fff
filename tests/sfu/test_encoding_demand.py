"""What publishers are told of the encodings that anybody receives."""

from __future__ import annotations

import asyncio

from bridge.sfu.encoding_demand import EncodingDemand
from bridge.sfu.types import WantedEncodings

FOREVER = 3600.0


def demand(count: int, hold: float) -> tuple[EncodingDemand, list[tuple[bool, ...]]]:
    told: list[tuple[bool, ...]] = []
    return EncodingDemand(count, lambda wanted: told.append(wanted.active), hold), told


async def test_what_each_takes_at_most_is_told_with_them() -> None:
    told: list[WantedEncodings] = []
    encodings = EncodingDemand(2, told.append, FOREVER)
    encodings.want({0, 1}, 200_000)
    encodings.want({0, 1}, 200_000)
    encodings.want({0, 1}, None)
    assert [(each.active, each.max_bitrate) for each in told] == [((True, True), 200_000), ((True, True), None)]
    encodings.close()


async def test_what_is_not_needed_is_spare() -> None:
    told: list[WantedEncodings] = []
    encodings = EncodingDemand(3, told.append, 0.0)
    encodings.want({0, 1}, needed={1})
    assert told == [WantedEncodings((True, True, True), (True, False, True), None)]
    await asyncio.sleep(0.001)
    assert told[1:] == [WantedEncodings((True, True, False), (True, False, False), None)]
    encodings.want({0, 1}, needed={0, 1})
    assert told[2:] == [WantedEncodings((True, True, False), (False, False, False), None)]


async def test_what_nobody_wants_any_more_goes_on_for_a_while() -> None:
    encodings, told = demand(3, FOREVER)
    encodings.want({0})
    encodings.want({0, 2})
    assert told == []
    encodings.close()


async def test_down_after_a_while_and_up_at_once() -> None:
    encodings, told = demand(3, 0.0)
    encodings.want({0})
    assert told == []
    await asyncio.sleep(0.001)
    assert told == [(True, False, False)]
    encodings.want({2})
    assert told[1:] == [(True, False, True)]
    await asyncio.sleep(0.001)
    assert told[2:] == [(False, False, True)]
    encodings.want({2})
    await asyncio.sleep(0.001)
    assert len(told) == 3


async def test_none_at_all() -> None:
    encodings, told = demand(2, 0.0)
    encodings.want(())
    assert encodings.any
    await asyncio.sleep(0.001)
    assert told == [(False, False)]
    assert not encodings.any


async def test_the_only_encoding_is_wanted_for_any_of_its_layers() -> None:
    encodings, told = demand(1, 0.0)
    encodings.want({2})
    await asyncio.sleep(0.001)
    assert told == []
    encodings.want(())
    await asyncio.sleep(0.001)
    assert told == [(False,)]
    encodings.want({1})
    assert told[1:] == [(True,)]


async def test_nothing_is_told_once_closed() -> None:
    encodings, told = demand(2, 0.0)
    encodings.want({0})
    encodings.close()
    await asyncio.sleep(0.001)
    assert told == []
