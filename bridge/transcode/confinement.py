"""What a process gives up before it touches anything that came from the network (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
from collections.abc import Iterable

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SYS_LANDLOCK_CREATE_RULESET = 444
_SYS_LANDLOCK_ADD_RULE = 445
_SYS_LANDLOCK_RESTRICT_SELF = 446
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_ACCESS_V1 = (1 << 13) - 1
"""All kinds of access to files that the first version of Landlock knows: ruled, and none allowed."""
_LANDLOCK_RULE_PATH_BENEATH = 1
_LANDLOCK_READ = 1 << 2 | 1 << 3
"""Reading files, and listing folders."""

NICE = 10
"""How much a leg stands behind the bridge's own threads."""
OPEN_FILES = 32

_libc = ctypes.CDLL(None, use_errno=True)


def leave_network() -> bool:
    """Moves into a network namespace with nothing in it; sockets that are open stay as they are.

    False where the system forbids it.
    """
    return any(_libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def leave_files(readable: Iterable[str] = ()) -> bool:
    """Gives up opening any file from now on, but for reading those below `readable` (Landlock).

    False on kernels without it. `no_new_privileges` has to come before. Folders that are not there are passed over.
    """
    attributes = struct.pack("=Q", _LANDLOCK_ACCESS_V1)
    ruleset = _libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for folder in readable:
            _allow_reading(ruleset, folder)
        return bool(_libc.syscall(_SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", _LANDLOCK_READ, descriptor)
        _libc.syscall(_SYS_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def give_up_capabilities() -> bool:
    """Nothing more than any user may, even where the bridge runs as root. False where the system forbids it.

    SVT-AV1 would put itself before everything else on the machine, where it may.
    """
    header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    return bool(_libc.capset(header, bytes(24)) == 0)


def no_new_privileges() -> bool:
    """Nothing that this process starts can be more than it is; and nobody may look into its memory."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return bool(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def limit(address_space: int, *, file_size: int = 0, open_files: int = OPEN_FILES) -> None:
    """Bounds of memory and files; lower than what there is already, never higher."""
    for kind, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, open_files),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))


def name(text: str) -> None:
    """What `ps` and `top` show."""
    _libc.prctl(_PR_SET_NAME, text.encode()[:15], 0, 0, 0)
