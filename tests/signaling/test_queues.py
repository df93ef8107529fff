"""A drop-in queue over the WebSocket door: places are live, and a doctor takes the next; only that brings media."""

from __future__ import annotations

from tests.signaling.house import House, open_house
from tests.signaling.signal_client import SignalClient


async def queue(house: House) -> tuple[SignalClient, SignalClient]:
    """A queue of two doctors, who are there."""
    house.rooms.owner.define_queue("clinic", "dropin", ["one", "two"])
    return await house.joined("anne", "one"), await house.joined("bjørn", "two")


async def queued(doctor: SignalClient, *names: str) -> None:
    """Waits until a doctor is told that just these wait in the queue."""
    while True:
        (told,) = (await doctor.expect("queues_changed"))["queues"]
        assert told["id"] == "dropin"
        if [each["name"] for each in told["waiting"]] == list(names):
            return


async def test_the_next_free_doctor_takes_the_next_one() -> None:
    async with open_house() as house:
        anne, bjørn = await queue(house)
        kari, ola = await house.patient("kari", "dropin"), await house.patient("ola", "dropin")
        assert (kari.joined["lobby"]["position"], ola.joined["lobby"]["position"]) == (1, 2)
        assert ola.joined["lobby"]["host_present"] is True
        assert house.plane.sessions.keys().isdisjoint({kari.joined["session"]["id"], ola.joined["session"]["id"]})
        await queued(anne, "Name of kari", "Name of ola")
        assert (await anne.request("take"))["type"] == "done"
        admitted = await kari.expect("admitted")
        assert [each["name"] for each in admitted["participants"]] == ["Name of anne"]
        while (await ola.expect("lobby_changed"))["lobby"]["position"] != 1:
            pass
        assert kari.joined["session"]["id"] in house.plane.sessions
        assert ola.joined["session"]["id"] not in house.plane.sessions
        await bjørn.request("take", queue_id="dropin")
        assert [each["name"] for each in (await ola.expect("admitted"))["participants"]] == ["Name of bjørn"]
        assert (await anne.request("take"))["code"] == "queue_empty"
        await queued(bjørn)


async def test_a_session_that_was_taken_resumes_in_the_room_and_writes_there() -> None:
    async with open_house() as house:
        anne, _ = await queue(house)
        kari = await house.patient("kari", "dropin")
        await anne.request("take")
        await kari.expect("admitted")
        await kari.vanish()
        again = await house.client()
        session = kari.joined["session"]
        resumed = await again.request("resume", session_id=session["id"], secret=session["secret"])
        assert [each["name"] for each in resumed["participants"]] == ["Name of anne"]
        assert "lobby" not in resumed
        await again.request("chat", text="Hei")
        assert (await anne.expect("chat_message"))["message"]["text"] == "Hei"


async def test_a_host_writes_to_the_queue_and_others_are_told_nothing_of_it() -> None:
    async with open_house() as house:
        anne, _ = await queue(house)
        kari = await house.patient("kari", "dropin")
        await anne.request("message_lobby", notice="delayed", minutes=10, queue_id="dropin")
        assert (await kari.expect("lobby_message"))["message"]["minutes"] == 10
        watcher = await house.client()
        await watcher.join("one other subscribe")
        assert (await watcher.request("take"))["grant"] == "host"
        stranger = await house.joined("eve", "three")
        assert (await stranger.request("take", queue_id="dropin"))["code"] == "queue_not_found"
        for other in (watcher, stranger, kari):
            await other.request("ping")
            assert "queues_changed" not in {message["type"] for message in other.set_aside}


async def test_who_hosts_may_not_join_the_queue_itself() -> None:
    async with open_house() as house:
        await queue(house)
        doctor = await house.client()
        assert (await doctor.request("join", token="dropin eve"))["code"] == "queue_is_no_room"
