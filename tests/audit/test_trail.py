"""What of a consultation stands in the audit log."""

from __future__ import annotations

from bridge.audit import Entry, Trail
from bridge.errors import BridgeError
from bridge.room import MediaKind, SourceName
from tests.room.hall import Consultation
from tests.signaling.house import Claims


def pseudonym(tenant: str, identity: str) -> str:
    return f"p-{tenant}-{len(identity)}"


DOCTOR, PATIENT = pseudonym("clinic", "doctor"), pseudonym("clinic", "kari")


def consultation() -> tuple[Consultation, list[Entry]]:
    hall = Consultation()
    entries: list[Entry] = []
    hall.rooms.add_listener(Trail(entries.append, pseudonym))
    return hall, entries


def story(entries: list[Entry]) -> list[tuple[str, str, str]]:
    told = [(entry.kind, entry.actor, entry.subject) for entry in entries]
    entries.clear()
    return told


def test_lobby_and_decisions_name_who_decided_about_whom() -> None:
    hall, entries = consultation()
    doctor = hall.join("doctor", "fastlege")
    patient = hall.join("kari")
    assert story(entries) == [
        ("room_opened", "", ""),
        ("participant_joined", "", DOCTOR),
        ("waiting_joined", "", PATIENT),
    ]
    hall.moderation.admit(doctor.id)
    assert story(entries) == [
        ("host_decided", DOCTOR, PATIENT),
        ("admitted", "", PATIENT),
        ("participant_joined", "", PATIENT),
    ]
    hall.moderation.send_to_lobby(doctor.id, patient.participant_id)
    hall.moderation.refuse(doctor.id, patient.participant_id)
    decided = [entry for entry in entries if entry.kind == "host_decided"]
    assert [entry.details["decision"] for entry in decided] == ["send_to_lobby", "refuse"]
    assert story(entries)[-1] == ("waiting_left", "", PATIENT)
    hall.moderation.lock(doctor.id, True)
    hall.moderation.end(doctor.id)
    assert [entry.details.get("decision") for entry in entries] == ["lock", "end", None]
    hall.wait(60)
    assert [entry.kind for entry in entries[-2:]] == ["participant_left", "room_closed"]


def test_no_name_and_no_identity_is_in_it() -> None:
    hall, entries = consultation()
    doctor = hall.join("doctor", "fastlege")
    hall.join("kari.nordmann")
    hall.moderation.admit(doctor.id)
    hall.rooms.close()
    text = repr([(entry, dict(entry.details)) for entry in entries]).lower()
    # No shorter words: ids are letters by chance.
    assert "nordmann" not in text
    assert "doctor" not in text


def test_who_was_not_let_in_is_noted_with_the_reason() -> None:
    entries: list[Entry] = []
    claims = Claims("clinic", "time-1", "kari", "Kari", "pasient", frozenset())
    Trail(entries.append, pseudonym).on_denied(claims, "websocket", BridgeError("room_locked", "The room is locked."))
    assert (entries[0].kind, entries[0].subject, entries[0].room) == ("join_denied", PATIENT, "time-1")
    assert entries[0].details["code"] == "room_locked"


def test_a_still_picture_names_who_asked_whom_and_the_text_that_was_agreed_to() -> None:
    hall, entries = consultation()
    doctor, patient = hall.call()
    camera = hall.rooms.add_source(patient.id, SourceName.CAMERA, MediaKind.VIDEO)
    story(entries)
    still = hall.rooms.stills.ask(doctor.id, camera.id)
    hall.rooms.stills.answer(patient.id, still.id, True, "2026-1")
    assert entries[-1].details == {"still": still.id, "text_version": "2026-1"}
    hall.rooms.stills.answer(patient.id, still.id, False, "2026-1")
    assert story(entries) == [
        ("still_asked", DOCTOR, PATIENT),
        ("still_consented", PATIENT, ""),
        ("still_refused", PATIENT, ""),
        ("still_ended", DOCTOR, PATIENT),
    ]


def test_a_proposal_is_noted_without_the_name_of_whom_it_is_about() -> None:
    hall, entries = consultation()
    _, patient = hall.call()
    proposal = hall.rooms.inviting.propose(patient.id, "parorende", "Åse Nordmann")
    assert (entries[-1].kind, entries[-1].actor) == ("invitation_proposed", PATIENT)
    assert entries[-1].details == {"proposal": proposal.id}
    assert entries[-1].identity == "kari"
    assert "Åse" not in repr(entries)
