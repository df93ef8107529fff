from collections.abc import Callable

import pytest

from bridge.room import (
    Direction,
    EndReason,
    Grant,
    JoinRequest,
    MediaKind,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomClosed,
    RoomError,
    RoomEvent,
    RoomLimits,
    RoomOpened,
    Rooms,
    SessionEnded,
    SourceAdded,
    SourceName,
    SourceRemoved,
    SourceUpdated,
    Upload,
)

EVERYTHING = frozenset(grant.value for grant in Grant)
LIMITS = RoomLimits(max_participants=3, max_rooms=3, max_rooms_per_tenant=2, max_sources=2, grace=30.0, linger=10.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Hall:
    """Rooms on a clock that the test turns, with everything told so far."""

    def __init__(self, limits: RoomLimits = LIMITS) -> None:
        self.clock = Clock()
        self.rooms = Rooms(limits, clock=self.clock)
        self.events: list[RoomEvent] = []
        self.rooms.add_listener(self.events.append)

    def told(self) -> list[str]:
        """Names of the events since the last call."""
        names = [type(event).__name__ for event in self.events]
        self.events.clear()
        return names

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.rooms.handle_timeout()


def request(
    identity: str = "kari",
    *,
    tenant: str = "legevisitt",
    room: str = "time-1",
    name: str = "Kari",
    grants: frozenset[str] = EVERYTHING,
    direction: Direction = Direction.BOTH,
) -> JoinRequest:
    return JoinRequest(tenant, room, identity, name, "fastlege", grants, direction)


@pytest.fixture
def hall() -> Hall:
    return Hall()


def refused(code: str, act: Callable[[], object]) -> RoomError:
    with pytest.raises(RoomError) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def test_the_first_to_join_opens_the_room_and_is_told_before_join_returns(hall: Hall) -> None:
    session = hall.rooms.join(request())
    [participant] = hall.rooms.participants("legevisitt/time-1")
    assert hall.events == [RoomOpened("legevisitt/time-1"), ParticipantJoined("legevisitt/time-1", participant)]
    assert participant.id == session.participant_id
    assert participant.connected
    assert participant.grants == EVERYTHING


def test_participants_stand_in_order_of_joining(hall: Hall) -> None:
    for identity in ("c", "a", "b"):
        hall.rooms.join(request(identity))
    assert [someone.identity for someone in hall.rooms.participants("legevisitt/time-1")] == ["c", "a", "b"]


def test_a_reload_replaces_its_older_self(hall: Hall) -> None:
    old = hall.rooms.join(request())
    hall.rooms.add_source(old.id, SourceName.CAMERA, MediaKind.VIDEO)
    hall.told()
    new = hall.rooms.join(request())
    assert new.participant_id != old.participant_id
    assert [type(event) for event in hall.events] == [SourceRemoved, SessionEnded, ParticipantLeft, ParticipantJoined]
    assert hall.events[1] == SessionEnded(old.room_id, old.participant_id, old.id, EndReason.REPLACED)
    assert hall.events[2] == ParticipantLeft(old.room_id, old.participant_id, EndReason.REPLACED)
    refused("session_not_found", lambda: hall.rooms.resume(old.id, old.secret))


def test_a_reload_needs_no_free_place(hall: Hall) -> None:
    for identity in ("a", "b", "c"):
        hall.rooms.join(request(identity))
    hall.rooms.join(request("b"))
    refused("room_full", lambda: hall.rooms.join(request("d")))


def test_publishing_and_watching_by_separate_sessions_is_one_participant(hall: Hall) -> None:
    publisher = hall.rooms.join(request(direction=Direction.PUBLISH, grants=frozenset({"publish_camera"})))
    watcher = hall.rooms.join(request(direction=Direction.SUBSCRIBE, grants=frozenset({"subscribe"})))
    assert publisher.participant_id == watcher.participant_id
    [participant] = hall.rooms.participants(publisher.room_id)
    assert participant.grants == {"publish_camera", "subscribe"}
    refused("not_granted", lambda: hall.rooms.add_source(watcher.id, SourceName.CAMERA, MediaKind.VIDEO))
    hall.told()

    again = hall.rooms.join(request(direction=Direction.PUBLISH, grants=frozenset({"publish_camera"})))
    assert again.participant_id == publisher.participant_id
    assert hall.told() == ["SessionEnded"]

    hall.rooms.leave(watcher.id)
    assert hall.told() == ["SessionEnded", "ParticipantUpdated"]
    hall.rooms.leave(again.id)
    assert hall.told() == ["SessionEnded", "ParticipantLeft"]


def test_a_client_that_does_both_replaces_separate_sessions(hall: Hall) -> None:
    hall.rooms.join(request(direction=Direction.PUBLISH))
    hall.rooms.join(request(direction=Direction.SUBSCRIBE))
    hall.told()
    hall.rooms.join(request())
    assert hall.told() == ["SessionEnded", "SessionEnded", "ParticipantLeft", "ParticipantJoined"]


def test_lost_signalling_is_resumed_within_the_grace_period(hall: Hall) -> None:
    session = hall.rooms.join(request())
    source = hall.rooms.add_source(session.id, SourceName.MICROPHONE, MediaKind.AUDIO)
    hall.told()
    hall.rooms.disconnect(session.id, session.attachment)
    assert isinstance(hall.events[0], ParticipantUpdated)
    assert not hall.events[0].participant.connected
    hall.wait(29.9)
    back = hall.rooms.resume(session.id, session.secret)
    assert hall.told() == ["ParticipantUpdated", "ParticipantUpdated"]
    assert back.participant_id == session.participant_id
    hall.wait(60.0)
    [participant] = hall.rooms.participants(session.room_id)
    assert participant.connected
    assert participant.sources == (source,)


def test_who_does_not_come_back_in_time_is_removed_and_everyone_is_told(hall: Hall) -> None:
    session = hall.rooms.join(request())
    hall.rooms.add_source(session.id, SourceName.CAMERA, MediaKind.VIDEO)
    hall.rooms.disconnect(session.id, session.attachment)
    hall.told()
    assert hall.rooms.poll_timeout() == 1030.0
    hall.wait(30.0)
    assert [type(event) for event in hall.events] == [SourceRemoved, SessionEnded, ParticipantLeft]
    assert hall.events[-1] == ParticipantLeft(session.room_id, session.participant_id, EndReason.TIMED_OUT)


def test_a_deadline_counts_even_when_the_timer_is_late(hall: Hall) -> None:
    session = hall.rooms.join(request())
    hall.rooms.disconnect(session.id, session.attachment)
    hall.clock.now += 30.0
    refused("session_not_found", lambda: hall.rooms.resume(session.id, session.secret))


def test_a_connection_that_was_resumed_away_cannot_disconnect_the_new_one(hall: Hall) -> None:
    old = hall.rooms.join(request())
    new = hall.rooms.resume(old.id, old.secret)
    hall.rooms.disconnect(old.id, old.attachment)
    assert hall.rooms.session(old.id).connected
    hall.rooms.disconnect(new.id, new.attachment)
    assert not hall.rooms.session(old.id).connected


def test_a_wrong_secret_looks_like_an_unknown_session(hall: Hall) -> None:
    session = hall.rooms.join(request())
    wrong = refused("session_not_found", lambda: hall.rooms.resume(session.id, "blåbær"))
    unknown = refused("session_not_found", lambda: hall.rooms.resume("nobody", session.secret))
    assert wrong.as_dict() == unknown.as_dict()


def test_an_empty_room_lingers_and_then_closes(hall: Hall) -> None:
    hall.rooms.leave(hall.rooms.join(request()).id)
    hall.told()
    hall.wait(9.0)
    hall.rooms.leave(hall.rooms.join(request()).id)
    assert hall.told() == ["ParticipantJoined", "SessionEnded", "ParticipantLeft"]
    hall.wait(9.0)
    assert hall.rooms.room_ids() == ["legevisitt/time-1"]
    hall.wait(1.0)
    assert hall.events == [RoomClosed("legevisitt/time-1", EndReason.EMPTY)]
    assert hall.rooms.room_ids() == []
    assert hall.rooms.poll_timeout() is None


def test_vendors_with_the_same_room_name_do_not_meet(hall: Hall) -> None:
    one = hall.rooms.join(request(tenant="confr"))
    other = hall.rooms.join(request(tenant="visit"))
    assert one.room_id != other.room_id
    assert len(hall.rooms.participants(one.room_id)) == 1


@pytest.mark.parametrize("room", ["", "a/b", "../a", ".hidden", "a b", "å", "x" * 129, "a\n"])
def test_a_room_name_that_could_escape_its_tenant_is_refused(hall: Hall, room: str) -> None:
    assert refused("invalid_room", lambda: hall.rooms.join(request(room=room))).field == "room"
    assert hall.rooms.room_ids() == []


def test_rooms_are_bounded_per_vendor_and_in_all(hall: Hall) -> None:
    hall.rooms.join(request(room="1"))
    hall.rooms.join(request(room="2"))
    refused("too_many_rooms", lambda: hall.rooms.join(request(room="3")))
    hall.rooms.join(request(tenant="other", room="3"))
    refused("too_many_rooms", lambda: hall.rooms.join(request(tenant="third", room="4")))
    hall.rooms.leave(hall.rooms.join(request(room="1")).id)
    hall.wait(10.0)
    hall.rooms.join(request(room="3"))


def test_sources_come_change_and_go(hall: Hall) -> None:
    session = hall.rooms.join(request())
    hall.told()
    source = hall.rooms.add_source(session.id, SourceName.CAMERA, MediaKind.VIDEO)
    muted = hall.rooms.update_source(session.id, source.id, muted=True)
    hall.rooms.update_source(session.id, source.id, muted=True)
    switched = hall.rooms.update_source(session.id, source.id, name=SourceName.SCREEN)
    thin = hall.rooms.update_source(session.id, source.id, upload=Upload.STILLS)
    hall.rooms.remove_source(session.id, source.id)
    place = (session.room_id, session.participant_id)
    assert hall.events == [
        SourceAdded(*place, source),
        SourceUpdated(*place, muted),
        SourceUpdated(*place, switched),
        SourceUpdated(*place, thin),
        SourceRemoved(*place, thin),
    ]
    assert (switched.name, switched.muted) == (SourceName.SCREEN, True)
    refused("source_not_found", lambda: hall.rooms.remove_source(session.id, source.id))


def test_a_source_takes_its_grant(hall: Hall) -> None:
    session = hall.rooms.join(request(grants=frozenset({"publish_camera"})))
    refused("not_granted", lambda: hall.rooms.add_source(session.id, SourceName.MICROPHONE, MediaKind.AUDIO))
    refused("wrong_kind", lambda: hall.rooms.add_source(session.id, SourceName.CAMERA, MediaKind.AUDIO))
    camera = hall.rooms.add_source(session.id, SourceName.CAMERA, MediaKind.VIDEO)
    refused("not_granted", lambda: hall.rooms.update_source(session.id, camera.id, name=SourceName.SCREEN))


def test_sources_are_bounded_and_belong_to_their_session(hall: Hall) -> None:
    kari = hall.rooms.join(request("kari"))
    ola = hall.rooms.join(request("ola"))
    camera = hall.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO)
    hall.rooms.add_source(kari.id, SourceName.MICROPHONE, MediaKind.AUDIO)
    refused("too_many_sources", lambda: hall.rooms.add_source(kari.id, SourceName.SCREEN, MediaKind.VIDEO))
    refused("source_not_found", lambda: hall.rooms.update_source(ola.id, camera.id, muted=True))


