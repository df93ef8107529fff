"""The processes of a bridge's legs."""

from __future__ import annotations

from tests.support.bridge import Bridge, eventually
from tests.support.processes import children, named


def launcher(bridge: Bridge) -> int:
    """The process that the bridge's legs are forked from, once one of them has run."""
    (found,) = _launchers(bridge)
    return found


def legs(bridge: Bridge) -> list[int]:
    """The processes of its legs."""
    return [leg for launcher in _launchers(bridge) for leg in named(children(launcher), "bridge-leg")]


async def no_legs(bridge: Bridge) -> None:
    """Waits until those of the test before have ended, or those of this one."""
    await eventually(lambda: not legs(bridge))


def programs(bridge: Bridge) -> list[int]:
    """The processes of its test legs."""
    assert bridge.process is not None
    return named(children(bridge.process.pid), "bridge-test-leg")


def _launchers(bridge: Bridge) -> list[int]:
    """None as long as it starts: a bridge that is ready does not wait for it."""
    assert bridge.process is not None
    return named(children(bridge.process.pid), "bridge-legs")
