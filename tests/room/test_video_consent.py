"""Informed consent to video: no camera without its owner's yes, sound all the same, and a withdrawal at once."""

from __future__ import annotations

from bridge.room import (
    DEFAULT_ROLES,
    JoinRequest,
    MediaKind,
    RoomPolicy,
    Session,
    SourceName,
    VideoConsentAnswered,
)
from tests.room.hall import ROOM, Consultation, refused

CAMERA, MICROPHONE = (SourceName.CAMERA, MediaKind.VIDEO), (SourceName.MICROPHONE, MediaKind.AUDIO)


def asking() -> Consultation:
    return Consultation(policy=RoomPolicy(video_consent=("clinic/*",)))


def join_asking(hall: Consultation, identity: str) -> Session:
    """A doctor whose token says that the room asks."""
    role = DEFAULT_ROLES["fastlege"]
    return hall.rooms.join(
        JoinRequest("clinic", "time-1", identity, identity, "fastlege", role.grants, video_consent=True)
    )


def test_a_camera_stays_out_until_its_owner_consents_and_sound_does_not() -> None:
    hall = asking()
    _, kari = hall.call()
    rooms = hall.rooms
    assert rooms.state(ROOM).video_consent is True
    assert rooms.video_consent(kari.id) is None
    refused("video_not_consented", lambda: rooms.add_source(kari.id, *CAMERA))
    microphone = rooms.add_source(kari.id, *MICROPHONE)
    refused("wrong_kind", lambda: rooms.update_source(kari.id, microphone.id, name=SourceName.CAMERA))
    screen = rooms.add_source(kari.id, SourceName.SCREEN, MediaKind.VIDEO)
    refused("video_not_consented", lambda: rooms.update_source(kari.id, screen.id, name=SourceName.CAMERA))
    hall.participation.answer_video_consent(kari.id, "2026-1", False)
    refused("video_not_consented", lambda: rooms.add_source(kari.id, *CAMERA))
    hall.participation.answer_video_consent(kari.id, "2026-1", True)
    assert rooms.add_source(kari.id, *CAMERA)
    answers = [event for event in hall.events if isinstance(event, VideoConsentAnswered)]
    assert [(each.text_version, each.consents) for each in answers] == [("2026-1", False), ("2026-1", True)]


def test_a_withdrawal_takes_the_camera_out_at_once_and_leaves_the_sound() -> None:
    hall = asking()
    _, kari = hall.call()
    hall.participation.answer_video_consent(kari.id, "2026-1", True)
    hall.rooms.add_source(kari.id, *CAMERA)
    hall.rooms.add_source(kari.id, *MICROPHONE)
    hall.told()
    hall.participation.answer_video_consent(kari.id, "2026-1", False)
    assert hall.told() == ["VideoConsentAnswered", "SourceRemoved", "SourceStopped"]
    assert [each.name for each in hall.rooms.participant(kari.id).sources] == [SourceName.MICROPHONE]


def test_one_may_answer_while_one_waits_and_is_not_asked_anew_after_a_reload() -> None:
    hall = asking()
    kari = hall.join("kari")
    hall.participation.answer_video_consent(kari.id, "2026-1", True)
    doctor = hall.join("doctor", "fastlege")
    again = hall.join("kari")
    hall.moderation.admit(doctor.id)
    assert hall.rooms.video_consent(again.id) is True
    assert hall.rooms.add_source(again.id, *CAMERA)


def test_room_systems_are_no_persons_and_other_rooms_do_not_ask() -> None:
    hall = asking()
    hall.call()
    system = hall.join("meeting room", "rom")
    assert hall.rooms.add_source(system.id, *CAMERA)
    plain = Consultation()
    _, kari = plain.call()
    assert plain.rooms.add_source(kari.id, *CAMERA)
    refused("consent_not_asked", lambda: plain.participation.answer_video_consent(kari.id, "2026-1", True))


def test_a_token_turns_it_on_for_the_whole_room_and_cameras_without_a_yes_go() -> None:
    hall = Consultation()
    _, kari = hall.call()
    hall.rooms.add_source(kari.id, *CAMERA)
    hall.told()
    join_asking(hall, "late")
    assert hall.told() == ["RoomChanged", "SourceRemoved", "SourceStopped", "ParticipantJoined"]
    assert hall.rooms.participant(kari.id).sources == ()
    hall.participation.answer_video_consent(kari.id, "2026-1", True)
    assert hall.rooms.add_source(kari.id, *CAMERA)
