"""What the process that makes an MP4 says besides it."""

from __future__ import annotations

import msgspec

REFUSED = 2
"""Its exit code where it has said why."""


class Refused(msgspec.Struct, frozen=True):
    """Why there is none, or no whole one."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None
