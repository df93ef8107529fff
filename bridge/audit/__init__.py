"""What happened, kept so that nobody can change it unnoticed: an append-only log, hash-chained and sealed.

`Trail` listens to rooms, `AuditLog` takes entries to `AuditStore`, `verify` and `export` read what is there.
"""

from bridge.audit.chain import Detail, Entry, Row
from bridge.audit.errors import AuditError
from bridge.audit.keys import PUBLIC_KEY, SealChecker, SealingKey
from bridge.audit.log import AuditLog, AuditSettings
from bridge.audit.sign_ins import SignInTrail
from bridge.audit.store import HEAD, AuditReader, AuditStore
from bridge.audit.trail import Trail
from bridge.audit.verify import Verdict, export, verify

__all__ = [
    "HEAD",
    "PUBLIC_KEY",
    "AuditError",
    "AuditLog",
    "AuditReader",
    "AuditSettings",
    "AuditStore",
    "Detail",
    "Entry",
    "Row",
    "SealChecker",
    "SealingKey",
    "SignInTrail",
    "Trail",
    "Verdict",
    "export",
    "verify",
]
