"""Rooms on workers, the pool, and what happens when a worker dies."""

from __future__ import annotations

import resource

import pytest

from bridge import _core
from bridge.errors import BridgeError
from bridge.sfu import AudioLevel, MediaLimits, MediaSettings, MediaTimeouts, Sfu
from bridge.sfu import workers as pool
from tests.sfu.conftest import Bridge
from tests.sfu.fake_core import FakeWorker
from tests.sfu.support import Recorder, fixture

OFFER = fixture("chrome_publish")


async def two_workers(**limits: int) -> Bridge:
    bridge = Bridge(MediaSettings(listen=("127.0.0.1:3478", "[::1]:3478"), workers=2, limits=MediaLimits(**limits)))
    await bridge.sfu.start()
    return bridge


async def test_every_worker_has_ports_of_its_own() -> None:
    bridge = await two_workers()
    assert [fake.config["listen"] for fake in bridge.fakes] == [
        ["127.0.0.1:3478", "[::1]:3478"],
        ["127.0.0.1:3479", "[::1]:3479"],
    ]
    await bridge.sfu.close()
    assert all(fake.closed for fake in bridge.fakes)


async def test_rooms_go_to_the_least_loaded_worker_and_stay_together() -> None:
    bridge = await two_workers()
    for room, session in (("one", "a"), ("one", "b"), ("two", "c"), ("three", "d")):
        opened, _ = bridge.open(session, room)
        await opened.publish(OFFER)
    assert [len(fake.called("create_webrtc_transport")) for fake in bridge.fakes] == [2, 2]
    routers = [params["router_id"] for _, params in bridge.fakes[0].called("create_webrtc_transport")]
    assert len(set(routers)) == 1
    assert [report.sessions for report in bridge.sfu.workers()] == [2, 2]
    await bridge.sfu.close()


async def test_a_room_that_is_empty_is_forgotten() -> None:
    bridge = await two_workers()
    session, _ = bridge.open("a", "one")
    await session.close()
    assert [report.sessions for report in bridge.sfu.workers()] == [0, 0]
    bridge.open("a", "one")
    await bridge.sfu.close()


async def test_a_session_id_serves_once_at_a_time(bridge: Bridge) -> None:
    session, _ = bridge.open("a")
    with pytest.raises(BridgeError) as caught:
        bridge.open("a")
    assert caught.value.code == "session_exists"
    await session.close()
    bridge.open("a")


async def test_full_workers_refuse() -> None:
    bridge = await two_workers(sessions=1)
    bridge.open("a", "one")
    bridge.open("b", "two")
    for room in ("one", "three"):
        with pytest.raises(BridgeError) as caught:
            bridge.open("c", room)
        assert caught.value.code == "media_overloaded"
    await bridge.sfu.close()


async def test_levels_reach_everyone_in_the_room_and_nobody_else(bridge: Bridge) -> None:
    anna, hears = bridge.open("anna", "one")
    _, deaf = bridge.open("spy", "two")
    audio, _ = (await anna.publish(OFFER)).new
    router_id = bridge.core.called("create_webrtc_transport")[0][1]["router_id"]
    level = {"producer_id": audio.producer_id, "level": 30, "voice": True}
    bridge.core.emit(type="audio_levels", router_id=router_id, levels=[level])
    await hears.wait_for("levels", AudioLevel(audio.producer_id, 30, True))
    assert deaf.events == []


async def test_the_active_speaker_is_told_to_the_room_and_to_who_comes_later(bridge: Bridge) -> None:
    anna, hears = bridge.open("anna", "one")
    audio, _ = (await anna.publish(OFFER)).new
    router_id = bridge.core.called("create_webrtc_transport")[0][1]["router_id"]
    bridge.core.emit(type="active_speaker", router_id=router_id, producer_id=audio.producer_id)
    await hears.wait_for("speaker", audio.producer_id)
    _, later = bridge.open("bo", "one")
    assert ("speaker", audio.producer_id) in later.events
    bridge.core.emit(type="active_speaker", router_id=router_id, producer_id=None)
    await later.wait_for("speaker", None)


