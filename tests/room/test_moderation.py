"""What hosts decide about those in the room, and that only they do."""

from __future__ import annotations

import pytest

from bridge.room import (
    EndReason,
    HostDecided,
    MediaKind,
    ParticipantLeft,
    RoomChanged,
    RoomState,
    SourceName,
    UnmuteAsked,
)
from tests.room.hall import ROOM, Consultation, refused


class Call(Consultation):
    """A doctor, a patient who was let in, and an interpreter who was, too."""

    def __init__(self) -> None:
        super().__init__()
        self.doctor = self.join("doctor", "fastlege")
        self.kari, self.tolk = self.join("kari"), self.join("tolk", "tolk")
        self.moderation.admit(self.doctor.id)
        self.told()


@pytest.fixture
def call() -> Call:
    return Call()


def test_who_is_removed_does_not_come_back_by_the_same_token(call: Call) -> None:
    call.moderation.remove(call.doctor.id, call.kari.participant_id)
    assert ParticipantLeft(ROOM, call.kari.participant_id, EndReason.REMOVED) in call.events
    refused("banned", lambda: call.join("kari"))
    call.wait(601.0)
    assert call.join("kari").waiting, "the token has expired, and the verifier refuses it by then"


def test_muting_is_told_and_only_its_owner_unmutes(call: Call) -> None:
    source = call.rooms.add_source(call.kari.id, SourceName.MICROPHONE, MediaKind.AUDIO)
    call.told()
    call.moderation.mute(call.doctor.id, source.id)
    assert call.told() == ["SourceUpdated", "SourceMuted"]
    call.moderation.mute(call.doctor.id, source.id)
    assert call.told() == []
    call.moderation.ask_to_unmute(call.doctor.id, call.kari.participant_id)
    host, patient = call.doctor.participant_id, call.kari.participant_id
    assert call.events == [HostDecided(ROOM, host, "ask_to_unmute", patient), UnmuteAsked(ROOM, patient, host)]
    assert call.rooms.update_source(call.kari.id, source.id, muted=False).muted is False


def test_a_shared_screen_is_stopped_with_its_sound(call: Call) -> None:
    refused("source_not_found", lambda: call.moderation.stop_screen(call.doctor.id, call.kari.participant_id))
    call.rooms.add_source(call.kari.id, SourceName.SCREEN, MediaKind.VIDEO)
    call.rooms.add_source(call.kari.id, SourceName.SCREEN, MediaKind.AUDIO)
    call.rooms.add_source(call.kari.id, SourceName.CAMERA, MediaKind.VIDEO)
    call.told()
    call.moderation.stop_screen(call.doctor.id, call.kari.participant_id)
    assert call.told() == ["SourceRemoved", "SourceStopped"] * 2
    assert [source.name for source in call.rooms.participant(call.kari.id).sources] == [SourceName.CAMERA]


def test_who_is_pinned_for_all_stays_so_over_a_reload_and_until_they_go(call: Call) -> None:
    doctor, moderation = call.doctor.id, call.moderation
    host, patient = call.doctor.participant_id, call.kari.participant_id
    call.told()
    moderation.pin_for_all(doctor, patient)
    moderation.pin_for_all(doctor, patient)
    assert call.events == [
        HostDecided(ROOM, host, "pin_for_all", patient),
        RoomChanged(ROOM, RoomState(recordable=True, pinned=patient)),
    ]
    reloaded = call.join("kari")
    assert call.rooms.state(ROOM).pinned == reloaded.participant_id != patient
    call.told()
    moderation.pin_for_all(doctor, None)
    moderation.pin_for_all(doctor, None)
    assert call.told() == ["RoomChanged"]
    refused("participant_not_found", lambda: moderation.pin_for_all(doctor, "nobody"))
    for go in (call.moderation.send_to_lobby, call.moderation.remove):
        moderation.pin_for_all(doctor, reloaded.participant_id)
        go(doctor, reloaded.participant_id)
        assert call.rooms.state(ROOM).pinned is None
        if go == call.moderation.send_to_lobby:
            moderation.admit(doctor)


def test_a_locked_room_lets_in_hosts_and_those_who_come_back(call: Call) -> None:
    call.moderation.lock(call.doctor.id, True)
    call.moderation.lock(call.doctor.id, True)
    assert call.events == [
        HostDecided(ROOM, call.doctor.participant_id, "lock"),
        RoomChanged(ROOM, RoomState(locked=True, recordable=True)),
    ]
    refused("room_locked", lambda: call.join("ola"))
    assert not call.join("other", "spesialist").waiting
    assert not call.join("kari").waiting
    call.moderation.lock(call.doctor.id, False)
    assert call.join("ola").waiting


def test_the_office_of_host_is_handed_over_to_roles_that_may_have_it(call: Call) -> None:
    refused("may_not_host", lambda: call.moderation.hand_over(call.doctor.id, call.kari.participant_id))
    colleague = call.join("colleague", "nav")
    nav = call.join("nav", "nav", may_host=True)
    call.moderation.admit(call.doctor.id)
    refused("may_not_host", lambda: call.moderation.hand_over(call.doctor.id, colleague.participant_id))
    call.moderation.hand_over(call.doctor.id, nav.participant_id)
    refused("not_granted", lambda: call.moderation.lock(call.doctor.id, True))
    call.moderation.lock(nav.id, True)
    call.moderation.lock(nav.id, False)
    # Its token does not say so; the room remembers.
    call.rooms.leave(nav.id)
    again = call.join("nav", "nav", may_host=True)
    assert not again.waiting
    call.moderation.lock(again.id, True)


def test_the_end_is_for_all_in_the_room_and_not_for_those_who_wait(call: Call) -> None:
    call.join("ola")
    call.moderation.end(call.doctor.id)
    assert (call.inside(), call.waiting()) == ([], ["ola"])
    left = [event for event in call.events if isinstance(event, ParticipantLeft)]
    assert [event.reason for event in left] == [EndReason.ENDED] * 3
    assert call.join("kari").waiting


def test_nobody_but_a_host_moderates(call: Call) -> None:
    source = call.rooms.add_source(call.doctor.id, SourceName.MICROPHONE, MediaKind.AUDIO)
    doctor, by = call.doctor.participant_id, call.kari.id
    moderation = call.moderation
    for act in (
        lambda: moderation.remove(by, doctor),
        lambda: moderation.send_to_lobby(by, doctor),
        lambda: moderation.mute(by, source.id),
        lambda: moderation.ask_to_unmute(by, doctor),
        lambda: moderation.stop_screen(by, doctor),
        lambda: moderation.lock(by, True),
        lambda: moderation.pin_for_all(by, doctor),
        lambda: moderation.hand_over(by, doctor),
        lambda: moderation.end(by),
    ):
        assert getattr(refused("not_granted", act), "grant", None) == "host"
