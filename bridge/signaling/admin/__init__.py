"""The door of operators: the page `/admin`, its sign-in, and what it asks."""

from bridge.signaling.admin.door import AdminAccess, AdminDoor

__all__ = ["AdminAccess", "AdminDoor"]
