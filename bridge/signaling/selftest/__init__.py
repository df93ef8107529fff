"""The door of the self-test: what somebody sends comes back to them, over the path that a call would take."""

from bridge.signaling.selftest.door import SelfTestDoor
from bridge.signaling.selftest.tests import SelfTestSettings

__all__ = ["SelfTestDoor", "SelfTestSettings"]
