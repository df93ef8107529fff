"""Recording: never without everyone's recorded yes, paused for newcomers, over at once when anyone takes it back."""

from __future__ import annotations

from bridge.room import (
    ConsentAnswered,
    ConsentAsked,
    ConsentRequest,
    Direction,
    Recording,
    RoomLimits,
    Session,
    WaitingUpdated,
)
from tests.room.hall import ROOM, Consultation, refused


def recording(room: Consultation) -> Recording:
    return room.rooms.state(ROOM).recording


def asked(room: Consultation, session: Session) -> ConsentRequest:
    found = room.rooms.consent(session.id)
    assert found is not None
    request, consented = found
    assert not consented
    return request


def recorded() -> tuple[Consultation, Session, Session]:
    """A call that is recorded with both consenting."""
    room = Consultation()
    doctor, patient = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    room.participation.answer_consent(patient.id, asked(room, patient).id, True)
    assert recording(room) is Recording.ON
    return room, doctor, patient


def test_recording_begins_when_everyone_has_said_yes_and_each_answer_is_kept() -> None:
    room = Consultation()
    doctor, patient = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    assert recording(room) is Recording.ASKING
    own = room.rooms.consent(doctor.id)
    assert own is not None
    assert own[1], "whoever asks has consented"
    request = asked(room, patient)
    assert (request.text_version, request.asked_by) == ("2026-1", doctor.participant_id)
    assert ConsentAsked(ROOM, frozenset({patient.participant_id}), request) in room.events
    room.participation.answer_consent(patient.id, request.id, True)
    assert recording(room) is Recording.ON
    answers = [(event.participant_id, event.consents) for event in room.events if isinstance(event, ConsentAnswered)]
    assert answers == [(doctor.participant_id, True), (patient.participant_id, True)]


def test_one_no_is_enough() -> None:
    room = Consultation()
    doctor, patient = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    request = asked(room, patient)
    room.participation.answer_consent(patient.id, request.id, False)
    assert recording(room) is Recording.OFF
    refused("consent_not_asked", lambda: room.participation.answer_consent(patient.id, request.id, True))


def test_taking_it_back_ends_the_recording_at_once() -> None:
    room, doctor, patient = recorded()
    refused("recording_at_hand", lambda: room.participation.ask_to_record(doctor.id, "2026-1"))
    request = next(event.request for event in room.events if isinstance(event, ConsentAnswered))
    room.participation.answer_consent(patient.id, request.id, False)
    assert recording(room) is Recording.OFF
    room.participation.ask_to_record(patient.id, "2026-1")
    assert asked(room, doctor).id != request.id, "an earlier yes is not taken for one to this recording"


def test_a_newcomer_is_asked_before_entering_and_the_recording_pauses() -> None:
    room, doctor, _ = recorded()
    relative = room.join("per", "parorende")
    assert room.rooms.consent(relative.id) is None, "who only waits is not asked"
    assert recording(room) is Recording.ON
    room.moderation.admit(doctor.id)
    assert (recording(room), room.waiting()) == (Recording.PAUSED, ["per"])
    assert room.rooms.waiting(ROOM)[0].consent_pending
    room.participation.answer_consent(relative.id, asked(room, relative).id, True)
    assert (recording(room), room.inside()) == (Recording.ON, ["doctor", "kari", "per"])


def test_an_answer_is_kept_with_the_text_that_the_answering_client_showed() -> None:
    room = Consultation()
    doctor, patient = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    room.participation.answer_consent(patient.id, asked(room, patient).id, True, text_version="vendor-7")
    assert [each.text_version for each in room.events if isinstance(each, ConsentAnswered)] == ["2026-1", "vendor-7"]


def test_all_see_who_is_yet_to_answer() -> None:
    room = Consultation()
    doctor, patient = room.call()

    def asked_now() -> list[str]:
        return [each.identity for each in room.rooms.participants(ROOM) if each.consent_pending]

    room.participation.ask_to_record(doctor.id, "2026-1")
    assert asked_now() == ["kari"]
    assert room.told()[-1] == "ParticipantUpdated"
    room.participation.answer_consent(patient.id, asked(room, patient).id, True)
    assert asked_now() == []
    room.participation.stop_recording(doctor.id)
    room.participation.ask_to_record(doctor.id, "2026-1")
    room.participation.answer_consent(patient.id, asked(room, patient).id, False)
    assert asked_now() == []


def test_a_newcomer_who_says_no_stays_outside_and_the_recording_goes_on() -> None:
    room, doctor, _ = recorded()
    relative = room.join("per", "parorende")
    room.moderation.admit(doctor.id)
    room.participation.answer_consent(relative.id, asked(room, relative).id, False)
    assert (recording(room), room.waiting()) == (Recording.ON, ["per"])
    room.participation.stop_recording(doctor.id)
    room.moderation.admit(doctor.id)
    assert room.inside() == ["doctor", "kari", "per"]


