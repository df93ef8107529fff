"""What an exchange is refused for, in the words of OAuth (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9449 §5 and §8)."""

from __future__ import annotations

from bridge.errors import BridgeError


class ExchangeError(BridgeError):
    """An exchange is refused, by a code of OAuth's, so that clients' libraries know it.

    - `invalid_request`: the request itself; also the access token that does not hold (RFC 8693 §2.2.2). `field` names
      the parameter, claim or header at fault.
    - `unsupported_grant_type`, `invalid_target`, `invalid_scope`.
    - `invalid_dpop_proof`, `use_dpop_nonce`.
    - `insufficient_user_authentication`: the person's level is too low (RFC 9470).
    - `access_denied`: nobody has invited this person into the room in this role.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(code, message, field=field, hint=hint)
