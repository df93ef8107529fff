"""Invitations that end with the test."""

from __future__ import annotations

from bridge.auth.invitation_database import InvitationDatabase
from bridge.storage import SqlitePlace


def invitations_in_memory(*, max_total: int = 100, max_per_tenant: int = 100) -> InvitationDatabase:
    """A store, open."""
    store = InvitationDatabase(SqlitePlace(None), max_total=max_total, max_per_tenant=max_per_tenant)
    store.open()
    return store