async def test_the_core_is_told_who_is_to_be_heard(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna", "one")
    await anna.publish(OFFER)
    [(router_id, selection)] = bridge.core.called("select_speakers")
    assert selection == {"max": 3, "always": []}
    router = next(iter(bridge.sfu._routers.values()))
    router.select_speakers(always=[7])
    router.select_speakers(always=[7])
    assert bridge.core.called("select_speakers")[1:] == [(router_id, {"max": 3, "always": [7]})]


async def test_a_dead_worker_closes_its_sessions_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "RESTART_DELAY", 0.0)
    bridge = await two_workers()
    anna, lost = bridge.open("anna", "one")
    _, spared = bridge.open("bo", "two")
    await anna.publish(OFFER)
    bridge.fakes[0].emit(type="worker_stopped", error="panic")
    await lost.wait_for("closed", "worker_died")
    with pytest.raises(BridgeError) as caught:
        await anna.publish(OFFER)
    assert caught.value.code == "session_closed"
    assert spared.events == []
    assert bridge.fakes[0].closed
    await bridge.wait_for_workers(3)
    assert bridge.fakes[2].config == bridge.fakes[0].config
    again, _ = bridge.open("anna", "one")
    assert (await again.publish(OFFER)).new
    assert bridge.fakes[2].called("create_webrtc_transport")
    await anna.close()
    await bridge.sfu.close()


async def test_strangers_leave_most_of_the_open_files_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert (pool.most_strangers(1), pool.most_strangers(4), pool.most_strangers(500)) == (64, 16, 1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert pool.most_strangers(500) == pool.MAX_STRANGERS


async def test_an_address_in_use_leaves_no_worker_behind() -> None:
    made: list[FakeWorker] = []

    def make(config: _core.WorkerConfig) -> FakeWorker:
        if made:
            raise OSError("127.0.0.1:3479 is in use")
        made.append(FakeWorker(config))
        return made[0]

    sfu = Sfu(MediaSettings(workers=2), worker_factory=make)
    with pytest.raises(OSError, match="3479"):
        await sfu.start()
    assert made[0].closed


async def test_a_listener_that_raises_does_not_stop_the_events_of_others(bridge: Bridge) -> None:
    class Broken(Recorder):
        def on_producer(self, producer_id: int, live: bool) -> None:
            raise RuntimeError("a bug")

    anna = bridge.sfu.open_session("room", "anna", Broken())
    bo, recorder = bridge.open("bo")
    of_anna, of_bo = await anna.publish(OFFER), await bo.publish(OFFER)
    bridge.core.emit(type="producer_live", producer_id=of_anna.new[0].producer_id)
    bridge.core.emit(type="producer_live", producer_id=of_bo.new[0].producer_id)
    await recorder.wait_for("producer", of_bo.new[0].producer_id, True)


async def test_statistics_come_from_the_worker(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    ((transport_id, _),) = bridge.core.called("create_webrtc_transport")
    bridge.core.stats_answers[transport_id] = {"transport_id": transport_id}
    assert await session.stats() == {"publish": {"transport_id": transport_id}, "subscribe": None}


async def test_a_worker_that_does_not_answer_gives_no_statistics() -> None:
    bridge = Bridge(MediaSettings(timeouts=MediaTimeouts(stats=0.01)))
    await bridge.sfu.start()
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    assert (await session.stats())["publish"] is None
    await bridge.sfu.close()


async def test_closing_the_whole_closes_every_session(bridge: Bridge) -> None:
    sessions = [bridge.open(name)[0] for name in "ab"]
    for session in sessions:
        await session.publish(OFFER)
    await bridge.sfu.close()
    assert len(bridge.core.called("close_transport")) == 2
    assert bridge.core.closed
