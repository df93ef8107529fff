"""What the doors of sign-in tell whoever counts or keeps a record, declared here and met elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class SignInDoorName(Enum):
    """The doors, as metrics call them."""

    BROWSER = "signin"
    VENDOR = "invitations"
    PORTAL = "token"


@dataclass(frozen=True, slots=True)
class TokenGiven:
    """A join token was given to somebody; who it is, is not told."""

    door: SignInDoorName
    tenant: str
    room: str
    role: str
    level: str
    """Its word: "none" for a guest."""
    by: str
    """Id of the invitation, or of the portal."""


class SignInObserver(Protocol):
    """Must not block and not raise; is told no names, no numbers and no tokens."""

    def on_sign_in(self, provider: str, outcome: str) -> None:
        """A sign-in came to an end: the level's word, or the code that it was refused with."""

    def on_token_given(self, given: TokenGiven) -> None:
        """A join token was given."""

    def on_refused(self, door: SignInDoorName, code: str) -> None:
        """A request was refused."""
