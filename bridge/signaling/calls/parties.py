"""The roster of a room as a composed picture and mixed sound show it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.room import MediaKind, Participant, SourceName
from bridge.sfu import Party
from bridge.signaling.calls.layout import SIGN_LANGUAGE_INTERPRETER
from bridge.signaling.calls.source_table import SourceTable


def parties(participants: Iterable[Participant], table: SourceTable, pinned: str | None) -> list[Party]:
    """Everybody who sends something, be it muted, in order of joining. Who only watches is not in the picture.

    `pinned`: whom a host pinned for everybody; the others have to see them as they do a sign-language interpreter.
    """
    return [_party(participant, table, pinned) for participant in participants if participant.sources]


def _party(participant: Participant, table: SourceTable, pinned: str | None) -> Party:
    sent = [
        (source, carried.producer_id)
        for source in participant.sources
        if not source.muted and (carried := table.of_source(source.id)) is not None
    ]
    pictures = [(source.name, producer_id) for source, producer_id in sent if source.kind is MediaKind.VIDEO]
    return Party(
        participant.id,
        ", ".join([participant.name, *participant.companions]),
        interpreter=participant.role == SIGN_LANGUAGE_INTERPRETER or participant.id == pinned,
        muted=not any(source.kind is MediaKind.AUDIO and source.name is SourceName.MICROPHONE for source, _ in sent),
        camera=next((producer_id for name, producer_id in pictures if name is SourceName.CAMERA), None),
        screens=tuple(producer_id for name, producer_id in pictures if name is SourceName.SCREEN),
        sounds=tuple(producer_id for source, producer_id in sent if source.kind is MediaKind.AUDIO),
    )
