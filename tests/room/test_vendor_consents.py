"""Who comes by WHIP is asked by their vendor's system, which hands the answers in: they count as anybody's do."""

from __future__ import annotations

from bridge.room import (
    ConsentAnswered,
    ConsentAsked,
    ConsentKind,
    Direction,
    MediaKind,
    Participant,
    Recording,
    RoomPolicy,
    Session,
    SourceName,
    VideoConsentAnswered,
)
from tests.room.hall import ROOM, Consultation, refused


def recording(hall: Consultation) -> Recording:
    return hall.rooms.state(ROOM).recording


def come(hall: Consultation, identity: str = "nav", role: str = "nav") -> Session:
    return hall.join(identity, role, direction=Direction.PUBLISH, consent_by_vendor=True)


def hand_in(hall: Consultation, session: Session, consents: bool, request: str | None = None) -> None:
    asked = hall.rooms.vendor_consents.of(ROOM, session.participant_id)[0].request
    request_id = request or (asked.id if asked else "none")
    hall.rooms.vendor_consents.answer(ROOM, session.participant_id, request_id, consents=consents, text_version="nav-3")


def shown(hall: Consultation, identity: str) -> Participant:
    everyone = hall.rooms.participants(ROOM) + hall.rooms.waiting(ROOM)
    return next(each for each in everyone if each.identity == identity)


def call() -> tuple[Consultation, Session, Session, Session]:
    """A doctor, a patient, and NAV by WHIP."""
    hall = Consultation()
    doctor, patient = hall.call()
    nav = come(hall)
    hall.moderation.admit(doctor.id)
    hall.events.clear()
    return hall, doctor, patient, nav


def recorded() -> tuple[Consultation, Session, Session, Session]:
    hall, doctor, patient, nav = call()
    hall.participation.ask_to_record(doctor.id, "2026-1")
    hand_in(hall, nav, True)
    request, _ = hall.rooms.consent(patient.id) or (None, None)
    assert request is not None
    hall.participation.answer_consent(patient.id, request.id, True)
    assert recording(hall) is Recording.ON
    return hall, doctor, patient, nav


def test_the_vendor_is_asked_and_its_answer_is_kept_as_its_own() -> None:
    hall, doctor, patient, nav = call()
    hall.participation.ask_to_record(doctor.id, "2026-1")
    (asked,) = [event for event in hall.events if isinstance(event, ConsentAsked)]
    assert asked.recipients == {patient.participant_id, nav.participant_id}
    assert shown(hall, "nav").consent_pending
    hand_in(hall, nav, True)
    assert recording(hall) is Recording.ASKING, "the patient has not answered"
    answered = [event for event in hall.events if isinstance(event, ConsentAnswered)]
    assert [(each.by_vendor, each.text_version) for each in answered] == [(False, "2026-1"), (True, "nav-3")]
    who = shown(hall, "nav")
    assert (who.consent_pending, who.consented_by_vendor) == (False, True)
    hall.participation.answer_consent(patient.id, asked.request.id, True)
    assert recording(hall) is Recording.ON
    assert not shown(hall, "kari").consented_by_vendor


def test_a_no_or_a_withdrawal_ends_it_at_once() -> None:
    hall, doctor, _, nav = call()
    hall.participation.ask_to_record(doctor.id, "2026-1")
    hand_in(hall, nav, False)
    assert recording(hall) is Recording.OFF
    hall, _, _, nav = recorded()
    hand_in(hall, nav, False)
    assert recording(hall) is Recording.OFF
    assert not shown(hall, "nav").consented_by_vendor


def test_an_answer_is_to_one_recording() -> None:
    hall, doctor, _, nav = recorded()
    old = hall.rooms.vendor_consents.of(ROOM, nav.participant_id)[0].request
    assert old is not None
    hall.participation.stop_recording(doctor.id)
    refused("consent_not_asked", lambda: hand_in(hall, nav, True, old.id))
    hall.participation.ask_to_record(doctor.id, "2026-1")
    refused("consent_not_asked", lambda: hand_in(hall, nav, True, old.id))
    assert shown(hall, "nav").consent_pending


