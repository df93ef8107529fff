"""What of sign-ins and links goes into the audit log: who (by pseudonym), how surely known, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

from bridge.audit.chain import Entry
from bridge.signaling.signin.observer import (
    InvitationRefused,
    SignInDoorName,
    SignInEnded,
    SignInObserver,
    TokenGiven,
)


class SignInTrail:
    """A `SignInObserver` that writes down, and passes on to the one that counts."""

    def __init__(
        self, append: Callable[[Entry], None], pseudonym: Callable[[str, str], str], counting: SignInObserver
    ) -> None:
        """`pseudonym(tenant, identity)` stands in for an identity, the same as in the room's own entries."""
        self._append = append
        self._pseudonym = pseudonym
        self._counting = counting

    def on_sign_in(self, ended: SignInEnded) -> None:
        """A sign-in came to an end."""
        self._counting.on_sign_in(ended)
        well = ended.subject is not None
        self._append(
            Entry(
                "signed_in" if well else "sign_in_refused",
                ended.tenant,
                ended.room,
                subject=ended.subject or "",
                details={"provider": ended.provider, "level" if well else "code": ended.outcome},
            )
        )

    def on_invitation_refused(self, refused: InvitationRefused) -> None:
        """A link did not let somebody in."""
        self._counting.on_invitation_refused(refused)
        details = {"invitation": refused.invitation, "code": refused.code}
        self._append(Entry("invitation_refused", refused.tenant, refused.room, details=details))

    def on_token_given(self, given: TokenGiven) -> None:
        """A join token was given to somebody who signed in, holds a link, or comes from a portal."""
        self._counting.on_token_given(given)
        self._append(
            Entry(
                "token_given",
                given.tenant,
                given.room,
                subject=self._pseudonym(given.tenant, given.identity),
                details={"door": given.door.value, "role": given.role, "level": given.level, "by": given.by},
            )
        )

    def on_refused(self, door: SignInDoorName, code: str) -> None:
        """A request was refused: counted only, there may be any number of them."""
        self._counting.on_refused(door, code)
