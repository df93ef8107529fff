"""Informed consent to video: where a room asks for it, nobody's camera comes in before its owner's yes."""

from __future__ import annotations

from bridge.room.errors import RoomError
from bridge.room.member import Member
from bridge.room.model import SourceName

MAX_ANSWERS = 1000
"""Of one room. The oldest goes, and whoever gave it is asked anew."""


class VideoConsent:
    """The answers of one room. They belong to identities: whoever reloads is not asked anew."""

    def __init__(self) -> None:
        self.needed = False
        self._answers: dict[str, tuple[bool, bool]] = {}
        """Whether they consent, and whether that was handed in by their vendor's system."""

    def answer(self, identity: str, consents: bool, *, by_vendor: bool = False) -> None:
        """Takes an answer, in place of the one before."""
        self._answers.pop(identity, None)
        self._answers[identity] = consents, by_vendor
        if len(self._answers) > MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def given(self, identity: str) -> bool | None:
        """What somebody has answered; None for nothing yet."""
        answer = self._answers.get(identity)
        return None if answer is None else answer[0]

    def given_by_vendor(self, identity: str) -> bool:
        """Whether somebody's yes was handed in by their vendor's system."""
        return self._answers.get(identity) == (True, True)

    def lacks(self, member: Member) -> bool:
        """Whether this one's camera has to stay out. Room systems and the like are no persons, and are not asked."""
        return self.needed and member.consents and self.given(member.identity) is not True

    def check(self, member: Member, name: SourceName) -> None:
        """Raises `RoomError` (`video_not_consented`) for a camera that has to stay out."""
        if name is SourceName.CAMERA and self.lacks(member):
            raise RoomError(
                "video_not_consented",
                "This room takes a camera only after its owner's consent.",
                field="source",
                hint="Ask whoever it is, and send answer_video_consent.",
            )
