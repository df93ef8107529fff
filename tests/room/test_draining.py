"""A bridge that drains begins no call, and keeps whoever belongs to one that runs."""

from __future__ import annotations

from bridge.room import DEFAULT_ROLES, JoinRequest
from tests.room.hall import Consultation, refused


def test_no_call_begins_and_those_that_run_take_in_who_belongs_to_them() -> None:
    call = Consultation()
    doctor, _ = call.call()
    call.rooms.intake.draining = True
    rule = DEFAULT_ROLES["fastlege"]
    other = JoinRequest("clinic", "time-2", "another", "Another", "fastlege", rule.grants)
    refused("draining", lambda: call.rooms.join(other))
    assert call.rooms.room_ids() == ["clinic/time-1"]
    interpreter = call.join("interpreter", "tolk")
    assert interpreter.waiting
    assert call.rooms.waiting_count() == 1
    call.moderation.admit(doctor.id)
    assert call.inside() == ["doctor", "kari", "interpreter"]
    call.rooms.intake.draining = False
    assert call.rooms.join(other).room_id == "clinic/time-2"


def test_whoever_was_alone_there_may_reload_and_nobody_else_takes_the_empty_room() -> None:
    call = Consultation()
    doctor = call.join("doctor", "fastlege")
    call.rooms.intake.draining = True
    call.rooms.leave(doctor.id)
    refused("draining", lambda: call.join("another", "fastlege"))
    assert call.join("doctor", "fastlege").waiting is False


def test_a_queue_takes_nobody_in_and_loses_nobody() -> None:
    call = Consultation()
    call.rooms.owner.define_queue("clinic", "time-1", ["room-a"])
    waiting = call.join("kari")
    call.rooms.intake.draining = True
    refused("draining", lambda: call.join("ola"))
    assert call.join("kari").participant_id == waiting.participant_id
