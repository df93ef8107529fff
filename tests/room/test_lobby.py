"""The lobby: who waits, for how long, what they are told, and that nobody gets past it."""

from __future__ import annotations

from bridge.room import (
    Direction,
    EndReason,
    LobbyNotice,
    MediaKind,
    ParticipantLeft,
    RoomLimits,
    RoomPolicy,
    SourceName,
    WaitingLeft,
    WithoutHost,
)
from tests.room.hall import ROOM, Consultation, refused


def test_a_patient_waits_and_the_host_lets_them_in() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    room.told()
    patient = room.join("kari")
    assert patient.waiting
    assert (room.inside(), room.waiting()) == (["doctor"], ["kari"])
    assert room.told() == ["WaitingJoined"]
    refused("in_lobby", lambda: room.rooms.add_source(patient.id, SourceName.CAMERA, MediaKind.VIDEO))
    room.moderation.admit(doctor.id, [patient.participant_id])
    assert (room.inside(), room.waiting()) == (["doctor", "kari"], [])
    assert room.told() == ["WaitingLeft", "Admitted", "ParticipantJoined"]
    assert not room.rooms.session(patient.id).waiting
    room.rooms.add_source(patient.id, SourceName.CAMERA, MediaKind.VIDEO)


def test_the_queue_is_live_and_says_what_to_expect() -> None:
    room = Consultation(policy=RoomPolicy(consultation=900.0))
    first, second = room.join("kari"), room.join("ola")
    view = room.rooms.lobby(second.id)
    assert view is not None
    assert (view.position, view.expected, view.host_present) == (2, None, False)
    doctor = room.join("doctor", "fastlege")
    view = room.rooms.lobby(second.id)
    assert view is not None
    assert (view.position, view.expected, view.host_present) == (2, 900.0, True)
    room.moderation.admit(doctor.id, [first.participant_id])
    room.wait(600.0)
    view = room.rooms.lobby(second.id)
    assert view is not None
    assert (view.position, view.expected) == (1, 300.0)
    assert room.rooms.lobby(first.id) is None


def test_a_consultation_is_over_with_the_last_one_who_was_let_in() -> None:
    room = Consultation(policy=RoomPolicy(consultation=900.0))
    doctor, first, tolk, next_one = (
        room.join(*who) for who in (("doctor", "fastlege"), ("kari",), ("tolk", "tolk"), ("ola",))
    )

    def expected() -> float | None:
        view = room.rooms.lobby(next_one.id)
        assert view is not None
        return view.expected

    room.moderation.admit(doctor.id, [first.participant_id])
    room.wait(60.0)
    room.moderation.admit(doctor.id, [tolk.participant_id])
    room.wait(240.0)
    assert expected() == 660.0
    room.rooms.leave(tolk.id)
    assert expected() == 600.0
    room.rooms.leave(first.id)
    assert expected() == 0.0
    room.wait(60.0)
    room.join("kari")
    assert expected() == 540.0, "who comes back goes on with the same consultation"


def test_a_place_in_the_queue_survives_a_reload_a_leave_and_a_lost_line() -> None:
    room = Consultation(policy=RoomPolicy(reentry=120.0))
    first = room.join("kari")
    room.join("ola")
    again = room.join("kari")
    assert again.participant_id == first.participant_id
    assert room.waiting() == ["kari", "ola"]
    room.rooms.leave(again.id)
    assert room.waiting() == ["ola"]
    room.wait(119.0)
    again = room.join("kari")
    assert room.waiting() == ["kari", "ola"]
    room.rooms.disconnect(again.id, again.attachment)
    room.wait(31.0)
    assert room.waiting() == ["ola"]
    room.wait(121.0)
    room.join("kari")
    assert room.waiting() == ["ola", "kari"]


def test_who_was_let_in_comes_back_by_itself_until_someone_else_is_let_in() -> None:
    room = Consultation()
    doctor, patient = room.join("doctor", "fastlege"), room.join("kari")
    room.moderation.admit(doctor.id)
    room.rooms.leave(patient.id)
    back = room.join("kari")
    assert not back.waiting
    room.rooms.leave(back.id)
    room.join("ola")
    room.moderation.admit(doctor.id)
    assert room.join("kari").waiting, "another patient is with the doctor now"


