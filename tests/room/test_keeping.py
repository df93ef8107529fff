"""What outlives a bridge that is killed, and what does not."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from bridge.room import (
    Admitted,
    Direction,
    Entrance,
    HostDecided,
    JoinRequest,
    LobbyNotice,
    MediaKind,
    RoomLimits,
    RoomPolicy,
    SourceName,
    WithoutHost,
)
from tests.room.hall import ROOM, Consultation, refused


def test_the_order_of_those_who_wait_is_that_in_which_they_came() -> None:
    room = Consultation()
    for who in ("kari", "ola", "per"):
        room.join(who)
    room.crash()
    room.join("new")
    for who in ("per", "ola", "kari"):
        room.join(who)
    assert room.waiting() == ["kari", "ola", "per", "new"]
    view = room.rooms.lobby(room.join("ola").id)
    assert view is not None
    assert view.position == 2


def test_whoever_was_let_in_is_back_without_being_let_in_anew_whoever_comes_first() -> None:
    for first in ("doctor", "kari"):
        room = Consultation()
        room.call()
        room.crash()
        if first == "kari":
            kari = room.join("kari")
            assert kari.waiting, "nobody is in a room without a host"
            assert room.inside() == []
            room.told()
            room.join("doctor", "fastlege")
            assert "HostDecided" not in room.told()
            assert not room.rooms.session(kari.id).waiting
        else:
            room.join("doctor", "fastlege")
            assert not room.join("kari").waiting
        assert sorted(room.inside()) == ["doctor", "kari"]
        assert room.waiting() == []


def test_who_comes_back_does_not_shut_out_others_who_do() -> None:
    room = Consultation()
    doctor, _ = room.call()
    room.rooms.inviting.made(doctor.id, "token of per")
    per = room.join("per", "parorende")
    room.moderation.admit(doctor.id, [per.participant_id])
    room.crash()
    kari = room.join("kari")
    room.join("doctor", "fastlege")
    assert not room.rooms.session(kari.id).waiting
    assert not room.join("per", "parorende").waiting


def test_an_admission_ends_when_a_host_lets_somebody_else_in() -> None:
    room = Consultation()
    room.call()
    room.join("ola")
    room.crash()
    ola = room.join("ola")
    doctor = room.join("doctor", "fastlege")
    room.moderation.admit(doctor.id, [ola.participant_id])
    assert room.join("kari").waiting


def test_an_admission_is_not_waited_for_longer_than_a_place() -> None:
    room = Consultation(policy=RoomPolicy(reentry=120.0))
    room.call()
    room.crash()
    kari = room.join("kari")
    room.wait(120.0)
    room.join("doctor", "fastlege")
    assert room.rooms.session(kari.id).waiting
    room = Consultation(policy=RoomPolicy(reentry=120.0))
    room.call()
    room.crash()
    room.wait(120.0)
    room.join("doctor", "fastlege")
    assert room.join("kari").waiting


def test_who_left_before_has_no_longer_than_they_had() -> None:
    room = Consultation(policy=RoomPolicy(reentry=120.0))
    _, kari = room.call()
    room.rooms.leave(kari.id)
    room.wait(100.0)
    room.crash()
    room.join("doctor", "fastlege")
    room.wait(30.0)
    assert room.join("kari").waiting


def test_who_was_taken_out_stays_out_whatever_they_had_before() -> None:
    room = Consultation()
    doctor, kari = room.call()
    room.moderation.remove(doctor.id, kari.participant_id)
    room.crash()
    refused("banned", lambda: room.join("kari"))
    room.crash()
    room.join("doctor", "fastlege")
    refused("banned", lambda: room.join("kari"))


def test_all_tokens_of_whom_a_host_takes_out_are_banned_also_those_of_before() -> None:
    room = Consultation()
    room.call()
    room.crash()
    doctor = room.join("doctor", "fastlege")
    newer = JoinRequest("clinic", "time-1", "kari", "", "pasient", frozenset(), token_id="newer", token_lifetime=600.0)
    kari = room.rooms.join(newer)
    room.moderation.remove(doctor.id, kari.participant_id)
    refused("banned", lambda: room.join("kari"))
    refused("banned", lambda: room.rooms.join(newer))


def test_a_ban_is_of_one_tenant() -> None:
    room = Consultation()
    doctor, kari = room.call()
    room.moderation.remove(doctor.id, kari.participant_id)
    room.crash()
    other = JoinRequest("elsewhere", "time-1", "kari", "", "pasient", frozenset(), token_id="token of kari")
    assert not room.rooms.join(other).waiting


def test_a_place_is_of_one_room() -> None:
    room = Consultation()
    room.call()
    room.crash()
    for tenant, name in (("elsewhere", "time-1"), ("clinic", "time-2")):
        grants = frozenset({"host"})
        room.rooms.join(JoinRequest(tenant, name, "doctor", "", "fastlege", grants))
        lobby = JoinRequest(tenant, name, "kari", "", "pasient", frozenset(), enters=Entrance.LOBBY)
        assert room.rooms.join(lobby).waiting


def test_who_was_sent_back_waits_with_whatever_token() -> None:
    room = Consultation()
    doctor, other = room.join("doctor", "fastlege"), room.join("other", "spesialist")
    room.moderation.send_to_lobby(doctor.id, other.participant_id)
    room.crash()
    room.join("doctor", "fastlege")
    assert room.join("other", "spesialist").waiting
    room = Consultation()
    doctor, kari = room.call()
    room.moderation.send_to_lobby(doctor.id, kari.participant_id)
    room.crash()
    again = room.join("kari")
    room.join("doctor", "fastlege")
    assert room.rooms.session(again.id).waiting


def test_a_locked_room_stays_locked_for_those_who_were_not_there() -> None:
    room = Consultation()
    doctor, _ = room.call()
    room.join("ola")
    room.moderation.lock(doctor.id, True)
    room.crash()
    refused("room_locked", lambda: room.join("stranger"))
    room.wait(60.0)
    refused("room_locked", lambda: room.join("stranger"))
    room.crash()
    refused("room_locked", lambda: room.join("stranger"))
    room.join("doctor", "fastlege")
    assert room.rooms.state(ROOM).locked
    assert room.join("ola").waiting
    assert not room.join("kari").waiting


def test_a_room_that_nobody_came_back_to_is_over() -> None:
    room = Consultation(policy=RoomPolicy(reentry=120.0))
    doctor, _ = room.call()
    room.moderation.lock(doctor.id, True)
    room.crash()
    room.wait(120.0)
    room.crash()
    assert room.disk.rooms == {}
    assert room.join("stranger").waiting
    assert not room.rooms.state(ROOM).locked


def test_a_call_that_a_host_ended_is_over() -> None:
    room = Consultation(limits=RoomLimits(linger=10.0))
    doctor, _ = room.call()
    room.crash()
    room.join("kari")
    doctor = room.join("doctor", "fastlege")
    room.moderation.lock(doctor.id, True)
    room.moderation.end(doctor.id)
    room.wait(10.0)
    assert room.rooms.room_ids() == []
    assert room.join("stranger").waiting


def test_who_found_no_space_on_the_way_back_has_to_be_let_in_anew_once_the_call_has_ended() -> None:
    room = Consultation(limits=RoomLimits(max_participants=2))
    room.call()
    room.crash()
    kari = room.join("kari")
    room.join("equipment", "rom")
    doctor = room.join("doctor", "fastlege")
    assert room.rooms.session(kari.id).waiting
    room.moderation.end(doctor.id)
    room.join("doctor", "fastlege")
    assert room.rooms.session(kari.id).waiting


def test_the_office_of_host_is_where_it_was_handed_to() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    nav = room.join("nav", "nav", may_host=True)
    room.moderation.admit(doctor.id)
    room.moderation.hand_over(doctor.id, nav.participant_id)
    room.crash()
    again = room.join("nav", "nav", may_host=True)
    assert not again.waiting
    room.moderation.lock(again.id, True)


def test_where_decisions_were_lost_nobody_is_let_in_by_what_is_left() -> None:
    room = Consultation()
    doctor, _ = room.call()
    nav = room.join("nav", "nav", may_host=True)
    room.join("ola")
    room.moderation.admit(doctor.id, [nav.participant_id])
    room.moderation.hand_over(doctor.id, nav.participant_id)
    room.join("doctor", "fastlege")
    room.moderation.lock(room.join("doctor", "fastlege").id, True)
    room.crash(complete=False)
    ola, kari, nav = room.join("ola"), room.join("kari"), room.join("nav", "nav", may_host=True)
    room.join("doctor", "fastlege")
    assert all(room.rooms.session(each.id).waiting for each in (kari, ola, nav))
    assert room.waiting() == ["kari", "nav", "ola"]
    refused("room_locked", lambda: room.join("stranger"))


def test_no_consent_no_recording_and_nothing_written_outlives_it() -> None:
    room = Consultation()
    doctor, kari = room.call()
    room.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO)
    room.participation.say(doctor.id, "a secret")
    room.join("ola")
    room.moderation.message_lobby(doctor.id, LobbyNotice.TEXT, text="a secret")
    room.participation.ask_to_record(doctor.id, "v1")
    request = room.rooms.consent(kari.id)
    assert request is not None
    for session in (doctor, kari):
        room.participation.answer_consent(session.id, request[0].id, True)
    room.crash()
    assert "secret" not in str([asdict(each) for each in room.disk.rooms.values()])
    doctor, kari = room.join("doctor", "fastlege"), room.join("kari")
    assert room.rooms.state(ROOM).recording.value == "off"
    assert room.rooms.chat(doctor.id) == ()
    assert room.rooms.participants(ROOM)[1].sources == ()
    room.participation.ask_to_record(doctor.id, "v1")
    asked = room.rooms.consent(kari.id)
    assert asked is not None
    assert asked[1] is False
    assert room.rooms.state(ROOM).recording.value == "asking"


def test_consent_to_video_is_asked_for_and_never_remembered() -> None:
    room = Consultation()
    _, kari = room.call()
    asks = JoinRequest("clinic", "time-1", "other", "", "spesialist", frozenset({"host"}), video_consent=True)
    room.rooms.join(asks)
    room.participation.answer_video_consent(kari.id, "v1", True)
    room.crash()
    room.join("doctor", "fastlege")
    kari = room.join("kari")
    assert room.rooms.state(ROOM).video_consent
    refused("video_not_consented", lambda: room.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO))


def test_a_room_is_open_for_no_longer_than_one_may_be() -> None:
    room = Consultation(policy=RoomPolicy(max_length=1000.0))
    room.call()
    room.wait(900.0)
    room.crash()
    room.join("doctor", "fastlege")
    room.wait(99.0)
    assert room.inside() == ["doctor"]
    room.wait(1.0)
    assert room.inside() == []


def test_who_is_told_to_record_is_asked_before_they_come_back_in() -> None:
    room = Consultation()
    room.call()
    room.crash()
    kari = room.join("kari", direction=Direction.BOTH)
    doctor = room.join("doctor", "fastlege")
    room.rooms.leave(kari.id)
    room.participation.ask_to_record(doctor.id, "v1")
    again = room.join("kari")
    assert again.waiting
    assert room.rooms.consent(again.id) is not None


def test_a_client_of_whip_that_was_let_in_is_let_in_when_it_asks_again() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    knock = room.join("nav", "nav", direction=Direction.PUBLISH)
    room.rooms.disconnect(knock.id, knock.attachment)
    room.moderation.admit(doctor.id)
    room.join("nav", "nav", direction=Direction.PUBLISH)
    room.crash()
    knock = room.join("nav", "nav", direction=Direction.PUBLISH)
    assert knock.waiting
    room.rooms.disconnect(knock.id, knock.attachment)
    room.join("doctor", "fastlege")
    assert not room.join("nav", "nav", direction=Direction.PUBLISH).waiting


@pytest.mark.parametrize("without_host", WithoutHost)
def test_nobody_enters_whom_no_host_had_let_in(without_host: WithoutHost) -> None:
    room = Consultation(policy=RoomPolicy(without_host=without_host))
    room.join("doctor", "fastlege")
    room.join("kari")
    room.crash()
    kari = room.join("kari")
    assert kari.waiting is (without_host is WithoutHost.WAIT)
    room.join("doctor", "fastlege")
    assert room.rooms.session(kari.id).waiting is (without_host is WithoutHost.WAIT)
    if without_host is WithoutHost.WAIT:
        assert not any(isinstance(event, Admitted | HostDecided) for event in room.events)
