"""A bridge that writes nothing down: no audit log, no records of calls, no events, no places. For measurements only.

`python -m loadtest.unaudited serve --dev …` takes what `bridge` takes, and only with `--dev`: it rides in the wheel.
"""

from __future__ import annotations

import sys

from bridge.audit import AuditLog, Trail
from bridge.cli import main
from bridge.keeping import RoomKeeper
from bridge.records import Ledger


def _nothing(*_arguments: object, **_more: object) -> None:
    """In place of what would be written down."""


def write_nothing() -> None:
    """Takes out, for the rest of this process, what turns happenings into entries, and what writes those."""
    for owner, names in (
        (AuditLog, ("append",)),
        (Trail, ("__call__", "on_denied")),
        (RoomKeeper, ("start",)),
        (Ledger, ("__call__", "on_opened", "on_stalled", "on_video_reduced", "on_sampled", "on_room_record")),
    ):
        for name in names:
            if not callable(getattr(owner, name)):
                raise TypeError(f"{owner.__name__}.{name} is no method any more: this program has to follow the bridge")
            setattr(owner, name, _nothing)


if __name__ == "__main__":
    if "--dev" not in sys.argv:
        sys.exit("loadtest.unaudited: expected --dev; calls that are held have to leave a trace")
    write_nothing()
    sys.exit(main())