def test_an_empty_admission_lets_all_in_or_nobody() -> None:
    room = Consultation(limits=RoomLimits(max_participants=2))
    doctor = room.join("doctor", "fastlege")
    room.join("kari")
    room.join("ola")
    refused("room_full", lambda: room.moderation.admit(doctor.id))
    assert room.waiting() == ["kari", "ola"]


def test_the_lobby_is_bounded() -> None:
    room = Consultation(limits=RoomLimits(max_waiting=1))
    room.join("kari")
    refused("lobby_full", lambda: room.join("ola"))
    room.join("kari")


def test_messages_reach_those_who_wait_and_a_delay_those_who_come_later() -> None:
    room = Consultation()
    doctor, kari = room.join("doctor", "fastlege"), room.join("kari")
    room.moderation.message_lobby(doctor.id, LobbyNotice.DELAYED, minutes=10)
    room.moderation.message_lobby(doctor.id, LobbyNotice.TEXT, text=" Snart klar ", participant_id=kari.participant_id)
    view = room.rooms.lobby(kari.id)
    assert view is not None
    assert [(message.notice, message.text) for message in view.messages] == [("delayed", ""), ("text", "Snart klar")]
    late = room.rooms.lobby(room.join("ola").id)
    assert late is not None
    assert [(message.notice, message.minutes) for message in late.messages] == [("delayed", 10)]
    assert late.expected == 600.0 + 900.0
    room.wait(600.0)
    later = room.rooms.lobby(room.join("per").id)
    assert later is not None
    assert later.messages == ()


def test_a_delay_told_to_one_is_what_this_one_may_expect() -> None:
    room = Consultation()
    doctor, kari, ola = room.join("doctor", "fastlege"), room.join("kari"), room.join("ola")
    room.moderation.message_lobby(doctor.id, LobbyNotice.DELAYED, minutes=10, participant_id=kari.participant_id)
    room.wait(60.0)
    views = [room.rooms.lobby(each.id) for each in (kari, ola)]
    assert [view and view.expected for view in views] == [540.0, 900.0]
    room.moderation.message_lobby(doctor.id, LobbyNotice.DELAYED, minutes=60, participant_id=kari.participant_id)
    room.moderation.admit(doctor.id, [kari.participant_id])
    room.moderation.send_to_lobby(doctor.id, kari.participant_id)
    view = room.rooms.lobby(kari.id)
    assert view is not None
    assert view.expected == 0.0, "nobody is with the doctor, and nothing holds of what was told before"


def test_who_was_invited_into_the_call_waits_in_no_queue() -> None:
    room = Consultation()
    doctor, patient = room.call()
    ola = room.join("ola")
    room.moderation.message_lobby(doctor.id, LobbyNotice.DELAYED, minutes=10)
    room.rooms.inviting.made(doctor.id, "token of per")
    per = room.join("per", "parorende")
    view = room.rooms.lobby(per.id)
    assert view is not None
    assert (view.position, view.expected, view.messages) == (1, 0.0, ())
    behind = room.rooms.lobby(ola.id)
    assert behind is not None
    assert behind.position == 1
    expected = behind.expected
    room.moderation.admit(doctor.id, [per.participant_id])
    assert room.rooms.lobby(ola.id) == behind, "one consultation takes no longer for more who take part in it"
    assert expected is not None
    room.rooms.leave(patient.id)
    assert not room.join("kari").waiting, "the call that the patient was in goes on"


def test_messages_that_cannot_be_meant_are_refused() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    message = room.moderation.message_lobby
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.DELAYED))
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.SOON, minutes=3))
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.TEXT, text=" "))
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.TEXT, text="x" * 501))
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.TEXT, text="www.a https://b http://c www.d"))
    refused("bad_text", lambda: message(doctor.id, LobbyNotice.TEXT, text="a\u202eb"))
    refused("participant_not_found", lambda: message(doctor.id, LobbyNotice.SOON, participant_id="nobody"))


def test_only_a_host_decides_and_the_refusal_names_the_grant() -> None:
    room = Consultation()
    doctor, kari, ola = room.join("doctor", "fastlege"), room.join("kari"), room.join("ola")
    refused("in_lobby", lambda: room.moderation.admit(kari.id))
    room.moderation.message_lobby(doctor.id, LobbyNotice.DELAYED, minutes=60, participant_id=kari.participant_id)
    room.moderation.admit(doctor.id, [kari.participant_id])
    error = refused("not_granted", lambda: room.moderation.admit(kari.id, [ola.participant_id]))
    assert getattr(error, "grant", None) == "host"
    assert room.waiting() == ["ola"]


