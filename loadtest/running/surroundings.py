"""The network of a run: its own, out of everybody's way, in which bridge, browsers and emulator meet."""

from __future__ import annotations

import ctypes
import os
import subprocess

from loadtest.errors import InputError

BRIDGE_ADDRESS = "198.19.255.1"
"""At the end of the range of RFC 2544, of whose beginning the emulator takes its addresses."""
_CLONE_NEWNET = 0x40000000
_COMMANDS = (
    ["link", "set", "lo", "up"],
    # Browsers look at interfaces other than loopback for an address of their own. The far end only gives it a carrier.
    ["link", "add", "bridge0", "type", "veth", "peer", "name", "bridge1"],
    ["address", "add", f"{BRIDGE_ADDRESS}/32", "dev", "bridge0"],
    ["link", "set", "bridge1", "up"],
    ["link", "set", "bridge0", "up"],
    ["route", "add", "default", "dev", "bridge0"],
)


def enter_own_network() -> None:
    """Moves this process, and what it starts from now on, into a network namespace that goes with the last of them.

    Raises `InputError` without the right to. To be called while the process has one thread only.
    """
    if os.geteuid() != 0:
        raise InputError("no right to make a network: expected root, as some participants have lines", hint="sudo")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise InputError(f"no network of one's own: {os.strerror(ctypes.get_errno())}")
    for command in _COMMANDS:
        done = subprocess.run(["ip", *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise InputError(f"ip {' '.join(command)}: {done.stderr.strip()}")
