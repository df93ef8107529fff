"""Still pictures: asked for with the grant, consented to each time, for whoever asked only, and over in any case."""

from __future__ import annotations

import pytest

from bridge.room import MediaKind, Session, SourceName, StillAnswered, StillEnd, StillEnded, StillPicture, StillStep
from bridge.room.stills import ANSWER_TIME, KEEP_TIME, UPLOAD_TIME
from tests.room.hall import Consultation, refused

PICTURE = StillPicture("image/jpeg", 1000, 1920, 1080)


class Scene(Consultation):
    """A doctor, and a patient whose camera is on."""

    def __init__(self) -> None:
        super().__init__()
        self.stills = self.rooms.stills
        self.doctor, self.patient = self.call()
        self.camera = self.rooms.add_source(self.patient.id, SourceName.CAMERA, MediaKind.VIDEO).id

    def ask(self) -> str:
        return self.stills.ask(self.doctor.id, self.camera).id

    def ends(self) -> list[StillEnd]:
        return [event.reason for event in self.events if isinstance(event, StillEnded)]

    def steps(self, session: Session) -> list[StillStep]:
        return [held.step for held in self.stills.of(session.id)]


def test_a_picture_goes_from_its_owner_to_whoever_asked() -> None:
    scene = Scene()
    still = scene.ask()
    assert scene.steps(scene.patient) == scene.steps(scene.doctor) == [StillStep.ASKED]
    request = scene.stills.answer(scene.patient.id, still, True, "2026-1")
    assert scene.stills.answer(scene.patient.id, still, True, "2026-1").upload_ticket == request.upload_ticket
    answers = [(event.consents, event.text_version) for event in scene.events if isinstance(event, StillAnswered)]
    assert answers == [(True, "2026-1")], "an answer that was repeated is kept once"
    assert scene.stills.upload(still, request.upload_ticket).of == scene.patient.participant_id
    refused("still_not_found", lambda: scene.stills.download(still, request.download_ticket))
    scene.stills.ready(still, PICTURE)
    refused("still_not_found", lambda: scene.stills.upload(still, request.upload_ticket))
    refused("still_not_found", lambda: scene.stills.download(still, request.upload_ticket))
    assert scene.stills.download(still, request.download_ticket).picture == PICTURE
    scene.stills.delivered(still)
    assert scene.ends() == [StillEnd.DELIVERED]
    assert scene.steps(scene.doctor) == []


def test_it_takes_the_grant_and_somebody_elses_camera() -> None:
    scene = Scene()
    own = scene.rooms.add_source(scene.doctor.id, SourceName.CAMERA, MediaKind.VIDEO).id
    microphone = scene.rooms.add_source(scene.patient.id, SourceName.MICROPHONE, MediaKind.AUDIO).id
    assert refused("not_granted", lambda: scene.stills.ask(scene.patient.id, own)).field is None
    refused("wrong_kind", lambda: scene.stills.ask(scene.doctor.id, own))
    refused("wrong_kind", lambda: scene.stills.ask(scene.doctor.id, microphone))
    refused("source_not_found", lambda: scene.stills.ask(scene.doctor.id, 999))
    scene.ask()
    refused("still_at_hand", scene.ask)


def test_only_the_owner_answers_and_only_the_asker_cancels() -> None:
    scene = Scene()
    still = scene.ask()
    refused("still_not_found", lambda: scene.stills.answer(scene.doctor.id, still, True, "2026-1"))
    refused("still_not_found", lambda: scene.stills.cancel(scene.patient.id, still))
    refused("still_not_found", lambda: scene.stills.upload(still, "guessed"))
    scene.stills.cancel(scene.doctor.id, still)
    assert scene.ends() == [StillEnd.CANCELLED]
    scene.ask()


@pytest.mark.parametrize("step", [StillStep.ASKED, StillStep.CONSENTED, StillStep.READY])
def test_a_no_ends_it_until_it_is_delivered(step: StillStep) -> None:
    scene = Scene()
    still = scene.ask()
    if step is not StillStep.ASKED:
        scene.stills.answer(scene.patient.id, still, True, "2026-1")
    if step is StillStep.READY:
        scene.stills.ready(still, PICTURE)
    scene.stills.answer(scene.patient.id, still, False, "2026-1")
    assert scene.ends() == [StillEnd.REFUSED]
    refused("still_not_found", lambda: scene.stills.ready(still, PICTURE))


def test_each_step_has_its_time() -> None:
    scene = Scene()
    scene.ask()
    assert scene.rooms.poll_timeout() == scene.now + ANSWER_TIME
    scene.wait(ANSWER_TIME)
    still = scene.ask()
    scene.stills.answer(scene.patient.id, still, True, "2026-1")
    scene.wait(UPLOAD_TIME)
    still = scene.ask()
    scene.stills.answer(scene.patient.id, still, True, "2026-1")
    scene.stills.ready(still, PICTURE)
    scene.wait(KEEP_TIME)
    assert scene.ends() == [StillEnd.TIMED_OUT] * 3


def test_it_goes_with_whoever_asked_and_with_the_camera() -> None:
    scene = Scene()
    scene.ask()
    scene.rooms.remove_source(scene.patient.id, scene.camera)
    scene.camera = scene.rooms.add_source(scene.patient.id, SourceName.CAMERA, MediaKind.VIDEO).id
    scene.ask()
    scene.moderation.send_to_lobby(scene.doctor.id, scene.patient.participant_id)
    scene.moderation.admit(scene.doctor.id)
    scene.camera = scene.rooms.add_source(scene.patient.id, SourceName.CAMERA, MediaKind.VIDEO).id
    scene.ask()
    scene.rooms.leave(scene.doctor.id)
    assert scene.ends() == [StillEnd.GONE] * 3
