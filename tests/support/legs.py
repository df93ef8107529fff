"""The processes of a bridge's legs."""

from __future__ import annotations

from tests.support.bridge import Bridge, eventually
from tests.support.processes import children, named


def launcher(bridge: Bridge) -> int:
    """The process that the bridge's legs are forked from."""
    assert bridge.process is not None
    (found,) = named(children(bridge.process.pid), "bridge-legs")
    return found


def legs(bridge: Bridge) -> list[int]:
    """The processes of its legs."""
    return named(children(launcher(bridge)), "bridge-leg")


async def no_legs(bridge: Bridge) -> None:
    """Waits until those of the test before have ended, or those of this one."""
    await eventually(lambda: not legs(bridge))


def programs(bridge: Bridge) -> list[int]:
    """The processes of its test legs."""
    assert bridge.process is not None
    return named(children(bridge.process.pid), "bridge-test-leg")