def test_without_a_host_nobody_comes_in_and_nobody_stays_for_long() -> None:
    room = Consultation(policy=RoomPolicy(host_absence=60.0))
    doctor = room.join("doctor", "fastlege")
    kari = room.join("kari")
    room.moderation.admit(doctor.id)
    source = room.rooms.add_source(kari.id, SourceName.CAMERA, MediaKind.VIDEO)
    room.rooms.leave(doctor.id)
    room.wait(59.0)
    assert room.inside() == ["kari"]
    room.told()
    assert room.rooms.poll_timeout() == room.now + 1.0
    room.wait(1.0)
    assert (room.inside(), room.waiting()) == ([], ["kari"])
    assert room.told() == ["SourceRemoved", "ParticipantLeft", "SentBack", "WaitingJoined"]
    refused("source_not_found", lambda: room.rooms.update_source(kari.id, source.id, muted=True))


def test_a_host_who_comes_back_in_time_keeps_the_room() -> None:
    room = Consultation(policy=RoomPolicy(host_absence=60.0))
    doctor = room.join("doctor", "fastlege")
    room.join("kari")
    room.moderation.admit(doctor.id)
    room.rooms.leave(doctor.id)
    room.wait(59.0)
    room.join("doctor", "fastlege")
    room.wait(3600.0)
    assert room.inside() == ["kari", "doctor"]


def test_where_the_policy_says_so_a_room_without_a_host_is_open() -> None:
    room = Consultation(policy=RoomPolicy(without_host=WithoutHost.ENTER))
    assert not room.join("kari").waiting
    doctor = room.join("doctor", "fastlege")
    assert room.join("ola").waiting
    room.rooms.leave(doctor.id)
    room.wait(3600.0)
    assert room.inside() == ["kari"]


def test_refused_and_sent_back_and_the_others_hear_why() -> None:
    room = Consultation()
    doctor, kari, ola = room.join("doctor", "fastlege"), room.join("kari"), room.join("ola")
    room.told()
    room.moderation.refuse(doctor.id, kari.participant_id)
    assert WaitingLeft(ROOM, kari.participant_id, EndReason.REFUSED) in room.events
    room.moderation.admit(doctor.id, [ola.participant_id])
    room.moderation.send_to_lobby(doctor.id, ola.participant_id)
    assert ParticipantLeft(ROOM, ola.participant_id, EndReason.SENT_BACK) in room.events
    assert room.rooms.session(ola.id).waiting
    assert room.join("ola").waiting


def test_who_was_sent_back_waits_even_with_a_token_that_leads_inside() -> None:
    room = Consultation()
    doctor, other = room.join("doctor", "fastlege"), room.join("other", "spesialist")
    room.moderation.send_to_lobby(doctor.id, other.participant_id)
    again = room.join("other", "spesialist")
    assert again.waiting
    room.rooms.leave(again.id)
    assert room.join("other", "spesialist").waiting
    refused("last_host", lambda: room.moderation.send_to_lobby(doctor.id, doctor.participant_id))


def test_a_client_that_knocks_now_and_then_keeps_its_place_and_its_id() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    knock = room.join("nav", "nav", direction=Direction.PUBLISH)
    room.rooms.disconnect(knock.id, knock.attachment)
    room.wait(20.0)
    again = room.join("nav", "nav", direction=Direction.PUBLISH)
    assert again.waiting
    assert again.participant_id == knock.participant_id
    room.rooms.disconnect(again.id, again.attachment)
    room.moderation.admit(doctor.id, [knock.participant_id])
    assert not room.join("nav", "nav", direction=Direction.PUBLISH).waiting


def test_who_knocked_by_whip_and_comes_in_joins_once() -> None:
    room = Consultation()
    doctor = room.join("doctor", "fastlege")
    knocked = room.join("nav", "nav", direction=Direction.PUBLISH)
    room.rooms.disconnect(knocked.id, knocked.attachment)
    room.moderation.admit(doctor.id)
    assert "ParticipantJoined" in room.told()
    inside = room.join("nav", "nav", direction=Direction.PUBLISH)
    assert (inside.participant_id, inside.waiting) == (knocked.participant_id, False)
    told = room.told()
    assert "ParticipantLeft" not in told
    assert "ParticipantJoined" not in told
