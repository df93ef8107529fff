"""Chat, raised hands, companions."""

from __future__ import annotations

from bridge.room import ChatLane, ChatSaid
from bridge.room.chat import BURST, MAX_KEPT
from tests.room.hall import Consultation, refused


def test_the_room_reads_and_the_lobby_does_not() -> None:
    room = Consultation()
    doctor, patient = room.call()
    waiting = room.join("ola")
    room.told()
    message = room.participation.say(doctor.id, "  Hei på deg  ")
    assert message.text == "Hei på deg"
    [said] = room.events
    assert isinstance(said, ChatSaid)
    assert said.recipients == {doctor.participant_id, patient.participant_id}
    refused("in_lobby", lambda: room.participation.say(waiting.id, "Hei"))
    assert "Hei på" not in repr(said)


def test_a_private_text_is_for_two() -> None:
    room = Consultation()
    doctor, patient = room.call()
    tolk = room.join("tolk", "tolk")
    room.moderation.admit(doctor.id)
    room.participation.say(doctor.id, "Psst", to=tolk.participant_id)
    assert [message.text for message in room.rooms.chat(tolk.id)] == ["Psst"]
    assert [message.text for message in room.rooms.chat(doctor.id)] == ["Psst"]
    assert room.rooms.chat(patient.id) == ()
    refused("participant_not_found", lambda: room.participation.say(doctor.id, "Psst", to="nobody"))
    refused("participant_not_found", lambda: room.participation.say(doctor.id, "Psst", to=doctor.participant_id))


def test_whoever_reloads_reads_it_again_and_whoever_comes_later_does_not() -> None:
    room = Consultation()
    doctor, patient = room.call()
    room.participation.say(doctor.id, "Før")
    room.rooms.leave(patient.id)
    patient = room.join("kari")
    assert [message.text for message in room.rooms.chat(patient.id)] == ["Før"]
    late = room.join("tolk", "tolk")
    room.moderation.admit(doctor.id)
    assert room.rooms.chat(late.id) == ()


def test_length_rate_links_and_number_are_bounded() -> None:
    room = Consultation()
    doctor, _ = room.call()
    refused("bad_text", lambda: room.participation.say(doctor.id, "x" * 2001))
    refused("bad_text", lambda: room.participation.say(doctor.id, "a\u202eb"))
    refused("bad_text", lambda: room.participation.say(doctor.id, "http://a www.b https://c http://d"))
    for _ in range(BURST):
        room.participation.say(doctor.id, "x")
    refused("too_many_messages", lambda: room.participation.say(doctor.id, "x"))
    for _ in range(MAX_KEPT):
        room.now += 1.0
        room.participation.say(doctor.id, "y")
    assert len(room.rooms.chat(doctor.id)) == MAX_KEPT


def test_captions_take_their_own_grant() -> None:
    room = Consultation()
    doctor, patient = room.call()
    tolk = room.join("tolk", "dovetolk")
    room.moderation.admit(doctor.id)
    assert room.participation.say(tolk.id, "Hun sier", lane=ChatLane.CAPTION).lane is ChatLane.CAPTION
    error = refused("not_granted", lambda: room.participation.say(patient.id, "Jeg", lane=ChatLane.CAPTION))
    assert getattr(error, "grant", None) == "caption"


def test_a_hand_is_raised_and_seen_and_two_at_one_camera_are_both_in_the_roster() -> None:
    room = Consultation()
    _, patient = room.call()
    room.participation.raise_hand(patient.id, True)
    room.participation.raise_hand(patient.id, True)
    room.participation.set_companions(patient.id, ["Per Assistent"])
    assert room.told() == ["ParticipantUpdated", "ParticipantUpdated"]
    shown = room.rooms.participant(patient.id)
    assert (shown.hand_raised, shown.companions) == (True, ("Per Assistent",))
    refused("bad_text", lambda: room.participation.set_companions(patient.id, ["a"] * 5))
    refused("bad_text", lambda: room.participation.set_companions(patient.id, [" "]))
