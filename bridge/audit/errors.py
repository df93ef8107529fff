"""What the audit log refuses."""

from __future__ import annotations

from bridge.errors import BridgeError


class AuditError(BridgeError):
    """The audit log cannot be used.

    Codes: `audit_unavailable` (nothing can be written at the moment), `audit_lost` (the database is gone, though the
    chain had begun), `audit_key_lost` (it is gone, its public half is not), `audit_key_unusable`, `audit_unreadable`
    (no audit log, or none of this version).
    """
