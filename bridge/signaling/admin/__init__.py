"""The door of operators: the page `/admin`, its sign-in, and what it asks."""

from bridge.signaling.admin.cookie import PENDING_SECONDS
from bridge.signaling.admin.door import AdminAccess, AdminDoor
from bridge.signaling.admin.signin import OperatorSignIn

__all__ = ["PENDING_SECONDS", "AdminAccess", "AdminDoor", "OperatorSignIn"]