def test_who_enters_directly_is_asked_first_too_and_enters_when_the_recording_ends() -> None:
    room, doctor, _ = recorded()
    other = room.join("other", "spesialist")
    assert other.waiting
    assert recording(room) is Recording.PAUSED
    room.participation.stop_recording(doctor.id)
    assert "other" in room.inside()


def test_those_who_are_yet_to_consent_have_their_places() -> None:
    room = Consultation(limits=RoomLimits(max_participants=3))
    doctor, _ = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    room.join("other", "spesialist")
    refused("room_full", lambda: room.join("nav", "spesialist"))
    patient = room.join("ola")
    refused("room_full", lambda: room.moderation.admit(doctor.id, [patient.participant_id]))
    room.participation.stop_recording(doctor.id)
    assert len(room.rooms.participants(ROOM)) == 3


def test_machines_are_shown_and_not_asked() -> None:
    room, _, _ = recorded()
    assert not room.join("recorder", "opptak").waiting
    assert recording(room) is Recording.ON


def test_a_reload_is_not_asked_anew_and_a_pending_newcomer_who_leaves_holds_nothing_up() -> None:
    room, doctor, _ = recorded()
    assert not room.join("kari").waiting
    assert recording(room) is Recording.ON
    relative = room.join("per", "parorende")
    room.moderation.admit(doctor.id)
    assert recording(room) is Recording.PAUSED
    room.rooms.leave(relative.id)
    assert recording(room) is Recording.ON


def test_hosts_are_told_that_a_pending_newcomer_who_was_away_is_back() -> None:
    room, _, _ = recorded()
    specialist = room.join("anne", "spesialist")
    assert specialist.waiting
    room.rooms.disconnect(specialist.id, specialist.attachment)
    room.join("anne", "spesialist")
    told = [event.participant for event in room.events if isinstance(event, WaitingUpdated)][-1]
    assert told in room.rooms.waiting(ROOM)


def test_a_room_that_is_empty_is_not_recorded() -> None:
    room, doctor, patient = recorded()
    room.rooms.leave(doctor.id)
    assert recording(room) is Recording.ON
    room.rooms.leave(patient.id)
    assert recording(room) is Recording.OFF


def test_it_takes_the_grant_and_a_recorder() -> None:
    room = Consultation(can_record=False)
    doctor, _ = room.call()
    relative = room.join("per", "parorende")
    room.moderation.admit(doctor.id)
    refused("recording_unavailable", lambda: room.participation.ask_to_record(doctor.id, "2026-1"))
    error = refused("not_granted", lambda: room.participation.ask_to_record(relative.id, "2026-1"))
    assert getattr(error, "grant", None) == "record"


def test_nobody_is_recorded_who_cannot_be_asked() -> None:
    room = Consultation()
    doctor, patient = room.call()
    nav = room.join("nav", "nav", direction=Direction.PUBLISH)
    room.moderation.admit(doctor.id)
    refused("consent_impossible", lambda: room.participation.ask_to_record(doctor.id, "2026-1"))
    assert recording(room) is Recording.OFF
    room.rooms.leave(nav.id)
    room.participation.ask_to_record(doctor.id, "2026-1")
    room.participation.answer_consent(patient.id, asked(room, patient).id, True)
    for identity, role in (("nav", "nav"), ("anne", "spesialist"), ("rom", "rom")):
        room.join(identity, role, direction=Direction.PUBLISH)
    refused("consent_impossible", lambda: room.moderation.admit(doctor.id))
    assert (recording(room), room.waiting()) == (Recording.ON, ["nav", "anne"])
    room.participation.stop_recording(doctor.id)
    room.moderation.admit(doctor.id)
    assert sorted(room.inside()) == ["anne", "doctor", "kari", "nav", "rom"]


def test_whoever_has_yet_to_answer_does_not_come_again_as_one_who_cannot() -> None:
    room = Consultation()
    doctor, patient = room.call()
    room.participation.ask_to_record(doctor.id, "2026-1")
    refused("consent_impossible", lambda: room.join("kari", direction=Direction.PUBLISH))
    refused("consent_impossible", lambda: room.join("kari", direction=Direction.SUBSCRIBE))
    room.participation.answer_consent(patient.id, asked(room, patient).id, True)
    assert recording(room) is Recording.ON
    newcomer = room.join("anne", "spesialist")
    assert newcomer.waiting
    refused("consent_impossible", lambda: room.join("anne", "spesialist", direction=Direction.PUBLISH))
    room.participation.answer_consent(newcomer.id, asked(room, newcomer).id, True)
    assert room.inside() == ["doctor", "kari", "anne"]
    assert not room.join("kari", direction=Direction.PUBLISH).waiting, "who has consented may come as they like"
    assert recording(room) is Recording.ON
