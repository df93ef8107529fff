"""What a sign-in is refused for."""

from __future__ import annotations

from bridge.errors import BridgeError


class SignInError(BridgeError):
    """A sign-in came to nothing. Neither message nor hint holds a token, a code or a claim's value.

    Codes:

    - `signin_unknown_provider`; `signin_unavailable`: the provider cannot be reached, or says what cannot be.
    - `signin_busy`: there are as many sessions or requests as the bridge takes.
    - `signin_unknown_state`: no such sign-in under way in this browser, or it took too long.
    - `signin_issuer_mismatch`: the answer comes from another provider than the one asked (RFC 9207).
    - `signin_cancelled`: the person went back; `signin_refused`: the provider refused us, `hint` holds its error code.
    - `signin_bad_id_token`: the ID token does not hold; `field` names the claim or header.
    - `operator_not_allowed`: a good sign-in of somebody who does not run this bridge.
    - `signin_level_too_low`: a good sign-in at too low a level: it can be stepped up.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(code, message, field=field, hint=hint)


def unavailable(hint: str) -> SignInError:
    """The provider does not answer as it should; `hint` says what of it, in words for an operator."""
    return SignInError("signin_unavailable", "The sign-in service cannot be used at the moment.", hint=hint)
