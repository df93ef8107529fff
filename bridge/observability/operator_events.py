"""What operators want to know of, in the order in which it happened: the latest few hundred, in memory, without names.

What happens again and again is one event with a count: a fault in a loop hides nothing else. Nor do rooms that open and
close push out what went wrong, which has places of its own. Warnings and errors that the bridge logs are events too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any

from bridge.observability.logs import loggable
from bridge.observability.redaction import redact

MAX_EVENTS = 250
"""Of what went wrong, and as many of the rest."""
MAX_REPEATED = 10
"""The latest events that one of the same kind is counted with instead of being another."""
MAX_REPEATED_TROUBLE = 50
"""The same, of what went wrong: more than there are kinds of that, for each worker, that come round by turns."""
MAX_TEXT = 200
"""Characters of a log message, or of one of its values."""
NO_DETAILS: Mapping[str, object] = MappingProxyType({})


@dataclass(slots=True)
class OperatorEvent:
    """Times in seconds since the epoch."""

    id: int
    kind: str
    """A stable word, or `log` for what was logged."""
    severity: str
    """"info", "warning" or "error"."""
    room: str
    details: Mapping[str, str]
    first_at: float
    at: float
    count: int = 1
    revision: int = field(default=0, repr=False)
    """Grows over all events with each change."""

    def as_dict(self) -> dict[str, Any]:
        """As the operators' page gets it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "severity": self.severity,
            "room": self.room,
            "details": dict(self.details),
            "first_at": self.first_at,
            "at": self.at,
            "count": self.count,
        }


class OperatorEvents:
    """The latest events. Any thread may note one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._info: deque[OperatorEvent] = deque(maxlen=MAX_EVENTS)
        self._trouble: deque[OperatorEvent] = deque(maxlen=MAX_EVENTS)
        self._lock = threading.Lock()
        self._ids = 0
        self._revision = 0

    def note(
        self,
        kind: str,
        severity: str = "info",
        *,
        room: str = "",
        times: int = 1,
        details: Mapping[str, object] = NO_DETAILS,
    ) -> None:
        """Something has happened so many times. Never blocks for long, never raises.

        `details` tell one event from another: what differs each time does not belong there.
        """
        texts = {name: str(value)[:MAX_TEXT] for name, value in details.items()}
        info = severity == "info"
        events, most = (self._info, MAX_REPEATED) if info else (self._trouble, MAX_REPEATED_TROUBLE)
        with self._lock:
            now, self._revision = self._clock(), self._revision + 1
            for event in islice(reversed(events), most):
                if (event.kind, event.severity, event.room, event.details) == (kind, severity, room, texts):
                    event.count, event.at, event.revision = event.count + times, now, self._revision
                    return
            self._ids += 1
            events.append(OperatorEvent(self._ids, kind, severity, room, texts, now, now, times, self._revision))

    def since(self, revision: int) -> tuple[int, list[dict[str, Any]]]:
        """What is new or was counted again since that revision, oldest first, and the revision reached; 0 is all."""
        with self._lock:
            new = [event for event in (*self._info, *self._trouble) if event.revision > revision]
            return self._revision, [event.as_dict() for event in sorted(new, key=lambda event: event.id)]


class EventLogHandler(logging.Handler):
    """Makes events of what the bridge logs as a warning or worse."""

    def __init__(self, events: OperatorEvents) -> None:
        super().__init__(logging.WARNING)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """One record. Exceptions are in the log."""
        details = {"message": redact(record.getMessage()), "logger": record.name, **loggable(record)}
        severity = "error" if record.levelno >= logging.ERROR else "warning"
        room = str(details.pop("room", ""))
        self._events.note("log", severity, room=room, details={str(name): value for name, value in details.items()})
