"""The small parts that keep things bounded."""

from __future__ import annotations

import pytest

from bridge.errors import BridgeError
from bridge.room import MediaKind, Participant, Source, SourceName
from bridge.signaling.calls import join_rate
from bridge.signaling.calls.join_rate import JoinRate
from bridge.signaling.calls.source_table import CarriedSource, SourceTable
from bridge.signaling.calls.subscriptions import Subscriptions
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.websocket.messages.media import AudioLevels
from bridge.signaling.websocket.messages.server import Done
from bridge.signaling.websocket.outbox import Outbox, OutboxFullError
from tests.signaling.house import Claims


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_limit_allows_a_burst_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 3, clock)
    assert [limit.take() for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [limit.take() for _ in range(2)] == [True, False]
    clock.now += 1000.0
    assert [limit.take() for _ in range(4)] == [True, True, True, False]


async def test_an_outbox_gives_back_in_order_and_ends() -> None:
    outbox = Outbox(10, 1000)
    for number in (1, 2):
        outbox.put(Done(reply_to=number))
    outbox.finish()
    outbox.put(Done(reply_to=3))
    texts = [await outbox.get() for _ in range(3)]
    assert texts == ['{"type":"done","reply_to":1}', '{"type":"done","reply_to":2}', None]


async def test_an_outbox_is_bounded_in_messages_and_bytes() -> None:
    outbox = Outbox(2, 1000)
    outbox.put(Done(reply_to=1))
    outbox.put(Done(reply_to=2))
    with pytest.raises(OutboxFullError):
        outbox.put(Done(reply_to=3))
    await outbox.get()
    outbox.put(Done(reply_to=3))
    with pytest.raises(OutboxFullError):
        Outbox(2, 10).put(Done(reply_to=1))


async def test_only_the_newest_audio_levels_wait() -> None:
    outbox = Outbox(2, 1000)
    for _ in range(5):
        outbox.put(AudioLevels(levels=[]))
    outbox.put(Done(reply_to=1))
    assert "audio_levels" in (await outbox.get() or "")
    outbox.put(AudioLevels(levels=[]))
    assert "done" in (await outbox.get() or "")
    assert "audio_levels" in (await outbox.get() or "")


def participant(name: str, *sources: int) -> Participant:
    return Participant(
        id=name,
        room_id="room",
        identity=name,
        name=name,
        role="role",
        grants=frozenset(),
        level="",
        connected=True,
        order=1,
        sources=tuple(Source(id, "session", SourceName.CAMERA, MediaKind.VIDEO, False) for id in sources),  # noqa: A001
    )


def table(*sources: int) -> SourceTable:
    made = SourceTable()
    for source in sources:
        made.add(CarriedSource(source, source + 100, "someone", "room"))
    return made


@pytest.mark.parametrize("by_default", [True, False])
def test_a_choice_departs_from_the_default_until_it_is_taken_back(by_default: bool) -> None:
    subscriptions = Subscriptions("me", by_default=by_default)
    assert subscriptions.wants(1) is by_default
    for wanted in (not by_default, by_default):
        subscriptions.choose([1], wanted)
        assert subscriptions.wants(1) is wanted
        assert subscriptions.wants(2) is by_default
    subscriptions.choose([1], not by_default)
    subscriptions.forget(1)
    assert subscriptions.wants(1) is by_default


def test_wanted_are_the_sources_of_others_that_a_producer_carries() -> None:
    subscriptions = Subscriptions("me", by_default=True)
    subscriptions.pause(3, True)
    room = [participant("ola", 2, 3), participant("me", 1), participant("kari", 4)]
    wanted = subscriptions.wanted(room, table(1, 2, 3))
    assert [(each.producer_id, each.participant, each.track, each.paused) for each in wanted] == [
        (102, "ola", "2", False),
        (103, "ola", "3", True),
    ]


def test_a_source_that_is_gone_is_not_stalled() -> None:
    sources = table(1)
    sources.set_live(1, False)
    assert sources.is_stalled(1)
    sources.remove(1)
    sources.set_live(1, False)
    assert not sources.is_stalled(1)
    assert sources.of_producer(101) is None
    assert len(sources) == 0


def claims(identity: str, tenant: str = "clinic") -> Claims:
    return Claims(tenant, "room", identity, "", "fastlege", frozenset())


def test_one_participant_joins_so_often_and_no_oftener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_rate, "MAX_REMEMBERED", 3)
    clock = Clock()
    rate = JoinRate(clock)
    for _ in range(join_rate.JOIN_BURST):
        rate.count(claims("ola"))
    with pytest.raises(BridgeError) as refused:
        rate.count(claims("ola"))
    assert refused.value.code == "rate_limited"
    rate.count(claims("kari"))
    rate.count(claims("ola", tenant="other"))
    clock.now += 1.0
    rate.count(claims("ola"))
    for number in range(10):
        rate.count(claims(f"participant {number}"))
    assert len(rate) == 3
