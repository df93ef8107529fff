"""One waiting list for several rooms: the next free doctor takes the next, and nobody gets in another way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.room import (
    DEFAULT_ROLES,
    EndReason,
    Entrance,
    JoinRequest,
    LobbyNotice,
    MediaKind,
    RoomEvent,
    RoomLimits,
    RoomPolicy,
    Rooms,
    Session,
    SourceName,
    WithoutHost,
)
from tests.room.hall import Disk, refused

REQUEST = JoinRequest("clinic", "dropin", "", "", "pasient", DEFAULT_ROLES["pasient"].grants, enters=Entrance.LOBBY)
QUEUE, ONE, TWO = "clinic/dropin", "clinic/one", "clinic/two"


class Clinic:
    """A queue and the rooms of two doctors, on a clock that a test turns."""

    def __init__(self, policy: RoomPolicy | None = None) -> None:
        self.now = 1000.0
        self.policy = policy or RoomPolicy()
        self.events: list[RoomEvent] = []
        self.disk = Disk(self.policy.reentry, lambda: self.now)
        self._start()

    def _start(self) -> None:
        self.rooms = Rooms(RoomLimits(max_participants=4), self.policy, clock=lambda: self.now)
        self.rooms.owner.define_queue("clinic", "dropin", ["one", "two"])
        self.rooms.add_listener(self.events.append)
        self.disk.follow(self.rooms)

    def crash(self) -> None:
        """The bridge is killed and started again."""
        self.disk.killed(self.rooms)
        self._start()
        self.rooms.keeping.recover(list(self.disk.rooms.values()), self.disk.bans)

    def join(self, room: str, identity: str, role: str = "pasient") -> Session:
        rule = DEFAULT_ROLES[role]
        return self.rooms.join(
            JoinRequest(
                "clinic",
                room,
                identity,
                identity.title(),
                role,
                rule.grants,
                enters=rule.enters,
                may_host=rule.may_host,
                token_id=f"token of {identity}",
                token_lifetime=600.0,
            )
        )

    def doctors(self) -> tuple[Session, Session]:
        return self.join("one", "anne", "fastlege"), self.join("two", "bjørn", "fastlege")

    def inside(self, room: str) -> list[str]:
        return [each.identity for each in self.rooms.participants(room)]

    def waiting(self, room: str = QUEUE) -> list[str]:
        return [each.identity for each in self.rooms.waiting(room)]

    def place(self, session: Session) -> int | None:
        view = self.rooms.lobby(session.id)
        return None if view is None else view.position

    def told(self) -> list[str]:
        names = [f"{type(event).__name__} {event.room_id.partition('/')[2]}" for event in self.events]
        self.events.clear()
        return names


def test_each_doctor_takes_the_next_one_into_their_own_room() -> None:
    clinic = Clinic()
    anne, bjørn = clinic.doctors()
    kari, ola, per = (clinic.join("dropin", name) for name in ("kari", "ola", "per"))
    assert [clinic.place(each) for each in (kari, ola, per)] == [1, 2, 3]
    clinic.told()
    clinic.rooms.moderation.take(anne.id)
    assert clinic.told() == [
        "HostDecided one",
        "WaitingLeft dropin",
        "Moved dropin",
        "WaitingJoined one",
        "WaitingLeft one",
        "Admitted one",
        "ParticipantJoined one",
    ]
    assert [clinic.place(each) for each in (kari, ola, per)] == [None, 1, 2]
    assert clinic.rooms.session(kari.id).room_id == ONE
    clinic.rooms.moderation.take(bjørn.id)
    clinic.rooms.moderation.take(bjørn.id)
    assert (clinic.inside(ONE), clinic.inside(TWO), clinic.inside(QUEUE)) == (
        ["anne", "kari"],
        ["bjørn", "ola", "per"],
        [],
    )
    assert clinic.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO)
    refused("queue_empty", lambda: clinic.rooms.moderation.take(anne.id))


def test_whoever_waits_sends_nothing_and_stays_until_taken_even_where_rooms_need_no_host() -> None:
    clinic = Clinic(RoomPolicy(without_host=WithoutHost.ENTER))
    kari = clinic.join("dropin", "kari")
    assert clinic.waiting() == ["kari"]
    refused("in_lobby", lambda: clinic.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO))
    for name, role in (("anne", "fastlege"), ("room", "rom"), ("recorder", "opptak")):
        refused("queue_is_no_room", lambda name=name, role=role: clinic.join("dropin", name, role))  # type: ignore[misc]
    assert clinic.inside(QUEUE) == []


def test_the_place_is_kept_over_a_reload_and_a_lost_connection() -> None:
    clinic = Clinic()
    anne, _ = clinic.doctors()
    kari, ola = clinic.join("dropin", "kari"), clinic.join("dropin", "ola")
    kari = clinic.join("dropin", "kari")
    assert [clinic.place(kari), clinic.place(ola)] == [1, 2]
    clinic.rooms.leave(kari.id)
    assert clinic.place(ola) == 1
    kari = clinic.join("dropin", "kari")
    assert [clinic.place(kari), clinic.place(ola)] == [1, 2]
    clinic.rooms.disconnect(kari.id, kari.attachment)
    # Whoever is there goes first; the other one keeps the place.
    clinic.rooms.moderation.take(anne.id)
    assert clinic.inside(ONE) == ["anne", "ola"]
    assert clinic.place(clinic.rooms.resume(kari.id, kari.secret)) == 1


def test_whoever_was_taken_comes_back_to_the_same_doctor_by_the_same_link() -> None:
    clinic = Clinic()
    anne, _ = clinic.doctors()
    kari = clinic.join("dropin", "kari")
    clinic.rooms.moderation.take(anne.id)
    again = clinic.join("dropin", "kari")
    assert (again.room_id, again.waiting) == (ONE, False)
    with pytest.raises(Exception, match="no such session"):
        clinic.rooms.session(kari.id)
    clinic.rooms.leave(again.id)
    back = clinic.join("dropin", "kari")
    assert (back.room_id, back.waiting) == (ONE, False)
    clinic.rooms.leave(back.id)
    clinic.now += 3600.0
    assert clinic.join("dropin", "kari").room_id == QUEUE


def test_whoever_is_gone_while_the_doctor_has_another_waits_at_that_doctors() -> None:
    clinic = Clinic()
    anne, _ = clinic.doctors()
    kari, _ = clinic.join("dropin", "kari"), clinic.join("dropin", "ola")
    clinic.rooms.moderation.take(anne.id)
    clinic.rooms.leave(kari.id)
    clinic.rooms.moderation.take(anne.id)
    back = clinic.join("dropin", "kari")
    assert (back.room_id, back.waiting) == (ONE, True)
    assert clinic.inside(ONE) == ["anne", "ola"]


def test_a_certain_one_may_be_taken_and_a_message_reaches_the_queue() -> None:
    clinic = Clinic()
    anne, bjørn = clinic.doctors()
    clinic.join("dropin", "kari")
    ola = clinic.join("dropin", "ola")
    clinic.rooms.moderation.message_lobby(bjørn.id, LobbyNotice.DELAYED, minutes=10, queue_id=QUEUE)
    view = clinic.rooms.lobby(ola.id)
    assert view is not None
    assert [message.minutes for message in view.messages] == [10]
    clinic.rooms.moderation.take(anne.id, QUEUE, ola.participant_id)
    assert (clinic.inside(ONE), clinic.waiting()) == (["anne", "ola"], ["kari"])
    refused("participant_not_found", lambda: clinic.rooms.moderation.take(anne.id, QUEUE, "nobody"))


def test_a_doctor_refuses_somebody_in_a_queue_and_takes_a_certain_one_out_for_good() -> None:
    clinic = Clinic()
    anne, _bjørn = clinic.doctors()
    kari, ola, _per = (clinic.join("dropin", name) for name in ("kari", "ola", "per"))
    moderation = clinic.rooms.moderation
    clinic.told()
    refused("participant_not_found", lambda: moderation.refuse(anne.id, kari.participant_id))
    refused("queue_not_found", lambda: moderation.refuse(anne.id, kari.participant_id, queue_id="clinic/other"))
    moderation.refuse(anne.id, kari.participant_id, queue_id=QUEUE)
    assert clinic.told() == ["HostDecided one", "SessionEnded dropin", "WaitingLeft dropin"]
    assert clinic.waiting() == ["ola", "per"]
    assert clinic.place(clinic.join("dropin", "kari")) == 3, "whoever was refused may ask again, and has lost the place"
    moderation.remove(anne.id, ola.participant_id, queue_id=QUEUE)
    refused("banned", lambda: clinic.join("dropin", "ola"))
    assert clinic.waiting() == ["per", "kari"]


def test_only_hosts_of_its_rooms_take_from_a_queue() -> None:
    clinic = Clinic()
    clinic.doctors()
    stranger = clinic.join("three", "eve", "fastlege")
    watcher = clinic.join("one", "tone", "rom")
    clinic.join("dropin", "kari")
    refused("queue_not_found", lambda: clinic.rooms.moderation.take(stranger.id))
    refused("queue_not_found", lambda: clinic.rooms.moderation.take(stranger.id, QUEUE))
    refused("not_granted", lambda: clinic.rooms.moderation.take(watcher.id))
    assert clinic.rooms.queued("clinic/three") == ()
    assert clinic.waiting() == ["kari"]


def test_a_full_room_takes_nobody() -> None:
    clinic = Clinic()
    anne, _ = clinic.doctors()
    for name in ("kari", "ola", "per", "pål"):
        clinic.join("dropin", name)
    for _ in range(3):
        clinic.rooms.moderation.take(anne.id)
    refused("room_full", lambda: clinic.rooms.moderation.take(anne.id))
    assert clinic.waiting() == ["pål"]


def test_the_time_to_expect_is_shared_by_the_doctors_who_are_there() -> None:
    clinic = Clinic(RoomPolicy(consultation=600.0))
    sessions = [clinic.join("dropin", name) for name in ("kari", "ola", "per")]

    def expected() -> list[float | None]:
        views = [clinic.rooms.lobby(session.id) for session in sessions]
        return [None if view is None else view.expected for view in views]

    assert expected() == [None, None, None]
    clinic.join("one", "anne", "fastlege")
    assert expected() == [0.0, 600.0, 1200.0]
    clinic.join("two", "bjørn", "fastlege")
    assert expected() == [0.0, 300.0, 600.0]
    anne, bjørn = (clinic.join(room, name, "fastlege") for room, name in (("one", "anne"), ("two", "bjørn")))
    clinic.rooms.moderation.take(anne.id)
    assert expected() == [None, 0.0, 300.0], "one of the doctors is free"
    clinic.now += 60.0
    clinic.rooms.moderation.take(bjørn.id)
    assert expected() == [None, None, 540.0], "the one who was taken first is ready first"
    clinic.rooms.leave(sessions.pop(1).id)
    assert expected() == [None, 0.0], "a doctor whose patient has left is free"


def test_a_queue_is_no_room_of_a_queue_and_no_open_room_becomes_one() -> None:
    clinic = Clinic()
    clinic.join("three", "eve", "fastlege")
    define = clinic.rooms.owner.define_queue
    refused("room_in_use", lambda: define("clinic", "three", ["one"]))
    refused("invalid_queue", lambda: define("clinic", "four", ["dropin"]))
    refused("invalid_queue", lambda: define("clinic", "one", ["three"]))
    refused("invalid_queue", lambda: define("clinic", "four", ["four"]))
    refused("invalid_queue", lambda: define("clinic", "four", []))
    refused("invalid_room", lambda: define("clinic", "../x", ["one"]))


def test_a_queue_that_is_removed_ends_the_wait_and_its_name_is_free() -> None:
    clinic = Clinic()
    kari = clinic.join("dropin", "kari")
    clinic.rooms.owner.remove_queue(QUEUE)
    ended = [event for event in clinic.events if type(event).__name__ == "SessionEnded"]
    assert [(event.session_id, event.reason) for event in ended] == [(kari.id, EndReason.ENDED)]  # type: ignore[union-attr]
    assert QUEUE not in clinic.rooms
    refused("queue_not_found", lambda: clinic.rooms.owner.remove_queue(QUEUE))
    assert clinic.join("dropin", "anne", "fastlege").room_id == QUEUE


def test_nobody_is_sent_away_because_a_queue_has_long_been_open_or_somebodys_appointment_is_over() -> None:
    clinic = Clinic(RoomPolicy(max_length=3600.0, closes_after=60.0))
    clinic.rooms.join(replace(REQUEST, identity="first", ends_in=600.0))
    clinic.now += 1800.0
    kari = clinic.join("dropin", "kari")
    clinic.now += 3000.0
    clinic.rooms.handle_timeout()
    assert clinic.waiting() == ["first", "kari"]
    assert clinic.place(kari) == 2
    clinic.rooms.owner.remove_queue(QUEUE)
    assert clinic.rooms.poll_timeout() is None


def test_whoever_was_taken_finds_the_way_after_a_crash_and_who_waits_keeps_the_place() -> None:
    for first in ("anne", "kari"):
        clinic = Clinic()
        anne, _ = clinic.doctors()
        for who in ("kari", "ola", "per"):
            clinic.join("dropin", who)
        clinic.rooms.moderation.take(anne.id)
        clinic.crash()
        clinic.join("dropin", "per")
        if first == "anne":
            clinic.join("one", "anne", "fastlege")
        kari = clinic.join("dropin", "kari")
        assert kari.waiting is (first == "kari")
        if first == "kari":
            clinic.join("one", "anne", "fastlege")
        clinic.join("dropin", "ola")
        assert clinic.rooms.session(kari.id).room_id == ONE
        assert sorted(clinic.inside(ONE)) == ["anne", "kari"]
        assert clinic.waiting() == ["ola", "per"]
        assert clinic.waiting(ONE) == []


def test_who_was_taken_out_of_a_queue_for_good_stays_out_of_it_after_a_crash() -> None:
    clinic = Clinic()
    anne, _ = clinic.doctors()
    kari = clinic.join("dropin", "kari")
    clinic.rooms.moderation.remove(anne.id, kari.participant_id, queue_id=QUEUE)
    clinic.crash()
    refused("banned", lambda: clinic.join("dropin", "kari"))
