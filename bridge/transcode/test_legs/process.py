"""The process of a test leg that the bridge has started. SIGTERM has it leave the room.

It is a client like any, and decodes what comes from the network, so it gives up what a client does not need before it
connects.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import av.logging
import msgspec
from aiortc import MediaStreamTrack

import bridge
from bridge.errors import BridgeError
from bridge.transcode import confinement
from bridge.transcode.test_legs import client
from bridge.transcode.test_legs.messages import Joined, Order, Refused

OPEN_FILES = 128
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
"""Of the system."""


def _say(answer: Joined | Refused) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _tracks(order: Order) -> Sequence[MediaStreamTrack]:
    match order.kind:
        case "echo":
            return client.echo()
        case "clock":
            return client.clock()
        case _:
            return client.play(Path(order.clip or ""))


def _programs() -> set[str]:
    """Where modules and libraries are, which are loaded as they are needed: nothing else may be read."""
    ours = str(Path(bridge.__file__).parent)
    return {ours, *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")), *LIBRARIES}


def _tls(order: Order) -> ssl.SSLContext | None:
    if order.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The bridge is reached by an address of its own, which its certificate does not name; only this one is believed.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=order.certificate)
    return context


async def _run(order: Order) -> None:
    tracks, tls = _tracks(order), _tls(order)
    confinement.give_up_capabilities()
    confinement.no_new_privileges()
    confinement.limit(order.memory, open_files=OPEN_FILES)
    confinement.leave_files(_programs())
    leg = client.TestLeg(order.url, order.token, tracks, tls=tls, on_published=lambda found: _say(Joined(found)))
    running = asyncio.ensure_future(leg.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> int:
    """Runs until it is to leave, or the bridge ends its session."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confinement.name("bridge-test-leg")
    av.logging.set_level(av.logging.PANIC)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    try:
        asyncio.run(_run(order))
    except BridgeError as refusal:
        _say(Refused(refusal.code, refusal.message))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