def test_nobody_is_answered_for_who_answers_in_their_own_client() -> None:
    hall, doctor, patient, nav = call()
    hall.participation.ask_to_record(doctor.id, "2026-1")
    refused("consent_not_by_vendor", lambda: hand_in(hall, patient, True))
    refused("consent_not_by_vendor", lambda: hand_in(hall, patient, False))
    vendor = hall.rooms.vendor_consents
    refused("participant_not_found", lambda: vendor.answer(ROOM, "nobody", "1", consents=True, text_version="1"))
    refused(
        "room_not_found",
        lambda: vendor.answer("other/time-1", nav.participant_id, "1", consents=True, text_version="1"),
    )
    machine = come(hall, "room system", "rom")
    refused("consent_not_asked", lambda: hand_in(hall, machine, True))


def test_a_newcomer_is_asked_before_entering_and_the_recording_pauses_until_then() -> None:
    hall, doctor, _, _ = recorded()
    tax = come(hall, "tax")
    assert recording(hall) is Recording.ON, "who only waits holds nothing up"
    hall.moderation.admit(doctor.id)
    assert (recording(hall), hall.waiting()) == (Recording.PAUSED, ["tax"])
    hall.rooms.disconnect(tax.id, tax.attachment)
    tax = come(hall, "tax")
    assert tax.waiting, "a client of WHIP knocks anew while its user is asked"
    hand_in(hall, tax, True)
    assert (recording(hall), hall.inside()[-1]) == (Recording.ON, "tax")


def test_a_newcomer_who_has_answered_while_waiting_holds_nothing_up() -> None:
    hall, doctor, _, _ = recorded()
    tax = come(hall, "tax")
    hand_in(hall, tax, True)
    assert hall.waiting() == ["tax"]
    hall.told()
    hall.moderation.admit(doctor.id)
    assert (recording(hall), hall.inside()[-1]) == (Recording.ON, "tax")
    assert "RoomChanged" not in hall.told(), "it has not paused"


def test_a_newcomer_who_says_no_stays_outside_and_the_recording_goes_on() -> None:
    hall, doctor, _, _ = recorded()
    tax = come(hall, "tax")
    hand_in(hall, tax, True)
    hand_in(hall, tax, False)
    assert recording(hall) is Recording.ON
    hall.moderation.admit(doctor.id)
    assert recording(hall) is Recording.PAUSED
    hand_in(hall, tax, False)
    assert (recording(hall), hall.waiting()) == (Recording.ON, ["tax"])


def test_who_enters_directly_is_asked_first_too() -> None:
    hall, _, _, _ = recorded()
    specialist = come(hall, "anne", "spesialist")
    assert specialist.waiting
    assert recording(hall) is Recording.PAUSED
    hand_in(hall, specialist, True)
    assert "anne" in hall.inside()


def test_a_camera_comes_in_after_the_consent_that_was_handed_in_and_goes_with_it() -> None:
    hall = Consultation(policy=RoomPolicy(video_consent=("clinic/*",)))
    doctor, _ = hall.call()
    nav = come(hall)
    vendor = hall.rooms.vendor_consents
    vendor.answer(ROOM, nav.participant_id, None, consents=True, text_version="nav-3")
    hall.moderation.admit(doctor.id)
    assert hall.rooms.add_source(nav.id, SourceName.CAMERA, MediaKind.VIDEO)
    assert shown(hall, "nav").consented_by_vendor
    assert [(each.kind, each.asked, each.answer) for each in vendor.of(ROOM, nav.participant_id)] == [
        (ConsentKind.RECORDING, False, None),
        (ConsentKind.VIDEO, True, True),
    ]
    vendor.answer(ROOM, nav.participant_id, None, consents=False, text_version="nav-3")
    assert shown(hall, "nav").sources == ()
    assert not shown(hall, "nav").consented_by_vendor
    answers = [event for event in hall.events if isinstance(event, VideoConsentAnswered)]
    assert [(each.by_vendor, each.consents) for each in answers] == [(True, True), (True, False)]
    plain = Consultation()
    other = come(plain)
    refused(
        "consent_not_asked",
        lambda: plain.rooms.vendor_consents.answer(ROOM, other.participant_id, None, consents=True, text_version="1"),
    )
