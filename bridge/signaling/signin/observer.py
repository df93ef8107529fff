"""What the doors of sign-in tell whoever counts or keeps a record, declared here and met elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class SignInDoorName(Enum):
    """The doors, as metrics call them."""

    BROWSER = "signin"
    PORTAL = "token"


@dataclass(frozen=True, slots=True)
class TokenGiven:
    """A join token was given to somebody."""

    door: SignInDoorName
    tenant: str
    room: str
    role: str
    level: str
    """Its word: "none" for a guest."""
    by: str
    """Id of the invitation, or of the portal."""
    identity: str = field(repr=False)
    """For a record under a pseudonym, and for nothing else."""


@dataclass(frozen=True, slots=True)
class SignInEnded:
    """A sign-in came to an end, well or not."""

    provider: str
    outcome: str
    """The level's word, or the code that it was refused with."""
    subject: str | None = field(default=None, repr=False)
    """Pseudonym of the person; None where the sign-in was refused."""
    tenant: str = ""
    """Of the room that the link leads to, where there is one."""
    room: str = ""


@dataclass(frozen=True, slots=True)
class InvitationRefused:
    """Somebody was not let in by a link: by a wrong answer, as another person, or since it was used already."""

    tenant: str
    room: str
    invitation: str
    """Its id."""
    code: str


class SignInObserver(Protocol):
    """Must not block and not raise; is told no names, no numbers and no tokens."""

    def on_sign_in(self, ended: SignInEnded) -> None:
        """A sign-in came to an end."""

    def on_invitation_refused(self, refused: InvitationRefused) -> None:
        """A link did not let somebody in."""

    def on_token_given(self, given: TokenGiven) -> None:
        """A join token was given."""

    def on_refused(self, door: SignInDoorName, code: str) -> None:
        """A request was refused."""
