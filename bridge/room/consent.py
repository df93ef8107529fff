"""Consent to the recording of one room: nothing is recorded without everybody's yes, and none is assumed."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.room.member import Member
from bridge.room.model import ConsentRequest, Recording

MAX_ANSWERS = 1000
"""To one recording. The oldest goes, and the recording waits until whoever gave it has answered anew."""


class RecordingConsent:
    """Who has consented to the recording at hand. Answers belong to identities: whoever reloads is not asked anew."""

    def __init__(self) -> None:
        self.request: ConsentRequest | None = None
        """The recording at hand; None while there is none."""
        self._consented: dict[str, bool] = {}
        """Who has consented, and whether that was handed in by their vendor's system."""
        self._begun = False

    def ask(self, request: ConsentRequest) -> None:
        """Begins to ask everyone."""
        self.request, self._begun = request, False
        self._consented.clear()

    def give(self, identity: str, *, by_vendor: bool = False) -> None:
        """Somebody consents, or their vendor's system says that they do."""
        self._consented.pop(identity, None)
        self._consented[identity] = by_vendor
        if len(self._consented) > MAX_ANSWERS:
            del self._consented[next(iter(self._consented))]

    def take_back(self, identity: str) -> None:
        """Somebody consents no longer. Who is in the room ends the recording by that: `stop`."""
        self._consented.pop(identity, None)

    def stop(self) -> None:
        """Ends the recording, or the asking for it, and forgets the answers: the next one is asked for anew."""
        self.request = None
        self._consented.clear()

    def has(self, identity: str) -> bool:
        """Whether an identity has consented to the recording at hand."""
        return identity in self._consented

    def given_by_vendor(self, identity: str) -> bool:
        """Whether the consent that an identity has given was handed in by their vendor's system."""
        return self._consented.get(identity, False)

    def lacks(self, member: Member) -> bool:
        """Whether the recording at hand waits for this one's answer."""
        return self.request is not None and member.consents and member.identity not in self._consented

    def state(self, members: Iterable[Member]) -> Recording:
        """What holds, given everyone in the room and in its lobby."""
        if self.request is None:
            return Recording.OFF
        inside = [member for member in members if not member.waiting or member.consent_pending]
        if not any(member.consents and not member.waiting for member in inside):
            # Nobody is left whose words could be recorded.
            self.stop()
            return Recording.OFF
        if any(self.lacks(member) for member in inside):
            return Recording.PAUSED if self._begun else Recording.ASKING
        self._begun = True
        return Recording.ON