def test_closing_ends_everything_and_lets_nobody_in(hall: Hall) -> None:
    session = hall.rooms.join(request())
    hall.told()
    hall.rooms.close()
    assert hall.events == [
        SessionEnded(session.room_id, session.participant_id, session.id, EndReason.SHUTTING_DOWN),
        ParticipantLeft(session.room_id, session.participant_id, EndReason.SHUTTING_DOWN),
        RoomClosed(session.room_id, EndReason.SHUTTING_DOWN),
    ]
    assert hall.rooms.poll_timeout() is None
    refused("shutting_down", lambda: hall.rooms.join(request()))


def test_what_comes_late_for_an_ended_session_is_ignored(hall: Hall) -> None:
    session = hall.rooms.join(request())
    hall.rooms.leave(session.id)
    hall.told()
    hall.rooms.leave(session.id)
    hall.rooms.disconnect(session.id, session.attachment)
    assert hall.told() == []
    refused("session_not_found", lambda: hall.rooms.participant(session.id))


def test_a_listener_may_act_and_everyone_hears_it_in_order(hall: Hall) -> None:
    heard: list[RoomEvent] = []

    def greet(event: RoomEvent) -> None:
        if isinstance(event, ParticipantJoined) and event.participant.identity == "ola":
            hall.rooms.leave(kari.id)

    kari = hall.rooms.join(request("kari"))
    hall.rooms.add_listener(greet)
    hall.rooms.add_listener(heard.append)
    hall.rooms.join(request("ola"))
    assert [type(event) for event in heard] == [ParticipantJoined, SessionEnded, ParticipantLeft]


def test_a_listener_that_fails_harms_nobody(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[RoomEvent] = []

    def fail(event: RoomEvent) -> None:
        raise ValueError(event)

    hall.rooms.add_listener(fail)
    hall.rooms.add_listener(heard.append)
    hall.rooms.join(request())
    assert len(heard) == 2
    assert "A room listener failed" in caplog.text
    hall.rooms.remove_listener(fail)
    caplog.clear()
    hall.rooms.join(request("ola"))
    assert not caplog.text


def test_values_do_not_print_who_they_are_about(hall: Hall) -> None:
    asked = request("12345678901", name="Kari Nordmann")
    session = hall.rooms.join(asked)
    printed = repr([asked, session, hall.rooms.participants(session.room_id), hall.events])
    for private in ("12345678901", "Kari", session.secret):
        assert private not in printed
