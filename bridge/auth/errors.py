"""What the verifier refuses, and the codes it does so with."""

from __future__ import annotations

from bridge.errors import BridgeError


class TokenError(BridgeError):
    """A join token was refused. Neither the message nor the hint ever holds the token or a value out of it.

    Codes:

    - `token_malformed`: not a JWT, or too large.
    - `token_missing_claim`, `token_bad_claim`: `field` names the claim.
    - `token_unknown_issuer`, `token_unknown_key`, `token_alg_not_allowed`, `token_bad_signature`.
    - `token_expired`, `token_not_yet_valid`, `token_too_long_lived`.
    - `token_wrong_audience`, `token_wrong_room`, `token_wrong_type`.
    - `token_unknown_role`, `token_unknown_grant`, `token_grant_not_allowed`.
    - `token_keys_unavailable`: the vendor's key set could not be fetched; ours or the vendor's fault, not the token's.
    """

    def __init__(self, code: str, message: str, *, hint: str, field: str | None = None) -> None:
        super().__init__(code, message, field=field, hint=hint)


class KeyMaterialError(BridgeError):
    """A configured key cannot be used. Code: `invalid_key`."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__("invalid_key", message, hint=hint)
