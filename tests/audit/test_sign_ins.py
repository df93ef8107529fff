"""Sign-ins and links stand in the audit log under pseudonyms, and are still counted."""

from __future__ import annotations

from bridge.audit import Entry, SignInTrail
from bridge.signaling.signin.observer import InvitationRefused, SignInDoorName, SignInEnded, TokenGiven


class Counting:
    def __init__(self) -> None:
        self.counted: list[object] = []

    def on_sign_in(self, ended: SignInEnded) -> None:
        self.counted.append(ended)

    def on_invitation_refused(self, refused: InvitationRefused) -> None:
        self.counted.append(refused)

    def on_token_given(self, given: TokenGiven) -> None:
        self.counted.append(given)

    def on_refused(self, door: SignInDoorName, code: str) -> None:
        self.counted.append(code)


def test_what_happens_is_written_down_by_pseudonym_and_counted() -> None:
    written: list[Entry] = []
    counting = Counting()
    trail = SignInTrail(written.append, lambda tenant, identity: f"pseudonym-{tenant}-{len(identity)}", counting)
    trail.on_sign_in(SignInEnded("id-porten", "high", "pseudonym-kari", "clinic", "time-1"))
    trail.on_sign_in(SignInEnded("id-porten", "signin_level_too_low", None, "clinic", "time-1"))
    trail.on_invitation_refused(InvitationRefused("clinic", "time-1", "inv-1", "invitation_not_yours"))
    given = TokenGiven(SignInDoorName.BROWSER, "clinic", "time-1", "pasient", "high", "inv-1", "kari@clinic")
    trail.on_token_given(given)
    trail.on_refused(SignInDoorName.BROWSER, "csrf_failed")
    assert written == [
        Entry(
            "signed_in",
            "clinic",
            "time-1",
            subject="pseudonym-kari",
            details={"provider": "id-porten", "level": "high"},
        ),
        Entry(
            "sign_in_refused",
            "clinic",
            "time-1",
            details={"provider": "id-porten", "code": "signin_level_too_low"},
        ),
        Entry(
            "invitation_refused", "clinic", "time-1", details={"invitation": "inv-1", "code": "invitation_not_yours"}
        ),
        Entry(
            "token_given",
            "clinic",
            "time-1",
            subject="pseudonym-clinic-11",
            details={"door": "signin", "role": "pasient", "level": "high", "by": "inv-1"},
        ),
    ]
    assert len(counting.counted) == 5
    assert "kari@clinic" not in repr(written) + repr(given)
